// The byte-range locks of one file (MS-FSA 2.1.1.9, 2.1.4.10, 2.1.5.8): who holds what, and who
// waits.
//
// Invariant: no two held locks conflict.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

namespace understudy {

struct RangeLock {
  std::uint64_t offset;
  std::uint64_t length;  // bytes; 0: a point, which only what reaches over it on both sides meets
  bool exclusive;
  std::uint64_t open;

  /// Whether the range ends within 64 bits.
  bool valid() const {
    return length == 0 || length - 1 <= std::numeric_limits<std::uint64_t>::max() - offset;
  }
  bool overlaps(const RangeLock& other) const;
  /// A shared lock may lie on an exclusive one of the same open, not the other way round.
  bool conflicts(const RangeLock& held) const;
};

struct RangeLocks {
  struct Blocked {
    std::uint64_t irp;
    RangeLock lock;
  };
  std::vector<RangeLock> held;
  std::deque<Blocked> blocked;  // woken in this order

  bool conflicts(const RangeLock& wanted) const;
  std::size_t held_by(std::uint64_t open) const;
  /// Whether a lock keeps `open` from reading, or writing, these bytes.
  bool keeps_off(std::uint64_t open, std::uint64_t offset, std::uint64_t length, bool writes) const;
  /// One lock of exactly this range, an exclusive one first. False: there is none.
  bool unlock(const RangeLock& range);
};

}  // namespace understudy
