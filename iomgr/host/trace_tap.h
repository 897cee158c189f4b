// A look into the trace rings of a node of this machine from outside: turns its trace points on and
// takes what they write. The node does not notice; with nobody looking a point costs one load.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "iomgr/host/shm_arena.h"
#include "iomgr/trace.h"

namespace understudy {

class TraceTap {
 public:
  /// `path`: the node's memory. It need not be there yet.
  explicit TraceTap(std::string path) : path_(std::move(path)) {}
  TraceTap(const TraceTap&) = delete;
  TraceTap& operator=(const TraceTap&) = delete;
  /// Turns the points off.
  ~TraceTap();

  /// What the layers have written since the last call (the first one only turns the points on), in
  /// the order of time. Goes on with the node's next life when it was started again. Entries that
  /// were overwritten meanwhile are missing: a ring holds kTraceEntries.
  std::vector<TraceEntry> take();

 private:
  void attach();

  std::string path_;
  std::unique_ptr<ShmArena> memory_;
  std::uint64_t file_ = 0;  // inode of path_ as it is mapped
  std::array<std::uint64_t, kLayers> seen_{};
};

}  // namespace understudy
