// The Server Service Remote Protocol (MS-SRVS), as much of it as lists shares.
#pragma once

#include <optional>
#include <vector>

#include "iomgr/bytes.h"
#include "netstack/server_config.h"

namespace understudy::rpc {

/// Runs one operation on its NDR-encoded arguments; gives its NDR-encoded results. nullopt: no such
/// operation here, or not its arguments.
std::optional<std::vector<std::uint8_t>> call_srvsvc(std::uint16_t operation, ConstBytes arguments,
                                                     const ServerConfig& config);

}  // namespace understudy::rpc
