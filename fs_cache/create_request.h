// What a CREATE asks for, once it has been parsed.
#pragma once

#include <optional>

#include "fs_cache/file_constants.h"
#include "fs_cache/security/object_properties.h"
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
  std::optional<DurableRequest> durable;  // or, with `kind` none, who asks
  std::shared_ptr<const Token> token;
  std::optional<SecurityDescriptor> descriptor;  // of a new file
  std::optional<ExtendedAttributes> extended;    // of a new file, or one that is overwritten

  bool wants_durable() const { return durable && durable->kind != DurableKind::none; }
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

/// What the open must be granted, beside what it asks for in so many words too.
std::uint32_t needed_access(const Volume::CreateRequest& request);

/// What an open gets of `desired` access where `maximal` may be had; `existing` is null for a new
/// file.
std::uint32_t granted_access(std::uint32_t desired, std::uint32_t maximal, const Node* existing);

/// All that `token` may do with the node, which is in the directory `parent` (MS-FSA 2.1.5.1.2.1).
std::uint32_t maximal_access(const Node& node, const Node* parent, const Token& token);

/// A node on the path whose descriptor or extended attributes have to be loaded before anything can
/// be decided; null: none.
const Node* lacks_properties(const Walk& walk);

/// What the properties of a CREATE say: who asks, and what a new file shall have. Without a token
/// it is the server itself.
Status security_request(const std::vector<Property>& properties, Volume::CreateRequest& request);

/// The descriptor and extended attributes that the file has once the request has made it,
/// overwritten it or opened it. STATUS_INVALID_OWNER, STATUS_INVALID_ACL, STATUS_EA_TOO_LARGE.
Result<NodeProperties> properties_after(const Volume::CreateRequest& request, const Walk& walk);

}  // namespace understudy
