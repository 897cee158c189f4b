// The plan of a seed: what clients do, what fails and when.
#include <algorithm>
#include <array>

#include "tests/sim/plan.h"

namespace understudy::sim {
namespace {

/// Choices out of one seed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15 + 1) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
  }
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(next() % end); }
  std::uint32_t between(std::uint32_t first, std::uint32_t last) {
    return first + below(last - first + 1);
  }
  bool once_in(std::uint32_t times) { return below(times) == 0; }
  template <typename Container>
  const auto& one_of(const Container& all) {
    return all[below(static_cast<std::uint32_t>(std::size(all)))];
  }

 private:
  std::uint64_t state_;
};

struct Weighted {
  Do what;
  std::uint32_t weight;
};
constexpr Weighted kOperations[] = {
    {Do::create, 6},
    {Do::overwrite, 4},
    {Do::write, 26},
    {Do::append, 8},
    {Do::truncate, 6},
    {Do::rename, 14},
    {Do::link, 4},
    {Do::remove, 6},
    {Do::remove_on_close, 3},
    {Do::make_directory, 4},
    {Do::remove_directory, 2},
    {Do::set_attributes, 2},
    {Do::set_times, 2},
    {Do::read, 8},
    {Do::list, 4},
    {Do::flush, 3},
};

constexpr std::string_view kFiles[] = {"one", "two", "three", "four"};
constexpr std::string_view kDirectories[] = {"red", "blue"};

constexpr std::string_view kOwnersPoints[] = {
    "flush.begin",
    "medium.flush.objects",
    "medium.flush.objects.each",
    "medium.flush.objects.done",
    "medium.flush.objects.sync",
    "medium.flush.objects.sync.each",
    "medium.flush.objects.sync.done",
    "medium.flush.entries",
    "medium.flush.entries.each",
    "medium.flush.entries.done",
    "medium.flush.entries.sync",
    "medium.flush.entries.sync.each",
    "medium.flush.entries.sync.done",
    "medium.flush.applied",
    "medium.flush.applied.sync",
    "medium.flush.applied.done",
    "flush.end",
    "medium.flush.remove",
    "rd.send",
    "mirror.append.before_ack",
    "mirror.purge",
};
constexpr std::string_view kTakeoverPoints[] = {
    "medium.mount.lock",    "medium.mount.lock.done",
    "medium.mount.claim",   "medium.mount.claim.done",
    "medium.mount.recover", "replay.begin",
    "replay.each",          "replay.flush",
    "replay.end",
};
constexpr std::string_view kErrorPoints[] = {
    "medium.flush.objects",      "medium.flush.objects.sync", "medium.flush.entries",
    "medium.flush.entries.sync", "medium.flush.applied",      "medium.flush.remove",
    "medium.flush.entries.each", "medium.mount.claim",        "medium.read",
};
constexpr std::uint32_t kTakeoverSteps[] = {304, 310, 312, 314, 316, 330, 334, 336};
constexpr std::string_view kLinks[] = {"interconnect", "interconnect", "control", "clients"};
constexpr Layer kLayersOfANode[] = {Layer::netstack,  Layer::ff_driver,     Layer::fs_cache,
                                    Layer::rd_driver, Layer::mirror_server, Layer::cluster_app};

std::string draw_file(Dice& dice) {
  std::string name(dice.one_of(kFiles));
  if (dice.once_in(4)) return std::string(dice.one_of(kDirectories)) + "\\" + name;
  return name;
}

/// Another name, the same in other case, or a directory.
void draw_names(Dice& dice, PlannedOperation& operation) {
  operation.replace = dice.below(3) != 0;
  if (operation.what == Do::rename && dice.once_in(8)) {
    operation.path = dice.one_of(kDirectories);
    operation.target = dice.one_of(kDirectories);
    if (dice.once_in(3)) operation.target = "green";
    if (dice.once_in(4)) std::swap(operation.path, operation.target);
    return;
  }
  operation.target = draw_file(dice);
  if (operation.what == Do::rename && dice.once_in(6)) {
    operation.target = operation.path;
    operation.target.back() = static_cast<char>(operation.target.back() - 'a' + 'A');
  }
}

