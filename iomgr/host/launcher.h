// Launching a node: cluster_app makes the arena and the doorbells, starts the five layers, and
// learns of the death of each. The layers die with it.
//
//     cluster_app ── spawns ──► netstack, ff_driver, fs_cache, rd_driver, mirror_server
//          each gets: descriptor 3 the arena, 4... one doorbell a neighbour, and nothing else
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "iomgr/host/asio_executor.h"
#include "iomgr/host/process_identity.h"
#include "iomgr/host/shm_arena.h"
#include "iomgr/log.h"
#include "iomgr/port.h"
#include "iomgr/result.h"

namespace understudy {

struct LayerProcess {
  Layer layer = Layer::none;
  pid_t pid = 0;
  int pidfd = -1;  // of NodeProcesses
  std::uint64_t start_time = 0;
  ProcessIdentity identity() const { return {pid, start_time}; }
};

struct LaunchOptions {
  std::string node;
  ArenaSizes sizes;
  /// Name of the arena's memory, which then outlives the node; empty, or no room there: nameless.
  std::string memory_path;
  /// Where the five programs are; empty: beside the running one.
  std::string programs;
  /// Each layer logs to <log_directory>/<node>.<layer>.log; empty: to standard error.
  std::string log_directory;
  std::string log_level = "info";
};

class NodeProcesses {
 public:
  /// What `status` means: as waitpid() gives it.
  using OnDeath = std::function<void(const LayerProcess& process, int status)>;

  /// Starts the layers. Call it from the main thread: the kernel ends the layers when the thread
  /// that started them ends. What fails is logged, and nothing is left running.
  /// STATUS_OBJECT_NAME_NOT_FOUND: a program is missing; STATUS_INSUFFICIENT_RESOURCES: memory,
  /// descriptors or processes.
  static Result<std::unique_ptr<NodeProcesses>> launch(AsioExecutor& executor, Log& log,
                                                       const LaunchOptions& options);
  /// Kills what still runs and waits for it. Ports that were taken go first: they lie in the arena.
  ~NodeProcesses();
  NodeProcesses(const NodeProcesses&) = delete;
  NodeProcesses& operator=(const NodeProcesses&) = delete;

  std::span<const LayerProcess> processes() const;
  Arena& arena();
  /// Its memory outlives them.
  bool memory_has_name() const;
  /// cluster_app's end of the link to `layer`; once for each.
  std::unique_ptr<Port> take_port(Layer layer);
  /// Called once for every layer that ends, for whatever reason, on the executor; those that ended
  /// before too. Of several that end together the order means nothing: the cause is the one that
  /// did not end with kExitLinkBroken (process.h).
  void on_death(OnDeath callback);
  /// SIGKILL to all.
  void kill_all();
  /// Blocks until all have ended and are reaped, at most `limit`. False if one has not (it hangs in
  /// the kernel).
  bool reap(Duration limit);

 private:
  class Parts;
  explicit NodeProcesses(std::shared_ptr<Parts> parts);
  std::shared_ptr<Parts> parts_;
};

}  // namespace understudy
