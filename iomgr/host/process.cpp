#include "iomgr/host/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "iomgr/host/fault_text.h"
#include "iomgr/host/layer_seams.h"
#include "iomgr/host/shm_arena.h"
#include "iomgr/host/shm_port.h"
#include "iomgr/host/spdlog_log.h"

namespace understudy {
namespace {

struct Arguments {
  int arena = -1;
  std::vector<std::string> links;  // "layer=fd"
  std::string node;
  std::string log_file;
  std::string log_level = "info";
  pid_t parent = 0;
};

/// Everything that the command line says, checked.
struct Plan {
  std::map<Layer, int> links;
  Log::Level log_level = Log::Level::info;
};

std::string_view describe(Layer layer) {
  switch (layer) {
    case Layer::netstack:
      return "SMB server driver of an Understudy node: SMB2/3 from clients to IRPs and back.";
    case Layer::ff_driver:
      return "File-system filter of an Understudy node: passes operations to fs_cache, hands a "
             "copy to rd_driver, and acknowledges when both stores have them.";
    case Layer::fs_cache:
      return "File system of an Understudy node: names, opens, locks, the unwritten-data cache and "
             "the storage medium below it.";
    case Layer::rd_driver:
      return "Redirect filter of an Understudy node: sends copies of operations to the partner's "
             "mirror server.";
    case Layer::mirror_server:
      return "Mirror store of an Understudy node: keeps the partner's unwritten operations and "
             "replays them after a takeover.";
    case Layer::cluster_app:
    case Layer::none:
      break;
  }
  return {};
}

int refuse(Layer layer, const std::string& why) {
  const std::string name(to_string(layer));
  std::fprintf(stderr, "%s: %s\n", name.c_str(), why.c_str());
  return kExitBadArguments;
}

void declare_options(CLI::App& app, Arguments& arguments) {
  app.set_version_flag("--version", std::string(app.get_name()) + " " + UNDERSTUDY_VERSION);
  app.add_option("--arena", arguments.arena, "Descriptor of the node's shared memory")
      ->required()
      ->type_name("FD");
  app.add_option("--link", arguments.links,
                 "A neighbour, and the descriptor of the doorbell between us; one each")
      ->required()
      ->type_name("LAYER=FD");
  app.add_option("--node", arguments.node, "Name of the node, as in cluster.toml")
      ->required()
      ->type_name("NAME");
  app.add_option("--parent", arguments.parent, "Process id of the cluster_app that started this")
      ->required()
      ->type_name("PID");
  app.add_option("--log-file", arguments.log_file, "Where to log; default: standard error")
      ->type_name("FILE");
  app.add_option("--log-level", arguments.log_level, "debug, info, warning or error; default: info")
      ->type_name("LEVEL");
  app.footer(
      "Started by cluster_app with descriptors that only it can make; not meant to be started by "
      "hand.\n" +
      std::string("Environment: ") + kFaultVariable +
      "=node.layer:point=action[@n][+],... arms fault points.");
}

bool is_open(int fd) {
  return fd > STDERR_FILENO && fcntl(fd, F_GETFD) >= 0;
}

int read_number(std::string_view digits) {
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : -1;
}

/// Reads one --link into `plan`; says what is wrong with it, or nothing.
std::string read_link(Layer layer, const std::string& text, Plan& plan) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const Layer neighbour = parse_layer(name);
  const auto links = house_links();
  const bool in_house = std::any_of(links.begin(), links.end(), [&](const LayerLink& link) {
    return (link.one == layer && link.other == neighbour) ||
           (link.other == layer && link.one == neighbour);
  });
  if (!in_house) return "--link " + text + ": this layer has no link to '" + name + "'";
  const int fd = equals == std::string::npos ? -1 : read_number(text.substr(equals + 1));
  if (!is_open(fd)) return "--link " + text + ": no open descriptor";
  if (!plan.links.emplace(neighbour, fd).second) return "--link " + text + ": given twice";
  return {};
}

std::string missing_link(Layer layer, const Plan& plan) {
  for (const LayerLink& link : house_links()) {
    if (link.one != layer && link.other != layer) continue;
    const Layer neighbour = link.one == layer ? link.other : link.one;
    if (!plan.links.contains(neighbour))
      return "--link " + std::string(to_string(neighbour)) + "=FD is missing";
  }
  return {};
}

/// What is wrong with the arguments, or nothing.
std::string check(Layer layer, const Arguments& arguments, Plan& plan) {
  const auto level = parse_log_level(arguments.log_level);
  if (!level)
    return "--log-level " + arguments.log_level + ": not one of debug, info, warning, error";
  plan.log_level = *level;
  if (arguments.node.empty()) return "--node: empty";
  if (!is_open(arguments.arena))
    return "--arena " + std::to_string(arguments.arena) + ": no open descriptor";
  for (const std::string& link : arguments.links) {
    std::string wrong = read_link(layer, link, plan);
    if (!wrong.empty()) return wrong;
  }
  return missing_link(layer, plan);
}

/// Ties this process to its parent and takes it out of the terminal's hands.
bool settle(Layer layer, const Arguments& arguments) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  const std::string name = arguments.node + "." + std::string(to_string(layer));
  prctl(PR_SET_NAME, name.substr(0, 15).c_str());
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == arguments.parent;  // or it died before the line above
}

