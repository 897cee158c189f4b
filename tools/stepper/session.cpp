#include "tools/stepper/session.h"

#include <algorithm>
#include <cstring>

namespace understudy::stepper {
namespace {

constexpr auto kListen = std::chrono::milliseconds(100);
constexpr std::size_t kMaxHistory = 20'000;

/// A point as its layer showed it, and as it stands in the ring with its number there.
bool is_same(const Point& shown, const Point& passed) {
  TraceEntry entry = passed.entry;
  entry.sequence = shown.entry.sequence;
  return shown.node == passed.node && std::memcmp(&entry, &shown.entry, sizeof entry) == 0;
}

}  // namespace

Session::Session(const std::vector<NodeName>& nodes) {
  judge_.broken_rule = [this] { return broken_rule(); };
  nodes_.reserve(nodes.size());
  for (const NodeName& each : nodes) {
    Node& node = nodes_.emplace_back();
    node.name = each.name;
    node.tap = std::make_unique<DebugTap>(each.memory_path);
  }
}

Session::~Session() {
  ends_ = true;
  for (Node& node : nodes_) {
    if (node.bell.joinable()) node.bell.join();
  }
}

std::string Session::attach() {
  for (Node& node : nodes_) {
    const bool was = node.tap->attached();
    std::string wrong = node.tap->attach();
    if (!wrong.empty()) return "node " + node.name + ": " + wrong;
    if (!was && node.tap->attached()) node.bell = std::thread([this, &node] { listen(node); });
  }
  return {};
}

/// A futex of each node's memory cannot be waited for together with the other's: a thread for each.
void Session::listen(Node& node) {
  std::uint32_t seen = node.tap->bell();
  while (!ends_) {
    node.tap->wait_for_bell(seen, kListen);
    const std::uint32_t now = node.tap->bell();
    if (now == seen) continue;
    seen = now;
    const std::lock_guard lock(mutex_);
    ++rings_;
    rang_.notify_one();
  }
}

int Session::add(Breakpoint breakpoint) {
  const int number = judge_.add(std::move(breakpoint));
  want();
  return number;
}

bool Session::remove(int number) {
  const bool there = judge_.remove(number);
  want();
  return there;
}

int Session::add_listener(Listener listener) {
  listeners_[++last_listener_] = std::move(listener);
  return last_listener_;
}

/// What the layers have to park for.
void Session::want() {
  for (Node& node : nodes_) node.tap->want(judge_.wanted(node.name));
}

void Session::go(Go how, const std::string& target) {
  judge_.go(how, stop_ ? stop_->point : std::nullopt, target);
  stop_.reset();
  want();
  // Who is let go waits at the gate until all are.
  for (Node& node : nodes_) {
    for (const Layer layer : std::exchange(node.judged, {})) node.tap->unpark(layer);
  }
  for (Node& node : nodes_) node.tap->release();
}

bool Session::turn_to(const std::string& node, Layer layer) {
  for (Node& each : nodes_) {
    if (!stop_ || each.name != node || !each.tap->attached()) continue;
    const ParkingPlace& place = each.tap->place(layer);
    if (place.parked == 0 || !each.tap->runs(layer)) continue;
    stop_->point = point_of(node, each.tap->arena(), place.entry, place.irp);
    each.judged.insert(layer);
    return true;
  }
  return false;
}

std::string Session::edit(const std::string& node, Layer layer, std::string_view field,
                          std::uint64_t value) {
  DebugTap* const of = tap(node);
  if (!stop_ || of == nullptr || !of->attached() || !of->runs(layer) ||
      of->place(layer).parked == 0)
    return node + "." + std::string(to_string(layer)) + " waits at no point";
  ParkingPlace& place = of->place(layer);
  if (place.changeable == 0)
    return "at a STEP or a message the layer has checked already what it goes on with; an IRP can "
           "be changed at its hops: request_in, request_out, completion_in, completion_out";
  Irp irp = place.irp;
  std::string wrong = set_field(irp, field, value);
  if (!wrong.empty()) return wrong;
  place.irp = irp;
  if (stop_->point && stop_->point->node == node && stop_->point->entry.layer == layer)
    stop_->point->irp = irp;
  return {};
}

void Session::hold() {
  for (Node& node : nodes_) node.tap->hold();
  for (Node& node : nodes_) node.tap->settle();
}

/// Judges who is parked. True if everything stands now.
bool Session::look() {
  for (Node& node : nodes_) {
    if (!node.tap->attached()) continue;
    for (std::size_t index = 1; index < kLayers; ++index) {
      const auto layer = static_cast<Layer>(index);
      ParkingPlace& place = node.tap->place(layer);
      if (place.parked == 0) node.judged.erase(layer);
      if (place.parked == 0 || node.judged.contains(layer) || !node.tap->runs(layer)) continue;
      if (!is_sound(place.entry, layer)) {
        node.tap->unpark(layer);
        continue;
      }
      const Point point = point_of(node.name, node.tap->arena(), place.entry, place.irp);
      shown_.push_back(point);
      std::optional<Stop> stop = judge_.judge(point);
      want();
      if (stop) {
        node.judged.insert(layer);
        stand(std::move(*stop));
        return true;
      }
      node.tap->unpark(layer);
    }
  }
  return false;
}

std::optional<Stop> Session::wait(std::chrono::milliseconds limit) {
  if (stop_) return stop_;
  const auto end = std::chrono::steady_clock::now() + limit;
  while (true) {
    std::uint64_t rings = 0;
    {
      const std::lock_guard lock(mutex_);
      rings = rings_;
    }
    static_cast<void>(attach());  // a node that was started anew
    if (look()) return stop_;
    take_trace();
    const auto now = std::chrono::steady_clock::now();
    if (interrupted_.exchange(false) || now >= end) break;
    std::unique_lock lock(mutex_);
    rang_.wait_until(lock, std::min(end, now + kListen), [&] { return rings_ != rings; });
  }
  return std::nullopt;
}

void Session::wake() {
  interrupt();
  const std::lock_guard lock(mutex_);
  ++rings_;
  rang_.notify_one();
}

void Session::stand(Stop stop) {
  hold();
  stop_ = std::move(stop);
  take_trace();
  if (stop_->point) {
    const auto passed =
        std::ranges::find_if(history_.rbegin(), history_.rend(),
                             [this](const Point& point) { return is_same(*stop_->point, point); });
    if (passed != history_.rend()) stop_->point->entry.sequence = passed->entry.sequence;
  }
  for (const auto& [number, listener] : listeners_) {
    if (listener.on_stop) listener.on_stop(*stop_);
  }
}

Stop Session::pause() {
  if (!stop_) stand({});
  return *stop_;
}

std::vector<std::string> Session::nodes() const {
  std::vector<std::string> names;
  for (const Node& node : nodes_) names.push_back(node.name);
  return names;
}

DebugTap* Session::tap(std::string_view name) {
  for (Node& node : nodes_) {
    if (node.name == name) return node.tap.get();
  }
  return nullptr;
}

std::vector<Point> Session::parked() {
  std::vector<Point> points;
  for (Node& node : nodes_) {
    if (!node.tap->attached()) continue;
    for (std::size_t index = 1; index < kLayers; ++index) {
      const ParkingPlace& place = node.tap->place(static_cast<Layer>(index));
      if (place.parked != 0 && node.tap->runs(static_cast<Layer>(index)))
        points.push_back(point_of(node.name, node.tap->arena(), place.entry, place.irp));
    }
  }
  return points;
}

json::object Session::irp() {
  return stop_ && stop_->point ? irp_of(*stop_->point) : json::object();
}

std::vector<LayerState> Session::layers() {
  std::vector<LayerState> all;
  for (const Node& node : nodes_) {
    const DebugTap& tap = *node.tap;
    for (std::size_t index = 1; index < kLayers; ++index) {
      const auto layer = static_cast<Layer>(index);
      LayerState state{node.name + "." + std::string(to_string(layer)), 0,
                       std::string(kDoesNotRun)};
      if (tap.attached() && tap.runs(layer)) {
        const ParkingPlace& place = tap.place(layer);
        state.pid = place.pid;
        state.does = place.parked != 0  ? "parked: " + title(place.entry)
                     : place.waits != 0 ? "held"
                     : tap.is_held()    ? "idle, held before what comes next"
                                        : "runs";
      }
      all.push_back(std::move(state));
    }
  }
  return all;
}

std::vector<StoredRecord> Session::cached(const std::string& node) {
  const DebugTap* const found = tap(node);
  return found != nullptr && found->attached() ? cached_records(found->arena())
                                               : std::vector<StoredRecord>();
}

std::vector<StoredRecord> Session::mirrored(const std::string& node) {
  const DebugTap* const found = tap(node);
  return found != nullptr && found->attached() ? mirrored_records(found->arena())
                                               : std::vector<StoredRecord>();
}

std::vector<NodeStores> Session::stores() {
  take_trace();  // so that every acknowledgement is seen
  std::vector<NodeStores> all;
  for (const Node& node : nodes_) {
    if (node.tap->attached())
      all.emplace_back(node.name, node.tap->arena(), node.tap->runs(Layer::fs_cache));
  }
  return all;
}

Ledger Session::ledger_of(const std::vector<NodeStores>& stores) const {
  return read_ledger(
      stores, [this](std::uint32_t lun, std::uint64_t lsn) { return acknowledged(lun, lsn); });
}

/// Nothing moves while it is read: what is looked at one after the other would contradict itself.
Ledger Session::ledger() {
  const bool ran = !stands();
  if (ran) hold();
  const Ledger ledger = ledger_of(stores());
  for (const LedgerLun& lun : ledger.luns) forget_durable(lun);
  for (Node& node : nodes_) {
    if (ran) node.tap->release();
  }
  return ledger;
}

/// After a failure of a node the other alone has some copies, until it has replayed them: that is
/// no breach.
std::string Session::broken_rule() {
  const bool all_run = std::ranges::all_of(nodes_, [](const Node& node) {
    return node.tap->attached() && node.tap->runs(Layer::fs_cache);
  });
  std::string broken = all_run ? stepper::broken_rule(ledger(), nodes()) : std::string();
  if (broken == broken_rule_) return {};
  broken_rule_ = std::move(broken);
  return broken_rule_;
}

/// The ledger never asks for it again.
void Session::forget_durable(const LedgerLun& lun) {
  acknowledged_.erase(acknowledged_.lower_bound({lun.lun, 0}),
                      acknowledged_.upper_bound({lun.lun, lun.durable}));
}

Snapshot Session::snapshot() {
  const std::vector<NodeStores> read = stores();
  Snapshot snapshot(read, ledger_of(read));
  snapshot.layers = layers();
  return snapshot;
}

void Session::show_late(Point shown) {
  const auto passed =
      std::ranges::find_if(history_.rbegin(), history_.rend(),
                           [&shown](const Point& point) { return is_same(shown, point); });
  if (passed == history_.rend()) return;
  shown.entry.sequence = passed->entry.sequence;
  *passed = std::move(shown);
  for (const auto& [number, listener] : listeners_) {
    if (listener.on_shown) listener.on_shown(*passed);
  }
}

void Session::take_trace() {
  std::vector<Point> fresh;
  for (Node& node : nodes_) {
    for (const TraceEntry& entry : node.tap->take_trace()) {
      if (acknowledges(entry)) acknowledged_.insert({entry.lun, entry.lsn});
      fresh.push_back({node.name, entry, {}, {}});
    }
  }
  for (Point& shown : std::exchange(shown_, {})) {
    const auto passed =
        std::ranges::find_if(fresh, [&shown](const Point& point) { return is_same(shown, point); });
    if (passed == fresh.end()) {
      show_late(std::move(shown));
      continue;
    }
    shown.entry.sequence = passed->entry.sequence;
    *passed = std::move(shown);
  }
  if (fresh.empty()) return;
  std::ranges::stable_sort(fresh, {}, [](const Point& point) { return point.entry.time_ns; });
  for (const auto& [number, listener] : listeners_) {
    if (listener.on_points) listener.on_points(fresh);
  }
  history_.insert(history_.end(), fresh.begin(), fresh.end());
  if (history_.size() > kMaxHistory)
    history_.erase(history_.begin(), history_.end() - kMaxHistory / 2);
}

const std::vector<Point>& Session::history() {
  take_trace();
  return history_;
}

}  // namespace understudy::stepper
