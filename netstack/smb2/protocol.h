// Numbers of the SMB2 protocol that more than one command uses (MS-SMB2 section 2.2). What only one
// command knows stands in that command's file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace understudy::smb2 {

/// Section 2.2.1.2, Command.
enum class Command : std::uint16_t {
  negotiate = 0,
  session_setup = 1,
  logoff = 2,
  tree_connect = 3,
  tree_disconnect = 4,
  create = 5,
  close = 6,
  flush = 7,
  read = 8,
  write = 9,
  lock = 10,
  ioctl = 11,
  cancel = 12,
  echo = 13,
  query_directory = 14,
  change_notify = 15,
  query_info = 16,
  set_info = 17,
  oplock_break = 18,
};
inline constexpr std::size_t kCommands = 19;

/// Section 2.2.3, Dialects.
inline constexpr std::uint16_t kDialect202 = 0x0202;
inline constexpr std::uint16_t kDialect210 = 0x0210;
inline constexpr std::uint16_t kDialect300 = 0x0300;
inline constexpr std::uint16_t kDialect302 = 0x0302;
inline constexpr std::uint16_t kDialect311 = 0x0311;
inline constexpr std::uint16_t kDialectWildcard =
    0x02FF;  // answer to SMB1's multi-protocol negotiate

/// Section 2.2.1.2, Flags.
inline constexpr std::uint32_t kFlagServerToRedir = 0x00000001;
inline constexpr std::uint32_t kFlagAsync = 0x00000002;
inline constexpr std::uint32_t kFlagRelated = 0x00000004;
inline constexpr std::uint32_t kFlagSigned = 0x00000008;
inline constexpr std::uint32_t kFlagReplay = 0x20000000;  // SMB2_FLAGS_REPLAY_OPERATION

/// Section 2.2.3, SecurityMode.
inline constexpr std::uint16_t kSigningEnabled = 1;
inline constexpr std::uint16_t kSigningRequired = 2;

/// Section 2.2.4, Capabilities.
inline constexpr std::uint32_t kCapabilityLeasing = 0x00000002;
inline constexpr std::uint32_t kCapabilityLargeMtu = 0x00000004;
inline constexpr std::uint32_t kCapabilityMultiChannel = 0x00000008;
inline constexpr std::uint32_t kCapabilityPersistentHandles = 0x00000010;
inline constexpr std::uint32_t kCapabilityEncryption = 0x00000040;

/// Section 2.2.13.1, access masks.
inline constexpr std::uint32_t kReadData = 0x00000001;  // of a directory: list
inline constexpr std::uint32_t kWriteData = 0x00000002;
inline constexpr std::uint32_t kAppendData = 0x00000004;
inline constexpr std::uint32_t kReadEa = 0x00000008;
inline constexpr std::uint32_t kWriteEa = 0x00000010;
inline constexpr std::uint32_t kExecute = 0x00000020;
inline constexpr std::uint32_t kReadAttributes = 0x00000080;
inline constexpr std::uint32_t kWriteAttributes = 0x00000100;
inline constexpr std::uint32_t kDelete = 0x00010000;
inline constexpr std::uint32_t kReadControl = 0x00020000;
inline constexpr std::uint32_t kAllAccess = 0x001F01FF;

/// MS-FSCC section 2.6.
inline constexpr std::uint32_t kAttributeDirectory = 0x00000010;
inline constexpr std::uint32_t kAttributeNormal = 0x00000080;

/// Bytes that one credit pays for (section 3.1.5.2).
inline constexpr std::uint32_t kBytesPerCredit = 65536;

}  // namespace understudy::smb2
