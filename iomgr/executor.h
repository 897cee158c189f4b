// The executor of one layer: what runs next, when, and what time it is. A process runs one on an
// event loop; a test or the simulator runs every layer of a node, or of the cluster, on one virtual
// loop that permutes what is ready by its seed.
//
// Destroying a layer's executor drops what it still had to run. Only `offload` may call from
// another thread, and its `done` runs on the layer's own.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>

namespace understudy {

using Duration = std::chrono::nanoseconds;
/// Virtual monotonic time since the start of the clock. The debugger can stop it; wall clocks
/// cannot move it.
using Time = std::chrono::nanoseconds;
/// Wall time, only for the times of files: 100 ns since 1601-01-01 UTC.
using FileTime = std::uint64_t;

class Executor {
 public:
  using TimerId = std::uint64_t;  // never 0

  virtual ~Executor() = default;
  virtual void post(std::function<void()> work) = 0;
  virtual TimerId start_timer(Time deadline, std::function<void()> work) = 0;
  /// Nothing happens if it has already run.
  virtual void cancel_timer(TimerId timer) = 0;
  virtual Time now() const = 0;
  virtual FileTime wall_time() const = 0;
  /// Runs `work`, which may block on files, elsewhere; then `done` here.
  virtual void offload(std::function<void()> work, std::function<void()> done) = 0;

  void resume(std::coroutine_handle<> frame) {
    post([frame] { frame.resume(); });
  }
};

/// co_await sleep_until(executor, deadline): for timers that are part of a protocol (heartbeats,
/// the lazy writer), never as a substitute for an event.
struct [[nodiscard]] sleep_until {
  Executor& executor;
  Time deadline;
  bool await_ready() const { return executor.now() >= deadline; }
  void await_suspend(std::coroutine_handle<> frame) {
    executor.start_timer(deadline, [frame] { frame.resume(); });
  }
  void await_resume() {}
};

inline sleep_until sleep_for(Executor& executor, Duration duration) {
  return {executor, executor.now() + duration};
}

/// co_await never{}: what a stalled operation waits for. The coroutine ends with its scope.
struct [[nodiscard]] never {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) const {}
  void await_resume() const {}
};

/// co_await offload(executor, work): blocking file work off the layer's thread.
struct [[nodiscard]] offload {
  Executor& executor;
  std::function<void()> work;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> frame) {
    executor.offload(std::move(work), [frame] { frame.resume(); });
  }
  void await_resume() {}
};

}  // namespace understudy
