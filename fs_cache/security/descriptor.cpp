#include "fs_cache/security/descriptor.h"

#include <algorithm>

#include "fs_cache/file_constants.h"
#include "iomgr/bounds.h"

namespace understudy {
namespace {

constexpr std::size_t kHeaderSize = 20;
constexpr std::uint8_t kDescriptorRevision = 1;
constexpr std::size_t kAclHeaderSize = 8;
constexpr std::uint8_t kAclRevision = 2;
constexpr std::uint8_t kAclRevisionDs = 4;
constexpr std::size_t kAceHeaderSize = 8;

constexpr std::uint32_t kGenericAll = 0x10000000;
constexpr std::uint32_t kGenericExecute = 0x20000000;
constexpr std::uint32_t kGenericWrite = 0x40000000;
constexpr std::uint32_t kGenericRead = 0x80000000;

/// The part that `offset` points to; nullopt: it points out of the descriptor or into its header.
std::optional<WireReader> part_at(ConstBytes bytes, std::uint32_t offset) {
  if (offset < kHeaderSize || offset > bytes.size()) return std::nullopt;
  return WireReader(bytes.subspan(offset));
}

Result<std::optional<Sid>> decode_sid(ConstBytes bytes, std::uint32_t offset) {
  if (offset == 0) return std::optional<Sid>();
  std::optional<WireReader> reader = part_at(bytes, offset);
  if (!reader) return Status::invalid_security_descr;
  const Result<Sid> sid = read_sid(*reader);
  if (!sid) return sid.status();
  return std::optional<Sid>(*sid);
}

Result<Ace> decode_ace(WireReader& acl) {
  Ace ace;
  const std::uint8_t type = acl.u8();
  ace.flags = acl.u8();
  const std::uint16_t size = acl.u16();
  if (size < kAceHeaderSize) return Status::invalid_acl;
  WireReader body(acl.take(size - std::size_t{4}));
  ace.mask = body.u32();
  if (!acl.ok() || type > Ace::denied) return Status::invalid_acl;
  ace.type = static_cast<Ace::Type>(type);
  const Result<Sid> sid = read_sid(body);
  if (!sid) return Status::invalid_acl;
  ace.sid = *sid;
  return ace;
}

Result<Acl> decode_acl(WireReader reader) {
  const std::uint8_t revision = reader.u8();
  reader.skip(1);
  const std::uint16_t size = reader.u16();
  const std::uint16_t count = reader.u16();
  reader.skip(2);
  if (revision < kAclRevision || revision > kAclRevisionDs || size < kAclHeaderSize)
    return Status::invalid_acl;
  WireReader entries(reader.take(size - kAclHeaderSize));
  if (!reader.ok()) return Status::invalid_acl;
  Acl acl;
  for (std::size_t i = 0; i < count; ++i) {
    const Result<Ace> ace = decode_ace(entries);
    if (!ace) return ace.status();
    acl.push_back(*ace);
  }
  return acl;
}

void put_acl(WireWriter& writer, const Acl& acl) {
  const std::size_t start = writer.size();
  writer.u8(kAclRevision);
  writer.u8(0);
  writer.u16(0);  // size, below
  writer.u16(static_cast<std::uint16_t>(acl.size()));
  writer.u16(0);
  for (const Ace& ace : acl) {
    writer.u8(ace.type);
    writer.u8(ace.flags);
    writer.u16(static_cast<std::uint16_t>(kAceHeaderSize + sid_size(ace.sid)));
    writer.u32(ace.mask);
    put_sid(writer, ace.sid);
  }
  writer.patch(start + 2, static_cast<std::uint16_t>(writer.size() - start));
}

}  // namespace

Result<SecurityDescriptor> decode_descriptor(ConstBytes bytes) {
  WireReader reader(bytes);
  SecurityDescriptor descriptor;
  const std::uint8_t revision = reader.u8();
  reader.skip(1);
  const std::uint16_t flags = reader.u16();
  const std::uint32_t owner_at = reader.u32();
  const std::uint32_t group_at = reader.u32();
  reader.skip(4);  // the SACL
  const std::uint32_t dacl_at = reader.u32();
  if (!reader.ok() || revision != kDescriptorRevision || bytes.size() > bounds::kMaxProperty ||
      (flags & control::kSelfRelative) == 0) {
    return Status::invalid_security_descr;
  }
  descriptor.control =
      flags & (control::kDaclPresent | control::kDaclDefaulted | control::kInheritRequired |
               control::kAutoInherited | control::kDaclProtected);
  const Result<std::optional<Sid>> owner = decode_sid(bytes, owner_at);
  if (!owner) return owner.status();
  const Result<std::optional<Sid>> group = decode_sid(bytes, group_at);
  if (!group) return group.status();
  descriptor.owner = *owner;
  descriptor.group = *group;
  if (!descriptor.has(control::kDaclPresent) || dacl_at == 0) return descriptor;
  const std::optional<WireReader> acl = part_at(bytes, dacl_at);
  if (!acl) return Status::invalid_security_descr;
  Result<Acl> dacl = decode_acl(*acl);
  if (!dacl) return dacl.status();
  descriptor.dacl = std::move(*dacl);
  return descriptor;
}

Result<std::vector<std::uint8_t>> encode_descriptor(const SecurityDescriptor& descriptor) {
  constexpr std::size_t kOwnerAt = 4;
  constexpr std::size_t kGroupAt = 8;
  constexpr std::size_t kDaclAt = 16;
  WireWriter writer;
  const auto point_here = [&writer](std::size_t at) {
    writer.patch(at, static_cast<std::uint32_t>(writer.size()));
  };
  writer.u8(kDescriptorRevision);
  writer.u8(0);
  writer.u16(descriptor.control | control::kSelfRelative);
  writer.zeros(16);
  if (descriptor.owner) {
    point_here(kOwnerAt);
    put_sid(writer, *descriptor.owner);
  }
  if (descriptor.group) {
    point_here(kGroupAt);
    put_sid(writer, *descriptor.group);
  }
  if (descriptor.dacl) {
    point_here(kDaclAt);
    const std::size_t before = writer.size();
    put_acl(writer, *descriptor.dacl);
    if (writer.size() - before > 0xFFFF) return Status::invalid_acl;
  }
  if (writer.size() > bounds::kMaxProperty) return Status::invalid_acl;
  return writer.release();
}

SecurityDescriptor select(const SecurityDescriptor& descriptor, std::uint32_t parts) {
  SecurityDescriptor selected;
  if ((parts & selection::kOwner) != 0) selected.owner = descriptor.owner;
  if ((parts & selection::kGroup) != 0) selected.group = descriptor.group;
  if ((parts & selection::kDacl) != 0) {
    selected.control = descriptor.control;
    selected.dacl = descriptor.dacl;
  }
  return selected;
}

std::uint32_t map_generic(std::uint32_t mask) {
  std::uint32_t mapped = mask & ~(kGenericRead | kGenericWrite | kGenericExecute | kGenericAll);
  if ((mask & kGenericRead) != 0) mapped |= access::kGenericRead;
  if ((mask & kGenericWrite) != 0) mapped |= access::kGenericWrite;
  if ((mask & kGenericExecute) != 0) mapped |= access::kGenericExecute;
  if ((mask & kGenericAll) != 0) mapped |= access::kAllOfAFile;
  return mapped;
}

void map_generic(Acl& acl) {
  for (Ace& ace : acl) {
    if (!ace.has(Ace::kInheritOnly)) ace.mask = map_generic(ace.mask);
  }
}

}  // namespace understudy
