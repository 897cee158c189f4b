// LOCK: MS-SMB2 sections 2.2.26, 3.3.5.14. fs_cache has no byte-range locks, and to grant one that
// holds nobody off would damage files, so all are refused.
#include "netstack/smb2/command.h"

namespace understudy::smb2 {

Task<Status> lock(Connection&, Request&, Reply&) {
  co_return Status::not_supported;
}

}  // namespace understudy::smb2
