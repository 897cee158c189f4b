#include "mirror_server/store_memory.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "iomgr/bounds.h"
#include "iomgr/check.h"

namespace understudy {
namespace {

constexpr std::uint64_t kRootsSize = 4096;

std::uint64_t rounded_down(std::uint64_t bytes) {
  return bytes / RegionAllocator::kBlock * RegionAllocator::kBlock;
}

/// One store that is whole or not there, and after everything that was written before it.
void publish(std::uint64_t& where, std::uint64_t value) {
  std::atomic_ref<std::uint64_t>(where).store(value, std::memory_order_release);
}

}  // namespace

StoreMemory::StoreMemory(Arena& arena, Region region) : arena_(arena) {
  static_assert(sizeof(Root) * bounds::kMaxLuns <= kRootsSize);
  UNDERSTUDY_CHECK(region.size > 4 * kRootsSize);
  const std::uint64_t scratch = rounded_down(
      std::min<std::uint64_t>(region.size / 16, bounds::kMaxRecord + 2 * kBlockHeader));
  roots_ = {region.offset, kRootsSize};
  blocks_ = {region.offset + kRootsSize, region.size - kRootsSize - scratch};
  scratch_ = {blocks_.offset + blocks_.size, scratch};
}

BufferRef StoreMemory::record_of(const BufferRef& block, std::uint32_t length) {
  return {block.offset + kBlockHeader, length, length};
}

BufferRef StoreMemory::block_of(const BufferRef& record) {
  const auto size = static_cast<std::uint32_t>(record.capacity + kBlockHeader);
  return {record.offset - kBlockHeader, size, size};
}

void StoreMemory::link(std::uint32_t slot, std::uint32_t lun, const std::optional<BufferRef>& last,
                       const BufferRef& record) {
  const std::uint64_t offset = block_of(record).offset;
  Block& fresh = block(offset);
  fresh = {};
  fresh.magic = kMagic;
  fresh.length = record.length;
  point(slot, lun, last, offset);
}

void StoreMemory::start_with(std::uint32_t slot, std::uint32_t lun,
                             const std::optional<BufferRef>& first) {
  point(slot, lun, std::nullopt, first ? block_of(*first).offset : 0);
}

bool StoreMemory::move(std::uint32_t slot, std::uint32_t lun,
                       const std::optional<BufferRef>& previous, const BufferRef& record,
                       const BufferRef& to) {
  const BufferRef from = block_of(record);
  if (to.offset == from.offset) return true;
  const bool overlap =
      to.offset < from.offset + from.length && from.offset < to.offset + from.length;
  if (overlap && from.length > scratch_.size) return false;
  const auto copy = [&](std::uint64_t target, std::uint64_t source) {
    std::memcpy(arena_.bytes({target, from.length, from.length})->data(),
                arena_.bytes({source, from.length, from.length})->data(), from.length);
    point(slot, lun, previous, target);
  };
  if (overlap) {
    copy(scratch_.offset, from.offset);
    copy(to.offset, scratch_.offset);
  } else {
    copy(to.offset, from.offset);
  }
  return true;
}

std::vector<StoreMemory::Survivors> StoreMemory::survivors() const {
  std::vector<Survivors> all;
  for (std::uint32_t slot = 0; slot < bounds::kMaxLuns; ++slot) {
    Survivors of{slot, root(slot).lun, {}};
    // No list is longer than there are blocks: one that bites its own tail ends here.
    const std::uint64_t most = blocks_.size / RegionAllocator::kBlock;
    for (auto at = block_at(root(slot).first); at && of.records.size() < most;
         at = block_at(block(at->offset).next)) {
      of.records.push_back(record_of(*at, block(at->offset).length));
    }
    if (!of.records.empty()) all.push_back(std::move(of));
  }
  return all;
}

StoreMemory::Root& StoreMemory::root(std::uint32_t slot) const {
  UNDERSTUDY_CHECK(slot < bounds::kMaxLuns);
  const auto bytes =
      arena_.bytes({roots_.offset + slot * sizeof(Root), sizeof(Root), sizeof(Root)});
  return *reinterpret_cast<Root*>(bytes->data());
}

StoreMemory::Block& StoreMemory::block(std::uint64_t offset) const {
  const auto bytes = arena_.bytes({offset, kBlockHeader, kBlockHeader});
  UNDERSTUDY_CHECK(bytes.has_value());
  return *reinterpret_cast<Block*>(bytes->data());
}

void StoreMemory::point(std::uint32_t slot, std::uint32_t lun,
                        const std::optional<BufferRef>& previous, std::uint64_t offset) {
  if (previous) {
    publish(block(block_of(*previous).offset).next, offset);
  } else {
    root(slot).lun = lun;
    publish(root(slot).first, offset);
  }
}

/// The block at `offset` if one can lie there: among the blocks, or in the scratch room while it
/// was being moved.
std::optional<BufferRef> StoreMemory::block_at(std::uint64_t offset) const {
  const std::uint64_t end = scratch_.offset + scratch_.size;
  if (offset < blocks_.offset || offset > end - kBlockHeader || offset % alignof(Block) != 0)
    return std::nullopt;
  const Block& header = block(offset);
  if (header.magic != kMagic || header.length > end - offset - kBlockHeader) return std::nullopt;
  const auto size = static_cast<std::uint32_t>(header.length + kBlockHeader);
  return BufferRef{offset, size, size};
}

}  // namespace understudy
