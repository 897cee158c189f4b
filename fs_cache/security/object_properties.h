// What an object has beside its bytes and its state: a descriptor, extended attributes. Loaded when
// they are first needed; that it has them, two of its attributes say.
#pragma once

#include <memory>

#include "fs_cache/file_constants.h"
#include "fs_cache/security/access_check.h"
#include "fs_cache/security/extended_attributes.h"
#include "iomgr/property.h"

namespace understudy {

struct NodeProperties {
  std::shared_ptr<const SecurityDescriptor> descriptor;  // null: the default, or not loaded
  std::shared_ptr<const ExtendedAttributes> extended;    // null: none, or not loaded

  /// Whether what `attributes` say that there is has still to be loaded.
  bool lack(std::uint32_t attributes) const {
    return ((attributes & attribute::kHasDescriptor) != 0 && descriptor == nullptr) ||
           ((attributes & attribute::kHasExtended) != 0 && extended == nullptr);
  }
  /// The attributes that say what there is.
  std::uint32_t attributes() const {
    return (descriptor != nullptr ? attribute::kHasDescriptor : 0) |
           (extended != nullptr ? attribute::kHasExtended : 0);
  }
  std::uint16_t ea_size() const {
    return extended == nullptr ? std::uint16_t{0} : understudy::ea_size(*extended);
  }
};

/// The assignments of a record that lead from one to the other; they point into this.
class PropertyChange {
 public:
  PropertyChange(const NodeProperties& before, const NodeProperties& after);
  std::size_t size() const { return properties_size(assignments(0)); }
  std::vector<Property> assignments(std::uint64_t object) const;

 private:
  std::vector<std::pair<PropertyKind, std::vector<std::uint8_t>>> values_;
};

}  // namespace understudy
