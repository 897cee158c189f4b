// Security identifiers (MS-DTYP 2.4.2): who somebody is, or which group.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "iomgr/result.h"
#include "iomgr/wire.h"

namespace understudy {

struct Sid {
  static constexpr std::size_t kMaxParts = 15;

  std::uint64_t authority = 0;  // 48 bits
  std::uint8_t count = 0;
  std::array<std::uint32_t, kMaxParts> parts{};  // `count` of them, zeros behind

  bool operator==(const Sid&) const = default;
};

namespace sids {
inline constexpr Sid kEveryone{1, 1, {0}};
inline constexpr Sid kCreatorOwner{3, 1, {0}};
inline constexpr Sid kCreatorGroup{3, 1, {1}};
inline constexpr Sid kOwnerRights{3, 1, {4}};
inline constexpr Sid kSystem{5, 1, {18}};
inline constexpr Sid kAdministrators{5, 2, {32, 544}};
}  // namespace sids

std::size_t sid_size(const Sid& sid);
void put_sid(WireWriter& writer, const Sid& sid);
/// Takes one SID off `reader`. STATUS_INVALID_SID.
Result<Sid> read_sid(WireReader& reader);

/// In whose name an open was made: the user, then the groups, the primary group first.
struct Token {
  std::vector<Sid> sids;

  const Sid& user() const { return sids.front(); }
  const Sid& primary_group() const { return sids.size() > 1 ? sids[1] : sids.front(); }
  bool has(const Sid& sid) const;
  /// Who may do everything: the server itself, in whose name no client ever comes.
  bool is_system() const { return user() == sids::kSystem; }
};

/// SIDs one behind the other, as a PropertyKind::token has them: 1 to kMaxTokenSids of them.
/// STATUS_INVALID_SID.
Result<Token> decode_token(ConstBytes bytes);
Token system_token();

}  // namespace understudy
