// Driver: the base of every layer. It registers a handler for each major function that it
// understands and sends IRPs on to its neighbours. What a handler does before `co_await call(...)`
// is its pre-operation, what it does after is its post-operation.
//
//     class Null : public Driver {
//      public:
//       explicit Null(Seams seams) : Driver(Layer::ff_driver, seams) {
//         on(Major::read, [this](Irp& irp) { return call(Layer::fs_cache, irp); });
//       }
//     };
//
// Contract: an IRP that nobody registered for completes with STATUS_INVALID_DEVICE_REQUEST. A
// neighbour that breaks the protocol (a completion of nothing, more in flight than its bound) is a
// bug of the node: the link is declared broken. A broken link ends the node (on_broken), and the
// partner takes over.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <unordered_map>

#include "iomgr/port.h"
#include "iomgr/seams.h"
#include "iomgr/sync.h"
#include "iomgr/task.h"

namespace understudy {

class Driver {
 public:
  using Handler = std::function<Task<Status>(Irp&)>;

  Driver(Layer layer, Seams seams);
  virtual ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  Layer layer() const { return layer_; }
  /// Gives the driver its end of the link to `neighbour`. `max_outstanding` bounds its requests on
  /// the link.
  void attach(Layer neighbour, std::unique_ptr<Port> port,
              std::uint32_t max_outstanding = bounds::kMaxOutstandingLink);
  /// Called once, after all links are attached.
  virtual void start() {}

  /// What happens when a neighbour is gone; the host sets it.
  std::function<void(Layer neighbour)> on_broken;

 protected:
  /// The registration table: one handler a major function.
  void on(Major major, Handler handler);

  /// Sends the IRP to `neighbour` and completes with it: `irp` is then as the neighbour left it,
  /// save for tag and issuer. Waits while max_outstanding requests are in flight there. Never
  /// completes if the neighbour dies.
  Task<Status> call(Layer neighbour, Irp& irp);

  /// A new IRP of this layer's own, with an id.
  Irp make_irp(Major major, std::uint8_t minor = 0);
  Irp make_irp(Major major, MirrorMinor minor) {
    return make_irp(major, static_cast<std::uint8_t>(minor));
  }
  Irp make_irp(Major major, ClusterMinor minor) {
    return make_irp(major, static_cast<std::uint8_t>(minor));
  }

  /// Runs a coroutine that nobody awaits; it dies with the driver.
  void spawn(Task<void> task) { scope_.spawn(std::move(task)); }
  /// Destroys every coroutine of this driver, handlers in progress included. A layer whose
  /// coroutines hold on to its members (guards, references) calls it first thing in its destructor.
  void cancel_all() { scope_.clear(); }

  /// IRPs completed to neighbours since the start.
  std::uint64_t completed() const { return completed_; }

  Seams& seams() { return seams_; }
  Executor& executor() { return seams_.executor; }
  Log& log() { return seams_.log; }
  Trace& trace() { return seams_.trace; }
  Arena& arena() { return seams_.arena; }

 private:
  struct Call {
    Irp* irp;
    std::coroutine_handle<> frame;
  };
  struct Neighbour {
    Neighbour(Executor& executor, std::unique_ptr<Port> end, std::uint32_t max_outstanding)
        : port(std::move(end)), slots(executor, max_outstanding) {}
    std::unique_ptr<Port> port;
    Credits slots;
    std::unordered_map<std::uint64_t, Call> calls;  // by tag
    bool broken = false;
  };

  Neighbour& neighbour(Layer layer);
  void receive(Layer from, const Irp& irp);
  Task<void> dispatch(Layer from, Irp irp);
  void complete(Layer from, const Irp& irp);
  void declare_broken(Layer layer);

  Layer layer_;
  Seams seams_;
  std::array<Handler, kMajors> handlers_;
  std::array<std::unique_ptr<Neighbour>, kLayers> neighbours_;
  std::uint64_t next_id_ = 0;
  std::uint64_t next_tag_ = 0;
  std::uint64_t completed_ = 0;
  TaskScope scope_;  // last: its coroutines are destroyed before what they use
};

}  // namespace understudy
