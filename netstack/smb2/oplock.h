// Oplocks and leases on the wire (MS-SMB2 sections 2.2.13, 2.2.13.2.8, 2.2.13.2.10, 2.2.23). What
// is granted and broken is fs_cache's to say.
#pragma once

#include "iomgr/irp.h"
#include "iomgr/task.h"
#include "netstack/smb2/create_contexts.h"

namespace understudy {
class Netstack;
}

namespace understudy::smb2 {

struct Negotiation;

/// OplockLevel, section 2.2.13.
inline constexpr std::uint8_t kLevelNone = 0;
inline constexpr std::uint8_t kLevelII = 1;
inline constexpr std::uint8_t kLevelExclusive = 8;
inline constexpr std::uint8_t kLevelBatch = 9;
inline constexpr std::uint8_t kLevelLease = 0xFF;

/// Of caching:: what an oplock's level allows. Levels that there are not allow nothing.
std::uint8_t state_of_level(std::uint8_t level);
std::uint8_t level_of_state(std::uint8_t state);

/// What a CREATE asks for. A lease that this dialect does not have is none (section 3.3.5.9).
Caching asked_caching(std::uint8_t level, const CreateContexts& contexts,
                      const Negotiation& negotiation);
/// The level of the response, and in `contexts` the lease of it.
std::uint8_t answer_caching(const Caching& granted, CreateContexts& contexts);

/// Tells a client of the break in `irp`, a completed oplock/next_break (sections 3.3.4.6, 3.3.4.7).
/// A client that is gone has closed, or is closing, what is to break.
void send_break(Netstack& netstack, const Irp& irp);

}  // namespace understudy::smb2
