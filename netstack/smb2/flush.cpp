// FLUSH: MS-SMB2 sections 2.2.17, 2.2.18, 3.3.5.11. Everything of the file is on the medium when it
// is answered.
#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/create.h"

namespace understudy::smb2 {
namespace {

/// The client flushes an open that it has not taken back yet. Section 3.3.5.11 has nothing but
/// STATUS_FILE_CLOSED for that; but the Linux kernel's client asks for its opens again when it
/// reads or writes, not when it flushes, and its program would get EBADF from an fsync. So fs_cache
/// is asked, which knows the open by the persistent half of its id.
Task<Status> flush_kept(Connection& connection, const Request& request) {
  Netstack& netstack = connection.netstack();
  if (request.tree->share.kind == Share::Kind::pipe) co_return Status::file_closed;
  WireReader body = request.body();
  body.seek(8);
  Irp irp = netstack.irp(Major::flush_buffers, *request.tree);
  irp.open = body.u64();
  if (irp.open == 0) co_return Status::file_closed;
  const DurableRequest who = whose(connection, request);
  const Buffer payload = co_await netstack.scratch().acquire(sizeof who);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&who);
  std::copy(bytes, bytes + sizeof who, payload.bytes().begin());
  irp.payload = payload.ref(sizeof who);
  const Status status = co_await netstack.ask(irp);
  co_return status;
}

Task<Status> flush_open(Connection& connection, const Open& open) {
  if (open.pipe != nullptr) co_return Status::success;
  if (!open.directory && !open.may_any(kWriteData | kAppendData)) co_return Status::access_denied;
  Irp irp = connection.netstack().irp(Major::flush_buffers, *open.tree);
  irp.open = open.handle;
  const Status status = co_await connection.netstack().ask(irp);
  co_return status;
}

}  // namespace

Task<Status> flush(Connection& connection, Request& request, Reply& reply) {
  Task<Status> flushing = request.open == nullptr ? flush_kept(connection, request)
                                                  : flush_open(connection, *request.open);
  const Status status = co_await flushing;
  if (ok(status)) reply.put_empty();
  co_return status;
}

}  // namespace understudy::smb2
