// Arena memory for one purpose, handed out first come, first served to coroutines that wait for it.
// netstack has three pools, always taken in this order: requests, replies, scratch. Who holds of a
// later pool never waits for an earlier one, so memory cannot wait for itself.
#pragma once

#include <utility>

#include "iomgr/arena.h"
#include "iomgr/sync.h"

namespace understudy {

class BufferPool;

/// A block of the arena, given back when this goes. Empty when default-made or moved from.
class Buffer {
 public:
  Buffer() = default;
  Buffer(BufferPool& pool, BufferRef ref, Bytes bytes) : pool_(&pool), ref_(ref), bytes_(bytes) {}
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), ref_(other.ref_), bytes_(other.bytes_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this == &other) return *this;
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    ref_ = other.ref_;
    bytes_ = other.bytes_;
    return *this;
  }
  ~Buffer() { release(); }

  void release();
  /// All of it.
  Bytes bytes() const { return bytes_; }
  std::uint64_t offset() const { return ref_.offset; }
  /// For an IRP: all of the room, with the first `length` bytes meaning something.
  BufferRef ref(std::size_t length) const {
    return {ref_.offset, static_cast<std::uint32_t>(length), ref_.capacity};
  }

 private:
  BufferPool* pool_ = nullptr;
  BufferRef ref_ = {};
  Bytes bytes_;
};

class BufferPool {
 public:
  BufferPool(Executor& executor, Arena& arena, Region region);

  /// Waits until there is a hole of `capacity` bytes; more than the pool has is a bugcheck.
  Task<Buffer> acquire(std::uint64_t capacity);
  std::uint64_t used() const { return allocator_.used(); }
  /// Whether somebody waits for memory.
  bool waited_for() const { return turn_.available() == 0; }

 private:
  friend class Buffer;
  void free(const BufferRef& ref);

  Arena& arena_;
  RegionAllocator allocator_;
  Credits turn_;
  Event freed_;
};

}  // namespace understudy