PlannedOperation draw_operation(Dice& dice) {
  std::uint32_t total = 0;
  for (const Weighted& each : kOperations) total += each.weight;
  std::uint32_t ticket = dice.below(total);
  PlannedOperation operation;
  for (const Weighted& each : kOperations) {
    operation.what = each.what;
    if (ticket < each.weight) break;
    ticket -= each.weight;
  }
  operation.path = draw_file(dice);
  switch (operation.what) {
    case Do::write:
    case Do::append:
      operation.offset = 512 * dice.below(8) + (dice.once_in(5) ? dice.below(512) : 0);
      operation.length = dice.once_in(4) ? dice.between(1, 700) : 512 * dice.between(1, 6);
      operation.keep_open = dice.once_in(3);
      operation.write_through = dice.once_in(12);
      break;
    case Do::truncate:
      operation.length = dice.once_in(3) ? dice.below(3000) : 512 * dice.below(8);
      break;
    case Do::read:
      operation.offset = 512 * dice.below(4);
      operation.length = dice.between(1, 6000);
      break;
    case Do::rename:
    case Do::link:
      draw_names(dice, operation);
      break;
    case Do::make_directory:
    case Do::remove_directory:
      operation.path = dice.one_of(kDirectories);
      break;
    case Do::list:
      operation.path = dice.once_in(2) ? std::string() : std::string(dice.one_of(kDirectories));
      break;
    case Do::set_attributes:
      operation.offset = dice.below(3) == 0 ? 1 : 0;
      break;
    case Do::set_times:
      operation.offset = 10'000'000ULL * dice.below(1000);
      break;
    default:
      break;
  }
  return operation;
}

Settings draw_settings(Dice& dice) {
  static constexpr std::uint32_t kHeartbeats[] = {100, 200, 300};
  static constexpr std::uint32_t kFlushes[] = {5, 20, 50, 200, 1000};
  Settings settings;
  settings.heartbeat_ms = dice.one_of(kHeartbeats);
  settings.failure_after_ms = settings.heartbeat_ms * dice.between(3, 8);
  settings.flush_interval_ms = dice.one_of(kFlushes);
  settings.storage_hang_ms = dice.once_in(2) ? 1500 : 10'000;
  settings.lazy_writer_runs = !dice.once_in(8);
  settings.auto_giveback = dice.once_in(2);
  settings.medium_locks = !dice.once_in(3);
  settings.unwritten_kib = dice.once_in(5) ? 64 : 256;
  settings.mirror_kib = dice.once_in(5) ? 40 : 256;
  settings.restart_after_ms = dice.once_in(3) ? dice.between(1, 100) : dice.between(300, 2500);
  return settings;
}

PlannedFault draw_death(Dice& dice, std::uint32_t node, std::uint32_t after_ms) {
  PlannedFault fault;
  fault.node = node;
  fault.trigger.after_ms = after_ms;
  fault.layer = dice.one_of(kLayersOfANode);
  fault.seed = dice.next();
  const std::uint32_t kind = dice.below(12);
  fault.kind = kind < 8    ? FaultKind::kill_node
               : kind < 10 ? FaultKind::kill_layer
                           : FaultKind::power_loss;
  if (dice.below(3) != 0) {
    fault.trigger.kind = Trigger::Kind::point;
    fault.trigger.point = dice.one_of(kOwnersPoints);
    fault.trigger.nth = dice.once_in(2) ? 1 : dice.between(2, 4);
  }
  return fault;
}

