#include "fs_cache/pended.h"

#include "iomgr/bounds.h"

namespace understudy {

Task<Status> PendedIrps::wait(std::uint64_t id) {
  if (waiting_.size() >= bounds::kMaxPended + bounds::kMaxLuns)
    co_return Status::insufficient_resources;
  const auto waiter = std::make_shared<Waiter>(executor_);
  if (!waiting_.emplace(id, waiter).second) co_return Status::invalid_parameter;
  co_await waiter->done.wait();
  co_return waiter->status;
}

bool PendedIrps::complete(std::uint64_t id, Status status) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return false;
  found->second->status = status;
  found->second->done.set();
  waiting_.erase(found);
  return true;
}

void PendedIrps::complete_all(Status status) {
  while (!waiting_.empty()) complete(waiting_.begin()->first, status);
}

}  // namespace understudy
