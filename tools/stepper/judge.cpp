#include "tools/stepper/judge.h"

#include <algorithm>
#include <array>

namespace understudy::stepper {
namespace {

constexpr std::uint64_t kAllOfFig3 = 0xFFFFFFFF & ~step_bit(Step::s302);

/// What the monitor of the cluster does, for which IRPs are made as they are needed.
bool is_fig3(const TraceEntry& entry) {
  const auto step = static_cast<unsigned>(entry.step);
  return entry.hop == Hop::none && step >= 300 && step < 400;
}

bool is_of_fig3_alone(const std::optional<Point>& point) {
  return point && is_fig3(point->entry) && point->entry.lsn == 0;
}

}  // namespace

std::string_view to_string(Stop::Why why) {
  constexpr std::array<std::string_view, 5> kNames = {"breakpoint", "step", "pause", "rule", "end"};
  return kNames.at(static_cast<std::size_t>(why));
}

bool Followed::is(const std::string& at, const TraceEntry& entry) const {
  if (irp != 0 && at == node && entry.irp == irp) return true;
  return lsn != 0 && entry.lsn == lsn && entry.lun == lun &&
         (entry.epoch == epoch || entry.epoch == 0 || epoch == 0);
}

int Judge::add(Breakpoint breakpoint) {
  breakpoint.number = ++last_number_;
  breakpoints_.push_back(std::move(breakpoint));
  return last_number_;
}

bool Judge::remove(int number) {
  return std::erase_if(breakpoints_,
                       [number](const Breakpoint& each) { return each.number == number; }) != 0;
}

void Judge::go(Go how, const std::optional<Point>& from, const std::string& target) {
  target_ = target;
  how_ = from ? how : Go::on;
  from_ = from;
  if (how_ != Go::on) follow(*from_);
}

/// The union of what is wanted, which judge() takes apart again.
Wanted Judge::wanted(const std::string& node) const {
  Wanted wanted;
  for (const Breakpoint& each : breakpoints_) {
    wanted.steps |= each.steps;
    wanted.hops |= each.hops;
  }
  if (how_ == Go::step && is_of_fig3_alone(from_)) wanted.steps |= kAllOfFig3;
  if (how_ != Go::on && followed_) {
    if (node == followed_->node) wanted.irp = followed_->irp;
    wanted.lun = followed_->lun;
    wanted.lsn = followed_->lsn;
  }
  return wanted;
}

/// Learns more of the followed operation: its LSN, where it has been.
void Judge::follow(const Point& point) {
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

bool Judge::is_end_of_step(const Point& point) const {
  if (how_ == Go::on || !from_) return false;
  const TraceEntry& entry = point.entry;
  if (how_ == Go::step && is_of_fig3_alone(from_))
    return is_fig3(entry) && entry.step != Step::s302;
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

std::optional<Stop> Judge::judge(const Point& point) {
  const TraceEntry& entry = point.entry;
  std::optional<Stop> stop;
  std::optional<std::string> broken;  // the ledger takes its time: it is read once, and if needed
  for (Breakpoint& each : breakpoints_) {
    const bool here = entry.hop == Hop::none
                          ? (each.steps & step_bit(entry.step)) != 0
                          : (each.hops >> static_cast<unsigned>(entry.hop) & 1) != 0;
    if (!here || (!each.node.empty() && each.node != point.node)) continue;
    if (each.layer != Layer::none && each.layer != entry.layer) continue;
    const auto fields = [&point](std::string_view name) { return field_of(point, name); };
    if (each.condition && !each.condition->holds(fields)) continue;
    if (each.rule) {
      if (!broken) broken = broken_rule();
      if (broken->empty()) continue;
    }
    ++each.hits;
    // That a rule broke is what matters, whatever else stops here.
    if (each.rule && (!stop || stop->why != Stop::Why::rule)) {
      stop = Stop{Stop::Why::rule, each.number, point, *broken};
    } else if (!stop) {
      stop = Stop{Stop::Why::breakpoint, each.number, point};
    }
  }
  if (!stop && is_end_of_step(point)) stop = Stop{Stop::Why::step, 0, point};
  if (how_ != Go::on && followed_ && followed_->is(point.node, entry)) follow(point);
  std::erase_if(breakpoints_, [&](const Breakpoint& each) {
    return stop && each.once && each.number == stop->breakpoint;
  });
  return stop;
}

}  // namespace understudy::stepper
