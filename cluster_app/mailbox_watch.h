// The third heartbeat path: the mailbox slots on the medium, in two areas, so that one may be lost.
// Bookkeeping without clock or IRPs: it is told how each exchange ended and how time passes.
//
// Invariant: time counts against the partner only while our own way to the mailbox works.
#pragma once

#include <array>
#include <optional>

#include "iomgr/executor.h"
#include "iomgr/irp.h"

namespace understudy {

class MailboxWatch {
 public:
  static constexpr std::size_t kAreas = 2;

  /// An area whose last exchange is older than `stale` is lost.
  explicit MailboxWatch(Duration stale) : stale_(stale) {}

  /// Our slot was written and read back; `partner` is what was found beside it.
  void exchanged(std::size_t area, const std::optional<MailboxSlot>& partner);
  void failed(std::size_t area) { areas_.at(area).worked = false; }
  void tick(Duration elapsed);

  bool works(std::size_t area) const {
    return areas_.at(area).worked && areas_.at(area).age <= stale_;
  }
  /// An area that has worked is lost.
  bool lost(std::size_t area) const { return areas_.at(area).ever_worked && !works(area); }
  /// How long the partner has left no new word; nothing while no area works.
  std::optional<Duration> partner_silence() const;

 private:
  struct Area {
    bool worked = false;  // the last exchange did
    bool ever_worked = false;
    Duration age{0};  // of the last exchange that worked
    std::optional<MailboxSlot> partner;
  };

  Duration stale_;
  std::array<Area, kAreas> areas_;
  Duration silence_{0};
};

}  // namespace understudy
