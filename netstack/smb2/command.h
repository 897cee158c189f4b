// The commands: one handler each, in the file of its name, and the table of what a request must
// have before its handler runs (MS-SMB2 section 3.3.5.2).
#pragma once

#include "iomgr/task.h"
#include "netstack/smb2/request.h"

namespace understudy::smb2 {

class Connection;

/// Answers `request` in `reply`. The status goes into the reply's header as it is.
using Handler = Task<Status> (*)(Connection& connection, Request& request, Reply& reply);

enum class Needs : std::uint8_t { nothing, session, tree, open };

/// A 32-bit length field in the body. `at` is its offset; 0: the command has none.
struct LengthField {
  std::uint16_t at = 0;
  std::uint32_t most = 0;  // the reply is given no more room than this for it
};

struct CommandRow {
  Handler handler = nullptr;
  Needs needs = Needs::nothing;
  std::uint16_t structure_size = 0;  // StructureSize of the body: its fixed part, plus one if more
                                     // may follow; 0: the handler checks
  std::uint16_t file_id_at = 0;      // where in the body the FileId stands; 0: nowhere
  std::uint32_t reply_room = 0;      // bytes of body beside what reply_length asks for
  LengthField reply_length = {};
  std::uint16_t sent_length_at =
      0;  // length of what came with the request, which credits must pay for
};

/// nullptr: no such command.
const CommandRow* find_command(std::uint16_t command);

/// Whether a session that has become nobody's may ask for it: to look at what it had open as
/// somebody, and to give it back.
bool nobody_may(std::uint16_t command);

Task<Status> negotiate(Connection& connection, Request& request, Reply& reply);
Task<Status> session_setup(Connection& connection, Request& request, Reply& reply);
Task<Status> logoff(Connection& connection, Request& request, Reply& reply);
Task<Status> tree_connect(Connection& connection, Request& request, Reply& reply);
Task<Status> tree_disconnect(Connection& connection, Request& request, Reply& reply);
Task<Status> create(Connection& connection, Request& request, Reply& reply);
Task<Status> close(Connection& connection, Request& request, Reply& reply);
Task<Status> flush(Connection& connection, Request& request, Reply& reply);
Task<Status> read(Connection& connection, Request& request, Reply& reply);
Task<Status> write(Connection& connection, Request& request, Reply& reply);
Task<Status> lock(Connection& connection, Request& request, Reply& reply);
Task<Status> ioctl(Connection& connection, Request& request, Reply& reply);
Task<Status> echo(Connection& connection, Request& request, Reply& reply);
Task<Status> query_directory(Connection& connection, Request& request, Reply& reply);
Task<Status> change_notify(Connection& connection, Request& request, Reply& reply);
Task<Status> query_info(Connection& connection, Request& request, Reply& reply);
Task<Status> set_info(Connection& connection, Request& request, Reply& reply);
Task<Status> oplock_break(Connection& connection, Request& request, Reply& reply);

}  // namespace understudy::smb2
