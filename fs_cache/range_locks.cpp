#include "fs_cache/range_locks.h"

#include <algorithm>

namespace understudy {
namespace {

bool reaches_over(const RangeLock& range, std::uint64_t point) {
  return range.offset < point && point - range.offset < range.length;
}

}  // namespace

bool RangeLock::overlaps(const RangeLock& other) const {
  if (length == 0) return reaches_over(other, offset);
  if (other.length == 0) return reaches_over(*this, other.offset);
  return offset <= other.offset ? other.offset - offset < length
                                : offset - other.offset < other.length;
}

bool RangeLock::conflicts(const RangeLock& held) const {
  if (!exclusive && (!held.exclusive || held.open == open)) return false;
  return overlaps(held);
}

bool RangeLocks::conflicts(const RangeLock& wanted) const {
  return std::any_of(held.begin(), held.end(),
                     [&wanted](const RangeLock& lock) { return wanted.conflicts(lock); });
}

std::size_t RangeLocks::held_by(std::uint64_t open) const {
  return static_cast<std::size_t>(std::count_if(
      held.begin(), held.end(), [open](const RangeLock& lock) { return lock.open == open; }));
}

bool RangeLocks::keeps_off(std::uint64_t open, std::uint64_t offset, std::uint64_t length,
                           bool writes) const {
  if (length == 0) return false;
  const RangeLock range{offset, length, writes, open};
  return std::any_of(held.begin(), held.end(), [&range](const RangeLock& lock) {
    const bool own = lock.exclusive && lock.open == range.open;
    const bool both_read = !lock.exclusive && !range.exclusive;
    return !own && !both_read && range.overlaps(lock);
  });
}

bool RangeLocks::unlock(const RangeLock& range) {
  const auto find = [this, &range](bool exclusive) {
    return std::find_if(held.begin(), held.end(), [&range, exclusive](const RangeLock& lock) {
      return lock.exclusive == exclusive && lock.open == range.open &&
             lock.offset == range.offset && lock.length == range.length;
    });
  };
  auto found = find(true);
  if (found == held.end()) found = find(false);
  if (found == held.end()) return false;
  held.erase(found);
  return true;
}

}  // namespace understudy
