// A debugging session: both nodes of the pair, breakpoints, and one operation that is followed from
// layer to layer and to the other node. All stop together: when one layer parks where a breakpoint
// wants it, the clocks stop and every other layer waits before whatever it would do next. So what
// is looked at does not move, and no failure detector runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "iomgr/host/debug_tap.h"
#include "tools/stepper/point.h"

namespace understudy::stepper {

struct Breakpoint {
  int number = 0;
  std::uint64_t steps = 0;    // by step_bit() ...
  std::uint32_t hops = 0;     // ... and bit by Hop: any of them
  std::string node;           // empty: any
  Layer layer = Layer::none;  // none: any
  std::optional<Condition> condition;
  std::string text;  // as it was asked for
  std::uint64_t hits = 0;
  bool once = false;
};

/// Why everything stands.
struct Stop {
  enum class Why { breakpoint, step, pause };
  Why why = Why::pause;
  int breakpoint = 0;
  std::optional<Point> point;  // not for a pause
};

/// An operation, wherever it is: by its IRP on its node, and everywhere by its place in its LUN's
/// order.
struct Followed {
  std::string node;
  std::uint64_t irp = 0;
  std::uint32_t lun = 0;
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;
  std::set<std::string> visited;  // "a.ff_driver"

  bool is(const std::string& at, const TraceEntry& entry) const;
};

class Session {
 public:
  struct NodeName {
    std::string name;
    std::string memory_path;
  };
  explicit Session(const std::vector<NodeName>& nodes);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Finds the nodes that run. What is wrong, or nothing.
  std::string attach();

  int add(Breakpoint breakpoint);
  bool remove(int number);
  const std::vector<Breakpoint>& breakpoints() const { return breakpoints_; }

  enum class Go {
    on,    // to the next breakpoint
    step,  // ... or the next STEP of the followed operation; of a takeover, its next STEP
    into,  // ... or where the operation comes to next, another layer or the other node
    out,   // ... or when it is back in a layer where it was before
  };
  /// `target`: the layer that `into` leads to ("b.mirror_server"); empty: the next.
  void go(Go how, const std::string& target = {});
  /// While everything stands, go() follows the operation at which that layer is parked. False if it
  /// is parked nowhere.
  bool turn_to(const std::string& node, Layer layer);
  /// Until everything stands; nothing after `limit`, or when interrupt() was called.
  std::optional<Stop> wait(std::chrono::milliseconds limit);
  /// Everything stands from now on.
  Stop pause();
  /// Hears of what the layers have passed, in the order of time, whenever the rings are read:
  /// during wait(), at stops, by history().
  std::function<void(const std::vector<Point>& points)> on_points;

  /// Ends a wait() soon; from a signal handler too.
  void interrupt() { interrupted_ = true; }
  /// The same at once, from another thread; not from a signal handler.
  void wake();

  bool stands() const { return stop_.has_value(); }
  const std::optional<Stop>& stop() const { return stop_; }
  const std::optional<Followed>& followed() const { return followed_; }

  std::vector<std::string> nodes() const;
  DebugTap* tap(std::string_view node);
  /// All points at which layers are parked now.
  std::vector<Point> parked();
  /// LSNs that STEP 412 was seen for, since the session began.
  bool acknowledged(std::uint32_t lun, std::uint64_t lsn) const {
    return acknowledged_.contains({lun, lsn});
  }
  /// The last points of all layers, oldest first.
  const std::vector<Point>& history();

 private:
  struct Node {
    std::string name;
    std::unique_ptr<DebugTap> tap;
    std::set<Layer> judged;  // parked, and looked at
    std::thread bell;
  };

  void listen(Node& node);
  bool look();
  std::optional<Stop> judge(const Point& point);
  bool is_end_of_step(const Point& point) const;
  void follow(const Point& point);
  void hold();
  void want();
  void take_trace();

  std::vector<Node> nodes_;
  std::vector<Breakpoint> breakpoints_;
  int last_number_ = 0;
  std::optional<Stop> stop_;
  std::optional<Point> from_;  // where the step began
  std::optional<Followed> followed_;
  Go how_ = Go::on;
  std::string target_;
  std::set<std::pair<std::uint32_t, std::uint64_t>> acknowledged_;
  std::vector<Point> history_;

  std::atomic<bool> interrupted_ = false;
  std::atomic<bool> ends_ = false;
  std::mutex mutex_;
  std::condition_variable rang_;
  std::uint64_t rings_ = 0;  // with mutex_
};

}  // namespace understudy::stepper
