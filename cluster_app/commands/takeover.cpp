// cluster_app takeover NAME: its partner takes all that NAME serves, by plan; or, after a failure
// whose fence could not be confirmed, because the operator says that NAME is off.
#include <ostream>

#include "cluster_app/commands/commands.h"
#include "cluster_app/control_client.h"

namespace understudy {
namespace {

constexpr int kLimitMs = 90'000;

int run(CommandLine& line, const ClusterConfig& config, const std::string& name, bool fenced) {
  const auto index = line.node(config, name);
  if (!index) return kFailed;
  std::string error;
  const auto answer = ask_node(config.partner_of(*index).name,
                               {{"verb", "takeover"}, {"fenced", fenced}}, kLimitMs, error);
  if (!answer) return complain(line.console, error);
  if (!flag_of(*answer, "ok")) return complain(line.console, text_of(*answer, "text"));
  line.console.out << text_of(*answer, "text") << std::endl;
  return kDone;
}

}  // namespace

void commands::takeover(CLI::App& app, CommandLine& line) {
  struct Options {
    std::string name;
    bool fenced = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand(
      "takeover", "Let the partner take over what NAME serves; NAME stays as its mirror");
  command->add_option("NAME", options->name, "The node to take over from")
      ->required()
      ->type_name("");
  command->add_flag("--fenced", options->fenced,
                    "You have made sure that NAME is off: its death could not be confirmed");
  command->callback([&line, options] {
    line.run = [&line, options] {
      return line.in_cluster([&](const ClusterConfig& config) {
        return run(line, config, options->name, options->fenced);
      });
    };
  });
}

}  // namespace understudy
