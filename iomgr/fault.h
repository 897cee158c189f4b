// Fault points: named places inside production code where a test can make something go wrong.
// Unarmed, a point costs one load. Armed by the environment (UNDERSTUDY_FAULTS, see
// host/fault_text.h) or by a test. fault_points.h lists them all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "iomgr/executor.h"
#include "iomgr/status.h"

namespace understudy {

enum class FaultAction : std::uint8_t {
  none,
  kill,   // the process ends at this point as by kill -9
  error,  // the operation at this point fails with the given status
  hang,   // the process stops making progress at this point
  stall,  // the operation at this point never completes, and everything else goes on: storage that
          // hangs. Only where the code that passes the point can wait (see stalls())
};

/// What happens to one message on its way to the partner (interconnect_stream.h).
struct MessageFault {
  enum class Action : std::uint8_t { none, drop, duplicate, delay };
  Action action = Action::none;
  Duration delay{};

  static constexpr Duration kMaxDelay = std::chrono::minutes(1);
};
/// "drop", "duplicate", "delay MS"; nothing if it cannot be read.
std::optional<MessageFault> parse_message_fault(std::string_view text);

class FaultPoints {
 public:
  struct Fault {
    FaultAction action = FaultAction::none;
    std::uint64_t countdown = 1;  // fires at the n-th pass
    bool repeats = false;         // and at every later one
    Status status = Status::io_device_error;
  };

  /// Arms from text: "point=action[@n][+]" joined by ',', as in
  /// "medium.flush.applied=kill@3,medium.read=error+". False, and nothing armed, when it cannot be
  /// read.
  bool parse(std::string_view text);
  void arm(std::string point, Fault fault);
  void disarm();
  /// Whether something is armed at `point`: for code that takes a slower way there to be
  /// interruptible.
  bool armed(std::string_view point) const { return armed_.contains(point); }

  /// Passes a point. Gives a failure status if a fault says so, kStalled for a stall, else success.
  /// kill and hang call `act`.
  Status pass(std::string_view point) {
    if (armed_.empty()) [[likely]]
      return Status::success;
    return pass_armed(point);
  }

  /// What pass() gives where the operation must never complete: `co_await never{}`.
  static constexpr Status kStalled = Status::pending;

  /// Of the next message that this layer sends over the interconnect, which takes it from here.
  MessageFault next_message;

  /// What kill and hang do; the default ends or stops this process. A simulated node puts its own
  /// here.
  std::function<void(FaultAction)> act;

 private:
  Status pass_armed(std::string_view point);

  std::map<std::string, Fault, std::less<>> armed_;
};

}  // namespace understudy
