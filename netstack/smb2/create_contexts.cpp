#include "netstack/smb2/create_contexts.h"

#include <algorithm>

#include "iomgr/bounds.h"

namespace understudy::smb2 {
namespace {

constexpr std::string_view kMaximalAccess = "MxAc";
constexpr std::string_view kDiskId = "QFid";
constexpr std::string_view kExtendedAttributes = "ExtA";
constexpr std::string_view kSecurityDescriptor = "SecD";
constexpr std::string_view kAllocationSize = "AlSi";
constexpr std::string_view kTimewarp = "TWrp";

constexpr std::string_view kLease = "RqLs";
constexpr std::size_t kLeaseSize = 32;
constexpr std::size_t kLeaseSizeV2 = 52;

constexpr std::string_view kDurable = "DHnQ";
constexpr std::string_view kReconnect = "DHnC";
constexpr std::string_view kDurableV2 = "DH2Q";
constexpr std::string_view kReconnectV2 = "DH2C";
constexpr std::size_t kDurableSize = 16;
constexpr std::size_t kDurableV2Size = 32;
constexpr std::size_t kReconnectV2Size = 36;
constexpr std::uint32_t kPersistent = 2;  // SMB2_DHANDLE_FLAG_PERSISTENT

// These two have GUIDs as their names.
constexpr Guid kAppInstance = {0x45, 0xBC, 0xA6, 0x6A, 0xEF, 0xA7, 0xF7, 0x4A,
                               0x90, 0x08, 0xFA, 0x46, 0x2E, 0x14, 0x4D, 0x74};
constexpr Guid kAppVersion = {0xB9, 0x82, 0xD0, 0xB7, 0x3B, 0x56, 0x07, 0x4F,
                              0xA0, 0x7B, 0x52, 0x4A, 0x81, 0x16, 0xA0, 0x10};
constexpr std::size_t kAppInstanceSize = 20;
constexpr std::size_t kAppVersionSize = 24;

constexpr std::size_t kHead = 16;

/// The part of one context that `offset` and `length` name, from its own start.
std::optional<ConstBytes> part(ConstBytes context, std::uint32_t offset, std::uint32_t length) {
  if (length == 0) return ConstBytes{};
  if (offset < kHead || offset > context.size() || length > context.size() - offset)
    return std::nullopt;
  return context.subspan(offset, length);
}

std::optional<LeaseContext> parse_lease(ConstBytes data) {
  if (data.size() != kLeaseSize && data.size() != kLeaseSizeV2) return std::nullopt;
  WireReader reader(data);
  LeaseContext lease;
  const ConstBytes key = reader.take(16);
  std::copy(key.begin(), key.end(), lease.key.begin());
  lease.state = reader.u32();
  lease.flags = reader.u32();
  reader.skip(8);
  if (data.size() == kLeaseSize) return lease;
  lease.version = 2;
  const ConstBytes parent = reader.take(16);
  std::copy(parent.begin(), parent.end(), lease.parent.begin());
  lease.epoch = reader.u16();
  return lease;
}

void put_lease(WireWriter& writer, const LeaseContext& lease) {
  writer.append(lease.key);
  writer.u32(lease.state);
  writer.u32(lease.flags);
  writer.u64(0);
  if (lease.version == 1) return;
  writer.append(lease.parent);
  writer.u16(lease.epoch);
  writer.u16(0);
}

Guid guid_from(WireReader& reader) {
  Guid guid{};
  const ConstBytes bytes = reader.take(guid.size());
  std::copy(bytes.begin(), bytes.end(), guid.begin());
  return guid;
}

/// The four of durable handles. False: it is malformed.
bool note_durable(std::string_view name, ConstBytes data, CreateContexts& contexts) {
  WireReader reader(data);
  if (name == kDurable) {
    contexts.durable = true;
    return data.size() == kDurableSize;
  }
  if (name == kReconnect) {
    contexts.reconnect.emplace();
    contexts.reconnect->persistent_id = reader.u64();
    return data.size() == kDurableSize;
  }
  if (name == kDurableV2) {
    DurableContext& durable = contexts.durable_v2.emplace();
    durable.timeout_ms = reader.u32();
    durable.persistent = (reader.u32() & kPersistent) != 0;
    reader.skip(8);
    durable.create_guid = guid_from(reader);
    return data.size() == kDurableV2Size;
  }
  if (name == kReconnectV2) {
    ReconnectContext& reconnect = contexts.reconnect_v2.emplace();
    reconnect.persistent_id = reader.u64();
    reader.skip(8);
    reconnect.create_guid = guid_from(reader);
    reconnect.persistent = (reader.u32() & kPersistent) != 0;
    return data.size() == kReconnectV2Size;
  }
  return true;
}

/// The two of application instances. False: it is malformed.
bool note_application(std::string_view name, ConstBytes data, CreateContexts& contexts) {
  WireReader reader(data);
  const std::uint16_t size = reader.u16();
  if (name == as_text(kAppInstance)) {
    reader.skip(2);
    contexts.app_instance = guid_from(reader);
    return data.size() == kAppInstanceSize && size == kAppInstanceSize;
  }
  if (name == as_text(kAppVersion)) {
    reader.skip(6);
    AppVersion& version = contexts.app_version.emplace();
    version.high = reader.u64();
    version.low = reader.u64();
    return data.size() == kAppVersionSize && size == kAppVersionSize;
  }
  return true;
}

Status note(std::string_view name, ConstBytes data, CreateContexts& contexts) {
  if (!note_durable(name, data, contexts) || !note_application(name, data, contexts))
    return Status::invalid_parameter;
  if (name == kMaximalAccess) contexts.maximal_access = true;
  if (name == kDiskId) contexts.disk_id = true;
  if (name == kAllocationSize) {
    WireReader reader(data);
    contexts.allocation_size = reader.u64();
    if (!reader.ok()) return Status::invalid_parameter;
  }
  if (name == kLease) {
    contexts.lease = parse_lease(data);
    if (!contexts.lease) return Status::invalid_parameter;
  }
  if (name == kSecurityDescriptor && data.size() > bounds::kMaxProperty)
    return Status::invalid_security_descr;
  if (name == kExtendedAttributes && data.size() > bounds::kMaxProperty)
    return Status::ea_too_large;
  if (name == kSecurityDescriptor) contexts.descriptor.assign(data.begin(), data.end());
  if (name == kExtendedAttributes) contexts.extended.assign(data.begin(), data.end());
  if (name == kTimewarp) return Status::object_name_not_found;  // there are no snapshots
  return Status::success;
}

/// `data_size` bytes of data follow. All our names have four letters.
void begin(WireWriter& writer, std::size_t& last, std::string_view name, std::size_t data_size) {
  writer.align(8);
  if (writer.size() > 0) writer.patch(last, static_cast<std::uint32_t>(writer.size() - last));
  last = writer.size();
  writer.u32(0);
  writer.u16(kHead);
  writer.u16(static_cast<std::uint16_t>(name.size()));
  writer.u16(0);
  writer.u16(kHead + 8);
  writer.u32(static_cast<std::uint32_t>(data_size));
  writer.append(as_bytes(name));
  writer.align(8);
}

}  // namespace

Result<CreateContexts> parse_create_contexts(ConstBytes bytes) {
  CreateContexts contexts;
  while (!bytes.empty()) {
    WireReader reader(bytes);
    const std::uint32_t next = reader.u32();
    const std::uint16_t name_offset = reader.u16();
    const std::uint16_t name_length = reader.u16();
    reader.skip(2);
    const std::uint16_t data_offset = reader.u16();
    const std::uint32_t data_length = reader.u32();
    if (!reader.ok() || next > bytes.size() || next % 8 != 0 || (next != 0 && next < kHead)) {
      return Status::invalid_parameter;
    }
    const ConstBytes context = next == 0 ? bytes : bytes.first(next);
    const std::optional<ConstBytes> name = part(context, name_offset, name_length);
    const std::optional<ConstBytes> data = part(context, data_offset, data_length);
    if (!name || !data || name_length < 4) return Status::invalid_parameter;
    const Status status = note(as_text(*name), *data, contexts);
    if (failed(status)) return status;
    if (next == 0) break;
    bytes = bytes.subspan(next);
  }
  return contexts;
}

std::vector<std::uint8_t> answer_create_contexts(const CreateContexts& asked,
                                                 const ContextAnswers& answers) {
  WireWriter writer;
  std::size_t last = 0;
  if (asked.maximal_access) {
    begin(writer, last, kMaximalAccess, 8);
    writer.u32(static_cast<std::uint32_t>(Status::success));
    writer.u32(answers.maximal_access);
  }
  if (asked.disk_id) {
    begin(writer, last, kDiskId, 32);
    writer.u64(answers.object);
    writer.u64(answers.volume);
    writer.zeros(16);
  }
  if (asked.lease) {
    begin(writer, last, kLease, asked.lease->version == 1 ? kLeaseSize : kLeaseSizeV2);
    put_lease(writer, *asked.lease);
  }
  if (answers.durable == DurableKind::durable) {
    begin(writer, last, kDurable, 8);
    writer.u64(0);
  } else if (answers.durable != DurableKind::none) {
    begin(writer, last, kDurableV2, 8);
    writer.u32(answers.timeout_ms);
    writer.u32(answers.durable == DurableKind::persistent ? kPersistent : 0);
  }
  return writer.release();
}

}  // namespace understudy::smb2
