#include "iomgr/host/launcher.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "iomgr/check.h"
#include "iomgr/host/pidfd.h"
#include "iomgr/host/shm_port.h"
#include "iomgr/host/spawn.h"

namespace understudy {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

constexpr std::array kSpawned = {Layer::netstack, Layer::ff_driver, Layer::fs_cache,
                                 Layer::rd_driver, Layer::mirror_server};
constexpr Duration kReapLimit = std::chrono::seconds(5);

/// Both ends of every doorbell, by (whose end, towards whom).
using Doorbells = std::map<std::pair<Layer, Layer>, UniqueFd>;

std::optional<Doorbells> make_doorbells() {
  Doorbells doorbells;
  for (const LayerLink& link : house_links()) {
    auto ends = make_doorbell();
    if (!ends) return std::nullopt;
    doorbells[{link.one, link.other}] = std::move(ends->first);
    doorbells[{link.other, link.one}] = std::move(ends->second);
  }
  return doorbells;
}

std::string program_directory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace

class NodeProcesses::Parts : public std::enable_shared_from_this<Parts> {
 public:
  Parts(AsioExecutor& executor, Log& log, std::unique_ptr<ShmArena> memory, Doorbells doorbells)
      : executor_(executor),
        log_(log),
        memory_(std::move(memory)),
        doorbells_(std::move(doorbells)) {}

  Status launch(const LaunchOptions& options) {
    processes_.reserve(kSpawned.size());  // callers hold on to elements
    for (const Layer layer : kSpawned) {
      const Status status = launch_one(layer, options);
      if (failed(status)) return status;
    }
    // Only the layers themselves may hold the other ends, or nobody would notice that one died.
    std::erase_if(doorbells_,
                  [](const auto& entry) { return entry.first.first != Layer::cluster_app; });
    return Status::success;
  }

  std::unique_ptr<Port> take_port(Layer layer) {
    const auto doorbell = doorbells_.find({Layer::cluster_app, layer});
    UNDERSTUDY_CHECK(doorbell != doorbells_.end());
    auto port = std::make_unique<ShmPort>(executor_, memory_->arena(), Layer::cluster_app, layer,
                                          std::move(doorbell->second));
    doorbells_.erase(doorbell);
    return port;
  }

  void on_death(OnDeath callback) {
    UNDERSTUDY_CHECK(!on_death_ && callback);
    on_death_ = std::move(callback);
    for (std::size_t i = 0; i < processes_.size(); ++i) watch(i);
  }

  void kill_all() {
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      if (!watched_[i].reaped) kill_by_pidfd(processes_[i].pidfd);
    }
  }

