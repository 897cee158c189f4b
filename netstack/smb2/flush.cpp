// FLUSH: MS-SMB2 sections 2.2.17, 2.2.18, 3.3.5.11. Everything of the file is on the medium when it
// is answered.
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/create.h"

namespace understudy::smb2 {
namespace {

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
  Task<Status> flushing = request.open == nullptr
                              ? ask_kept(connection, request, Major::flush_buffers)
                              : flush_open(connection, *request.open);
  const Status status = co_await flushing;
  if (ok(status)) reply.put_empty();
  co_return status;
}

}  // namespace understudy::smb2
