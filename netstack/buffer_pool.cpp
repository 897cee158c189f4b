#include "netstack/buffer_pool.h"

#include "iomgr/check.h"

namespace understudy {

void Buffer::release() {
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->free(ref_);
}

BufferPool::BufferPool(Executor& executor, Arena& arena, Region region)
    : arena_(arena), allocator_(region), turn_(executor, 1), freed_(executor) {}

Task<Buffer> BufferPool::acquire(std::uint64_t capacity) {
  UNDERSTUDY_CHECK(capacity <= allocator_.size());
  // One waits at a time, the others behind it: small requests would starve a large one otherwise.
  co_await turn_.acquire();
  const CreditGuard turn(turn_);
  while (true) {
    if (const std::optional<BufferRef> ref = allocator_.allocate(capacity)) {
      const std::optional<Bytes> bytes = arena_.room(*ref);
      UNDERSTUDY_CHECK(bytes.has_value());
      co_return Buffer(*this, *ref, *bytes);
    }
    freed_.reset();
    co_await freed_.wait();
  }
}

void BufferPool::free(const BufferRef& ref) {
  allocator_.free(ref);
  freed_.set();
}

}  // namespace understudy
