// What a CREATE asks for, once it has been parsed.
#pragma once

#include <optional>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"

namespace understudy {

struct Volume::CreateRequest {
  Path path;
  Disposition disposition;
  std::uint32_t access;
  std::uint32_t share;
  std::uint32_t options;
  std::uint32_t attributes;
  Caching caching;
  std::optional<DurableRequest> durable;

  bool has(std::uint32_t option) const { return (options & option) != 0; }
  bool wants_directory() const { return has(option::kDirectoryFile) || path.directory_only; }
  bool overwrites() const {
    return disposition == Disposition::supersede || disposition == Disposition::overwrite ||
           disposition == Disposition::overwrite_if;
  }
  bool makes_if_absent() const {
    return disposition != Disposition::open && disposition != Disposition::overwrite;
  }
};

/// What an open gets of `desired` access; `existing` is null for a new file.
std::uint32_t granted_access(std::uint32_t desired, const Node* existing);

}  // namespace understudy
