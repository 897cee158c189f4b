// What a handler of rd_driver waits for: the one answer, given once, to an IRP that is on its way.
#pragma once

#include <coroutine>
#include <utility>

#include "iomgr/check.h"
#include "iomgr/executor.h"
#include "iomgr/status.h"

namespace understudy {

/// One coroutine waits, `give` resumes it through the executor. Giving nothing is allowed only when
/// the whole driver is being dropped.
class PartnerAnswer {
 public:
  explicit PartnerAnswer(Executor& executor) : executor_(executor) {}
  PartnerAnswer(const PartnerAnswer&) = delete;
  PartnerAnswer& operator=(const PartnerAnswer&) = delete;

  void give(Status status) {
    UNDERSTUDY_CHECK(!std::exchange(given_, true));
    status_ = status;
    if (waiter_) executor_.resume(waiter_);
  }

  auto wait() {
    struct [[nodiscard]] Awaiter {
      PartnerAnswer& answer;
      bool await_ready() const { return answer.given_; }
      void await_suspend(std::coroutine_handle<> frame) { answer.waiter_ = frame; }
      Status await_resume() const { return answer.status_; }
    };
    return Awaiter{*this};
  }

 private:
  Executor& executor_;
  std::coroutine_handle<> waiter_;
  Status status_ = Status::success;
  bool given_ = false;
};

}  // namespace understudy
