// cluster_app up: all nodes of the cluster on this machine, each in a process of its own, with
// their status on the screen until Ctrl-C.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "cluster_app/child_node.h"
#include "cluster_app/cluster_directory.h"
#include "cluster_app/cluster_status.h"
#include "cluster_app/commands/commands.h"
#include "cluster_app/live_view.h"
#include "cluster_app/program_path.h"
#include "cluster_app/stopping.h"
#include "iomgr/accounts.h"

namespace understudy {
namespace {

constexpr int kStatusLimitMs = 300;
constexpr int kStopLimitMs = 60'000;

/// What a person types in a second terminal.
std::string client_line(const ClusterConfig& config) {
  std::string unused;
  const auto accounts =
      Accounts::load(cluster_directory::kUsers, unused, Accounts::Missing::is_empty);
  const auto users = accounts ? accounts->list() : std::vector<Account>();
  const Endpoint& address = config.nodes.front().address;
  const std::size_t colon = address.rfind(':');
  std::string share = config.luns.front().share;
  for (const LunConfig& lun : config.luns) {
    if (lun.owner == 0) share = lun.share;
  }
  std::string text = "Ready. In a second terminal:\n  smbclient //" + address.substr(0, colon) +
                     "/" + share + " -p " + address.substr(colon + 1) + " -U " +
                     (users.empty() ? "NAME" : users.front().name) +
                     "%PASSWORD -c 'ls; put FILE; get FILE'";
  if (users.empty())
    text += "\n  There is no user yet: " + program_path() + " -C " +
            std::filesystem::current_path().string() + " user add NAME";
  return text;
}

/// Signals that mean something to `up` are waited for, not handled: nothing runs in between.
class Signals {
 public:
  Signals() {
    sigemptyset(&wanted_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&wanted_, each);
    sigprocmask(SIG_BLOCK, &wanted_, &before_);
  }
  ~Signals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// The next signal, or 0 when there was none for `limit_ms`.
  int wait(int limit_ms) const {
    const timespec limit{limit_ms / 1000, limit_ms % 1000 * 1'000'000L};
    const int signal = sigtimedwait(&wanted_, nullptr, &limit);
    return signal > 0 ? signal : 0;
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t wanted_;
  sigset_t before_;
};

class Up {
 public:
  Up(CommandLine& line, const ClusterConfig& config)
      : line_(line), config_(config), view_(line.console.out) {}

  int run() {
    for (const NodeConfig& node : config_.nodes) {
      std::string error;
      auto child = ChildNode::start(node.name, signals_.before(), error);
      if (!child) {
        stop();
        return complain(line_.console, error);
      }
      children_.push_back(std::move(*child));
    }
    bool stopping = false;
    while (!stopping && any_running()) {
      show();
      const int signal =
          signals_.wait(config_.heartbeat_ms < 250 ? 250 : static_cast<int>(config_.heartbeat_ms));
      reap();
      stopping = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
    }
    if (stopping) return stop();
    const bool in_order = std::none_of(children_.begin(), children_.end(),
                                       [](const ChildNode& child) { return child.failed(); });
    return in_order ? kDone : complain(line_.console, "no node runs any more; see log/");
  }

 private:
  void show() {
    const json::object status = cluster_status(config_, kStatusLimitMs);
    view_.show(status);
    if (ready_) return;
    for (const json::value& node : array_of(status, "nodes")) {
      if (text_of(node.as_object(), "state") != "up" || !flag_of(node.as_object(), "mirroring"))
        return;
    }
    ready_ = true;
    view_.say(client_line(config_));
  }

  bool any_running() const {
    return std::any_of(children_.begin(), children_.end(),
                       [](const ChildNode& child) { return child.running(); });
  }

  void reap() {
    for (ChildNode& child : children_) {
      const std::string ended = child.reap();
      if (!ended.empty()) view_.say(ended);
    }
  }

  int stop() {
    view_.say("Stopping.");
    std::vector<std::string> names;
    for (const ChildNode& child : children_) names.push_back(child.name());
    const std::vector<std::string> asked = ask_to_stop(names, true);
    int result = kDone;
    for (ChildNode& child : children_) {
      // A child that is dead may have been started again from another terminal.
      const bool runs = child.running() || std::ranges::find(asked, child.name()) != asked.end();
      const bool in_order =
          runs ? wait_until_stopped(child.name(), kStopLimitMs) && ended_in_order(child.name())
               : !child.failed();
      if (!in_order) result = kFailed;
      child.end();
    }
    view_.say(result == kDone ? "The cluster has stopped."
                              : "The cluster has stopped, but not in order; see log/.");
    return result;
  }

  CommandLine& line_;
  const ClusterConfig& config_;
  Signals signals_;
  LiveView view_;
  std::vector<ChildNode> children_;
  bool ready_ = false;
};

}  // namespace

void commands::up(CLI::App& app, CommandLine& line) {
  CLI::App* const command =
      app.add_subcommand("up", "Run all nodes on this machine and show how they are, until Ctrl-C");
  command->callback([&line] {
    line.run = [&line] {
      return line.in_cluster(
          [&line](const ClusterConfig& config) { return Up(line, config).run(); });
    };
  });
}

}  // namespace understudy
