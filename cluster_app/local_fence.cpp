#include "cluster_app/local_fence.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/node_lock.h"
#include "iomgr/check.h"
#include "iomgr/host/fence.h"
#include "iomgr/host/pidfd.h"

namespace understudy {
namespace {
constexpr Duration kKillLimit = std::chrono::seconds(10);
using Descriptor = boost::asio::posix::stream_descriptor;
}  // namespace

/// The pidfds of one incarnation. The first that becomes readable ends the watch.
struct LocalFence::Watch : std::enable_shared_from_this<Watch> {
  std::vector<std::unique_ptr<Descriptor>> processes;
  std::function<void()> died;

  void begin() {
    for (const auto& process : processes) {
      process->async_wait(Descriptor::wait_read,
                          [self = shared_from_this()](boost::system::error_code error) {
                            if (!error) self->end();
                          });
    }
  }
  void end() {
    if (const auto tell = std::exchange(died, nullptr)) tell();
  }
  void cancel() {
    died = nullptr;
    boost::system::error_code ignored;
    for (const auto& process : processes) process->cancel(ignored);
  }
};

LocalFence::LocalFence(AsioExecutor& executor, Log& log, bool one_machine, std::string cluster_key)
    : executor_(executor),
      log_(log),
      machine_(machine_identity()),
      one_machine_(one_machine),
      cluster_key_(std::move(cluster_key)) {}

LocalFence::~LocalFence() {
  unwatch();
}

bool LocalFence::proven_dead(const std::string& node) {
  UNDERSTUDY_CHECK(!node.empty());  // a lock of nobody is always free
  return is_here(node) &&
         NodeLock::look(cluster_directory::lock_path(node)) == NodeLock::State::free;
}

/// Only a file that is surely not there is gone.
bool LocalFence::memory_survives(const std::string& node) {
  const std::string path = cluster_directory::memory_path(cluster_key_, node);
  return !is_here(node) || access(path.c_str(), F_OK) == 0 || errno != ENOENT;
}

void LocalFence::unwatch() {
  if (watch_) watch_->cancel();
  watch_.reset();
}

void LocalFence::watch(const NodeIncarnation& node, std::function<void()> died) {
  unwatch();
  here_.erase(node.node);
  if (machine_.empty() || node.machine != machine_) return;
  here_.insert(node.node);
  watch_ = std::make_shared<Watch>();
  watch_->died = std::move(died);
  for (const NodeProcess& process : node.processes) {
    UniqueFd pidfd = open_pidfd(static_cast<pid_t>(process.pid));
    // In this order: the descriptor holds on to one process, so the answer is about that one or a
    // later one.
    const bool lives =
        pidfd && start_time_of(static_cast<pid_t>(process.pid)) == process.start_time;
    if (lives) {
      watch_->processes.push_back(
          std::make_unique<Descriptor>(executor_.context(), pidfd.release()));
    } else {
      executor_.post([watch = watch_] { watch->end(); });
    }
  }
  watch_->begin();
}

Task<FenceResult> LocalFence::fence(NodeIncarnation node) {
  if (node.processes.empty()) {
    FenceResult by_lock{proven_dead(node.node), "its processes were never known here"};
    co_return by_lock;
  }
  if (machine_.empty() || node.machine != machine_) {
    FenceResult elsewhere{false, "it runs on another machine"};
    co_return elsewhere;
  }
  std::vector<ProcessIdentity> processes;
  for (const NodeProcess& each : node.processes)
    processes.push_back({static_cast<pid_t>(each.pid), each.start_time});
  const FenceReport report =
      co_await understudy::fence(executor_, std::move(processes), kKillLimit);
  log_.info("fenced", {{"node", node.node},
                       {"confirmed", report.confirmed ? "yes" : "no"},
                       {"killed", report.killed},
                       {"gone_before", report.gone_before},
                       {"not_the_same", report.not_the_same},
                       {"not_confirmed", report.not_confirmed}});
  FenceResult result{report.confirmed, {}};
  if (!report.confirmed) {
    result.why = std::to_string(report.not_confirmed) +
                 " of its processes could not be killed, or did not end (a storage request that "
                 "hangs in the kernel keeps its process)";
  }
  co_return result;
}

}  // namespace understudy
