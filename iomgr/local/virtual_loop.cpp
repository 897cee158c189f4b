#include "iomgr/local/virtual_loop.h"

#include <utility>

namespace understudy {

VirtualExecutor::VirtualExecutor(VirtualLoop& loop)
    : loop_(loop), life_(std::make_shared<VirtualLoop::Life>()) {}

/// Timers go at once: what they hold may want this executor when it is destroyed.
VirtualExecutor::~VirtualExecutor() {
  loop_.forget_timers_of(life_);
}

void VirtualExecutor::post(std::function<void()> work) {
  loop_.post({life_, std::move(work)});
}

Executor::TimerId VirtualExecutor::start_timer(Time deadline, std::function<void()> work) {
  return loop_.start_timer(deadline, {life_, std::move(work)});
}

void VirtualExecutor::cancel_timer(TimerId timer) {
  loop_.cancel_timer(timer);
}

FileTime VirtualExecutor::wall_time() const {
  constexpr std::int64_t kStart = 133'800'000'000'000'000;  // some day in 2024
  return static_cast<FileTime>(kStart + wall_shift_ + loop_.now().count() / 100);
}

void VirtualExecutor::offload(std::function<void()> work, std::function<void()> done) {
  loop_.post({life_,
              [this, work = std::move(work), done = std::move(done)]() mutable {
                work();
                post(std::move(done));
              },
              VirtualLoop::Kind::disk});
}

void VirtualExecutor::stop() {
  life_->stopped = true;
}

void VirtualExecutor::wake() {
  life_->stopped = false;
  for (VirtualLoop::Work& work : std::exchange(life_->parked, {})) loop_.post(std::move(work));
}

/// What timers hold may still want to post when it is dropped: that, too, must never run.
void VirtualExecutor::kill() {
  loop_.forget_timers_of(life_);
  life_ = std::make_shared<VirtualLoop::Life>();
}

std::unique_ptr<VirtualExecutor> VirtualLoop::make_executor() {
  return std::make_unique<VirtualExecutor>(*this);
}

Executor::TimerId VirtualLoop::start_timer(Time deadline, Work work) {
  const Executor::TimerId id = ++next_timer_;
  timers_.emplace(TimerPlace(deadline, id), std::move(work));
  deadlines_.emplace(id, deadline);
  return id;
}

void VirtualLoop::cancel_timer(Executor::TimerId timer) {
  const auto deadline = deadlines_.find(timer);
  if (deadline == deadlines_.end()) return;
  timers_.erase({deadline->second, timer});
  deadlines_.erase(timer);
}

void VirtualLoop::forget_timers_of(const std::shared_ptr<Life>& life) {
  for (auto at = timers_.begin(); at != timers_.end();) {
    if (at->second.life.lock() == life) {
      deadlines_.erase(at->first.second);
      const Work dropped = std::move(at->second);
      at = timers_.erase(at);
    } else {
      ++at;
    }
  }
}

/// SplitMix64: one addition and a few shifts a step.
std::uint64_t VirtualLoop::next_random() {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

bool VirtualLoop::step() {
  if (first_ready_ == ready_.size()) {
    ready_.clear();
    first_ready_ = 0;
    return false;
  }
  if (state_ != 0) {
    const std::size_t waiting = ready_.size() - first_ready_;
    if (waiting > 1)
      std::swap(ready_[first_ready_], ready_[first_ready_ + next_random() % waiting]);
  }
  Work work = std::move(ready_[first_ready_++]);
  const std::shared_ptr<Life> life = work.life.lock();
  if (life == nullptr) return true;
  if (life->stopped && work.kind != Kind::disk) {
    life->parked.push_back(std::move(work));
  } else if (life->delay > Duration(0) && work.kind == Kind::work) {
    work.kind = Kind::delayed;
    start_timer(now_ + life->delay, std::move(work));
  } else {
    work.run();
  }
  return true;
}

void VirtualLoop::run_ready() {
  while (step()) {
  }
}

bool VirtualLoop::fire_timer(Time limit) {
  if (timers_.empty() || timers_.begin()->first.first > limit) return false;
  const auto first = timers_.begin();
  now_ = std::max(now_, first->first.first);
  deadlines_.erase(first->first.second);
  post(std::move(first->second));
  timers_.erase(first);
  return true;
}

bool VirtualLoop::run_until(const std::function<bool()>& done, Duration limit) {
  const Time end = now_ + limit;
  while (!done()) {
    if (!step() && !fire_timer(end)) return false;
  }
  return true;
}

void VirtualLoop::run_for(Duration duration) {
  const Time end = now_ + duration;
  do {
    run_ready();
  } while (fire_timer(end));
  now_ = end;
}

}  // namespace understudy
