// How the mirror store lies in its region, so that it outlives its process: the patent lets the
// second temporary data store be non-volatile memory, and a segment of shared memory survives kill
// -9.
//
//     ┌───────┬─────────────────────────────────────────────────────────────┬─────────┐
//     │ roots │ blocks: header, record │ header, record │ ...               │ scratch │
//     └───────┴─────────────────────────────────────────────────────────────┴─────────┘
//
// Each LUN's blocks are a list in LSN order that starts at the LUN's root. A block is whole before
// the one store of eight bytes that links it in, and it is linked out by one store before it is
// freed, so the list is right at every moment at which the process may die. Only what hangs on a
// root is believed: what a client writes into a record can look like anything.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "iomgr/arena.h"

namespace understudy {

class StoreMemory {
 public:
  static constexpr std::uint64_t kBlockHeader = 64;

  StoreMemory(Arena& arena, Region region);

  /// Where blocks may lie.
  Region blocks() const { return blocks_; }
  /// Whether a block lies where blocks are only while they are moved.
  bool in_scratch(const BufferRef& block) const { return block.offset >= scratch_.offset; }

  /// Of a record's room within its block, and back.
  static BufferRef record_of(const BufferRef& block, std::uint32_t length);
  static BufferRef block_of(const BufferRef& record);

  /// Links `record`, whole in its block, behind `last` (or as the first) of the LUN. `slot`: below
  /// bounds::kMaxLuns.
  void link(std::uint32_t slot, std::uint32_t lun, const std::optional<BufferRef>& last,
            const BufferRef& record);
  /// From now on the list starts with `first`, or is empty.
  void start_with(std::uint32_t slot, std::uint32_t lun, const std::optional<BufferRef>& first);

  /// Moves a linked record's block to `to`, which may overlap it; `previous` precedes it in its
  /// list. False, and nothing moved, if they overlap and the scratch room is too small.
  bool move(std::uint32_t slot, std::uint32_t lun, const std::optional<BufferRef>& previous,
            const BufferRef& record, const BufferRef& to);

  struct Survivors {
    std::uint32_t slot;
    std::uint32_t lun;
    std::vector<BufferRef> records;  // in list order; checked for bounds, not for content
  };
  /// What the lists hold, each up to the first block that cannot be one.
  std::vector<Survivors> survivors() const;

 private:
  struct Root {
    std::uint64_t first;  // offset of a block in the arena; 0: empty
    std::uint32_t lun;
    std::uint32_t reserved;
  };
  struct Block {
    std::uint64_t magic;
    std::uint64_t next;
    std::uint32_t length;  // of the record
    std::uint32_t reserved[11];
  };
  static_assert(sizeof(Block) == kBlockHeader);
  static constexpr std::uint64_t kMagic = 0x6b636f6c42445355;  // "USDBlock"

  Root& root(std::uint32_t slot) const;
  Block& block(std::uint64_t offset) const;
  void point(std::uint32_t slot, std::uint32_t lun, const std::optional<BufferRef>& previous,
             std::uint64_t offset);
  std::optional<BufferRef> block_at(std::uint64_t offset) const;

  Arena& arena_;
  Region roots_;
  Region blocks_;
  Region scratch_;
};

}  // namespace understudy
