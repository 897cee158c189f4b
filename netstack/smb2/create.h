// One CREATE on its way through create.cpp and, where durable handles are asked for, durable.cpp.
#pragma once

#include <string>

#include "iomgr/irp.h"
#include "iomgr/task.h"
#include "netstack/smb2/create_contexts.h"
#include "netstack/smb2/request.h"

namespace understudy {
class Buffer;
class Netstack;
}  // namespace understudy

namespace understudy::smb2 {

class Connection;

struct Create {
  CreateParameters parameters{};  // as asked for, later as answered
  std::uint32_t impersonation = 0;
  std::uint8_t level = 0;  // of the oplock, asked for or granted
  ConstBytes name;         // gone once the request has been pended
  std::string path;
  CreateContexts contexts;
  std::vector<std::uint8_t> token;  // in whose name: token.h
  DurableRequest durable{};         // what fs_cache is told; `kind` none: who asks, no more
};

/// Rights that an access mask stands for (MAXIMUM_ALLOWED is all).
std::uint32_t granted(std::uint32_t access);

/// Sends `irp`, a create or a reclaim, with path and properties in `payload`.
Task<Status> ask(Netstack& netstack, Irp& irp, const Create& create, Buffer& payload);

/// The open that a completed create or reclaim has made.
std::shared_ptr<Open> make_open(Connection& connection, const Request& request,
                                const Create& create, const Irp& irp);
/// Puts the open where the client can name it, and its answer into the reply. If session or tree
/// went away meanwhile, the open goes too: STATUS_NETWORK_NAME_DELETED.
Task<Status> finish_open(Connection& connection, Request& request, Reply& reply, Create& create,
                         std::shared_ptr<Open> open);
void put_response(Reply& reply, const Open& open, const Create& create, DurableKind durable);

// durable.cpp

/// Whose request it is, as fs_cache knows clients and users.
DurableRequest whose(const Connection& connection, const Request& request);
/// FLUSH or CLOSE of an open that its client has not taken back yet. Sections 3.3.5.10 and 3.3.5.11
/// have nothing but STATUS_FILE_CLOSED for that; but the Linux kernel's client asks for its opens
/// again when it reads or writes alone: its program would get EBADF from an fsync, and what it
/// closes would be kept. fs_cache knows the open by the persistent half of its id.
Task<Status> ask_kept(Connection& connection, const Request& request, Major major);
/// Contexts that contradict each other: STATUS_INVALID_PARAMETER (sections 3.3.5.9.6, 3.3.5.9.7,
/// 3.3.5.9.10, 3.3.5.9.12). Those that the dialect has not are dropped. Fills in `create.durable`.
Status settle_durable(Connection& connection, const Request& request, Create& create);
/// The client takes its open back: sections 3.3.5.9.7 and 3.3.5.9.12.
Task<Status> reclaim(Connection& connection, Request& request, Reply& reply, Create& create);
/// Closes what the same application has open through another client (section 3.3.5.9.13).
/// STATUS_FILE_FORCED_CLOSED: that is the newer one.
Task<Status> replace_application(Connection& connection, const Request& request,
                                 const Create& create);
/// Section 3.3.5.9.10: what this create GUID has made already. Success: the answer has been given
/// again; STATUS_NOT_FOUND: the GUID is new, and `place` is taken for it; else the CREATE fails.
Status answer_again(Connection& connection, Request& request, Reply& reply, Create& create,
                    OpenTable::Place& place);

}  // namespace understudy::smb2
