#include "fs_cache/log_space.h"

#include "iomgr/check.h"

namespace understudy {

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    release();
    space_ = std::move(other.space_);
    block_ = other.block_;
  }
  return *this;
}

void Reservation::release() {
  if (space_ != nullptr) space_->free(block_);
  space_.reset();
}

LogSpace::LogSpace(Executor& executor, Arena& arena)
    : arena_(arena),
      allocator_(arena.region(Layer::fs_cache)),
      turn_(executor, 1),
      freed_(executor) {}

Reservation LogSpace::try_reserve(std::uint64_t bytes) {
  const std::optional<BufferRef> block = allocator_.allocate(bytes);
  if (!block) return {};
  return Reservation(shared_from_this(), *block);
}

Task<Result<Reservation>> LogSpace::reserve(std::uint64_t bytes) {
  if (bytes > size() / 4) co_return Status::insufficient_resources;
  if (!pressed()) {
    Reservation at_once = try_reserve(bytes);
    if (at_once) co_return std::move(at_once);
  }
  ++waiting_;
  co_await turn_.acquire();
  const CreditGuard turn(turn_);
  std::optional<BufferRef> block = allocator_.allocate(bytes);
  while (!block) {
    if (on_pressure) on_pressure();
    co_await freed_.wait();
    block = allocator_.allocate(bytes);
  }
  --waiting_;
  co_return Reservation(shared_from_this(), *block);
}

void LogSpace::free(const BufferRef& block) {
  allocator_.free(block);
  if (pressed()) freed_.pulse();
}

Bytes LogSpace::bytes(const BufferRef& block) const {
  const std::optional<Bytes> memory = arena_.bytes(block);
  UNDERSTUDY_CHECK(memory.has_value());
  return *memory;
}

}  // namespace understudy
