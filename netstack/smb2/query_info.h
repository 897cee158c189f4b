// QUERY_INFO's parts: one function a kind of information, each in the file of its name. All give
// the whole answer and how much of it must have room; query_info.cpp cuts to what the client gave.
#pragma once

#include "netstack/smb2/request.h"

namespace understudy {
class Netstack;
}

namespace understudy::smb2 {

struct Information {
  std::vector<std::uint8_t> bytes;
  /// With room for less, STATUS_INFO_LENGTH_MISMATCH; with room for this but not for all,
  /// STATUS_BUFFER_OVERFLOW.
  std::size_t fixed = 0;
  Status status = Status::success;  // STATUS_BUFFER_OVERFLOW: there was more than could be listed
};

/// MS-FSCC section 2.4.
Task<Result<Information>> file_information(Netstack& netstack, const Open& open,
                                           std::uint8_t which);
/// MS-FSCC section 2.4.49.
Task<Result<Information>> stream_information(Netstack& netstack, const Open& open);
/// MS-FSCC section 2.5.
Task<Result<Information>> volume_information(Netstack& netstack, const Open& open,
                                             std::uint8_t which);
/// The parts of the security descriptor that `which` names (MS-DTYP section 2.4.7): one constant
/// descriptor that grants everyone everything, which is what every account may do.
std::vector<std::uint8_t> security_information(std::uint32_t which);

}  // namespace understudy::smb2
