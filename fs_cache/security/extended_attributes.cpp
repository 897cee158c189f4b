#include "fs_cache/security/extended_attributes.h"

#include <algorithm>
#include <string_view>

#include "iomgr/bounds.h"
#include "iomgr/unicode.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::size_t kFixedSize = 8;
constexpr std::size_t kMaxNameLength = 254;
constexpr std::size_t kPackedListHeader = 4;
constexpr std::size_t kPackedHeader = 5;  // with the NUL behind the name

bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    constexpr std::string_view kForbidden = "\\/:*?\"<>|,+=[];";
    return static_cast<unsigned char>(c) >= 0x20 && kForbidden.find(c) == std::string_view::npos;
  });
}

std::string upper(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return folded;
}

}  // namespace

Result<ExtendedAttributes> decode_attributes(ConstBytes bytes, std::size_t& wrong_at) {
  ExtendedAttributes attributes;
  wrong_at = 0;
  while (wrong_at < bytes.size()) {
    WireReader reader(bytes.subspan(wrong_at));
    const std::uint32_t next = reader.u32();
    ExtendedAttribute attribute;
    attribute.flags = reader.u8();
    const std::uint8_t name_length = reader.u8();
    const std::uint16_t value_length = reader.u16();
    const std::string_view name = as_text(reader.take(name_length));
    const bool terminated = reader.u8() == 0;
    const ConstBytes value = reader.take(value_length);
    const bool overlaps = next != 0 && (next < reader.position() || next % 4 != 0);
    if (!reader.ok() || !terminated || overlaps || next > bytes.size() - wrong_at)
      return Status::ea_list_inconsistent;
    if (!valid_name(name)) return Status::invalid_ea_name;
    attribute.name = name;
    attribute.value.assign(value.begin(), value.end());
    attributes.push_back(std::move(attribute));
    if (next == 0) return attributes;
    wrong_at += next;
  }
  return Status::ea_list_inconsistent;
}

std::vector<std::uint8_t> encode_attributes(const ExtendedAttributes& attributes) {
  WireWriter writer;
  std::size_t last = 0;
  for (const ExtendedAttribute& attribute : attributes) {
    writer.align(4);
    if (writer.size() > 0) writer.patch(last, static_cast<std::uint32_t>(writer.size() - last));
    last = writer.size();
    writer.u32(0);
    writer.u8(attribute.flags);
    writer.u8(static_cast<std::uint8_t>(attribute.name.size()));
    writer.u16(static_cast<std::uint16_t>(attribute.value.size()));
    writer.append(as_bytes(attribute.name));
    writer.u8(0);
    writer.append(attribute.value);
  }
  return writer.release();
}

Status merge_attributes(ExtendedAttributes& attributes, const ExtendedAttributes& changes) {
  for (const ExtendedAttribute& change : changes) {
    const std::string name = upper(change.name);
    const auto same =
        std::find_if(attributes.begin(), attributes.end(),
                     [&name](const ExtendedAttribute& each) { return upper(each.name) == name; });
    if (same != attributes.end() && change.value.empty())
      attributes.erase(same);
    else if (same != attributes.end())
      *same = change;
    else if (!change.value.empty())
      attributes.push_back(change);
  }
  std::size_t size = 0;
  for (const ExtendedAttribute& each : attributes)
    size = (size + 3) / 4 * 4 + kFixedSize + each.name.size() + 1 + each.value.size();
  return size < bounds::kMaxProperty ? Status::success : Status::ea_too_large;
}

std::uint16_t ea_size(const ExtendedAttributes& attributes) {
  if (attributes.empty()) return 0;
  std::size_t size = kPackedListHeader;
  for (const ExtendedAttribute& each : attributes)
    size += kPackedHeader + each.name.size() + each.value.size();
  return static_cast<std::uint16_t>(std::min<std::size_t>(size, 0xFFFF));
}

}  // namespace understudy
