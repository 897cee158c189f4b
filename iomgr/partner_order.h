// The order `cluster/partner`: who the partner is, where to reach it (rd_driver) or where to wait
// for it (mirror_server), and the key by which the two nodes know each other. JSON:
// docs/contracts.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "iomgr/network.h"
#include "iomgr/result.h"

namespace understudy {

struct PartnerOrder {
  Endpoint endpoint;  // empty: there is no partner (any more)
  std::string node;   // this node's name
  std::string partner;
  std::vector<std::uint8_t> key;

  bool operator==(const PartnerOrder&) const = default;
};

/// Reads the order. `endpoint_member` is "connect" or "listen". STATUS_INVALID_PARAMETER for what
/// is no such order: not JSON, a member missing, names of 0 or more than interconnect::kMaxNodeName
/// bytes or equal to each other, a key of less than kMinKeyBytes.
Result<PartnerOrder> parse_partner_order(std::string_view json, std::string_view endpoint_member);

inline constexpr std::size_t kMinKeyBytes = 16;
inline constexpr std::size_t kMaxKeyBytes = 1024;

}  // namespace understudy
