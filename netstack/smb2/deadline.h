// Ends a connection whose client does not do in time what it must, sooner while others wait for
// what it holds.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "iomgr/executor.h"
#include "iomgr/network.h"

namespace understudy::smb2 {

class Deadline {
 public:
  /// How long a client may take while others wait for what it holds: less than their patience,
  /// more than a slow network needs for a frame.
  static constexpr std::chrono::seconds kWhenPressed{5};

  /// The stream is closed after `duration`, or at any multiple of kWhenPressed before at which
  /// `pressed` says that others wait.
  Deadline(Executor& executor, Duration duration, std::shared_ptr<Stream> stream,
           std::function<bool()> pressed)
      : executor_(executor),
        end_(executor.now() + duration),
        stream_(std::move(stream)),
        pressed_(std::move(pressed)) {
    wait();
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { met(); }

  void met() {
    if (timer_ != 0) executor_.cancel_timer(std::exchange(timer_, 0));
  }

 private:
  void wait() {
    const Time next = std::min<Time>(end_, executor_.now() + kWhenPressed);
    timer_ = executor_.start_timer(next, [this] {
      timer_ = 0;
      if (executor_.now() >= end_ || pressed_()) {
        stream_->close();
      } else {
        wait();
      }
    });
  }

  Executor& executor_;
  Time end_;
  std::shared_ptr<Stream> stream_;
  std::function<bool()> pressed_;
  Executor::TimerId timer_ = 0;
};

}  // namespace understudy::smb2
