// The layer's side of a debugger (stepping.h): where its process waits when it is held, and how it
// hears what it is to do. A debugger that has died holds nobody: who waits looks once a second
// whether it is still there.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "iomgr/arena.h"
#include "iomgr/stepping.h"

namespace understudy {

/// A process for Stepping::debugger: its id and, because ids are used again, what fits of its start
/// time. Nothing if there is none.
std::optional<std::uint64_t> debugger_id(pid_t pid);
pid_t pid_of(std::uint64_t debugger);
/// Whether the process that debugs this node lives.
bool debugger_lives(const Stepping& stepping);
/// If the process that debugs this node has died, what it holds goes on.
void let_go_of_the_dead(Arena& arena);
/// What holds the layers of a node is taken away, and its trace points are turned off.
void let_all_go(Arena& arena);

class Parking {
 public:
  /// `arena` outlives it.
  Parking(Arena& arena, Layer layer);
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  /// Before everything that the layer does: waits while it is held.
  void gate() {
    if (place_.attention.load(std::memory_order_relaxed) != 0) [[unlikely]]
      attend();
  }
  /// At a trace point: parks there if the debugger wants this one.
  void point(const TraceEntry& entry, const Irp& irp) { park(entry, irp, false); }
  /// The same where the debugger may change the IRP (take_fields()).
  void changeable_point(const TraceEntry& entry, Irp& irp) {
    if (park(entry, irp, true)) take_fields(place_.irp, irp);
  }

  VirtualClock& clock() { return stepping_.clock; }
  /// A clock that stands although nobody is held may be a dead debugger's.
  void look_for_debugger() { let_go_of_the_dead(arena_); }

  /// Does what a debugger orders, and answers.
  std::function<std::string(const std::string& order)> on_order;

 private:
  bool park(const TraceEntry& entry, const Irp& irp, bool changeable);
  void attend();
  void take_order();
  template <typename Waits>
  void wait(std::atomic<std::uint32_t>& word, const Waits& waits);

  Arena& arena_;
  Stepping& stepping_;
  ParkingPlace& place_;
};

}  // namespace understudy
