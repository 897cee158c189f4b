// cluster_app node NAME: one node in the foreground, until it is stopped.
#include "cluster_app/commands/commands.h"
#include "cluster_app/node_process.h"

namespace understudy {

void commands::node(CLI::App& app, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "node", "Run one node here until Ctrl-C or `stop`; it logs to log/NAME.log");
  command->add_option("NAME", *name, "The node, as in cluster.toml")->required()->type_name("");
  command->callback([&line, name] {
    line.run = [&line, name] {
      return line.in_cluster([&line, &name = *name](const ClusterConfig& config) {
        const auto index = line.node(config, name);
        return index ? run_node(config, *index, line.console) : kFailed;
      });
    };
  });
}

}  // namespace understudy
