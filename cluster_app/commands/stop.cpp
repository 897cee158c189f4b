// cluster_app stop [NAME]: one node, whose LUNs the partner takes; or the whole cluster.
#include <algorithm>
#include <ostream>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/commands/commands.h"
#include "cluster_app/stopping.h"

namespace understudy {
namespace {

constexpr int kLimitMs = 60'000;
constexpr int kEndingLimitMs = 1000;  // of a node that has ended but for its lock

std::string see_log(const std::string& node) {
  return std::string("; see ") + cluster_directory::kLog + "/" + node + ".log";
}

/// How a node that was asked to stop has ended.
int await_end(CommandLine& line, const std::string& node) {
  if (!wait_until_stopped(node, kLimitMs))
    return complain(line.console, "node " + node + " does not end" + see_log(node));
  if (!ended_in_order(node)) {
    return complain(line.console,
                    "node " + node + " has ended, but not in order" +
                        (memory_is_kept(node) ? ": its memory is kept for its next start" : "") +
                        see_log(node));
  }
  line.console.out << "Node " << node << " has stopped." << std::endl;
  return kDone;
}

int run(CommandLine& line, const ClusterConfig& config, const std::string& name) {
  std::vector<std::string> nodes;
  if (!name.empty()) {
    if (!line.node(config, name)) return kFailed;
    nodes.push_back(name);
  } else {
    for (const NodeConfig& node : config.nodes) nodes.push_back(node.name);
  }
  const auto asked = ask_to_stop(nodes, name.empty());
  int result = kDone;
  for (const std::string& node : nodes) {
    if (std::ranges::find(asked, node) != asked.end()) {
      if (await_end(line, node) != kDone) result = kFailed;
    } else if (!wait_until_stopped(node, kEndingLimitMs)) {
      result = complain(line.console, "node " + node + " runs but does not answer" + see_log(node));
    }
  }
  if (asked.empty() && result == kDone) {
    return complain(line.console,
                    name.empty() ? "no node runs" : "node " + name + " is not running");
  }
  return result;
}

}  // namespace

void commands::stop(CLI::App& app, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "stop", "Stop the cluster, or one node, whose LUNs its partner then serves");
  command->add_option("NAME", *name, "The node; default: all of them")->type_name("");
  command->callback([&line, name] {
    line.run = [&line, name] {
      return line.in_cluster([&](const ClusterConfig& config) { return run(line, config, *name); });
    };
  });
}

}  // namespace understudy
