#include "iomgr/property.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

bool known(PropertyKind kind) {
  switch (kind) {
    case PropertyKind::security_descriptor:
    case PropertyKind::extended_attributes:
    case PropertyKind::open:
    case PropertyKind::token:
    case PropertyKind::durable:
      return true;
  }
  return false;
}

}  // namespace

bool is_kept(PropertyKind kind) {
  return known(kind) && kind < PropertyKind::token;
}

std::size_t properties_size(const std::vector<Property>& properties) {
  std::size_t size = 0;
  for (const Property& property : properties) size += kPropertyHeader + property.bytes.size();
  return size;
}

void encode_properties(const std::vector<Property>& properties, Bytes out) {
  WireWriter writer;
  for (const Property& property : properties) {
    UNDERSTUDY_CHECK(property.bytes.size() <= bounds::kMaxProperty);
    writer.u16(static_cast<std::uint16_t>(property.kind));
    writer.u16(0);
    writer.u32(static_cast<std::uint32_t>(property.bytes.size()));
    writer.u64(property.id);
    writer.append(property.bytes);
  }
  UNDERSTUDY_CHECK(writer.size() <= out.size());
  std::copy(writer.bytes().begin(), writer.bytes().end(), out.begin());
}

Result<std::vector<Property>> decode_properties(ConstBytes bytes) {
  std::vector<Property> properties;
  WireReader reader(bytes);
  while (reader.remaining() > 0) {
    Property property{};
    property.kind = static_cast<PropertyKind>(reader.u16());
    reader.skip(2);
    const std::uint32_t length = reader.u32();
    property.id = reader.u64();
    property.bytes = reader.take(length);
    const bool twice = std::any_of(properties.begin(), properties.end(), [&](const Property& each) {
      return each.kind == property.kind && each.id == property.id;
    });
    if (!reader.ok() || twice || !known(property.kind) || length > bounds::kMaxProperty ||
        properties.size() >= bounds::kMaxProperties) {
      return Status::data_error;
    }
    properties.push_back(property);
  }
  return properties;
}

const Property* find_property(const std::vector<Property>& properties, PropertyKind kind) {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [kind](const Property& each) { return each.kind == kind; });
  return found == properties.end() ? nullptr : &*found;
}

}  // namespace understudy
