#include "iomgr/host/asio_executor.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <unordered_map>

#include "iomgr/bounds.h"
#include "iomgr/host/parking.h"

namespace understudy {

namespace asio = boost::asio;

struct AsioExecutor::Parts {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> idle{context.get_executor()};
  struct Timer {
    asio::steady_timer timer;
    Time deadline;
  };
  std::unordered_map<TimerId, Timer> timers;
  TimerId next_timer = 0;
  std::optional<asio::thread_pool> pool;  // most layers never block and never start it
  Parking* parking = nullptr;

  void gate() const {
    if (parking != nullptr) parking->gate();
  }
  Time now() const {
    const auto real = [] { return Time(std::chrono::steady_clock::now().time_since_epoch()); };
    return parking == nullptr ? real() : parking->clock().now(real);
  }
  /// The virtual clock may have stood still meanwhile: what is left of the time is waited for, too.
  void arm(TimerId id, Timer& armed, std::function<void()> work) {
    armed.timer.expires_after(
        std::chrono::duration_cast<asio::steady_timer::duration>(armed.deadline - now()));
    armed.timer.async_wait([this, id, work = std::move(work)](boost::system::error_code) mutable {
      gate();
      // Cancelled between expiry and now, or before: cancel_timer has taken it out of the table.
      const auto found = timers.find(id);
      if (found == timers.end()) return;
      if (now() < found->second.deadline) {
        if (parking != nullptr) parking->look_for_debugger();
        arm(id, found->second, std::move(work));
        return;
      }
      timers.erase(found);
      work();
    });
  }
  std::vector<std::pair<Time, TimerId>> by_deadline() const {
    std::vector<std::pair<Time, TimerId>> all;
    for (const auto& [id, each] : timers) all.emplace_back(each.deadline, id);
    std::sort(all.begin(), all.end());
    return all;
  }

  void end_offloaded() {
    if (!pool) return;
    pool->join();
    pool.reset();
  }
};

AsioExecutor::AsioExecutor() : parts_(std::make_unique<Parts>()) {}

AsioExecutor::~AsioExecutor() {
  parts_->end_offloaded();
}

void AsioExecutor::set_parking(Parking* parking) {
  parts_->parking = parking;
}

void AsioExecutor::gate() {
  parts_->gate();
}

std::vector<Duration> AsioExecutor::timers(std::size_t most) const {
  std::vector<Duration> left;
  for (const auto& [deadline, id] : parts_->by_deadline()) {
    if (left.size() == most) break;
    left.push_back(deadline - now());
  }
  return left;
}

bool AsioExecutor::expire(std::size_t n) {
  const auto all = parts_->by_deadline();
  if (n >= all.size()) return false;
  Parts::Timer& timer = parts_->timers.at(all[n].second);
  timer.deadline = Time::zero();
  timer.timer.cancel();  // its handler finds that it is due
  return true;
}

void AsioExecutor::post(std::function<void()> work) {
  asio::post(parts_->context, [parts = parts_.get(), work = std::move(work)] {
    parts->gate();
    work();
  });
}

Executor::TimerId AsioExecutor::start_timer(Time deadline, std::function<void()> work) {
  const TimerId id = ++parts_->next_timer;
  Parts::Timer timer{asio::steady_timer(parts_->context), deadline};
  const auto made = parts_->timers.emplace(id, std::move(timer)).first;
  parts_->arm(id, made->second, std::move(work));
  return id;
}

void AsioExecutor::cancel_timer(TimerId timer) {
  parts_->timers.erase(timer);
}

Time AsioExecutor::now() const {
  return parts_->now();
}

FileTime AsioExecutor::wall_time() const {
  constexpr FileTime kUnixEpoch = 116'444'736'000'000'000;  // 1970-01-01 as FILETIME
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return kUnixEpoch + static_cast<FileTime>(std::chrono::duration_cast<Ticks>(since_epoch).count());
}

void AsioExecutor::offload(std::function<void()> work, std::function<void()> done) {
  if (!parts_->pool) parts_->pool.emplace(bounds::kOffloadThreads);
  // `done` is handed back even when it is not run, so that what it holds dies on the layer's
  // thread.
  asio::post(*parts_->pool,
             [parts = parts_.get(), work = std::move(work), done = std::move(done)]() mutable {
               work();
               work = nullptr;
               asio::post(parts->context, [parts, done = std::move(done)] {
                 parts->gate();
                 done();
               });
             });
}

void AsioExecutor::run() {
  parts_->context.restart();
  parts_->context.run();
  parts_->end_offloaded();
}

bool AsioExecutor::run_until(const std::function<bool()>& done, Duration limit) {
  parts_->context.restart();
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (parts_->context.run_one_until(end) == 0) return done();
  }
  return true;
}

void AsioExecutor::stop() {
  parts_->context.stop();
}

asio::io_context& AsioExecutor::context() {
  return parts_->context;
}

}  // namespace understudy