  bool reap(Duration limit) {
    const Time deadline = executor_.now() + limit;
    bool all = true;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      if (watched_[i].reaped) continue;
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - executor_.now()).count();
      if (has_ended(processes_[i].pidfd, static_cast<int>(std::max<std::int64_t>(left, 0)))) {
        report(i);
      } else {
        all = false;
      }
    }
    return all;
  }

  /// Ends the watching; the callback is not called any more.
  void close() {
    on_death_ = nullptr;
    boost::system::error_code ignored;
    for (const Watched& each : watched_) each.pidfd->cancel(ignored);
  }

  Arena& arena() { return memory_->arena(); }
  bool memory_has_name() const { return memory_->has_name(); }
  std::span<const LayerProcess> processes() const { return processes_; }

 private:
  struct Watched {
    std::shared_ptr<Descriptor> pidfd;
    bool reaped = false;
  };

  Status launch_one(Layer layer, const LaunchOptions& options) {
    const std::string name(to_string(layer));
    const std::string directory = options.programs.empty() ? program_directory() : options.programs;
    const std::string program = directory + "/" + name;
    std::vector<int> passed = {memory_->fd()};
    std::vector<std::string> arguments = {"--node",      options.node,
                                          "--arena",     std::to_string(kFirstPassedFd),
                                          "--parent",    std::to_string(getpid()),
                                          "--log-level", options.log_level};
    if (!options.log_directory.empty()) {
      arguments.insert(arguments.end(), {"--log-file", options.log_directory + "/" + options.node +
                                                           "." + name + ".log"});
    }
    for (const auto& [ends, fd] : doorbells_) {
      if (ends.first != layer) continue;
      const auto number = kFirstPassedFd + static_cast<int>(passed.size());
      arguments.insert(arguments.end(), {"--link", std::string(to_string(ends.second)) + "=" +
                                                       std::to_string(number)});
      passed.push_back(fd.get());
    }
    const pid_t pid = spawn(program, arguments, passed);
    if (pid > 0) return add(layer, pid);
    log_.error("cannot start a layer", {{"program", program}, {"error", std::strerror(-pid)}});
    const bool missing = pid == -ENOENT || pid == -EACCES || pid == -ENOEXEC;
    return missing ? Status::object_name_not_found : Status::insufficient_resources;
  }

  /// Books a new child. It is not reaped before report(), so its id means it alone.
  Status add(Layer layer, pid_t pid) {
    UniqueFd pidfd = open_pidfd(pid);
    if (!pidfd) {
      log_.error("no descriptor for a layer's process", {{"error", std::strerror(errno)}});
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
      return Status::insufficient_resources;
    }
    const int fd = pidfd.get();
    processes_.push_back({layer, pid, fd, start_time_of(pid).value_or(0)});
    watched_.push_back({std::make_shared<Descriptor>(executor_.context(), pidfd.release()), false});
    return Status::success;
  }

  void watch(std::size_t index) {
    watched_[index].pidfd->async_wait(
        Descriptor::wait_read, [self = shared_from_this(), index](boost::system::error_code error) {
          if (!error) self->report(index);
        });
  }

  /// Reaps a child that has ended and tells who wants to know.
  void report(std::size_t index) {
    if (std::exchange(watched_[index].reaped, true)) return;
    int status = 0;
    waitpid(processes_[index].pid, &status, 0);
    if (!on_death_) return;
    executor_.post([self = shared_from_this(), index, status] {
      if (self->on_death_) self->on_death_(self->processes_[index], status);
    });
  }

  AsioExecutor& executor_;
  Log& log_;
  std::unique_ptr<ShmArena> memory_;
  Doorbells doorbells_;
  std::vector<LayerProcess> processes_;
  std::vector<Watched> watched_;  // one for each of processes_
  OnDeath on_death_;
};

Result<std::unique_ptr<NodeProcesses>> NodeProcesses::launch(AsioExecutor& executor, Log& log,
                                                             const LaunchOptions& options) {
  auto memory = ShmArena::create(options.sizes, options.node, options.memory_path);
  if (memory.status() == Status::revision_mismatch || memory.status() == Status::access_denied) {
    log.error(
        "the memory of an earlier life cannot be used; start with its settings, or remove it if "
        "nothing in it is needed",
        {{"path", options.memory_path}, {"status", memory.status()}});
    return memory.status();
  }
  if (!memory && !options.memory_path.empty()) {
    log.warning("the node's memory will not outlive its processes",
                {{"path", options.memory_path}, {"status", memory.status()}});
    memory = ShmArena::create(options.sizes, options.node);
  }
  if (!memory) {
    log.error("no memory for the arena", {{"bytes", Arena::size_for(options.sizes)}});
    return memory.status();
  }
  auto doorbells = make_doorbells();
  if (!doorbells) {
    log.error("no descriptors for the doorbells", {{"error", std::strerror(errno)}});
    return Status::insufficient_resources;
  }
  std::unique_ptr<NodeProcesses> node(new NodeProcesses(
      std::make_shared<Parts>(executor, log, std::move(*memory), std::move(*doorbells))));
  const Status status = node->parts_->launch(options);
  if (failed(status)) return status;
  return node;
}

NodeProcesses::NodeProcesses(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}

NodeProcesses::~NodeProcesses() {
  parts_->close();
  parts_->kill_all();
  parts_->reap(kReapLimit);
}

std::span<const LayerProcess> NodeProcesses::processes() const {
  return parts_->processes();
}
Arena& NodeProcesses::arena() {
  return parts_->arena();
}
std::unique_ptr<Port> NodeProcesses::take_port(Layer layer) {
  return parts_->take_port(layer);
}
bool NodeProcesses::memory_has_name() const {
  return parts_->memory_has_name();
}
void NodeProcesses::on_death(OnDeath callback) {
  parts_->on_death(std::move(callback));
}
void NodeProcesses::kill_all() {
  parts_->kill_all();
}
bool NodeProcesses::reap(Duration limit) {
  return parts_->reap(limit);
}

}  // namespace understudy
