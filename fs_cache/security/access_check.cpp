#include "fs_cache/security/access_check.h"

#include <algorithm>

#include "fs_cache/file_constants.h"

namespace understudy {
namespace {

constexpr std::uint8_t kToChildren = Ace::kObjectInherit | Ace::kContainerInherit;

bool applies(const Ace& ace, const Token& token, bool owns) {
  if (ace.has(Ace::kInheritOnly)) return false;
  return ace.sid == sids::kOwnerRights ? owns : token.has(ace.sid);
}

/// An owner may always read and change the DACL, unless the DACL says what owners may.
std::uint32_t owner_access(const Acl& dacl) {
  const bool said = std::any_of(dacl.begin(), dacl.end(), [](const Ace& ace) {
    return ace.sid == sids::kOwnerRights && !ace.has(Ace::kInheritOnly);
  });
  return said ? 0 : access::kReadControl | access::kWriteDac;
}

/// Whom a user may make the owner: himself, and groups that he is in.
bool may_own(const Token& token, const Sid& sid) {
  return token.is_system() || token.has(sid);
}

/// CREATOR OWNER and CREATOR GROUP stand for the new object's.
Sid creator(const Sid& sid, const SecurityDescriptor& created) {
  if (sid == sids::kCreatorOwner) return created.owner.value_or(sid);
  if (sid == sids::kCreatorGroup) return created.group.value_or(sid);
  return sid;
}

/// What one entry of a directory gives to a new object in it: an entry that counts there, one that
/// is only handed on, or both where these must differ.
void inherit_ace(const Ace& ace, bool directory, std::uint8_t mark,
                 const SecurityDescriptor& created, Acl& acl) {
  if (!ace.has(kToChildren)) return;
  const bool counts = ace.has(directory ? Ace::kContainerInherit : Ace::kObjectInherit);
  const bool handed_on = directory && !ace.has(Ace::kNoPropagate);
  Ace here = ace;
  here.sid = creator(ace.sid, created);
  here.mask = map_generic(ace.mask);
  here.flags = mark;
  Ace below = ace;
  below.flags = static_cast<std::uint8_t>((ace.flags & kToChildren) | Ace::kInheritOnly | mark);
  if (counts && handed_on && here.sid == below.sid && here.mask == below.mask) {
    here.flags |= ace.flags & kToChildren;
    acl.push_back(here);
    return;
  }
  if (counts) acl.push_back(here);
  if (handed_on) acl.push_back(below);
}

/// Without anything to inherit: a token's default DACL, as Windows gives users.
Acl owners_acl(const Sid& owner) {
  return {{Ace::allowed, 0, access::kAllOfAFile, owner},
          {Ace::allowed, 0, access::kAllOfAFile, sids::kSystem}};
}

void inherit_dacl(const SecurityDescriptor& parent, bool directory, SecurityDescriptor& created) {
  const bool automatic = parent.has(control::kAutoInherited);
  Acl acl;
  for (const Ace& ace : parent.dacl.value_or(Acl()))
    inherit_ace(ace, directory, automatic ? Ace::kInherited : std::uint8_t{0}, created, acl);
  created.control = control::kDaclPresent;
  if (automatic) created.control |= control::kAutoInherited;
  created.dacl = acl.empty() ? owners_acl(*created.owner) : std::move(acl);
}

/// What a set keeps of the control bits (MS-DTYP 2.5.3.4.6): that a DACL was inherited counts only
/// if whoever sets it asked for inheritance.
std::uint16_t kept_control(const SecurityDescriptor& change, std::uint32_t parts) {
  std::uint16_t kept = control::kDaclPresent | (change.control & control::kDaclProtected);
  if (change.has(control::kAutoInherited) && change.has(control::kInheritRequired))
    kept |= control::kAutoInherited;
  if ((parts & selection::kProtectedDacl) != 0) kept |= control::kDaclProtected;
  if ((parts & selection::kUnprotectedDacl) != 0)
    kept = static_cast<std::uint16_t>(kept & ~control::kDaclProtected);
  return kept;
}

}  // namespace

std::uint32_t maximal_access(const SecurityDescriptor& descriptor, const Token& token) {
  if (token.is_system() || !descriptor.dacl) return access::kAllOfAFile;
  const bool owns = descriptor.owner && token.has(*descriptor.owner);
  std::uint32_t granted = owns ? owner_access(*descriptor.dacl) : 0;
  if (token.has(sids::kAdministrators)) granted |= access::kWriteOwner;  // may take ownership
  std::uint32_t denied = 0;
  for (const Ace& ace : *descriptor.dacl) {
    if (!applies(ace, token, owns)) continue;
    const std::uint32_t mask = map_generic(ace.mask);
    if (ace.type == Ace::allowed) granted |= mask & ~denied;
    if (ace.type == Ace::denied) denied |= mask & ~granted;
  }
  return granted & access::kAllOfAFile;
}

SecurityDescriptor default_descriptor(const Token& token) {
  return {control::kDaclPresent, token.user(), token.primary_group(),
          Acl{{Ace::allowed, 0, access::kAllOfAFile, sids::kEveryone}}};
}

Result<SecurityDescriptor> inherit_descriptor(const SecurityDescriptor* parent,
                                              const SecurityDescriptor* wanted, const Token& token,
                                              bool directory) {
  SecurityDescriptor created = default_descriptor(token);
  if (wanted != nullptr && wanted->owner && !may_own(token, *wanted->owner))
    return Status::invalid_owner;
  if (wanted != nullptr && wanted->owner) created.owner = wanted->owner;
  if (wanted != nullptr && wanted->group) created.group = wanted->group;
  if (wanted != nullptr && wanted->has(control::kDaclPresent)) {
    created.control = kept_control(*wanted, 0);
    created.dacl = wanted->dacl;
    if (created.dacl) map_generic(*created.dacl);
  } else if (parent != nullptr) {
    inherit_dacl(*parent, directory, created);
  }
  return created;
}

Status merge_descriptor(SecurityDescriptor& descriptor, const SecurityDescriptor& change,
                        std::uint32_t parts, const Token& token) {
  if ((parts & selection::kOwner) != 0) {
    if (!change.owner) return Status::invalid_owner;
    if (change.owner != descriptor.owner && !may_own(token, *change.owner))
      return Status::invalid_owner;
    descriptor.owner = change.owner;
  }
  if ((parts & selection::kGroup) != 0 && change.group) descriptor.group = change.group;
  if ((parts & selection::kDacl) != 0) {
    descriptor.control = kept_control(change, parts);
    descriptor.dacl = change.dacl;
    if (descriptor.dacl) map_generic(*descriptor.dacl);
  }
  return Status::success;
}

}  // namespace understudy
