// Trace points: every STEP of the patent's figures, every hop of an IRP, every message of the
// interconnect. Off, a point costs one masked load. On, it writes one entry to the layer's ring in
// the arena, where a tool of another process can read it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "iomgr/bounds.h"
#include "iomgr/bytes.h"
#include "iomgr/executor.h"
#include "iomgr/irp.h"

namespace understudy {

/// The boxes of FIG. 3 (300-336) and FIG. 4 (400-422), with what the description says of them in
/// short.
// clang-format off
#define UNDERSTUDY_STEP_TABLE(X)                                        \
  X(300, "the clustered servers are started")                           \
  X(302, "monitor the operational status of the servers")               \
  X(304, "has a server failed?")                                        \
  X(310, "transfer ownership of the failed server's LUNs")              \
  X(312, "other actions to recover the storage medium")                 \
  X(314, "replay the unwritten mirrored operations")                    \
  X(316, "turn mirroring off")                                          \
  X(318, "configure the cache for degraded writes")                     \
  X(330, "monitor the failed server")                                   \
  X(332, "is the failed server operational again?")                     \
  X(334, "turn mirroring on again")                                     \
  X(336, "re-assign ownership of the LUNs")                             \
  X(400, "a client issues a write data operation")                      \
  X(402, "degraded?")                                                   \
  X(404, "write according to the degraded write protocol")              \
  X(406, "write to the unwritten-data cache")                           \
  X(408, "write a copy to the partner's mirror store")                  \
  X(410, "stored in both?")                                             \
  X(412, "acknowledge to the client")                                   \
  X(414, "write from the cache to the storage medium")                  \
  X(416, "written successfully?")                                       \
  X(418, "purge the mirrored copy")                                     \
  X(420, "last operation of the batch?")                                \
  X(422, "next appropriate action, or why the write failed")
// clang-format on

enum class Step : std::uint16_t {
#define UNDERSTUDY_STEP_ENUM(number, text) s##number = (number),
  UNDERSTUDY_STEP_TABLE(UNDERSTUDY_STEP_ENUM)
#undef UNDERSTUDY_STEP_ENUM
};
std::string_view describe(Step step);

enum class Hop : std::uint16_t {
  none = 0,
  request_out = 1,
  request_in = 2,
  completion_out = 3,
  completion_in = 4,
  message_out = 5,  // interconnect
  message_in = 6,
};

struct TraceEntry {
  std::uint64_t sequence;  // 1 for the first; 0: the slot was never written
  std::int64_t time_ns;
  std::uint64_t irp;
  std::uint64_t lsn;
  std::uint32_t lun;
  Status status;
  Step step;  // 0 for a hop
  Hop hop;
  Major major;
  std::uint8_t minor;
  Layer layer;
  Layer neighbour;  // of a hop
  std::uint64_t epoch;
  std::uint32_t session;  // the client's, as in the IRP
  std::uint32_t reserved;
};
static_assert(sizeof(TraceEntry) == 64);

/// A layer's ring of entries. One writer; readers in other processes take what has not been
/// overwritten.
class TraceRing {
 public:
  static constexpr std::uint64_t kBytes = 64 + bounds::kTraceEntries * sizeof(TraceEntry);

  explicit TraceRing(Bytes memory);
  void write(TraceEntry entry);
  /// Sequence of the newest entry; 0: none yet.
  std::uint64_t last() const { return next_.load(std::memory_order_acquire); }
  /// Entries with a sequence above `after`, oldest first; those overwritten while reading are left
  /// out.
  std::vector<TraceEntry> read(std::uint64_t after) const;

 private:
  std::atomic<std::uint64_t>& next_;
  TraceEntry* entries_;
};

/// The trace points of one layer.
class Trace {
 public:
  Trace(Layer layer, std::atomic<std::uint32_t>& mask, Bytes ring, Executor& executor)
      : layer_(layer), mask_(mask), ring_(ring), executor_(executor) {}

  void step(Step step, const Irp& irp) {
    if (on()) [[unlikely]]
      write(step, Hop::none, Layer::none, irp);
  }
  void hop(Hop hop, Layer neighbour, const Irp& irp) {
    if (on()) [[unlikely]]
      write(Step{}, hop, neighbour, irp);
  }
  /// A hop at which the IRP may be changed: whoever takes it from here trusts none of its fields
  /// yet.
  void changeable_hop(Hop hop, Layer neighbour, Irp& irp) {
    if (on()) [[unlikely]]
      write_changeable(hop, neighbour, irp);
  }

  /// Hears of every entry at once, with the IRP as it is at that point. For a host that has the
  /// whole node in one process; it must not change anything.
  std::function<void(const TraceEntry& entry, const Irp& irp)> listener;
  /// Hears of changeable hops instead, if there is one: the layer goes on with what it leaves.
  std::function<void(const TraceEntry& entry, Irp& irp)> changer;

 private:
  bool on() const {
#ifdef UNDERSTUDY_NO_TRACE_POINTS
    return false;  // to measure what they cost
#endif
    return (mask_.load(std::memory_order_relaxed) & (1U << static_cast<unsigned>(layer_))) != 0;
  }
  TraceEntry note(Step step, Hop hop, Layer neighbour, const Irp& irp);
  void write(Step step, Hop hop, Layer neighbour, const Irp& irp);
  void write_changeable(Hop hop, Layer neighbour, Irp& irp);

  Layer layer_;
  std::atomic<std::uint32_t>& mask_;
  TraceRing ring_;
  Executor& executor_;
};

}  // namespace understudy
