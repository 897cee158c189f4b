// The extended attribute that every object carries: which object an inode is, and what POSIX does
// not keep of it. Little-endian; 52 bytes, so that it fits into an ext4 inode of 256 bytes beside
// its header.
//
//      0          4            8    16         24       32      40       48
//     ┌─────────┬────────────┬────┬──────────┬────────┬───────┬────────┬───────┐
//     │ version │ attributes │ id │ creation │ access │ write │ change │ CRC   │
//     └─────────┴────────────┴────┴──────────┴────────┴───────┴────────┴───────┘
//
// Its size is the inode's. A host program may have written it: it is checked before it is believed.
#pragma once

#include <string>

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_file.h"

namespace understudy {

inline constexpr const char* kObjectAttribute = "user.understudy";

struct ObjectAttribute {
  ObjectId id = 0;
  ObjectState state;  // without the size
};

IoOutcome write_attribute(int file, ObjectId id, const ObjectState& state, const std::string& path);
/// Of an open file or directory. STATUS_FILE_CORRUPT when it has none or it is damaged.
IoOutcome read_attribute(int file, const std::string& path, ObjectAttribute& out);
/// By absolute path. Nothing in `out` when there is no such attribute, or nothing at `path`;
/// STATUS_FILE_CORRUPT when it is damaged.
IoOutcome find_attribute(const std::string& path, std::optional<ObjectAttribute>& out);

}  // namespace understudy
