// What the coroutines of one layer wait on: Event, Watermark, Credits, both(). Waiters are woken
// through the executor, in the order in which they came, so that no wake-up runs inside the one who
// woke.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "iomgr/executor.h"
#include "iomgr/status.h"
#include "iomgr/task.h"

namespace understudy {

/// Set and reset any number of times; waiting while it is set does not wait.
class Event {
 public:
  explicit Event(Executor& executor) : executor_(executor) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set() {
    set_ = true;
    pulse();
  }
  void reset() { set_ = false; }
  bool is_set() const { return set_; }
  /// Wakes who waits now and leaves the event as it is.
  void pulse() {
    for (const auto& waiter : std::exchange(waiters_, {})) {
      if (std::exchange(waiter->over, true)) continue;  // its deadline came first
      waiter->signalled = true;
      executor_.resume(waiter->frame);
    }
  }

  auto wait() { return Awaiter{*this, std::nullopt}; }
  /// co_await gives false when `deadline` came first.
  auto wait_until(Time deadline) { return Awaiter{*this, deadline}; }

 private:
  struct Waiter {
    std::coroutine_handle<> frame;
    bool over = false;
    bool signalled = false;
  };
  struct [[nodiscard]] Awaiter {
    Event& event;
    std::optional<Time> deadline;
    std::shared_ptr<Waiter> waiter = {};
    Executor::TimerId timer = 0;

    bool await_ready() const { return event.set_; }
    void await_suspend(std::coroutine_handle<> frame) {
      waiter = std::make_shared<Waiter>(Waiter{frame});
      event.waiters_.push_back(waiter);
      if (!deadline) return;
      timer = event.executor_.start_timer(*deadline, [waiting = waiter] {
        if (!std::exchange(waiting->over, true)) waiting->frame.resume();
      });
    }
    bool await_resume() {
      if (timer != 0) event.executor_.cancel_timer(timer);
      return !waiter || waiter->signalled;
    }
  };

  Executor& executor_;
  bool set_ = false;
  std::deque<std::shared_ptr<Waiter>> waiters_;
};

/// A number that only rises (an LSN up to which something holds), and those who wait until it has
/// reached theirs.
class Watermark {
 public:
  explicit Watermark(Executor& executor, std::uint64_t value = 0)
      : executor_(executor), value_(value) {}
  Watermark(const Watermark&) = delete;
  Watermark& operator=(const Watermark&) = delete;

  std::uint64_t value() const { return value_; }
  void raise(std::uint64_t value) {
    if (value <= value_) return;
    value_ = value;
    while (!waiters_.empty() && waiters_.begin()->first <= value_) {
      executor_.resume(waiters_.begin()->second);
      waiters_.erase(waiters_.begin());
    }
  }

  auto reached(std::uint64_t value) {
    struct [[nodiscard]] Awaiter {
      Watermark& watermark;
      std::uint64_t value;
      bool await_ready() const { return watermark.value_ >= value; }
      void await_suspend(std::coroutine_handle<> frame) {
        watermark.waiters_.emplace(value, frame);
      }
      void await_resume() {}
    };
    return Awaiter{*this, value};
  }

 private:
  Executor& executor_;
  std::uint64_t value_;
  std::multimap<std::uint64_t, std::coroutine_handle<>> waiters_;
};

/// A counted resource (bytes, slots) handed out first come, first served. Credits(executor, 1) is a
/// turn that coroutines take one after the other.
class Credits {
 public:
  Credits(Executor& executor, std::uint64_t available)
      : executor_(executor), available_(available) {}
  Credits(const Credits&) = delete;
  Credits& operator=(const Credits&) = delete;

  std::uint64_t available() const { return available_; }
  /// Whether somebody waits for some.
  bool waited_for() const { return !waiters_.empty(); }
  void release(std::uint64_t count) {
    available_ += count;
    while (!waiters_.empty() && waiters_.front().count <= available_) {
      available_ -= waiters_.front().count;
      executor_.resume(waiters_.front().frame);
      waiters_.pop_front();
    }
  }

  auto acquire(std::uint64_t count = 1) {
    struct [[nodiscard]] Awaiter {
      Credits& credits;
      std::uint64_t count;
      bool await_ready() const {
        if (!credits.waiters_.empty() || credits.available_ < count) return false;
        credits.available_ -= count;
        return true;
      }
      void await_suspend(std::coroutine_handle<> frame) {
        credits.waiters_.push_back({frame, count});
      }
      void await_resume() {}
    };
    return Awaiter{*this, count};
  }

 private:
  struct Waiter {
    std::coroutine_handle<> frame;
    std::uint64_t count;
  };
  Executor& executor_;
  std::uint64_t available_;
  std::deque<Waiter> waiters_;
};

/// Gives a credit back at the end of a block.
class CreditGuard {
 public:
  explicit CreditGuard(Credits& credits, std::uint64_t count = 1)
      : credits_(&credits), count_(count) {}
  CreditGuard(CreditGuard&& other) noexcept
      : credits_(std::exchange(other.credits_, nullptr)), count_(other.count_) {}
  CreditGuard& operator=(CreditGuard&&) = delete;
  ~CreditGuard() {
    if (credits_ != nullptr) credits_->release(count_);
  }

 private:
  Credits* credits_;
  std::uint64_t count_;
};

}  // namespace understudy
