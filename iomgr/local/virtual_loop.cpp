#include "iomgr/local/virtual_loop.h"

#include <utility>

namespace understudy {

class VirtualExecutor : public Executor {
 public:
  explicit VirtualExecutor(VirtualLoop& loop) : loop_(loop), alive_(std::make_shared<char>()) {}

  void post(std::function<void()> work) override { loop_.post({alive_, std::move(work)}); }

  TimerId start_timer(Time deadline, std::function<void()> work) override {
    const TimerId id = ++loop_.next_timer_;
    loop_.timers_.emplace(deadline, VirtualLoop::Timer{id, {alive_, std::move(work)}});
    deadlines_.emplace(id, deadline);
    return id;
  }

  void cancel_timer(TimerId timer) override {
    const auto deadline = deadlines_.find(timer);
    if (deadline == deadlines_.end()) return;
    auto [first, last] = loop_.timers_.equal_range(deadline->second);
    for (; first != last; ++first) {
      if (first->second.id == timer) {
        loop_.timers_.erase(first);
        break;
      }
    }
    deadlines_.erase(deadline);
  }

  Time now() const override { return loop_.now(); }

  FileTime wall_time() const override {
    constexpr FileTime kStart = 133'800'000'000'000'000;  // some day in 2024
    return kStart + static_cast<FileTime>(loop_.now().count() / 100);
  }

  void offload(std::function<void()> work, std::function<void()> done) override {
    post([this, work = std::move(work), done = std::move(done)]() mutable {
      work();
      post(std::move(done));
    });
  }

 private:
  VirtualLoop& loop_;
  std::shared_ptr<char> alive_;
  std::map<TimerId, Time> deadlines_;
};

std::unique_ptr<Executor> VirtualLoop::make_executor() {
  return std::make_unique<VirtualExecutor>(*this);
}

bool VirtualLoop::step() {
  if (first_ready_ == ready_.size()) {
    ready_.clear();
    first_ready_ = 0;
    return false;
  }
  if (seed_ != 0) {
    std::uniform_int_distribution<std::size_t> pick(first_ready_, ready_.size() - 1);
    std::swap(ready_[first_ready_], ready_[pick(generator_)]);
  }
  const Work work = std::move(ready_[first_ready_++]);
  if (work.alive.lock()) work.run();
  return true;
}

void VirtualLoop::run_ready() {
  while (step()) {
  }
}

bool VirtualLoop::fire_timer(Time limit) {
  if (timers_.empty() || timers_.begin()->first > limit) return false;
  const auto first = timers_.begin();
  now_ = std::max(now_, first->first);
  post(std::move(first->second.work));
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
