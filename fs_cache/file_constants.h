// Numbers of the file system's vocabulary that an IRP carries: access rights, share modes,
// dispositions, options and attributes, with the values of MS-SMB2 2.2.13 and MS-FSCC 2.6.
#pragma once

#include <cstdint>

namespace understudy {

namespace access {
inline constexpr std::uint32_t kReadData = 0x1;    // list, of a directory
inline constexpr std::uint32_t kWriteData = 0x2;   // add a file, of a directory
inline constexpr std::uint32_t kAppendData = 0x4;  // add a subdirectory, of a directory
inline constexpr std::uint32_t kReadEa = 0x8;
inline constexpr std::uint32_t kWriteEa = 0x10;
inline constexpr std::uint32_t kExecute = 0x20;      // traverse, of a directory
inline constexpr std::uint32_t kDeleteChild = 0x40;  // of a directory
inline constexpr std::uint32_t kReadAttributes = 0x80;
inline constexpr std::uint32_t kWriteAttributes = 0x100;
inline constexpr std::uint32_t kDelete = 0x10000;
inline constexpr std::uint32_t kReadControl = 0x20000;
inline constexpr std::uint32_t kWriteDac = 0x40000;
inline constexpr std::uint32_t kWriteOwner = 0x80000;
inline constexpr std::uint32_t kSynchronize = 0x100000;
inline constexpr std::uint32_t kAllOfAFile = 0x1F01FF;
inline constexpr std::uint32_t kSystemSecurity = 0x1000000;
inline constexpr std::uint32_t kMaximumAllowed = 0x2000000;
// What the generic rights stand for (MS-SMB2 2.2.13.1.1).
inline constexpr std::uint32_t kGenericRead = 0x120089;
inline constexpr std::uint32_t kGenericWrite = 0x120116;
inline constexpr std::uint32_t kGenericExecute = 0x1200A0;
}  // namespace access

namespace share {
inline constexpr std::uint32_t kRead = 1;
inline constexpr std::uint32_t kWrite = 2;
inline constexpr std::uint32_t kDelete = 4;
}  // namespace share

enum class Disposition : std::uint32_t {
  supersede,
  open,
  create,
  open_if,
  overwrite,
  overwrite_if
};

enum class CreateAction : std::uint32_t { superseded, opened, created, overwritten };

namespace option {
inline constexpr std::uint32_t kDirectoryFile = 0x1;
inline constexpr std::uint32_t kWriteThrough = 0x2;
inline constexpr std::uint32_t kNonDirectoryFile = 0x40;
inline constexpr std::uint32_t kDeleteOnClose = 0x1000;
inline constexpr std::uint32_t kOpenByFileId = 0x2000;
}  // namespace option

namespace attribute {
inline constexpr std::uint32_t kReadOnly = 0x1;
inline constexpr std::uint32_t kHidden = 0x2;
inline constexpr std::uint32_t kSystem = 0x4;
inline constexpr std::uint32_t kDirectory = 0x10;
inline constexpr std::uint32_t kArchive = 0x20;
inline constexpr std::uint32_t kNormal = 0x80;  // "no other attribute"; never kept, only shown
inline constexpr std::uint32_t kTemporary = 0x100;
inline constexpr std::uint32_t kSparse = 0x200;
inline constexpr std::uint32_t kOffline = 0x1000;
inline constexpr std::uint32_t kNotContentIndexed = 0x2000;
/// Of an object with a descriptor or extended attributes of its own. Kept with the others, in
/// records and on the medium, so that nobody looks for what is not there; clients see neither.
inline constexpr std::uint32_t kHasDescriptor = 0x10000000;
inline constexpr std::uint32_t kHasExtended = 0x20000000;
inline constexpr std::uint32_t kInternal = kHasDescriptor | kHasExtended;
/// Those that a client can set and clear.
inline constexpr std::uint32_t kSettable =
    kReadOnly | kHidden | kSystem | kArchive | kTemporary | kOffline | kNotContentIndexed;
}  // namespace attribute

/// Room is given and taken in so many bytes, as volumes say of themselves.
inline constexpr std::uint64_t kCluster = 4096;

}  // namespace understudy
