// The arena's memory with a name: what outlives a node, and whom it keeps out.
#include "iomgr/host/shm_arena.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace understudy {
namespace {

constexpr ArenaSizes kSizes = {64 * bounds::kKiB, 64 * bounds::kKiB, 64 * bounds::kKiB};

class ShmArenaTest : public testing::Test {
 protected:
  ~ShmArenaTest() override { unlink(path.c_str()); }
  const std::string path = "/dev/shm/understudy-test-" + std::to_string(getpid());
};

std::uint8_t& mark(ShmArena& memory) {
  return memory.arena().memory()[memory.arena().region(Layer::mirror_server).offset];
}

TEST_F(ShmArenaTest, FindsWhatAnEarlierLifeOfTheNodeLeft) {
  {
    const auto first = ShmArena::create(kSizes, "b", path);
    ASSERT_TRUE(first);
    EXPECT_EQ((*first)->arena().header().lives, 0U);
    mark(**first) = 42;
  }
  const auto second = ShmArena::create(kSizes, "b", path);
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->arena().header().lives, 1U);
  EXPECT_EQ(mark(**second), 42);
}

TEST_F(ShmArenaTest, ThrowsNothingAwayBecauseTheSizesAreOthers) {
  { mark(**ShmArena::create(kSizes, "b", path)) = 42; }
  ArenaSizes larger = kSizes;
  larger.mirror_bytes *= 2;
  EXPECT_EQ(ShmArena::create(larger, "b", path).status(), Status::revision_mismatch);
  EXPECT_EQ(mark(**ShmArena::create(kSizes, "b", path)), 42);
}

TEST_F(ShmArenaTest, IsAttachedToByName) {
  const auto memory = ShmArena::create(kSizes, "b", path);
  ASSERT_TRUE(memory);
  EXPECT_TRUE(ShmArena::attach(UniqueFd(dup((*memory)->fd()))));
}

TEST_F(ShmArenaTest, TakesNoNameThatOthersMayWriteTo) {
  const UniqueFd others(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(others);
  ASSERT_EQ(fchmod(others.get(), 0666), 0);
  EXPECT_EQ(ShmArena::create(kSizes, "b", path).status(), Status::access_denied);
}

TEST_F(ShmArenaTest, FollowsNoLinkThatSomebodyLaidInItsWay) {
  ASSERT_EQ(symlink("/dev/null", path.c_str()), 0);
  EXPECT_EQ(ShmArena::create(kSizes, "b", path).status(), Status::access_denied);
}

}  // namespace
}  // namespace understudy
