// The seams of one layer in a process of its own, put together. Used by run_layer and by
// cluster_app.
#pragma once

#include "iomgr/host/asio_executor.h"
#include "iomgr/host/asio_network.h"
#include "iomgr/host/os_random.h"
#include "iomgr/host/parking.h"
#include "iomgr/seams.h"

namespace understudy {

class LayerSeams {
 public:
  /// `executor`, `arena` and `log` outlive it.
  LayerSeams(Layer layer, AsioExecutor& executor, Arena& arena, Log& log)
      : layer_(layer),
        executor_(executor),
        network_(executor, &log),
        arena_(arena),
        trace_(layer, arena.header().trace_mask, arena.trace_ring(layer), executor),
        parking_(arena, layer),
        log_(log) {
    executor_.set_parking(&parking_);
    trace_.listener = [this](const TraceEntry& entry, const Irp& irp) {
      parking_.point(entry, irp);
    };
    trace_.changer = [this](const TraceEntry& entry, Irp& irp) {
      parking_.changeable_point(entry, irp);
    };
    parking_.on_order = [this](const std::string& order) { return obey(order); };
  }
  ~LayerSeams() { executor_.set_parking(nullptr); }
  LayerSeams(const LayerSeams&) = delete;
  LayerSeams& operator=(const LayerSeams&) = delete;

  Seams seams() { return {executor_, network_, random_, arena_, trace_, faults_, log_}; }
  FaultPoints& faults() { return faults_; }

 private:
  /// "fault TEXT" as in FaultPoints::parse, "message TEXT" as in parse_message_fault, "timers",
  /// "expire N".
  std::string obey(const std::string& order);

  const Layer layer_;
  AsioExecutor& executor_;
  AsioNetwork network_;
  OsRandom random_;
  Arena& arena_;
  Trace trace_;
  Parking parking_;
  FaultPoints faults_;
  Log& log_;
};

/// How many requests `from` may have in flight at `to` (see bounds.h).
constexpr std::uint32_t max_outstanding(Layer from, Layer to) {
  if (to == Layer::ff_driver && from == Layer::netstack)
    return bounds::kMaxOutstandingNetstack + bounds::kMaxPended + bounds::kMaxLuns;
  if (to == Layer::ff_driver && from == Layer::mirror_server) return bounds::kMaxOutstandingReplay;
  return bounds::kMaxOutstandingLink;
}

}  // namespace understudy
