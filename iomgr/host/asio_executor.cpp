#include "iomgr/host/asio_executor.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <unordered_map>

#include "iomgr/bounds.h"

namespace understudy {

namespace asio = boost::asio;

struct AsioExecutor::Parts {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> idle{context.get_executor()};
  std::unordered_map<TimerId, asio::steady_timer> timers;
  TimerId next_timer = 0;
  std::optional<asio::thread_pool> pool;  // most layers never block and never start it

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

void AsioExecutor::post(std::function<void()> work) {
  asio::post(parts_->context, std::move(work));
}

Executor::TimerId AsioExecutor::start_timer(Time deadline, std::function<void()> work) {
  const TimerId id = ++parts_->next_timer;
  const asio::steady_timer::time_point at{
      std::chrono::duration_cast<asio::steady_timer::duration>(deadline)};
  asio::steady_timer& timer = parts_->timers.try_emplace(id, parts_->context, at).first->second;
  timer.async_wait([parts = parts_.get(), id, work = std::move(work)](boost::system::error_code) {
    // Cancelled between expiry and now, or before: cancel_timer has taken it out of the table.
    if (parts->timers.erase(id) != 0) work();
  });
  return id;
}

void AsioExecutor::cancel_timer(TimerId timer) {
  parts_->timers.erase(timer);
}

Time AsioExecutor::now() const {
  return std::chrono::steady_clock::now().time_since_epoch();
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
  asio::post(*parts_->pool, [context = &parts_->context, work = std::move(work),
                             done = std::move(done)]() mutable {
    work();
    work = nullptr;
    asio::post(*context, std::move(done));
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
