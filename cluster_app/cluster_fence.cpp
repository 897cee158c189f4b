#include "cluster_app/cluster_fence.h"

namespace understudy {

ClusterFence::ClusterFence(AsioExecutor& executor, Log& log, const ClusterConfig& config,
                           std::string cluster_key)
    : config_(config), local_(executor, log, config.one_machine, std::move(cluster_key)) {
  for (const NodeConfig& node : config.nodes) {
    if (node.fence_agent.empty()) continue;
    agents_.try_emplace(node.name, executor, log, node.fence_agent,
                        std::chrono::milliseconds(config.fence_agent_timeout_ms));
  }
}

Task<FenceResult> ClusterFence::fence(NodeIncarnation node) {
  const auto agent = agents_.find(node.node);
  if (agent != agents_.end()) {
    const std::string control = config_.nodes.at(*config_.node_index(node.node)).control;
    FenceResult by_agent = co_await agent->second.fence(std::move(node), control);
    co_return by_agent;
  }
  FenceResult by_pidfd = co_await local_.fence(std::move(node));
  co_return by_pidfd;
}

}  // namespace understudy
