// cluster_app giveback NAME: NAME gets the LUNs back that are its own (STEP 336).
#include <ostream>

#include "cluster_app/commands/commands.h"
#include "cluster_app/control_client.h"

namespace understudy {
namespace {

constexpr int kLimitMs = 90'000;

int run(CommandLine& line, const ClusterConfig& config, const std::string& name) {
  if (!line.node(config, name)) return kFailed;
  std::string error;
  const auto answer = ask_node(name, {{"verb", "giveback"}}, kLimitMs, error);
  if (!answer) return complain(line.console, error);
  if (!flag_of(*answer, "ok")) return complain(line.console, text_of(*answer, "text"));
  line.console.out << text_of(*answer, "text") << std::endl;
  return kDone;
}

}  // namespace

void commands::giveback(CLI::App& app, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* const command =
      app.add_subcommand("giveback", "Give NAME its own LUNs back from the partner");
  command->add_option("NAME", *name, "The node to give back to")->required()->type_name("");
  command->callback([&line, name] {
    line.run = [&line, name] {
      return line.in_cluster([&](const ClusterConfig& config) { return run(line, config, *name); });
    };
  });
}

}  // namespace understudy
