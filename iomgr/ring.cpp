#include "iomgr/ring.h"

#include "iomgr/check.h"

namespace understudy {

Ring::Ring(Bytes memory)
    : header_(*reinterpret_cast<Header*>(memory.data())),
      slots_(reinterpret_cast<Irp*>(memory.data() + kHeader)),
      head_(header_.head.load(std::memory_order_relaxed)),
      tail_(header_.tail.load(std::memory_order_relaxed)) {
  UNDERSTUDY_CHECK(memory.size() >= kBytes);
}

Ring::Push Ring::push(const Irp& irp) {
  const std::uint64_t used = tail_ - header_.head.load(std::memory_order_acquire);
  if (used > kSlots) return Push::broken;
  if (used == kSlots) return Push::full;
  slots_[tail_ % kSlots] = irp;
  header_.tail.store(++tail_, std::memory_order_release);
  return Push::done;
}

bool Ring::must_wake() {
  // One of this exchange and that in prepare_sleep comes first: either we see its flag or it sees
  // our tail.
  return header_.sleeping.exchange(0, std::memory_order_acq_rel) != 0;
}

Ring::Pop Ring::pop(Irp& irp) {
  const std::uint64_t waiting = header_.tail.load(std::memory_order_acquire) - head_;
  if (waiting == 0) return Pop::empty;
  if (waiting > kSlots) return Pop::broken;
  irp = slots_[head_ % kSlots];
  header_.head.store(++head_, std::memory_order_release);
  return Pop::done;
}

bool Ring::prepare_sleep() {
  header_.sleeping.exchange(1, std::memory_order_acq_rel);
  if (header_.tail.load(std::memory_order_acquire) == head_) return true;
  awake();
  return false;
}

void Ring::awake() {
  header_.sleeping.store(0, std::memory_order_relaxed);
}

std::vector<Irp> Ring::waiting() const {
  std::vector<Irp> irps;
  const std::uint64_t head = header_.head.load(std::memory_order_acquire);
  const std::uint64_t tail = header_.tail.load(std::memory_order_acquire);
  if (tail - head > kSlots) return irps;
  for (std::uint64_t at = head; at != tail; ++at) irps.push_back(slots_[at % kSlots]);
  return irps;
}

bool Ring::replace_waiting(std::span<const Irp> irps) {
  std::uint64_t at = header_.head.load(std::memory_order_acquire);
  if (header_.tail.load(std::memory_order_acquire) - at != irps.size()) return false;
  for (const Irp& irp : irps) slots_[at++ % kSlots] = irp;
  return true;
}

}  // namespace understudy
