// The fence of a node's process: for each other node the means that cluster.toml gives it. A node
// with a fence agent is fenced by that; any other one by pidfds, if it runs on this machine. What
// remains is the operator's word.
#pragma once

#include <map>

#include "cluster_app/agent_fence.h"
#include "cluster_app/config.h"
#include "cluster_app/local_fence.h"

namespace understudy {

class ClusterFence : public Fence {
 public:
  /// `config` outlives it.
  ClusterFence(AsioExecutor& executor, Log& log, const ClusterConfig& config,
               std::string cluster_key);

  std::string machine() const override { return local_.machine(); }
  bool proven_dead(const std::string& node) override { return local_.proven_dead(node); }
  bool memory_survives(const std::string& node) override { return local_.memory_survives(node); }
  void watch(const NodeIncarnation& node, std::function<void()> died) override {
    local_.watch(node, std::move(died));
  }
  void unwatch() override { local_.unwatch(); }
  Task<FenceResult> fence(NodeIncarnation node) override;

 private:
  const ClusterConfig& config_;
  LocalFence local_;
  std::map<std::string, AgentFence> agents_;  // by node
};

}  // namespace understudy
