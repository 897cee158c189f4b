// LOGOFF: MS-SMB2 sections 2.2.7, 2.2.8, 3.3.5.6. Completes when everything of the session is
// closed.
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {

Task<Status> logoff(Connection& connection, Request& request, Reply& reply) {
  co_await connection.end_session(request.session);
  reply.put_empty();
  co_return Status::success;
}

}  // namespace understudy::smb2
