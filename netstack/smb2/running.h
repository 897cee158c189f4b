// A request while it runs (MS-SMB2 section 3.3.1.13), so that CANCEL and the end of the connection
// find it.
#pragma once

#include <cstdint>

namespace understudy::smb2 {

struct Open;
class Session;

struct Running {
  std::uint64_t message_id = 0;
  std::uint64_t async_id = 0;  // once the client has been told STATUS_PENDING
  std::uint32_t lun = 0;
  std::uint64_t irp = 0;  // the pended IRP that it waits for; 0: none
  bool cancelled = false;
  const Open* open = nullptr;  // that it is about
  /// Of a CREATE that its client sends again on another channel of the session, should this one
  /// fail (section 3.3.5.9.10): while there is such a channel it goes on.
  const Session* outlives_channel = nullptr;
};

}  // namespace understudy::smb2
