// cluster_app status: how the cluster is, also when nothing of it runs.
#include <ostream>

#include "cluster_app/cluster_status.h"
#include "cluster_app/commands/commands.h"

namespace understudy {
namespace {

constexpr int kLimitMs = 2000;

int run(CommandLine& line, const ClusterConfig& config, bool as_json) {
  const json::object status = cluster_status(config, kLimitMs);
  if (as_json) {
    line.console.out << json::serialize(status) << std::endl;
    return kDone;
  }
  for (const std::string& text : render_status(status)) line.console.out << text << "\n";
  line.console.out.flush();
  return kDone;
}

}  // namespace

void commands::status(CLI::App& app, CommandLine& line) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* const command =
      app.add_subcommand("status", "How the nodes are, who owns what, what is mirrored");
  command->add_flag("--json", *as_json, "For programs: one JSON object");
  command->callback([&line, as_json] {
    line.run = [&line, as_json] {
      return line.in_cluster(
          [&line, as_json](const ClusterConfig& config) { return run(line, config, *as_json); });
    };
  });
}

}  // namespace understudy
