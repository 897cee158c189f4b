#include "tools/stepper/session.h"

#include <algorithm>

namespace understudy::stepper {
namespace {

constexpr auto kListen = std::chrono::milliseconds(100);
constexpr std::size_t kMaxHistory = 20'000;
constexpr std::uint64_t kAllOfFig3 = 0xFFFFFFFF & ~step_bit(Step::s302);
constexpr std::uint64_t kAllSteps = ~std::uint64_t{0};

/// What the monitor of the cluster does, for which IRPs are made as they are needed.
bool is_fig3(const TraceEntry& entry) {
  const auto step = static_cast<unsigned>(entry.step);
  return entry.hop == Hop::none && step >= 300 && step < 400;
}

}  // namespace

bool Followed::is(const std::string& at, const TraceEntry& entry) const {
  if (irp != 0 && at == node && entry.irp == irp) return true;
  return lsn != 0 && entry.lsn == lsn && entry.lun == lun &&
         (entry.epoch == epoch || entry.epoch == 0 || epoch == 0);
}

Session::Session(const std::vector<NodeName>& nodes) {
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
  breakpoint.number = ++last_number_;
  breakpoints_.push_back(std::move(breakpoint));
  want();
  return last_number_;
}

bool Session::remove(int number) {
  const bool there = std::erase_if(breakpoints_, [number](const Breakpoint& each) {
                       return each.number == number;
                     }) != 0;
  want();
  return there;
}

/// What the layers have to park for: the union, which judge() takes apart again.
void Session::want() {
  Wanted wanted;
  for (const Breakpoint& each : breakpoints_) {
    wanted.steps |= each.steps;
    wanted.hops |= each.hops;
  }
  const bool steps_through_fig3 =
      how_ == Go::step && from_ && is_fig3(from_->entry) && from_->entry.lsn == 0;
  if (steps_through_fig3) wanted.steps |= kAllOfFig3;
  for (Node& node : nodes_) {
    Wanted here = wanted;
    if (how_ != Go::on && followed_) {
      if (node.name == followed_->node) here.irp = followed_->irp;
      here.lun = followed_->lun;
      here.lsn = followed_->lsn;
    }
    node.tap->want(here);
  }
}

void Session::go(Go how, const std::string& target) {
  target_ = target;
  how_ = stop_ && stop_->point ? how : Go::on;
  from_ = stop_ ? stop_->point : std::nullopt;
  if (how_ != Go::on) follow(*from_);
  stop_.reset();
  want();
  for (Node& node : nodes_) node.tap->release();
  for (Node& node : nodes_) {
    for (const Layer layer : std::exchange(node.judged, {})) node.tap->unpark(layer);
  }
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

/// Learns more of the followed operation: its LSN, where it has been.
void Session::follow(const Point& point) {
  const TraceEntry& entry = point.entry;
  if (!followed_ || !followed_->is(point.node, entry))
    followed_ = Followed{point.node, entry.irp, entry.lun, entry.epoch, entry.lsn, {}};
  if (followed_->irp == 0 && entry.irp != 0) {
    followed_->irp = entry.irp;
    followed_->node = point.node;
  }
  if (followed_->lsn == 0 && entry.lsn != 0) {
    followed_->lsn = entry.lsn;
    followed_->epoch = entry.epoch;
    followed_->lun = entry.lun;
  }
  followed_->visited.insert(point.where());
}

bool Session::is_end_of_step(const Point& point) const {
  if (how_ == Go::on || !from_) return false;
  const TraceEntry& entry = point.entry;
  const bool fig3 = is_fig3(from_->entry) && from_->entry.lsn == 0;
  if (how_ == Go::step && fig3) return is_fig3(entry) && entry.step != Step::s302;
  if (!followed_ || !followed_->is(point.node, entry)) return false;
  const std::string where = point.where();
  switch (how_) {
    case Go::step:
      return entry.hop == Hop::none;
    case Go::into:
      return target_.empty() ? where != from_->where() : where == target_;
    case Go::out:
      return where != from_->where() && followed_->visited.contains(where);
    case Go::on:
      break;
  }
  return false;
}

std::optional<Stop> Session::judge(const Point& point) {
  const TraceEntry& entry = point.entry;
  std::optional<Stop> stop;
  for (Breakpoint& each : breakpoints_) {
    const bool here = entry.hop == Hop::none
                          ? (each.steps & step_bit(entry.step)) != 0
                          : (each.hops >> static_cast<unsigned>(entry.hop) & 1) != 0;
    if (!here || (!each.node.empty() && each.node != point.node)) continue;
    if (each.layer != Layer::none && each.layer != entry.layer) continue;
    const auto fields = [&point](std::string_view name) { return field_of(point, name); };
    if (each.condition && !each.condition->holds(fields)) continue;
    ++each.hits;
    if (!stop) stop = Stop{Stop::Why::breakpoint, each.number, point};
  }
  if (!stop && is_end_of_step(point)) stop = Stop{Stop::Why::step, 0, point};
  if (how_ != Go::on && followed_ && followed_->is(point.node, entry)) {
    follow(point);
    want();
  }
  std::erase_if(breakpoints_, [&](const Breakpoint& each) {
    return stop && each.once && each.number == stop->breakpoint;
  });
  return stop;
}

void Session::hold() {
  for (Node& node : nodes_) node.tap->hold();
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
      const Point point = point_of(node.name, node.tap->arena(), place.entry, place.irp);
      stop_ = judge(point);
      if (stop_) {
        hold();
        node.judged.insert(layer);
        take_trace();
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
  while (!interrupted_.exchange(false)) {
    std::uint64_t rings = 0;
    {
      const std::lock_guard lock(mutex_);
      rings = rings_;
    }
    static_cast<void>(attach());  // a node that was started anew
    if (look()) return stop_;
    take_trace();
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) break;
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

Stop Session::pause() {
  if (!stop_) {
    hold();
    stop_ = Stop{};
    take_trace();
  }
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
      if (place.parked != 0)
        points.push_back(point_of(node.name, node.tap->arena(), place.entry, place.irp));
    }
  }
  return points;
}

void Session::take_trace() {
  std::vector<Point> fresh;
  for (Node& node : nodes_) {
    for (const TraceEntry& entry : node.tap->take_trace()) {
      if (entry.step == Step::s412 && entry.lsn != 0 && ok(entry.status))
        acknowledged_.insert({entry.lun, entry.lsn});
      fresh.push_back({node.name, entry, {}, {}});
    }
  }
  std::ranges::stable_sort(fresh, {}, [](const Point& point) { return point.entry.time_ns; });
  if (on_points && !fresh.empty()) on_points(fresh);
  history_.insert(history_.end(), fresh.begin(), fresh.end());
  if (history_.size() > kMaxHistory)
    history_.erase(history_.begin(), history_.end() - kMaxHistory / 2);
}

const std::vector<Point>& Session::history() {
  take_trace();
  return history_;
}

}  // namespace understudy::stepper
