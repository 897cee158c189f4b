#include "iomgr/record.h"

#include <bit>
#include <cstring>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

static_assert(std::endian::native == std::endian::little,
              "records are little-endian as they lie in memory");

constexpr std::size_t kCrcStart = offsetof(RecordHeader, epoch);

/// They never make a file longer.
bool zeros_within(const Record& record) {
  const RecordHeader& header = record.header;
  return record.data.size() == sizeof(std::uint64_t) && header.offset <= header.size &&
         zeros_of(record) <= header.size - header.offset;
}

bool known(Effect effect) {
  return effect >= Effect::create && effect <= Effect::zero;
}

}  // namespace

std::uint64_t zeros_of(const Record& record) {
  std::uint64_t length = 0;
  std::memcpy(&length, record.data.data(), sizeof length);
  return length;
}

std::size_t record_size(const RecordHeader& header) {
  return sizeof(RecordHeader) + header.name_length + header.target_name_length +
         header.properties_length + header.data_length;
}

void encode_record(RecordHeader header, std::string_view name, std::string_view target_name,
                   ConstBytes data, Bytes out, const std::vector<Property>& properties) {
  UNDERSTUDY_CHECK(name.size() <= bounds::kMaxNameBytes &&
                   target_name.size() <= bounds::kMaxNameBytes);
  const std::size_t properties_length = properties_size(properties);
  UNDERSTUDY_CHECK(properties_length <= bounds::kMaxPropertyBytes &&
                   data.size() <= bounds::kMaxTransfer - properties_length);
  header.magic = RecordHeader::kMagic;
  header.name_length = static_cast<std::uint16_t>(name.size());
  header.target_name_length = static_cast<std::uint16_t>(target_name.size());
  header.data_length = static_cast<std::uint32_t>(data.size());
  header.properties_length = static_cast<std::uint32_t>(properties_length);
  UNDERSTUDY_CHECK(out.size() == record_size(header));

  std::uint8_t* at = out.data() + sizeof header;
  const auto put = [&at](const void* from, std::size_t size) {
    if (size > 0) std::memcpy(at, from, size);
    at += size;
  };
  put(name.data(), name.size());
  put(target_name.data(), target_name.size());
  encode_properties(properties, Bytes(at, properties_length));
  at += properties_length;
  put(data.data(), data.size());
  std::memcpy(out.data(), &header, sizeof header);
  header.crc = crc32c(out.subspan(kCrcStart));
  std::memcpy(out.data() + offsetof(RecordHeader, crc), &header.crc, sizeof header.crc);
}

Result<Record> decode_record(ConstBytes bytes) {
  Record record;
  if (bytes.size() < sizeof record.header) return Status::data_error;
  std::memcpy(&record.header, bytes.data(), sizeof record.header);
  const RecordHeader& header = record.header;
  if (header.magic != RecordHeader::kMagic || !known(header.effect) || header.lsn == 0 ||
      header.name_length > bounds::kMaxNameBytes ||
      header.target_name_length > bounds::kMaxNameBytes ||
      header.properties_length > bounds::kMaxPropertyBytes ||
      header.data_length > bounds::kMaxTransfer - header.properties_length ||
      bytes.size() != record_size(header)) {
    return Status::data_error;
  }
  if (crc32c(bytes.subspan(kCrcStart)) != header.crc) return Status::crc_error;
  const std::string_view names = as_text(bytes.subspan(sizeof header));
  record.name = names.substr(0, header.name_length);
  record.target_name = names.substr(header.name_length, header.target_name_length);
  const std::size_t before = sizeof header + header.name_length + header.target_name_length;
  Result<std::vector<Property>> properties =
      decode_properties(bytes.subspan(before, header.properties_length));
  if (!properties) return properties.status();
  for (const Property& property : *properties) {
    if (!is_kept(property.kind)) return Status::data_error;
  }
  record.properties = std::move(*properties);
  record.data = bytes.subspan(bytes.size() - header.data_length);
  if (header.effect == Effect::zero && !zeros_within(record)) return Status::data_error;
  return record;
}

}  // namespace understudy
