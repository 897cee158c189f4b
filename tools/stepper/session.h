// A debugging session: both nodes of the pair, breakpoints, and one operation that is followed from
// layer to layer and to the other node. All stop together: when one layer parks where a breakpoint
// wants it, the clocks stop and every other layer waits before whatever it would do next. So what
// is looked at does not move, and no failure detector runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tools/stepper/target.h"

namespace understudy::stepper {

class Session : public Target {
 public:
  struct NodeName {
    std::string name;
    std::string memory_path;
  };
  explicit Session(const std::vector<NodeName>& nodes);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Finds the nodes that run. What is wrong, or nothing.
  std::string attach();

  int add(Breakpoint breakpoint) override;
  bool remove(int number) override;
  const std::vector<Breakpoint>& breakpoints() const override { return judge_.breakpoints(); }

  using Target::go;
  void go(Go how, const std::string& target) override;
  /// While everything stands, go() follows the operation at which that layer is parked. False if it
  /// is parked nowhere.
  bool turn_to(const std::string& node, Layer layer);
  /// While everything stands: changes a field of the IRP with which that layer goes on. What is
  /// wrong, or nothing.
  std::string edit(const std::string& node, Layer layer, std::string_view field,
                   std::uint64_t value);
  std::optional<Stop> wait(std::chrono::milliseconds limit) override;
  /// Everything stands from now on.
  Stop pause();

  struct Listener {
    /// What the layers have passed, in the order of time, whenever the rings are read: during
    /// wait(), at stops, by history(). Of points at which a layer was parked with its IRP.
    std::function<void(const std::vector<Point>& points)> on_points;
    /// What a layer shows of a point that was told of before: it was held between the two.
    std::function<void(const Point& point)> on_shown;
    /// Everything stands, and what was passed before has been told.
    std::function<void(const Stop& stop)> on_stop;
  };
  /// Until it is taken away again, by the number that this gives.
  int add_listener(Listener listener);
  void remove_listener(int number) { listeners_.erase(number); }

  /// Ends a wait() soon; from a signal handler too.
  void interrupt() { interrupted_ = true; }
  /// The same at once, from another thread; not from a signal handler.
  void wake();

  const std::optional<Stop>& stop() const override { return stop_; }
  const std::optional<Followed>& followed() const override { return judge_.followed(); }

  std::vector<std::string> nodes() const override;
  DebugTap* tap(std::string_view node);
  /// All points at which layers are parked now.
  std::vector<Point> parked();
  json::object irp() override;
  std::vector<LayerState> layers() override;
  std::vector<StoredRecord> cached(const std::string& node) override;
  std::vector<StoredRecord> mirrored(const std::string& node) override;
  Ledger ledger() override;
  Snapshot snapshot();
  /// LSNs that STEP 412 was seen for, since the session began.
  bool acknowledged(std::uint32_t lun, std::uint64_t lsn) const {
    return acknowledged_.contains({lun, lsn});
  }
  /// The last points of all layers, oldest first.
  const std::vector<Point>& history();
  std::span<const Point> passed() override { return history(); }

 private:
  struct Node {
    std::string name;
    std::unique_ptr<DebugTap> tap;
    std::set<Layer> judged;  // parked, and looked at
    std::thread bell;
  };

  void listen(Node& node);
  bool look();
  void stand(Stop stop);
  std::vector<NodeStores> stores();
  Ledger ledger_of(const std::vector<NodeStores>& stores) const;
  void hold();
  void want();
  void take_trace();
  void forget_durable(const LedgerLun& lun);
  void show_late(Point shown);
  std::string broken_rule();

  std::vector<Node> nodes_;
  Judge judge_;
  std::optional<Stop> stop_;
  std::vector<Point> shown_;  // parked since the rings were read last
  std::map<int, Listener> listeners_;
  int last_listener_ = 0;
  std::set<std::pair<std::uint32_t, std::uint64_t>> acknowledged_;
  std::vector<Point> history_;
  std::string broken_rule_;  // as it was told

  std::atomic<bool> interrupted_ = false;
  std::atomic<bool> ends_ = false;
  std::mutex mutex_;
  std::condition_variable rang_;
  std::uint64_t rings_ = 0;  // with mutex_
};

}  // namespace understudy::stepper