/// A second failure, while the first is being dealt with.
PlannedFault draw_second(Dice& dice, std::uint32_t survivor, std::uint32_t after_ms) {
  PlannedFault fault = draw_death(dice, survivor, after_ms);
  if (dice.once_in(2)) {
    fault.trigger.kind = Trigger::Kind::point;
    fault.trigger.point = dice.one_of(kTakeoverPoints);
    fault.trigger.nth = dice.between(1, 3);
  } else {
    fault.trigger.kind = Trigger::Kind::step;
    fault.trigger.step = dice.one_of(kTakeoverSteps);
    fault.trigger.nth = dice.between(1, 3);
  }
  return fault;
}

PlannedFault draw_other(Dice& dice) {
  static constexpr FaultKind kKinds[] = {
      FaultKind::hang_layer, FaultKind::slow_layer,   FaultKind::stop_node,    FaultKind::reset,
      FaultKind::hold,       FaultKind::hold,         FaultKind::hold_one_way, FaultKind::delay,
      FaultKind::disk_slow,  FaultKind::disk_hang,    FaultKind::disk_error,   FaultKind::disk_full,
      FaultKind::sync_error, FaultKind::fence_fails,  FaultKind::wall_jump,    FaultKind::takeover,
      FaultKind::giveback,   FaultKind::stop_in_order};
  PlannedFault fault;
  fault.kind = dice.one_of(kKinds);
  fault.node = dice.below(2);
  fault.lun = dice.below(2);
  fault.layer = dice.one_of(kLayersOfANode);
  fault.link = dice.one_of(kLinks);
  fault.ms = dice.once_in(4) ? dice.between(2000, 7000) : dice.between(20, 1500);
  fault.amount = dice.between(1, 60);
  fault.point = dice.one_of(kErrorPoints);
  fault.seed = dice.next();
  if (fault.kind == FaultKind::wall_jump) fault.amount = dice.below(2000);
  fault.trigger.after_ms = dice.between(0, 4000);
  if (dice.once_in(3)) {
    fault.trigger.kind = Trigger::Kind::point;
    fault.trigger.point = dice.one_of(kOwnersPoints);
    fault.trigger.nth = dice.between(1, 5);
  }
  return fault;
}

}  // namespace

Plan draw_plan(std::uint64_t seed) {
  Dice dice(seed);
  Plan plan;
  plan.seed = seed;
  plan.schedule = dice.next() | 1;
  plan.settings = draw_settings(dice);

  const std::uint32_t lun = dice.below(2);
  const std::uint32_t clients = dice.between(1, 4);
  const std::uint32_t operations = dice.once_in(40) ? dice.between(200, 300) : dice.between(30, 90);
  for (std::uint32_t i = 0; i < clients; ++i) {
    PlannedClient client;
    client.lun = dice.once_in(4) ? 1 - lun : lun;
    client.start_ms = dice.between(1, 300);
    const std::uint32_t pace_ms = dice.between(1, 200);
    for (std::uint32_t done = 0; done < operations / clients; ++done) {
      client.operations.push_back(draw_operation(dice));
      client.operations.back().after_ms = dice.once_in(3) ? 0 : dice.below(pace_ms);
    }
    plan.clients.push_back(std::move(client));
  }

  // Mostly the owner of what the clients use dies, and then whatever else.
  if (!dice.once_in(30)) {
    plan.faults.push_back(
        draw_death(dice, dice.once_in(5) ? 1 - lun : lun, dice.between(100, 2500)));
    if (dice.once_in(3)) plan.faults.push_back(draw_second(dice, 1 - lun, 0));
    if (dice.once_in(4)) plan.faults.push_back(draw_second(dice, lun, dice.between(0, 4000)));
  }
  const std::uint32_t others = dice.between(1, 4);
  for (std::uint32_t i = 0; i < others; ++i) plan.faults.push_back(draw_other(dice));
  if (dice.once_in(25)) {
    PlannedFault dark = draw_death(dice, 0, dice.between(100, 4000));
    dark.kind = FaultKind::power_loss_all;
    dark.node = dice.below(2);
    plan.faults.push_back(dark);
  }
  plan.settings.heal_at_ms = dice.between(4000, 8000);
  return plan;
}

}  // namespace understudy::sim
