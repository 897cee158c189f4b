// FileInformationClass values (MS-FSCC section 2.4) that QUERY_INFO and SET_INFO know.
#pragma once

#include <cstdint>

namespace understudy::smb2 {

enum class FileClass : std::uint8_t {
  basic = 4,
  standard = 5,
  internal = 6,
  ea = 7,
  access = 8,
  name = 9,
  rename = 10,
  link = 11,
  disposition = 13,
  position = 14,
  full_ea = 15,
  mode = 16,
  alignment = 17,
  all = 18,
  allocation = 19,
  end_of_file = 20,
  alternate_name = 21,
  stream = 22,
  compression = 28,
  network_open = 34,
  attribute_tag = 35,
  normalized_name = 48,
  id = 59,
};

/// The create options that FileModeInformation can set: write through, sequential, unbuffered,
/// synchronous; it also shows delete on close.
inline constexpr std::uint32_t kSettableModes = 0x0000003E;
inline constexpr std::uint32_t kModes = kSettableModes | 0x00001000;

}  // namespace understudy::smb2
