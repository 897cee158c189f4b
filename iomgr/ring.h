// One direction of a link in shared memory: a queue of IRPs with one producer and one consumer.
// The consumer says when it is about to sleep; only then does the producer have to ring the
// doorbell. Indices only grow; what the other side wrote is checked before it is believed.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "iomgr/bounds.h"
#include "iomgr/bytes.h"
#include "iomgr/irp.h"

namespace understudy {

class Ring {
 public:
  static constexpr std::uint64_t kSlots = bounds::kRingSlots;
  static constexpr std::uint64_t kHeader = 192;
  static constexpr std::uint64_t kBytes = kHeader + kSlots * sizeof(Irp);

  enum class Push { done, full, broken };
  enum class Pop { done, empty, broken };

  /// `memory`: kBytes, zeroed before first use, shared by both sides.
  explicit Ring(Bytes memory);

  /// Producer.
  Push push(const Irp& irp);
  /// Producer, after push: true if the consumer sleeps and must be woken.
  bool must_wake();

  /// Consumer. Copies the IRP out.
  Pop pop(Irp& irp);
  /// Consumer, when pop said empty: announces the sleep. False if something came meanwhile: pop
  /// again.
  bool prepare_sleep();
  void awake();

  /// What waits to be popped, oldest first. For a debugger that holds both sides, as the next one.
  std::vector<Irp> waiting() const;
  /// Puts as many others in the place of those that wait. False: there are not as many.
  bool replace_waiting(std::span<const Irp> irps);

 private:
  struct Header {
    alignas(64) std::atomic<std::uint64_t> head;  // next to pop; the consumer writes it
    alignas(64) std::atomic<std::uint64_t> tail;  // next to push; the producer writes it
    alignas(64) std::atomic<std::uint32_t> sleeping;
  };
  static_assert(sizeof(Header) == kHeader);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

  Header& header_;
  Irp* slots_;
  // Private copies of the own index: the shared ones are for the other side to read.
  std::uint64_t head_;
  std::uint64_t tail_;
};

}  // namespace understudy
