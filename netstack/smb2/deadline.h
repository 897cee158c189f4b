// Closes a stream if something has not come about in time.
#pragma once

#include <memory>

#include "iomgr/executor.h"
#include "iomgr/network.h"

namespace understudy::smb2 {

class Deadline {
 public:
  Deadline(Executor& executor, Duration duration, std::shared_ptr<Stream> stream)
      : executor_(executor),
        timer_(executor.start_timer(executor.now() + duration,
                                    [stream = std::move(stream)] { stream->close(); })) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { met(); }

  void met() {
    if (timer_ != 0) executor_.cancel_timer(std::exchange(timer_, 0));
  }

 private:
  Executor& executor_;
  Executor::TimerId timer_;
};

}  // namespace understudy::smb2
