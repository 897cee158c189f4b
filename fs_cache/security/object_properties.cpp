#include "fs_cache/security/object_properties.h"

namespace understudy {

PropertyChange::PropertyChange(const NodeProperties& before, const NodeProperties& after) {
  if (before.descriptor != after.descriptor) {
    const Result<std::vector<std::uint8_t>> bytes = encode_descriptor(*after.descriptor);
    values_.emplace_back(PropertyKind::security_descriptor, *bytes);  // it was checked when made
  }
  if (before.extended != after.extended) {
    values_.emplace_back(PropertyKind::extended_attributes,
                         after.extended == nullptr ? std::vector<std::uint8_t>()
                                                   : encode_attributes(*after.extended));
  }
}

std::vector<Property> PropertyChange::assignments(std::uint64_t object) const {
  std::vector<Property> all;
  for (const auto& [kind, bytes] : values_) all.push_back({kind, object, bytes});
  return all;
}

}  // namespace understudy
