// The arena: what a neighbour may point at, the allocator of a region, what survives a node.
#include "iomgr/arena.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "iomgr/local/local_host.h"

namespace understudy {
namespace {

constexpr ArenaSizes kSizes = {64 * bounds::kKiB, 64 * bounds::kKiB, 64 * bounds::kKiB};

TEST(Arena, GivesNoBytesOutsideThePayload) {
  LocalMemory memory(kSizes);
  const Arena arena = Arena::format(memory.bytes(), kSizes, "a");
  const Region region = arena.region(Layer::netstack);
  EXPECT_TRUE(arena.bytes({region.offset, 100, 100}));
  EXPECT_FALSE(arena.bytes({0, 100, 100})) << "the header is not payload";
  EXPECT_FALSE(arena.bytes({memory.bytes().size() - 10, 100, 100}));
  EXPECT_FALSE(arena.bytes({~std::uint64_t{0} - 10, 100, 100}));
}

TEST(Arena, KeepsPayloadWhenTheSameNodeLaysItOutAgain) {
  LocalMemory memory(kSizes);
  const Arena first = Arena::format(memory.bytes(), kSizes, "a");
  EXPECT_EQ(first.header().lives, 0U);
  const Region store = first.region(Layer::mirror_server);
  memory.bytes()[store.offset] = 42;
  const Arena second = Arena::format(memory.bytes(), kSizes, "a");
  EXPECT_EQ(second.header().lives, 1U);
  EXPECT_EQ(memory.bytes()[store.offset], 42);
  const Arena other = Arena::format(memory.bytes(), kSizes, "b");
  EXPECT_EQ(other.header().lives, 0U);
  EXPECT_EQ(memory.bytes()[store.offset], 0) << "another node's leavings are none of its business";
}

TEST(Arena, IsNotAttachedToWhatIsNone) {
  LocalMemory memory(kSizes);
  EXPECT_FALSE(Arena::attach(memory.bytes()));
  Arena::format(memory.bytes(), kSizes, "a").header().sizes.mirror_bytes = ~std::uint64_t{0};
  EXPECT_FALSE(Arena::attach(memory.bytes()));
}

TEST(RegionAllocator, NeverGivesTheSameBytesTwiceAndGetsEverythingBack) {
  const Region region{4096, 64 * 1024};
  RegionAllocator allocator(region);
  std::mt19937_64 random(1);
  std::vector<BufferRef> held;
  for (int i = 0; i < 5000; ++i) {
    if (random() % 2 == 0 || held.empty()) {
      const auto buffer = allocator.allocate(random() % 5000);
      if (!buffer) continue;
      for (const BufferRef& other : held) {
        ASSERT_TRUE(buffer->offset + buffer->capacity <= other.offset ||
                    other.offset + other.capacity <= buffer->offset);
      }
      ASSERT_LE(buffer->offset + buffer->capacity, region.offset + region.size);
      held.push_back(*buffer);
    } else {
      const std::size_t victim = random() % held.size();
      allocator.free(held[victim]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(victim));
    }
  }
  for (const BufferRef& buffer : held) allocator.free(buffer);
  EXPECT_EQ(allocator.used(), 0U);
  EXPECT_TRUE(allocator.allocate(region.size)) << "one hole again";
}

TEST(RegionAllocator, TakesAGivenBlockOnlyWhereOneIsFree) {
  RegionAllocator allocator({4096, 4096});
  EXPECT_TRUE(allocator.allocate_at(4096 + 128, 100));
  EXPECT_FALSE(allocator.allocate_at(4096 + 128, 100)) << "taken";
  EXPECT_FALSE(allocator.allocate_at(4096 + 64, 100)) << "reaches into what is taken";
  EXPECT_FALSE(allocator.allocate_at(4096 + 1, 10)) << "no block starts there";
  EXPECT_FALSE(allocator.allocate_at(8192, 1));
  EXPECT_FALSE(allocator.allocate_at(0, 1));
  EXPECT_TRUE(allocator.allocate_at(4096, 128));
}

}  // namespace
}  // namespace understudy
