// What a debugger and the layers of a node say to each other, in the node's arena
// (docs/stepping.md).
//
//     debugger                                     layer
//     filter: "STEP 408", follow an operation  ──► its trace points look: is this one wanted?
//                                          ◄── bell   parks: entry and IRP in its place, and waits
//     attention |= kHeld  ──────────────────────►  waits before whatever it would do next
//     clock: stopped      ──────────────────────►  now() stands still, timers do not expire
//     parked = 0, attention &= ~kHeld  ─────────►  goes on
//
// Whoever maps the arena may debug the node: the memory is the owner's alone (mode 0600). What is
// in here is shared, so each side takes what the other wrote as numbers and nothing more. Off, it
// costs a trace point nothing (its mask is 0), and a handler of the executor one load.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "iomgr/bounds.h"
#include "iomgr/executor.h"
#include "iomgr/irp.h"
#include "iomgr/trace.h"

namespace understudy {

/// The clock of all executors of a node: the machine's monotonic one, less the time for which a
/// debugger had stopped it. One word, so that no reader sees half a change: how much was lost, or,
/// below zero, the complement of the time at which it stands.
class VirtualClock {
 public:
  /// `real` gives the machine's monotonic time.
  template <typename Real>
  Time now(const Real& real) const {
    std::int64_t word = word_.load(std::memory_order_acquire);
    while (word >= 0) {
      const Time time(real().count() - word);
      const std::int64_t again = word_.load(std::memory_order_acquire);
      if (again == word) return time;  // else it was stopped, or stopped and started, meanwhile
      word = again;
    }
    return Time(~word);
  }
  bool stopped() const { return word_.load(std::memory_order_acquire) < 0; }
  /// At `real`. Nothing if it stands already.
  void stop(Time real) {
    std::int64_t word = word_.load();
    if (word >= 0) word_.compare_exchange_strong(word, ~(real.count() - word));
  }
  /// From `real` on it goes on where it stood. Nothing if it runs.
  void start(Time real) {
    std::int64_t word = word_.load();
    if (word < 0) word_.compare_exchange_strong(word, real.count() - ~word);
  }

 private:
  std::atomic<std::int64_t> word_;
};

/// Bit of a STEP in StepFilter::steps.
constexpr std::uint64_t step_bit(Step step) {
  const auto number = static_cast<unsigned>(step);
  if (number >= 400) return std::uint64_t{1} << (32 + (number - 400) / 2);
  return number >= 300 ? std::uint64_t{1} << ((number - 300) / 2) : 0;
}

/// At which trace points a layer parks. The debugger judges those that do, and lets most of them
/// go.
struct StepFilter {
  std::atomic<std::uint64_t> steps;       // by step_bit()
  std::atomic<std::uint32_t> hops;        // bit by Hop
  std::atomic<std::uint32_t> lun;         // of follow_lsn
  std::atomic<std::uint64_t> follow_irp;  // every point of this IRP; 0: of none
  std::atomic<std::uint64_t> follow_lsn;  // every point of this operation of `lun`; 0: of none

  bool wants(const TraceEntry& entry) const {
    if (entry.hop == Hop::none) {
      if ((steps.load(std::memory_order_relaxed) & step_bit(entry.step)) != 0) return true;
    } else if ((hops.load(std::memory_order_relaxed) >> static_cast<unsigned>(entry.hop) & 1) !=
               0) {
      return true;
    }
    const std::uint64_t irp = follow_irp.load(std::memory_order_relaxed);
    if (irp != 0 && irp == entry.irp) return true;
    const std::uint64_t lsn = follow_lsn.load(std::memory_order_relaxed);
    return lsn != 0 && lsn == entry.lsn && lun.load(std::memory_order_relaxed) == entry.lun;
  }
};

/// Where one layer waits, and what it is told there.
struct ParkingPlace {
  static constexpr std::uint32_t kHeld = 1;   // wait before whatever comes next
  static constexpr std::uint32_t kOrder = 2;  // `order` has something to do first
  static constexpr std::size_t kMaxOrder = 512;

  std::atomic<std::uint32_t> attention;   // futex
  std::atomic<std::uint32_t> parked;      // futex; 1: at the point that `entry` and `irp` are of
  std::atomic<std::uint32_t> waits;       // 1: it has seen kHeld and does nothing
  std::atomic<std::int32_t> pid;          // 0: the layer does not run
  std::atomic<std::uint32_t> changeable;  // 1: it goes on with what take_fields() takes of `irp`
  TraceEntry entry;
  Irp irp;
  char order[kMaxOrder];  // text, as LayerSeams::obey takes it
  char answer[kMaxOrder];
};

/// The books of a LUN as its file system keeps them, for whoever looks: LSNs, 0 while it is not
/// mounted here.
struct LunBooks {
  std::atomic<std::uint64_t> epoch;
  std::atomic<std::uint64_t> last;     // of all operations
  std::atomic<std::uint64_t> durable;  // the medium has everything up to here
};

/// Sets a field of an IRP that a debugger may change: lun, lsn, epoch, open, status; offset of a
/// read or write, length of a read. What is wrong, or nothing.
std::string set_field(Irp& irp, std::string_view field, std::uint64_t value);
/// Takes these fields and no others from what another process has written.
void take_fields(const Irp& from, Irp& to);

/// Whether what a layer of another process has written can be one of its trace points.
inline bool is_sound(const TraceEntry& entry, Layer layer) {
  const bool is_point =
      entry.hop == Hop::none ? !describe(entry.step).empty() : entry.hop <= Hop::message_in;
  return entry.layer == layer && is_point && static_cast<std::size_t>(entry.major) < kMajors;
}

struct Stepping {
  /// The process that debugs (debugger_id(), host/parking.h), in one word: nobody sees it by half
  /// and takes it for dead. 0: nobody.
  std::atomic<std::uint64_t> debugger;
  std::atomic<std::uint32_t> bell;  // futex; rises when a layer parks
  VirtualClock clock;
  StepFilter filter;
  std::array<ParkingPlace, kLayers> places;  // by Layer
  std::array<LunBooks, bounds::kMaxLuns> books;

  /// In a new life of the node: everything but what a debugger that is there has ordered.
  void begin_life();
};

}  // namespace understudy
