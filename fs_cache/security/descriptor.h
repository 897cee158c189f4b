// Security descriptors (MS-DTYP 2.4.4 to 2.4.6): whose an object is, and who may do what with it.
// Stored and sent self-relative.
//
// Invariant: what has been decoded is kept to. So there are entries that allow and that deny, and
// no others: a conditional or object entry that nobody would evaluate is refused, not ignored. A
// SACL is skipped, for nobody may set one.
#pragma once

#include <optional>
#include <vector>

#include "fs_cache/security/sid.h"

namespace understudy {

/// SECURITY_INFORMATION, MS-DTYP 2.4.7.
namespace selection {
inline constexpr std::uint32_t kOwner = 1;
inline constexpr std::uint32_t kGroup = 2;
inline constexpr std::uint32_t kDacl = 4;
inline constexpr std::uint32_t kSacl = 8;
inline constexpr std::uint32_t kLabel = 0x10;
inline constexpr std::uint32_t kUnprotectedDacl = 0x20000000;
inline constexpr std::uint32_t kProtectedDacl = 0x80000000;
inline constexpr std::uint32_t kParts = 0xFFFF;
}  // namespace selection

/// Control of a descriptor, MS-DTYP 2.4.6.
namespace control {
inline constexpr std::uint16_t kDaclPresent = 0x0004;
inline constexpr std::uint16_t kDaclDefaulted = 0x0008;
inline constexpr std::uint16_t kInheritRequired = 0x0100;  // SE_DACL_AUTO_INHERIT_REQ
inline constexpr std::uint16_t kAutoInherited = 0x0400;
inline constexpr std::uint16_t kDaclProtected = 0x1000;
inline constexpr std::uint16_t kSelfRelative = 0x8000;
}  // namespace control

struct Ace {
  enum Type : std::uint8_t { allowed = 0, denied = 1 };
  static constexpr std::uint8_t kObjectInherit = 0x01;
  static constexpr std::uint8_t kContainerInherit = 0x02;
  static constexpr std::uint8_t kNoPropagate = 0x04;
  static constexpr std::uint8_t kInheritOnly = 0x08;
  static constexpr std::uint8_t kInherited = 0x10;

  Type type = allowed;
  std::uint8_t flags = 0;
  std::uint32_t mask = 0;
  Sid sid;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  bool operator==(const Ace&) const = default;
};

using Acl = std::vector<Ace>;

struct SecurityDescriptor {
  std::uint16_t control = 0;  // without kSelfRelative
  std::optional<Sid> owner;
  std::optional<Sid> group;
  std::optional<Acl> dacl;  // none ("null"): everybody may do everything

  bool has(std::uint16_t flag) const { return (control & flag) != 0; }
  bool operator==(const SecurityDescriptor&) const = default;
};

/// STATUS_INVALID_SECURITY_DESCR, STATUS_INVALID_SID, STATUS_INVALID_ACL (an entry of a type that
/// is not kept to, too).
Result<SecurityDescriptor> decode_descriptor(ConstBytes bytes);
/// Always the same bytes for the same descriptor. STATUS_INVALID_ACL: it would be too long to
/// store.
Result<std::vector<std::uint8_t>> encode_descriptor(const SecurityDescriptor& descriptor);

/// The parts that `parts` names.
SecurityDescriptor select(const SecurityDescriptor& descriptor, std::uint32_t parts);

/// Generic rights become the rights of a file or directory that they stand for (MS-SMB2 2.2.13.1).
std::uint32_t map_generic(std::uint32_t mask);
/// In all entries but those that are there for children alone.
void map_generic(Acl& acl);

}  // namespace understudy
