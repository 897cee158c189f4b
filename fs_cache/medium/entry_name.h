// Names of entries as SMB has them (up to 255 UTF-16 units, 765 bytes of UTF-8) and as a POSIX
// directory can hold them (255 bytes). A name that fits is stored as it is. Any other is stored as
//
//     <its first bytes, whole characters>:understudy-<32 hex digits of its SHA-256>
//
// and the full name stands beside it (posix_entries.h). Invariant: stored_name is injective. A name
// that itself looks like a shortened one is shortened too, so a stored name with the marker always
// stands for a shortened one.
#pragma once

#include <string>
#include <string_view>

namespace understudy {

struct StoredName {
  std::string text;
  bool shortened = false;
};

/// False: no file system can hold it in any form (empty, '/', a zero byte). SMB allows no such
/// name.
bool is_valid_entry_name(std::string_view name);
/// `name` must be valid.
StoredName stored_name(std::string_view name);
/// Whether what a directory holds stands for a longer name.
bool is_shortened(std::string_view stored);

}  // namespace understudy
