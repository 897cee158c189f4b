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
/// The parts of the security descriptor that `which` names (MS-DTYP section 2.4.7), self-relative.
Task<Result<std::vector<std::uint8_t>>> security_information(Netstack& netstack, const Open& open,
                                                             std::uint32_t which);

/// Which extended attributes are wanted (MS-FSA 2.1.5.12.13): by name, or from `index` or where the
/// last answer ended.
struct ExtendedQuery {
  ConstBytes names;  // FILE_GET_EA_INFORMATION, MS-FSCC 2.4.16.1
  bool restart = false;
  bool single = false;
  std::optional<std::uint32_t> index;  // from 1
  std::size_t room = 0;                // bytes
};
/// FileFullEaInformation. STATUS_NO_EAS_ON_FILE, STATUS_NONEXISTENT_EA_ENTRY, STATUS_NO_MORE_EAS.
Task<Result<std::vector<std::uint8_t>>> extended_information(Netstack& netstack, Open& open,
                                                             const ExtendedQuery& query);

}  // namespace understudy::smb2
