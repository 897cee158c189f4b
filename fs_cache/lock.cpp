// LOCK and UNLOCK (MS-FSA 2.1.5.8, 2.1.5.9). Who has to wait does so with an IRP of its own, and
// then tries again: a lock is taken by an operation, which can be mirrored, and by nothing else.
#include <algorithm>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"

namespace understudy {

/// Room for the record of a durable open's lock; none is needed for others. The open may have gone
/// meanwhile.
Task<Result<Reservation>> Volume::reserve_for_state(const Irp& irp) {
  Reservation reservation;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    const std::size_t room = room_for_state(**found);
    if (room == 0 || reservation.holds(sizeof(RecordHeader) + room))
      co_return std::move(reservation);
    Result<Reservation> reserved = co_await reserve(room, 0);
    if (!reserved) co_return reserved.status();
    reservation = std::move(*reserved);
  }
}

/// MS-SMB2 3.3.5.14: the request that ends with this range will not be done again.
void Volume::remember_sequence(const Irp& irp, Open& open) {
  const std::uint16_t index = irp.lock.sequence_index;
  if (index == 0 || index > open.durable->lock_sequences.size()) return;
  open.durable->lock_sequences[index - 1U] =
      static_cast<std::uint8_t>(1 + (irp.lock.sequence_number & 0xF));
}

Task<Status> Volume::lock(Irp& irp) {
  Result<Reservation> reservation = co_await reserve_for_state(irp);
  if (!reservation) co_return reservation.status();
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  Open& open = **found;
  Node& node = *open.node;
  const RangeLock wanted{irp.lock.offset, irp.lock.length, irp.lock.exclusive != 0, open.id};
  if (node.is_directory()) co_return Status::invalid_parameter;
  if (!open.may(access::kReadData | access::kExecute | access::kWriteData | access::kAppendData))
    co_return Status::access_denied;
  if (!wanted.valid()) co_return Status::invalid_lock_range;
  if (node.locks == nullptr) node.locks = std::make_unique<RangeLocks>();
  RangeLocks& locks = *node.locks;
  if (locks.held.size() + locks.blocked.size() >= bounds::kMaxLocksPerFile)
    co_return Status::insufficient_resources;
  if (locks.conflicts(wanted)) co_return Status::lock_not_granted;
  if (open.durable != nullptr && locks.held_by(open.id) >= most_locks_of(path_of(open.link).size()))
    co_return Status::insufficient_resources;
  locks.held.push_back(wanted);
  if (open.durable != nullptr) {
    remember_sequence(irp, open);
    note_open(irp, open, std::move(*reservation));
  }
  break_readers(open);
  co_return Status::success;
}

Task<Status> Volume::wait_for_lock(Irp& irp) {
  const Result<Open*> found = find_open(irp);
  // It was there a moment ago: it was closed, which ends the waiting.
  if (!found) co_return Status::range_not_locked;
  RangeLocks* const locks = (*found)->node->locks.get();
  const RangeLock wanted{irp.lock.offset, irp.lock.length, irp.lock.exclusive != 0, irp.open};
  if (locks == nullptr || !locks->conflicts(wanted)) co_return Status::success;
  std::erase_if(locks->blocked, [this](const auto& each) { return !pended_.contains(each.irp); });
  if (locks->held.size() + locks->blocked.size() >= bounds::kMaxLocksPerFile)
    co_return Status::insufficient_resources;
  locks->blocked.push_back({irp.id, wanted});
  const Status status = co_await pended_.wait(irp.id);
  co_return status;
}

Task<Status> Volume::unlock(Irp& irp) {
  Result<Reservation> reservation = co_await reserve_for_state(irp);
  if (!reservation) co_return reservation.status();
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  Open& open = **found;
  Node& node = *open.node;
  const RangeLock range{irp.lock.offset, irp.lock.length, false, irp.open};
  if (node.locks == nullptr || !node.locks->unlock(range)) co_return Status::range_not_locked;
  if (open.durable != nullptr) {
    remember_sequence(irp, open);
    note_open(irp, open, std::move(*reservation));
  }
  wake_blocked(node);
  co_return Status::success;
}

/// Something was unlocked: who waits and meets no lock any more may try again.
void Volume::wake_blocked(Node& node) {
  RangeLocks& locks = *node.locks;
  std::erase_if(locks.blocked, [this, &locks](const RangeLocks::Blocked& each) {
    if (!pended_.contains(each.irp)) return true;
    return !locks.conflicts(each.lock) && pended_.complete(each.irp, Status::success);
  });
  if (locks.held.empty() && locks.blocked.empty()) node.locks.reset();
}

void Volume::end_locks(const Open& open) {
  Node& node = *open.node;
  if (node.locks == nullptr) return;
  std::erase_if(node.locks->held, [&open](const RangeLock& lock) { return lock.open == open.id; });
  std::erase_if(node.locks->blocked, [this, &open](const RangeLocks::Blocked& each) {
    if (each.lock.open != open.id) return false;
    pended_.complete(each.irp, Status::range_not_locked);
    return true;
  });
  wake_blocked(node);
}

bool Volume::locked_against(const Open& open, std::uint64_t offset, std::uint64_t length,
                            bool writes) {
  return open.node->locks != nullptr &&
         open.node->locks->keeps_off(open.id, offset, length, writes);
}

}  // namespace understudy
