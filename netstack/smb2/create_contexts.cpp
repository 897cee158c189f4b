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

Status note(std::string_view name, ConstBytes data, CreateContexts& contexts) {
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
  if (name == kSecurityDescriptor) contexts.descriptor = data;
  if (name == kExtendedAttributes) contexts.extended = data;
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
                                                 const FileFacts& facts, std::uint64_t volume) {
  WireWriter writer;
  std::size_t last = 0;
  if (asked.maximal_access) {
    begin(writer, last, kMaximalAccess, 8);
    writer.u32(static_cast<std::uint32_t>(Status::success));
    writer.u32(facts.maximal_access);
  }
  if (asked.disk_id) {
    begin(writer, last, kDiskId, 32);
    writer.u64(facts.object);
    writer.u64(volume);
    writer.zeros(16);
  }
  if (asked.lease) {
    begin(writer, last, kLease, asked.lease->version == 1 ? kLeaseSize : kLeaseSizeV2);
    put_lease(writer, *asked.lease);
  }
  return writer.release();
}

}  // namespace understudy::smb2
