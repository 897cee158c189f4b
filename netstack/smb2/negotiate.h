// What NEGOTIATE shares with others: the choice of the dialect, which FSCTL_VALIDATE_NEGOTIATE_INFO
// makes again, and SMB1's opening.
#pragma once

#include <cstdint>
#include <vector>

#include "iomgr/bytes.h"
#include "netstack/server_config.h"

namespace understudy::smb2 {

/// The highest dialect that both sides speak; 0: none.
std::uint16_t choose_dialect(const std::vector<std::uint16_t>& offered);

/// SecurityMode that the server states.
std::uint16_t security_mode_of(const ServerConfig& config);

/// Whether a frame is a message of SMB1.
bool is_smb1(ConstBytes frame);

}  // namespace understudy::smb2
