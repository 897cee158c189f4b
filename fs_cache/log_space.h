// The memory of the unwritten-data cache: fs_cache's region of the arena, shared by the logs of all
// mounted LUNs. Every record is written into a reservation taken beforehand, so that an operation
// that has been decided never lacks room. No room means waiting (back-pressure to the client) while
// the lazy writers make some.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "iomgr/arena.h"
#include "iomgr/result.h"
#include "iomgr/sync.h"

namespace understudy {

class LogSpace;

/// A block of the region, given back unless it is taken for a record.
class Reservation {
 public:
  Reservation() = default;
  Reservation(std::shared_ptr<LogSpace> space, BufferRef block)
      : space_(std::move(space)), block_(block) {}
  Reservation(Reservation&& other) noexcept = default;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { release(); }

  explicit operator bool() const { return space_ != nullptr; }
  bool holds(std::size_t bytes) const { return space_ != nullptr && bytes <= block_.capacity; }
  /// The block is the caller's from now on.
  BufferRef take() {
    space_.reset();
    return block_;
  }

 private:
  void release();

  std::shared_ptr<LogSpace> space_;
  BufferRef block_ = {};
};

class LogSpace : public std::enable_shared_from_this<LogSpace> {
 public:
  LogSpace(Executor& executor, Arena& arena);

  /// First come, first served. STATUS_INSUFFICIENT_RESOURCES for what the region could never hold.
  Task<Result<Reservation>> reserve(std::uint64_t bytes);
  /// Neither waits nor minds who does: an empty reservation when there is no room.
  Reservation try_reserve(std::uint64_t bytes);
  void free(const BufferRef& block);

  Bytes bytes(const BufferRef& block) const;
  std::uint64_t size() const { return allocator_.size(); }
  std::uint64_t used() const { return allocator_.used(); }
  /// Somebody waits for room.
  bool pressed() const { return waiting_ > 0; }

  /// Called when room is wanted; the owner of the logs has its lazy writers make some.
  std::function<void()> on_pressure;

 private:
  Arena& arena_;
  RegionAllocator allocator_;
  Credits turn_;
  Event freed_;
  std::uint32_t waiting_ = 0;
};

}  // namespace understudy
