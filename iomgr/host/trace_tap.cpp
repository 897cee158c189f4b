#include "iomgr/host/trace_tap.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "iomgr/host/parking.h"

namespace understudy {
namespace {

/// A bit for each layer.
constexpr std::uint32_t kAllLayers = (1U << kLayers) - 2;

}  // namespace

TraceTap::~TraceTap() {
  if (memory_ && !debugger_lives(memory_->arena().stepping()))
    memory_->arena().header().trace_mask = 0;
}

/// Maps the node's memory if it is not mapped, or is another one by now.
void TraceTap::attach() {
  UniqueFd file(open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct stat facts {};
  if (!file || fstat(file.get(), &facts) != 0 || (memory_ && facts.st_ino == file_)) return;
  auto mapped = ShmArena::attach(std::move(file));
  if (!mapped) return;  // being laid out
  memory_ = std::move(*mapped);
  file_ = facts.st_ino;
  seen_ = {};
  // What an earlier look has left is old.
  for (std::size_t i = 1; i < kLayers; ++i)
    seen_.at(i) = TraceRing(memory_->arena().trace_ring(static_cast<Layer>(i))).last();
}

std::vector<TraceEntry> TraceTap::take() {
  attach();
  std::vector<TraceEntry> taken;
  if (!memory_) return taken;
  memory_->arena().header().trace_mask = kAllLayers;
  for (std::size_t i = 1; i < kLayers; ++i) {
    const TraceRing ring(memory_->arena().trace_ring(static_cast<Layer>(i)));
    if (ring.last() < seen_.at(i)) seen_.at(i) = 0;  // a new life began its rings anew
    for (const TraceEntry& entry : ring.read(seen_.at(i))) {
      seen_.at(i) = entry.sequence;
      taken.push_back(entry);
    }
  }
  std::ranges::stable_sort(taken, {}, &TraceEntry::time_ns);
  return taken;
}

}  // namespace understudy
