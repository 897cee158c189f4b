// Where everything stops: at breakpoints, and where a step of the followed operation ends. What
// shows it the points is a session (session.h) or a recording (replay.h).
#pragma once

#include <functional>
#include <set>
#include <vector>

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
  bool rule = false;  // only where rule 1 broke
  std::string text;   // as it was asked for
  std::uint64_t hits = 0;
  bool once = false;
};

/// Why everything stands.
struct Stop {
  enum class Why {
    breakpoint,
    step,
    pause,
    rule,  // a rule broke here
    end,   // of the recording
  };
  Why why = Why::pause;
  int breakpoint = 0;
  std::optional<Point> point;  // not for a pause
  std::string text = {};       // of a rule: how it broke
};
std::string_view to_string(Stop::Why why);

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

/// After which an operation is acknowledged, or a copy of it may be gone.
inline constexpr std::uint64_t kRuleSteps =
    step_bit(Step::s412) | step_bit(Step::s418) | step_bit(Step::s420) | step_bit(Step::s422) |
    step_bit(Step::s316) | step_bit(Step::s318) | step_bit(Step::s334) | step_bit(Step::s336);

enum class Go {
  on,    // to the next breakpoint
  step,  // ... or the next STEP of the followed operation; of a takeover, its next STEP
  into,  // ... or where the operation comes to next, another layer or the other node
  out,   // ... or when it is back in a layer where it was before
};

class Judge {
 public:
  int add(Breakpoint breakpoint);
  bool remove(int number);
  const std::vector<Breakpoint>& breakpoints() const { return breakpoints_; }

  /// How it goes on from where it stands; without a point only to the next breakpoint. `target`:
  /// the layer that `into` leads to; empty: the next.
  void go(Go how, const std::optional<Point>& from, const std::string& target = {});
  /// Whether everything stops here. Learns more of the followed operation.
  std::optional<Stop> judge(const Point& point);
  /// What the layers of a node have to park for, so that judge() sees enough.
  Wanted wanted(const std::string& node) const;

  /// How rule 1 broke since it was asked last, or nothing: for breakpoints on that.
  std::function<std::string()> broken_rule;

  const std::optional<Followed>& followed() const { return followed_; }
  void follow(Followed operation) { followed_ = std::move(operation); }

 private:
  bool is_end_of_step(const Point& point) const;
  void follow(const Point& point);

  std::vector<Breakpoint> breakpoints_;
  int last_number_ = 0;
  std::optional<Point> from_;  // where the step began
  std::optional<Followed> followed_;
  Go how_ = Go::on;
  std::string target_;
};

}  // namespace understudy::stepper
