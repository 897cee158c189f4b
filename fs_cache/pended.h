// IRPs that fs_cache keeps until something happens: a lock is given back, a directory changes, an
// oplock breaks. They hold nobody up and can be cancelled by their id (iomgr/irp.h, "Pended IRPs").
//
// Invariant: an id that is here is awaited by exactly one coroutine, and who completes it takes it
// out. Queues elsewhere hold ids only; one that is not here any more means nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "iomgr/sync.h"

namespace understudy {

class PendedIrps {
 public:
  explicit PendedIrps(Executor& executor) : executor_(executor) {}

  /// Waits for complete(). STATUS_INSUFFICIENT_RESOURCES: there are too many;
  /// STATUS_INVALID_PARAMETER: this id waits already.
  Task<Status> wait(std::uint64_t id);
  /// False when it does not wait (any more).
  bool complete(std::uint64_t id, Status status);
  void complete_all(Status status);
  bool contains(std::uint64_t id) const { return waiting_.contains(id); }

 private:
  struct Waiter {
    explicit Waiter(Executor& executor) : done(executor) {}
    Event done;
    Status status = Status::pending;
  };
  Executor& executor_;
  std::map<std::uint64_t, std::shared_ptr<Waiter>> waiting_;
};

}  // namespace understudy
