// Who may do what: the access check (MS-DTYP 2.5.3.2) and the descriptors of new objects (MS-DTYP
// 2.5.3.4). Pure functions.
#pragma once

#include "fs_cache/security/descriptor.h"

namespace understudy {

/// Everything that the descriptor grants. An access is granted if all of its bits are in here: an
/// entry decides only what none before it has decided, so which of them are asked for makes no
/// difference.
std::uint32_t maximal_access(const SecurityDescriptor& descriptor, const Token& token);

/// What an object without a descriptor of its own is taken to have: everybody may do everything,
/// and it is whoever asks' own.
SecurityDescriptor default_descriptor(const Token& token);

/// The descriptor of a new object. `parent`: its directory's; `wanted`: what CREATE brought.
/// Neither: it needs none of its own, so this must not be called. STATUS_INVALID_OWNER: it may not
/// be given to that owner.
Result<SecurityDescriptor> inherit_descriptor(const SecurityDescriptor* parent,
                                              const SecurityDescriptor* wanted, const Token& token,
                                              bool directory);

/// `parts` of `change` replace those of `descriptor` (MS-DTYP 2.5.3.4.6 but for SACLs).
/// STATUS_INVALID_OWNER: not one whom this user may make the owner.
Status merge_descriptor(SecurityDescriptor& descriptor, const SecurityDescriptor& change,
                        std::uint32_t parts, const Token& token);

}  // namespace understudy
