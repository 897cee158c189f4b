// OPLOCK_BREAK acknowledgement: MS-SMB2 sections 2.2.24, 3.3.5.22. No oplocks or leases are
// granted, so there is none that could be breaking.
#include "netstack/smb2/command.h"

namespace understudy::smb2 {

Task<Status> oplock_break(Connection&, Request&, Reply&) {
  co_return Status::invalid_oplock_protocol;
}

}  // namespace understudy::smb2
