#include "cluster_app/stopping.h"

#include <poll.h>
#include <unistd.h>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/control_client.h"
#include "cluster_app/node_lock.h"

namespace understudy {

std::vector<std::string> ask_to_stop(const std::vector<std::string>& nodes, bool whole_cluster) {
  constexpr int kLimitMs = 5000;
  std::vector<std::string> asked;
  for (const std::string& node : nodes) {
    std::string unused;
    if (ask_node(node, {{"verb", "stop"}, {"cluster", whole_cluster}}, kLimitMs, unused))
      asked.push_back(node);
  }
  return asked;
}

bool wait_until_stopped(const std::string& node, int limit_ms) {
  constexpr int kPauseMs = 20;  // waiting for a lock has no time limit, and nothing to poll
  for (int waited_ms = 0; waited_ms < limit_ms; waited_ms += kPauseMs) {
    if (NodeLock::look(cluster_directory::lock_path(node)) == NodeLock::State::free) return true;
    poll(nullptr, 0, kPauseMs);
  }
  return false;
}

bool ended_in_order(const std::string& node) {
  return NodeLock::exit_code(cluster_directory::lock_path(node)) == 0;
}

bool memory_is_kept(const std::string& node) {
  std::string unused;
  const auto key = cluster_directory::read_key(unused);
  return key && access(cluster_directory::memory_path(*key, node).c_str(), F_OK) == 0;
}

}  // namespace understudy
