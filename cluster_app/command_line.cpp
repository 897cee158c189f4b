#include "cluster_app/command_line.h"

#include <ostream>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/commands/commands.h"

namespace understudy {

int complain(Console& console, const std::string& what, int exit_code) {
  console.err << "cluster_app: " << what << std::endl;
  return exit_code;
}

int CommandLine::in_cluster(const std::function<int(const ClusterConfig&)>& command) {
  std::string error;
  const auto config = cluster_directory::enter(directory, error);
  return config ? command(*config) : complain(console, error);
}

std::optional<std::uint32_t> CommandLine::node(const ClusterConfig& config,
                                               const std::string& name) {
  const auto index = config.node_index(name);
  if (!index) {
    std::string names;
    for (const NodeConfig& each : config.nodes) names += (names.empty() ? "" : " and ") + each.name;
    complain(console, "there is no node " + name + "; cluster.toml has " + names);
  }
  return index;
}

int run_command_line(int argc, const char* const* argv, Console& console) {
  CLI::App app("Understudy: a highly available SMB file server. Two nodes stand in for each other.",
               "cluster_app");
  app.set_version_flag("--version", "cluster_app " UNDERSTUDY_VERSION);
  app.require_subcommand(1);
  app.footer(
      "A first cluster:\n"
      "  cluster_app init demo --user me      makes it, asks for a password\n"
      "  cluster_app -C demo up               runs both nodes\n"
      "  cluster_app -C demo status           how they are, from a second terminal\n"
      "Exit code: 0 done, 1 failed, 2 bad arguments.");
  CommandLine line{console, ".", {}};
  app.add_option("-C,--directory", line.directory, "The cluster's directory")
      ->type_name("DIR")
      ->capture_default_str();
  commands::init(app, line);
  commands::up(app, line);
  commands::node(app, line);
  commands::status(app, line);
  commands::stop(app, line);
  commands::takeover(app, line);
  commands::giveback(app, line);
  commands::user(app, line);
  commands::trace(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked, console.out, console.err);
  } catch (const CLI::ParseError& wrong) {
    const std::vector<std::string> unknown = app.remaining();
    const std::string what =
        unknown.empty() ? wrong.what() : "there is no command or option '" + unknown.front() + "'";
    return complain(console, what + "; see `cluster_app --help`", kBadArguments);
  }
  return line.run();
}

}  // namespace understudy
