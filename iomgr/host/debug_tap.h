// The debugger's side of one node of this machine (stepping.h): holds its layers, says at which
// trace points they park, lets them go. The node need not run: it is found when it starts, and
// again in its next life. One thread uses it, but for wait_for_bell().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "iomgr/host/process_identity.h"
#include "iomgr/host/shm_arena.h"
#include "iomgr/stepping.h"

namespace understudy {

/// STEPs and hops at which everything parks, and an operation that parks everywhere.
struct Wanted {
  std::uint64_t steps = 0;
  std::uint32_t hops = 0;
  std::uint64_t irp = 0;
  std::uint32_t lun = 0;
  std::uint64_t lsn = 0;
};

class DebugTap {
 public:
  explicit DebugTap(std::string memory_path) : path_(std::move(memory_path)) {}
  DebugTap(const DebugTap&) = delete;
  DebugTap& operator=(const DebugTap&) = delete;
  /// Lets everything go.
  ~DebugTap();

  /// Finds the node's memory, or that it is another one by now, and makes this process its
  /// debugger. The reason if somebody else debugs it; nothing if all is well, or if there is no
  /// such memory (yet).
  std::string attach();
  bool attached() const { return memory_ != nullptr; }
  /// Only while attached().
  Arena& arena() const { return memory_->arena(); }
  Stepping& stepping() const { return memory_->arena().stepping(); }
  ParkingPlace& place(Layer layer) const {
    return stepping().places.at(static_cast<std::size_t>(layer));
  }
  /// Layers whose processes live, by what they said of themselves and what /proc says.
  bool runs(Layer layer) const;

  void want(const Wanted& wanted);
  /// Stops the clock, then holds all layers: each waits before whatever it would do next.
  void hold();
  /// Undoes hold(): the layers first, then the clock.
  void release();
  bool is_held() const { return held_; }
  /// After hold(): waits until every layer rests, so that nothing in the memory is half done.
  void settle() const;
  /// Lets a layer go on that is parked.
  void unpark(Layer layer);
  /// Has the layer do something (LayerSeams::obey) when it next does anything, or at once if it
  /// waits. Its answer; nothing if that has not come within `patience`: it obeys later.
  std::optional<std::string> order(Layer layer, const std::string& text,
                                   std::chrono::milliseconds patience);

  /// A message that waits in the ring from one layer to another.
  struct Pending {
    Layer from;
    Layer to;
    std::size_t place;  // 0: goes next
    Irp irp;
  };
  /// All that wait. This and the next two only while it is held.
  std::vector<Pending> pending() const;
  /// Gives a pending message another place in its ring; those between move up or down.
  void move_pending(const Pending& message, std::size_t place);
  /// Puts another message in its place.
  void edit_pending(const Pending& message, const Irp& irp);

  /// What the layers have written into their trace rings since the last call, in the order of time.
  std::vector<TraceEntry> take_trace();

  /// How often the bell has rung. This and wait_for_bell() from any thread, once it was attached.
  std::uint32_t bell() const { return bell_.load()->load(); }
  /// Until the bell is not `seen` any more, at most `limit`.
  void wait_for_bell(std::uint32_t seen, std::chrono::milliseconds limit) const;

 private:
  void apply();

  std::string path_;
  std::unique_ptr<ShmArena> memory_;
  std::vector<std::unique_ptr<ShmArena>> older_;  // somebody may still wait for a bell in there
  std::atomic<std::atomic<std::uint32_t>*> bell_ = nullptr;
  std::uint64_t file_ = 0;  // inode of path_ as it is mapped
  Wanted wanted_;
  bool held_ = false;
  std::array<std::uint64_t, kLayers> seen_{};  // of each trace ring
};

}  // namespace understudy
