// In whose name a session opens files: the SIDs that fs_cache judges by (iomgr/property.h, token).
#pragma once

#include <string_view>
#include <vector>

#include "netstack/server_config.h"

namespace understudy::smb2 {

/// The user's SID, the primary group's, and those of the well-known groups that every user of the
/// network is in; of a user with the mark `admin` the administrators' too. The user's and the
/// primary group's are of a domain that is made from the server's name: the same on both nodes.
std::vector<std::uint8_t> make_token(const ServerConfig& config, std::string_view user);

}  // namespace understudy::smb2
