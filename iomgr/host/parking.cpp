#include "iomgr/host/parking.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "iomgr/host/futex.h"
#include "iomgr/host/process_identity.h"

namespace understudy {
namespace {

constexpr auto kLookForDebugger = std::chrono::seconds(1);

Time real_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace

std::optional<std::uint64_t> debugger_id(pid_t pid) {
  const auto start = pid > 0 ? start_time_of(pid) : std::nullopt;
  if (!start) return std::nullopt;
  return *start << 32 | static_cast<std::uint32_t>(pid);
}

pid_t pid_of(std::uint64_t debugger) {
  return static_cast<pid_t>(debugger & 0xFFFFFFFF);
}

bool debugger_lives(const Stepping& stepping) {
  const std::uint64_t debugger = stepping.debugger;
  const pid_t pid = pid_of(debugger);
  // A zombie still has its start time.
  return debugger_id(pid) == debugger && state_of(pid) != 'Z' && state_of(pid) != 'X';
}

void let_go_of_the_dead(Arena& arena) {
  Stepping& stepping = arena.stepping();
  std::uint64_t dead = stepping.debugger;
  if (dead == 0 || debugger_lives(stepping)) return;
  // Who finds another one there by now leaves that its orders.
  if (!debugger_lives(stepping) && stepping.debugger.compare_exchange_strong(dead, 0))
    let_all_go(arena);
}

void let_all_go(Arena& arena) {
  Stepping& stepping = arena.stepping();
  arena.header().trace_mask = 0;
  stepping.filter.steps = 0;
  stepping.filter.hops = 0;
  stepping.filter.follow_irp = 0;
  stepping.filter.follow_lsn = 0;
  for (ParkingPlace& place : stepping.places) {
    place.attention = 0;
    place.parked = 0;
    futex_wake(place.attention);
    futex_wake(place.parked);
  }
  stepping.clock.start(real_now());
}

Parking::Parking(Arena& arena, Layer layer)
    : arena_(arena),
      stepping_(arena.stepping()),
      place_(stepping_.places.at(static_cast<std::size_t>(layer))) {
  place_.pid = getpid();
}

template <typename Waits>
void Parking::wait(std::atomic<std::uint32_t>& word, const Waits& waits) {
  for (std::uint32_t value = word; waits(value); value = word) {
    futex_wait(word, value, kLookForDebugger);
    if (stepping_.debugger == 0) let_all_go(arena_);
    let_go_of_the_dead(arena_);
  }
}

void Parking::attend() {
  wait(place_.attention, [this](std::uint32_t value) {
    if ((value & ParkingPlace::kOrder) != 0) take_order();
    const bool held = (value & ParkingPlace::kHeld) != 0;
    place_.waits = held ? 1 : 0;
    return held;
  });
}

void Parking::take_order() {
  const std::string order(place_.order, strnlen(place_.order, sizeof place_.order));
  const std::string wrong = on_order ? on_order(order) : "this layer takes no orders";
  std::memset(place_.answer, 0, sizeof place_.answer);
  std::memcpy(place_.answer, wrong.data(), std::min(wrong.size(), sizeof place_.answer - 1));
  place_.attention &= ~ParkingPlace::kOrder;
  futex_wake(place_.attention);
}

/// Whether it has parked.
bool Parking::park(const TraceEntry& entry, const Irp& irp, bool changeable) {
  gate();
  if (!stepping_.filter.wants(entry)) return false;
  place_.entry = entry;
  place_.irp = irp;
  place_.changeable = changeable ? 1 : 0;
  place_.parked = 1;
  ++stepping_.bell;
  futex_wake(stepping_.bell);
  wait(place_.parked, [this](std::uint32_t value) {
    if ((place_.attention & ParkingPlace::kOrder) != 0) take_order();
    return value != 0;
  });
  gate();
  return true;
}

}  // namespace understudy
