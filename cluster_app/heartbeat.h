// What one node tells its partner every heartbeat_ms: that it lives, how it is, what it owns and
// what it holds of the partner's. Everything that membership decides upon comes from here; what a
// hostile or broken sender may put in it is checked when it is read.
#pragma once

#include <optional>

#include "cluster_app/fence.h"
#include "iomgr/executor.h"
#include "iomgr/json_fields.h"

namespace understudy {

enum class NodeState : std::uint8_t { starting, up, takeover, stopping };
std::string_view to_string(NodeState state);

/// Where a LUN is in one node's hands.
enum class LunPhase : std::uint8_t {
  none,    // not ours
  taking,  // being mounted and replayed: nobody else may start to
  serving,
  releasing,  // being flushed and given away
};
std::string_view to_string(LunPhase phase);

struct LunState {
  LunPhase phase = LunPhase::none;
  std::uint64_t epoch = 0;
};

/// How the sender's stack is, in its own measurements; what is too much is for the reader to say.
struct Health {
  Duration layer_silent{0};      // the longest that a layer has not answered
  Duration storage_oldest{0};    // age of the oldest storage request
  bool storage_failing = false;  // the medium refused the last flush of a LUN
};

struct Heartbeat {
  NodeIncarnation who;
  NodeState state = NodeState::starting;
  Health health;
  std::vector<LunState> luns;
  std::uint64_t listens = 0;  // at which nodes' addresses: bit 0 the first node's
};

json::object to_json(const Heartbeat& heartbeat);
/// Nothing if it is not a heartbeat of a cluster with `luns` LUNs.
std::optional<Heartbeat> heartbeat_from(const json::object& message, std::size_t luns);

}  // namespace understudy
