// A gate that operations pass one by one. Who closes it waits until those inside have left; those
// who come later wait in front of it.
#pragma once

#include "iomgr/sync.h"

namespace understudy {

class Gate {
 public:
  explicit Gate(Executor& executor) : open_(executor), empty_(executor) {
    open_.set();
    empty_.set();
  }

  /// Inside until destroyed.
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(&gate) {
      ++gate_->inside_;
      gate_->empty_.reset();
    }
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr && --gate_->inside_ == 0) gate_->empty_.set();
    }

   private:
    Gate* gate_;
  };

  Task<Pass> enter() {
    while (!open_.is_set()) co_await open_.wait();
    co_return Pass(*this);
  }

  /// Completes when nobody is inside any more.
  Task<void> close() {
    open_.reset();
    while (!empty_.is_set()) co_await empty_.wait();
  }
  void open() { open_.set(); }

 private:
  Event open_;
  Event empty_;
  std::uint64_t inside_ = 0;
};

}  // namespace understudy
