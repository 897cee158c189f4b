// Rounds of the long run, and of the tests: a pair of its own, clients that work, a node that dies
// or stops at a chosen place, and what is there afterwards. A round is made by its seed: what the
// clients ask, where the node dies and at which pass. When something happens is the machine's to
// say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/real/load.h"
#include "tests/real/pair.h"

namespace understudy {

struct Round {
  std::string what;       // the place: "fs_cache:medium.flush.entries=kill@3"
  bool happened = false;  // the place was passed; otherwise the node was killed anywhere
  std::size_t acknowledged = 0;
  std::size_t refused = 0;
  std::size_t unanswered = 0;
  std::int64_t replayed = 0;     // operations, by the last takeover
  std::int64_t takeover_ms = 0;  // from its detection to the end of the replay
  std::int64_t waited_ms = 0;    // the longest that a client waited for an answer
  std::string wrong;             // empty: nothing was lost, nothing was there that should not be
};

/// Where an owner can die in the middle of a flush, as "layer:point"; and where one can that has no
/// partner.
const std::vector<std::string>& flush_points();
const std::vector<std::string>& lone_flush_points();
/// Where a survivor can die between its decision to take the dead node's LUN and its offer to
/// clients.
const std::vector<std::string>& takeover_points();

/// The owner dies at `point`, at a pass that the seed chooses, while clients work; the survivor
/// takes over and serves.
Round kill_in_flush(const std::string& point, std::uint64_t seed);
/// The owner is killed while clients work, and the survivor at `point` of its takeover; the
/// survivor is started again, with the memory that outlived it.
Round kill_in_replay(const std::string& point, std::uint64_t seed);
/// The partner is dead; the owner dies at `point` of a flush while clients work, and is started
/// again.
Round kill_alone(const std::string& point, std::uint64_t seed);
/// The owner stops at `point` of a flush (all its processes: SIGSTOP), the survivor takes over,
/// clients work on, and the old owner is woken (SIGCONT).
Round wake_old_owner(const std::string& point, std::uint64_t seed);

/// What clients see in share0 at a's address is what they were told; and when `flushed_at` has
/// written everything, the host sees the same. The load goes on from there. Empty, or what is
/// wrong.
std::string check_share(const Pair& pair, Load& load, const std::string& flushed_at,
                        bool unmirrored = false);

}  // namespace understudy