/// The layer's life after its arguments are known to be good.
int live(Layer layer, LayerFactory factory, const Plan& plan, Arena& arena, SpdlogLog& log,
         FaultPoints&& faults) {
  AsioExecutor executor;
  LayerSeams seams(layer, executor, arena, log);
  seams.faults() = std::move(faults);
  const std::unique_ptr<Driver> driver = factory(seams.seams());
  driver->on_broken = [&log](Layer neighbour) {
    log.error("this layer ends: without a neighbour there is no node",
              {{"neighbour", to_string(neighbour)}});
    log.flush();
    _exit(kExitLinkBroken);  // from inside some coroutine: there is nothing to go back to
  };
  for (const auto& [neighbour, fd] : plan.links) {
    driver->attach(neighbour,
                   std::make_unique<ShmPort>(executor, arena, layer, neighbour, UniqueFd(fd)),
                   max_outstanding(layer, neighbour));
  }
  driver->start();
  log.info("started", {{"pid", getpid()}});
  executor.run();
  return EXIT_SUCCESS;
}

int run_checked(Layer layer, LayerFactory factory, const Arguments& arguments, const Plan& plan) {
  const std::string name(to_string(layer));
  FaultPoints faults;
  const char* fault_text = getenv(kFaultVariable);
  const std::string wrong =
      arm_faults(faults, fault_text == nullptr ? "" : fault_text, arguments.node, layer);
  if (!wrong.empty()) return refuse(layer, std::string(kFaultVariable) + ": " + wrong);
  if (!settle(layer, arguments)) {
    return refuse(
        layer, "--parent " + std::to_string(arguments.parent) + ": not the parent of this process");
  }
  fcntl(arguments.arena, F_SETFD, FD_CLOEXEC);
  for (const auto& [neighbour, fd] : plan.links) fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto arena = ShmArena::attach(UniqueFd(arguments.arena));
  if (!arena)
    return refuse(layer,
                  "--arena " + std::to_string(arguments.arena) + ": not the memory of a node");
  auto log = SpdlogLog::open(arguments.node + "." + name, arguments.log_file, plan.log_level);
  if (!log) return refuse(layer, "--log-file " + arguments.log_file + ": cannot be opened");
  return live(layer, factory, plan, (*arena)->arena(), **log, std::move(faults));
}

}  // namespace

int run_layer(int argc, char** argv, Layer layer, LayerFactory factory) {
  UNDERSTUDY_CHECK(layer != Layer::none && layer != Layer::cluster_app);
  const std::string name(to_string(layer));
  if (argc <= 1) {
    return refuse(layer,
                  "this process is started by cluster_app, not by hand; see `cluster_app --help`");
  }
  CLI::App app(std::string(describe(layer)), name);
  Arguments arguments;
  declare_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    // What is unknown explains more than what is missing beside it.
    const std::vector<std::string> unknown = app.remaining();
    return refuse(layer,
                  unknown.empty() ? error.what() : "there is no argument " + unknown.front());
  }
  Plan plan;
  const std::string wrong = check(layer, arguments, plan);
  return wrong.empty() ? run_checked(layer, factory, arguments, plan) : refuse(layer, wrong);
}

}  // namespace understudy
