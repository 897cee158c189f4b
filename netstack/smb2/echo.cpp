// ECHO: MS-SMB2 sections 2.2.28, 2.2.29, 3.3.5.17.
#include "netstack/smb2/command.h"

namespace understudy::smb2 {

Task<Status> echo(Connection&, Request&, Reply& reply) {
  reply.put_empty();
  co_return Status::success;
}

}  // namespace understudy::smb2
