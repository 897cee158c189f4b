// TREE_DISCONNECT: MS-SMB2 sections 2.2.11, 2.2.12, 3.3.5.8. Completes when the tree's opens are
// closed.
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {

Task<Status> tree_disconnect(Connection& connection, Request& request, Reply& reply) {
  request.session->remove_tree(*request.tree);
  co_await request.session->close_opens(connection.netstack(), *request.tree);
  reply.put_empty();
  co_return Status::success;
}

}  // namespace understudy::smb2
