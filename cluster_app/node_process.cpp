#include "cluster_app/node_process.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>
#include <optional>
#include <vector>

#include "cluster_app/cluster_app.h"
#include "cluster_app/cluster_directory.h"
#include "cluster_app/cluster_fence.h"
#include "cluster_app/descriptors.h"
#include "cluster_app/node_lock.h"
#include "iomgr/host/fault_text.h"
#include "iomgr/host/launcher.h"
#include "iomgr/host/layer_seams.h"
#include "iomgr/host/parking.h"
#include "iomgr/host/spdlog_log.h"

namespace understudy {
namespace {

/// Everything to the node's file, warnings and errors to the terminal too.
class NodeLog : public Log {
 public:
  NodeLog(std::unique_ptr<SpdlogLog> file, std::unique_ptr<SpdlogLog> terminal)
      : file_(std::move(file)), terminal_(std::move(terminal)) {}
  void write(Level level, std::string_view message, Fields fields) override {
    file_->write(level, message, fields);
    if (level >= Level::warning) terminal_->write(level, message, fields);
  }

 private:
  std::unique_ptr<SpdlogLog> file_;
  std::unique_ptr<SpdlogLog> terminal_;
};

std::unique_ptr<NodeLog> open_log(const std::string& node) {
  auto file =
      SpdlogLog::open(node + ".cluster_app",
                      std::string(cluster_directory::kLog) + "/" + node + ".log", Log::Level::info);
  auto terminal = SpdlogLog::open(node + ".cluster_app", "", Log::Level::warning);
  if (!file || !terminal) return nullptr;
  return std::make_unique<NodeLog>(std::move(*file), std::move(*terminal));
}

/// The running node: what lives from its launch to its end.
class RunningNode {
 public:
  RunningNode(const ClusterConfig& config, std::uint32_t self, std::string cluster_key,
              std::unique_ptr<NodeLog> log)
      : config_(config),
        self_(self),
        cluster_key_(std::move(cluster_key)),
        memory_path_(cluster_directory::memory_path(cluster_key_, name())),
        log_(std::move(log)) {}

  /// Nothing, or why it cannot start.
  std::string launch(FaultPoints faults) {
    LaunchOptions options;
    options.node = name();
    options.sizes.unwritten_bytes = config_.unwritten_mib * bounds::kMiB;
    options.sizes.mirror_bytes = config_.mirror_mib * bounds::kMiB;
    options.memory_path = memory_path_;
    options.log_directory = cluster_directory::kLog;
    auto launched = NodeProcesses::launch(executor_, *log_, options);
    if (!launched) return "cannot start its layers: " + std::string(to_string(launched.status()));
    processes_ = std::move(*launched);
    fence_.emplace(executor_, *log_, config_, cluster_key_);
    seams_.emplace(Layer::cluster_app, executor_, processes_->arena(), *log_);
    seams_->faults() = std::move(faults);
    app_ = make_cluster_app(seams_->seams(), settings(), *fence_);
    for (const LayerProcess& each : processes_->processes()) {
      app_->attach(each.layer, processes_->take_port(each.layer),
                   max_outstanding(Layer::cluster_app, each.layer));
    }
    return {};
  }

  int run() {
    app_->on_end = [this](int code, const std::string&) { finish(code); };
    processes_->on_death(
        [this](const LayerProcess& dead, int status) { layer_died(dead, status); });
    boost::asio::signal_set signals(executor_.context(), SIGINT, SIGTERM);
    wait_for_signal(signals);
    follow_accounts();
    app_->start();
    executor_.run();
    if (exit_code_ == kDone) unlink(memory_path_.c_str());
    log_->info("node ends", {{"exit_code", exit_code_}});
    return exit_code_;
  }

 private:
  const std::string& name() const { return config_.nodes.at(self_).name; }

  NodeSettings settings() {
    NodeSettings settings;
    settings.config = config_;
    settings.self = self_;
    settings.cluster_key = cluster_key_;
    settings.accounts = read_accounts();
    settings.memory_is_kept = processes_->memory_has_name();
    settings.command_endpoint = "unix:" + cluster_directory::socket_path(name());
    for (const LayerProcess& each : processes_->processes()) {
      settings.processes.push_back({each.layer, each.pid, each.start_time});
    }
    settings.processes.push_back(
        {Layer::cluster_app, getpid(), start_time_of(getpid()).value_or(0)});
    return settings;
  }

