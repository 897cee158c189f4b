// What one node tells its partner every heartbeat_ms: that it lives, how it is, what it owns and
// what it holds of the partner's. Everything that membership decides upon comes from here; what a
// hostile or broken sender may put in it is checked when it is read.
#pragma once

#include <optional>

#include "cluster_app/fence.h"
#include "cluster_app/json_fields.h"

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
  std::uint64_t mirrored =
      0;  // at most so many operations on this LUN are in the sender's mirror store
};

struct Heartbeat {
  NodeIncarnation who;
  NodeState state = NodeState::starting;
  bool healthy = true;  // all five layers have answered in time
  std::vector<LunState> luns;
};

json::object to_json(const Heartbeat& heartbeat);
/// Nothing if it is not a heartbeat of a cluster with `luns` LUNs.
std::optional<Heartbeat> heartbeat_from(const json::object& message, std::size_t luns);

}  // namespace understudy
