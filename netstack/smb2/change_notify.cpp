// CHANGE_NOTIFY: MS-SMB2 sections 2.2.35, 3.3.5.19. A server may refuse it; clients poll then.
#include "netstack/smb2/command.h"

namespace understudy::smb2 {

Task<Status> change_notify(Connection&, Request&, Reply&) {
  co_return Status::not_supported;
}

}  // namespace understudy::smb2
