#include "iomgr/host/debug_tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "iomgr/check.h"
#include "iomgr/host/futex.h"
#include "iomgr/host/parking.h"
#include "iomgr/ring.h"

namespace understudy {
namespace {

constexpr std::uint32_t kAllLayers = (1U << kLayers) - 2;  // a bit for each

// A thread that falls asleep rings no bell.
constexpr auto kLookAgain = std::chrono::microseconds(100);
constexpr Duration kSettleLimit = std::chrono::milliseconds(100);

Time real_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace

DebugTap::~DebugTap() {
  if (!attached()) return;
  stepping().debugger = 0;
  let_all_go(arena());
}

std::string DebugTap::attach() {
  UniqueFd file(open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct stat facts {};
  if (!file || fstat(file.get(), &facts) != 0) return {};
  if (memory_ && facts.st_ino == file_) {
    // A new life that began while we attached may have begun without our orders.
    if (arena().header().trace_mask != kAllLayers) apply();
    return {};
  }
  auto mapped = ShmArena::attach(std::move(file));
  if (!mapped) return {};  // being laid out
  Stepping& fresh = (*mapped)->arena().stepping();
  const std::optional<std::uint64_t> self = debugger_id(getpid());
  if (!self) return "/proc does not tell of this process";
  std::uint64_t before = fresh.debugger;
  const bool taken = before != self && debugger_lives(fresh);
  if (taken || !fresh.debugger.compare_exchange_strong(before, *self))
    return "process " + std::to_string(pid_of(before)) + " debugs this node already";
  if (memory_) older_.push_back(std::move(memory_));
  memory_ = std::move(*mapped);
  bell_ = &stepping().bell;
  file_ = facts.st_ino;
  seen_ = {};
  for (std::size_t i = 1; i < kLayers; ++i)
    seen_.at(i) = TraceRing(arena().trace_ring(static_cast<Layer>(i))).last();
  apply();
  return {};
}

void DebugTap::apply() {
  want(wanted_);
  arena().header().trace_mask = kAllLayers;
  if (std::exchange(held_, false)) hold();
}

bool DebugTap::runs(Layer layer) const {
  const pid_t pid = attached() ? place(layer).pid.load() : 0;
  // A zombie is dead, but nobody has asked yet how it ended.
  return pid > 0 && start_time_of(pid).has_value() && state_of(pid) != 'Z';
}

void DebugTap::want(const Wanted& wanted) {
  wanted_ = wanted;
  if (!attached()) return;
  StepFilter& filter = stepping().filter;
  filter.steps = wanted.steps;
  filter.hops = wanted.hops;
  filter.follow_irp = wanted.irp;
  filter.lun = wanted.lun;
  filter.follow_lsn = wanted.lsn;
}

void DebugTap::hold() {
  held_ = true;
  if (!attached()) return;
  stepping().clock.stop(real_now());
  for (ParkingPlace& place : stepping().places) place.attention |= ParkingPlace::kHeld;
}

void DebugTap::release() {
  held_ = false;
  if (!attached()) return;
  for (ParkingPlace& place : stepping().places) {
    place.attention &= ~ParkingPlace::kHeld;
    futex_wake(place.attention);
  }
  stepping().clock.start(real_now());
}

void DebugTap::unpark(Layer layer) {
  place(layer).parked = 0;
  futex_wake(place(layer).parked);
}

std::optional<std::string> DebugTap::order(Layer layer, const std::string& text,
                                           std::chrono::milliseconds patience) {
  ParkingPlace& to = place(layer);
  UNDERSTUDY_CHECK(text.size() < sizeof to.order);
  std::memset(to.order, 0, sizeof to.order);
  std::memcpy(to.order, text.data(), text.size());
  to.attention |= ParkingPlace::kOrder;
  futex_wake(to.attention);
  futex_wake(to.parked);
  const Time end = real_now() + patience;
  for (std::uint32_t now = to.attention; (now & ParkingPlace::kOrder) != 0; now = to.attention) {
    if (real_now() >= end) return std::nullopt;
    futex_wait(to.attention, now, patience);
  }
  return std::string(to.answer, strnlen(to.answer, sizeof to.answer));
}

std::vector<DebugTap::Pending> DebugTap::pending() const {
  std::vector<Pending> all;
  for (const LayerLink& link : house_links()) {
    for (const auto& [from, to] :
         {std::pair(link.one, link.other), std::pair(link.other, link.one)}) {
      std::size_t place = 0;
      for (const Irp& irp : Ring(arena().ring(from, to)).waiting())
        all.push_back({from, to, place++, irp});
    }
  }
  return all;
}

void DebugTap::move_pending(const Pending& message, std::size_t place) {
  Ring ring(arena().ring(message.from, message.to));
  std::vector<Irp> waiting = ring.waiting();
  if (message.place >= waiting.size()) return;
  waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(message.place));
  place = std::min(place, waiting.size());
  waiting.insert(waiting.begin() + static_cast<std::ptrdiff_t>(place), message.irp);
  static_cast<void>(ring.replace_waiting(waiting));  // somebody has pushed: nothing is changed
}

void DebugTap::edit_pending(const Pending& message, const Irp& irp) {
  Ring ring(arena().ring(message.from, message.to));
  std::vector<Irp> waiting = ring.waiting();
  if (message.place >= waiting.size()) return;
  waiting[message.place] = irp;
  static_cast<void>(ring.replace_waiting(waiting));  // somebody has pushed: nothing is changed
}

/// A layer rests when its thread sleeps: at a gate, at a point, or because it has nothing to do.
void DebugTap::settle() const {
  if (!attached()) return;
  const Time end = real_now() + kSettleLimit;
  for (std::size_t index = 1; index < kLayers; ++index) {
    const auto layer = static_cast<Layer>(index);
    while (runs(layer) && state_of(place(layer).pid) == 'R' && real_now() < end)
      std::this_thread::sleep_for(kLookAgain);
  }
}

std::vector<TraceEntry> DebugTap::take_trace() {
  std::vector<TraceEntry> taken;
  if (!attached()) return taken;
  for (std::size_t i = 1; i < kLayers; ++i) {
    const TraceRing ring(arena().trace_ring(static_cast<Layer>(i)));
    if (ring.last() < seen_.at(i)) seen_.at(i) = 0;  // a new life began its rings anew
    for (const TraceEntry& entry : ring.read(seen_.at(i))) {
      seen_.at(i) = entry.sequence;
      if (is_sound(entry, static_cast<Layer>(i))) taken.push_back(entry);
    }
  }
  std::ranges::stable_sort(taken, {}, &TraceEntry::time_ns);
  return taken;
}

void DebugTap::wait_for_bell(std::uint32_t seen, std::chrono::milliseconds limit) const {
  std::atomic<std::uint32_t>& bell = *bell_.load();
  if (bell == seen) futex_wait(bell, seen, limit);
}

}  // namespace understudy
