// FLUSH: MS-SMB2 sections 2.2.17, 2.2.18, 3.3.5.11. Everything of the file is on the medium when it
// is answered.
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {

Task<Status> flush(Connection& connection, Request& request, Reply& reply) {
  const Open& open = *request.open;
  if (open.pipe == nullptr) {
    if (!open.directory && !open.may_any(kWriteData | kAppendData)) co_return Status::access_denied;
    Irp irp = connection.netstack().irp(Major::flush_buffers, *open.tree);
    irp.open = open.handle;
    const Status status = co_await connection.netstack().ask(irp);
    if (failed(status)) co_return status;
  }
  reply.put_empty();
  co_return Status::success;
}

}  // namespace understudy::smb2
