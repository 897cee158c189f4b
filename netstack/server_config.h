// What cluster_app's order `serve` says: an address, and who may see what there
// (docs/contracts.md).
#pragma once

#include <string>
#include <vector>

#include "iomgr/accounts.h"
#include "iomgr/network.h"
#include "netstack/smb2/share.h"

namespace understudy {

/// `allowed`: clients encrypt if they please; `required`: who does not is refused.
enum class Encryption : std::uint8_t { off, allowed, required };

struct ServerConfig {
  Endpoint address;
  std::string name;  // NetBIOS name, as clients see it; the same on both nodes of a cluster
  std::vector<smb2::Share> shares;
  Accounts accounts;
  bool signing_required = true;
  Encryption encryption = Encryption::allowed;

  /// Without regard to case; IPC$ is always there. nullptr if there is none.
  const smb2::Share* find_share(std::string_view name) const;
  /// ServerGuid (MS-SMB2 section 2.2.4): made from the name, so that both nodes give the same.
  std::array<std::uint8_t, 16> guid() const;
};

/// Reads the JSON of `serve`; what is wrong with it in `error`, for the log.
std::optional<ServerConfig> parse_serve(ConstBytes json, std::string& error);
/// Reads the address out of the JSON of any order.
std::optional<Endpoint> parse_address(ConstBytes json);
/// Whether `serve` means to stand by: to listen behind the partner, and to accept nobody.
bool stands_by(ConstBytes json);

}  // namespace understudy