  std::string read_accounts() {
    std::string error;
    auto text = cluster_directory::read_file(cluster_directory::kUsers, error);
    if (!text)
      log_->warning("the accounts file cannot be read: nobody can log on", {{"why", error}});
    return text.value_or("");
  }

  /// Looks once a second whether `cluster_app user` has changed the accounts.
  void follow_accounts() {
    struct stat facts {};
    const bool there = stat(cluster_directory::kUsers, &facts) == 0;
    const std::pair seen(there ? facts.st_mtim.tv_sec : 0, there ? facts.st_mtim.tv_nsec : 0);
    if (accounts_seen_ && *accounts_seen_ != seen) app_->set_accounts(read_accounts());
    accounts_seen_ = seen;
    let_go_of_the_dead(processes_->arena());  // a debugger that died while nobody waited for it
    executor_.start_timer(executor_.now() + std::chrono::seconds(1), [this] { follow_accounts(); });
  }

  /// The first asks the node to stop in order; the second does not wait for that.
  void wait_for_signal(boost::asio::signal_set& signals) {
    signals.async_wait([this, &signals](boost::system::error_code error, int) {
      if (error) return;
      if (std::exchange(asked_to_stop_, true)) {
        finish(1);
      } else {
        app_->stop(false);
        wait_for_signal(signals);
      }
    });
  }

  void layer_died(const LayerProcess& dead, int status) {
    const std::string how = WIFSIGNALED(status)
                                ? "signal " + std::to_string(WTERMSIG(status))
                                : "exit code " + std::to_string(WEXITSTATUS(status));
    app_->fail(std::string(to_string(dead.layer)) + " died (" + how + ")");
  }

  /// A node that fails, fails as a whole and at once.
  void finish(int exit_code) {
    exit_code_ = exit_code;
    processes_->kill_all();
    executor_.stop();
  }

  const ClusterConfig& config_;
  const std::uint32_t self_;
  const std::string cluster_key_;
  const std::string memory_path_;
  std::unique_ptr<NodeLog> log_;
  AsioExecutor executor_;
  std::unique_ptr<NodeProcesses> processes_;
  std::optional<ClusterFence> fence_;
  std::optional<LayerSeams> seams_;
  std::unique_ptr<ClusterApp> app_;
  std::optional<std::pair<time_t, long>> accounts_seen_;
  bool asked_to_stop_ = false;
  int exit_code_ = kFailed;
};

}  // namespace

int run_node(const ClusterConfig& config, std::uint32_t self, Console& console) {
  const std::string& name = config.nodes.at(self).name;
  std::string error;
  std::error_code failure;
  std::filesystem::create_directories(cluster_directory::kRun, failure);
  std::filesystem::create_directories(cluster_directory::kLog, failure);
  std::signal(SIGPIPE, SIG_IGN);
  auto key = cluster_directory::read_key(error);
  if (!key) return complain(console, error);
  const std::string too_few = raise_descriptor_limit();
  if (!too_few.empty()) return complain(console, "node " + name + " " + too_few);
  FaultPoints faults;
  const char* const fault_text = std::getenv(kFaultVariable);
  const std::string wrong =
      arm_faults(faults, fault_text == nullptr ? "" : fault_text, name, Layer::cluster_app);
  if (!wrong.empty())
    return complain(console, std::string(kFaultVariable) + ": " + wrong, kBadArguments);
  const auto lock = NodeLock::take(cluster_directory::lock_path(name), error);
  if (!lock) return complain(console, "node " + name + " " + error);
  auto log = open_log(name);
  if (!log)
    return complain(console, std::string("cannot write logs to ") + cluster_directory::kLog + "/");
  RunningNode node(config, self, std::move(*key), std::move(log));
  const std::string why = node.launch(std::move(faults));
  if (!why.empty()) return complain(console, "node " + name + " " + why);
  const int exit_code = node.run();
  lock->leave(exit_code);
  return exit_code;
}

}  // namespace understudy
