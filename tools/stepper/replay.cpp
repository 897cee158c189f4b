#include "tools/stepper/replay.h"

#include <algorithm>

namespace understudy::stepper {

Replay::Replay(std::shared_ptr<const Recording> recording) : shared_(std::move(recording)) {
  stop_ = Stop{};
  judge_.broken_rule = [this] {
    const auto found = broken_.find(judged_);
    return found == broken_.end() ? std::string() : found->second;
  };
  if (recording_.points.empty()) return;
  for (const Recording::Stood& stood : recording_.stops) {
    if (stood.stop.why != Stop::Why::rule) continue;
    if (rules_.empty()) {
      stand(stood.point, stood.stop);
      if (stood.followed) judge_.follow(*stood.followed);
    }
    rules_.emplace(stood.point, stood.stop);
  }
  find_broken_rules();
  if (rules_.empty()) stand(0, {});
}

/// By the ledgers that were recorded while the file systems of all nodes ran.
void Replay::find_broken_rules() {
  std::string before;
  for (const auto& [point, snapshot] : recording_.snapshots) {
    const bool all_run = std::ranges::none_of(snapshot.layers, [](const LayerState& layer) {
      return layer.place.ends_with(".fs_cache") && layer.does == kDoesNotRun;
    });
    std::string broken = all_run ? broken_rule(snapshot.ledger, recording_.nodes) : std::string();
    if (!broken.empty() && broken != before) broken_.emplace(point, broken);
    before = std::move(broken);
  }
  for (const auto& [point, stop] : rules_) broken_[point] = stop.text;
}

/// It stops wherever one broke: not only at the points after which a session looks.
int Replay::add(Breakpoint breakpoint) {
  if (breakpoint.rule) {
    breakpoint.steps = ~std::uint64_t{0};
    breakpoint.hops = ~0U;
  }
  return judge_.add(std::move(breakpoint));
}

std::optional<Stop> Replay::judge(std::size_t at) {
  judged_ = at;
  return judge_.judge(recording_.points[at]);
}

void Replay::stand(std::size_t at, Stop stop) {
  at_ = at;
  ++moves_;
  stop_ = std::move(stop);
  stop_->point = recording_.points[at];
}

void Replay::go(Go how, const std::string& target) {
  if (recording_.points.empty()) return;
  judge_.go(how, stop_->point, target);
  for (std::size_t i = at_ + 1; i < recording_.points.size(); ++i) {
    std::optional<Stop> stop = judge(i);
    const auto rule = rules_.find(i);
    if (!stop && rule != rules_.end()) stop = rule->second;
    if (stop) return stand(i, std::move(*stop));
  }
  stand(recording_.points.size() - 1, {Stop::Why::end, 0, {}, "The recording ends here."});
}

bool Replay::back() {
  return at_ > 0 && go_to(number() - 1);
}

bool Replay::go_back(Go how) {
  if (recording_.points.empty()) return false;
  judge_.go(how, stop_->point);
  for (std::size_t i = at_; i-- > 0;) {
    std::optional<Stop> stop = judge(i);
    if (!stop) continue;
    stand(i, std::move(*stop));
    return true;
  }
  return false;
}

bool Replay::go_to(std::uint64_t number) {
  if (number == 0 || number > points()) return false;
  const auto rule = rules_.find(number - 1);
  stand(number - 1, rule == rules_.end() ? Stop{} : rule->second);
  return true;
}

std::span<const Point> Replay::passed() {
  return std::span(recording_.points).first(number());
}

json::object Replay::irp_at(std::size_t number) const {
  const auto found = recording_.irps.find(number - 1);
  return found == recording_.irps.end() ? json::object() : found->second;
}

/// The nearest one before.
const Snapshot* Replay::snapshot() const {
  auto next = recording_.snapshots.upper_bound(at_);
  return next == recording_.snapshots.begin() ? nullptr : &(--next)->second;
}

std::optional<std::size_t> Replay::shown_at() const {
  auto next = recording_.snapshots.upper_bound(at_);
  if (next == recording_.snapshots.begin()) return std::nullopt;
  return (--next)->first + 1;
}

std::vector<LayerState> Replay::layers() {
  const Snapshot* const shown = snapshot();
  return shown == nullptr ? std::vector<LayerState>() : shown->layers;
}

std::vector<StoredRecord> Replay::cached(const std::string& node) {
  const Snapshot* const shown = snapshot();
  if (shown == nullptr) return {};
  const auto found = shown->cache.find(node);
  return found == shown->cache.end() ? std::vector<StoredRecord>() : found->second;
}

std::vector<StoredRecord> Replay::mirrored(const std::string& node) {
  const Snapshot* const shown = snapshot();
  if (shown == nullptr) return {};
  const auto found = shown->mirror.find(node);
  return found == shown->mirror.end() ? std::vector<StoredRecord>() : found->second;
}

Ledger Replay::ledger() {
  const Snapshot* const shown = snapshot();
  return shown == nullptr ? Ledger() : shown->ledger;
}

std::vector<std::size_t> Replay::search(const Condition& condition) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < recording_.points.size(); ++i) {
    const Point& point = recording_.points[i];
    if (condition.holds([&point](std::string_view name) { return field_of(point, name); }))
      found.push_back(i + 1);
  }
  return found;
}

std::vector<std::pair<std::size_t, Stop>> Replay::stops() const {
  std::vector<std::pair<std::size_t, Stop>> all;
  for (const Recording::Stood& stood : recording_.stops)
    all.push_back({stood.point + 1, stood.stop});
  return all;
}

}  // namespace understudy::stepper
