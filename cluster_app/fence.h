// What cluster_app must be able to do to another node: see its death, and bring it about. Behind an
// interface because the means differ: pidfds on one machine (LocalFence), an agent elsewhere
// (AgentFence), whichever is right for a node (ClusterFence), a variable in a test.
//
// Contract: what fence() and proven_dead() confirm is final: no process of that incarnation can
// write to a LUN or answer a client ever again (rule 7). When in doubt they say false, and nobody
// takes over.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "iomgr/irp.h"
#include "iomgr/task.h"

namespace understudy {

/// One process of a node, told apart from a later one with the same number by when it started.
struct NodeProcess {
  Layer layer = Layer::none;
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since the machine's start, /proc/PID/stat field 22
};

/// One incarnation of a node, as its heartbeats tell of it.
struct NodeIncarnation {
  std::string node;
  std::uint64_t incarnation = 0;
  std::string machine;  // the same text on the same machine until it is started again
  std::vector<NodeProcess> processes;
};

struct FenceResult {
  bool confirmed = false;
  std::string why;  // not: one clause for log and status
};

/// Whether `now`, a later incarnation that talks to us, proves that `victim` is dead. It does where
/// both run on one machine: a node's lock lets only one of them live there, and its layers die with
/// their cluster_app. The LUNs' own locks hold back a mount until the last of them is gone.
inline bool replaces(const NodeIncarnation& now, const NodeIncarnation& victim, bool one_machine) {
  const bool same_machine = !now.machine.empty() && now.machine == victim.machine;
  return now.incarnation != victim.incarnation && (one_machine || same_machine);
}

class Fence {
 public:
  virtual ~Fence() = default;

  /// This machine, as its own node tells the partner.
  virtual std::string machine() const = 0;
  /// True when no incarnation of `node` can be running.
  virtual bool proven_dead(const std::string& node) = 0;
  /// Whether the memory of `node`, its mirror store in it, may have outlived its processes: started
  /// again, the node would find it.
  virtual bool memory_survives(const std::string& node) = 0;
  /// Calls `died` once, soon after the first of its processes has died; replaces an earlier watch.
  /// A node fails as a whole, so one death is enough.
  virtual void watch(const NodeIncarnation& node, std::function<void()> died) = 0;
  virtual void unwatch() = 0;
  /// Brings every process of `node` to its end and waits until all are gone. Takes as long as it
  /// takes; may be called again after it has failed.
  virtual Task<FenceResult> fence(NodeIncarnation node) = 0;
};

}  // namespace understudy
