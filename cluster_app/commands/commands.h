// One function a subcommand: it declares its options and says what to run. Each stands in a file of
// its own name.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cluster_app/config.h"
#include "cluster_app/console.h"

namespace understudy {

/// What the subcommands share while the arguments are parsed. The one that was given sets `run`.
struct CommandLine {
  Console& console;
  std::string directory = ".";
  std::function<int()> run;

  /// Enters the cluster's directory and runs `command` on its configuration.
  int in_cluster(const std::function<int(const ClusterConfig&)>& command);
  /// The index of the node that a person named; complains and gives nothing if there is none.
  std::optional<std::uint32_t> node(const ClusterConfig& config, const std::string& name);
};

namespace commands {
void init(CLI::App& app, CommandLine& line);
void up(CLI::App& app, CommandLine& line);
void node(CLI::App& app, CommandLine& line);
void status(CLI::App& app, CommandLine& line);
void stop(CLI::App& app, CommandLine& line);
void takeover(CLI::App& app, CommandLine& line);
void giveback(CLI::App& app, CommandLine& line);
void user(CLI::App& app, CommandLine& line);
void trace(CLI::App& app, CommandLine& line);
}  // namespace commands

}  // namespace understudy
