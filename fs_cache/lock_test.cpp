// Byte-range locks as clients see them.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

class Lock : public FsCacheTest {
 protected:
  void SetUp() override {
    FsCacheTest::SetUp();
    one = node->must_open("file");
    other = node->must_open("file");
    EXPECT_EQ(node->write(one, 0, std::string(100, 'x')), Status::success);
  }
  Irp make(LockMinor minor, std::uint64_t open, std::uint64_t offset, std::uint64_t length) {
    Irp made = node->irp(Major::lock_control, static_cast<std::uint8_t>(minor));
    made.open = open;
    made.lock = {offset, length, 0, 0, 0};
    return made;
  }
  Status shared(std::uint64_t open, std::uint64_t offset, std::uint64_t length) {
    return node->run(make(LockMinor::lock, open, offset, length)).status;
  }
  Irp exclusive_irp(LockMinor minor, std::uint64_t open, std::uint64_t offset,
                    std::uint64_t length) {
    Irp made = make(minor, open, offset, length);
    made.lock.exclusive = 1;
    return made;
  }
  Status exclusive(std::uint64_t open, std::uint64_t offset, std::uint64_t length) {
    return node->run(exclusive_irp(LockMinor::lock, open, offset, length)).status;
  }
  Status unlock(std::uint64_t open, std::uint64_t offset, std::uint64_t length) {
    return node->run(make(LockMinor::unlock, open, offset, length)).status;
  }
  auto wait_for(std::uint64_t open, std::uint64_t offset, std::uint64_t length) {
    return node->begin(exclusive_irp(LockMinor::wait, open, offset, length));
  }

  std::uint64_t one = 0;
  std::uint64_t other = 0;
};

TEST_F(Lock, ExclusiveConflictsWithAllThatOverlapsSharedWithExclusive) {
  EXPECT_EQ(exclusive(one, 10, 10), Status::success);
  EXPECT_EQ(exclusive(one, 19, 1), Status::lock_not_granted);
  EXPECT_EQ(exclusive(other, 5, 6), Status::lock_not_granted);
  EXPECT_EQ(shared(other, 10, 10), Status::lock_not_granted);
  EXPECT_EQ(exclusive(other, 20, 10), Status::success);
  EXPECT_EQ(shared(one, 50, 10), Status::success);
  EXPECT_EQ(shared(other, 55, 10), Status::success);
  EXPECT_EQ(exclusive(one, 50, 10), Status::lock_not_granted);
}

TEST_F(Lock, SharedStacksOnTheExclusiveOneOfItsHandleWhichIsUnlockedFirst) {
  EXPECT_EQ(exclusive(one, 0, 10), Status::success);
  EXPECT_EQ(shared(one, 0, 10), Status::success);
  EXPECT_EQ(unlock(one, 0, 10), Status::success);
  EXPECT_EQ(shared(other, 0, 10), Status::success);
  EXPECT_EQ(unlock(one, 0, 10), Status::success);
  EXPECT_EQ(unlock(one, 0, 10), Status::range_not_locked);
}

TEST_F(Lock, IsGivenBackOnlyAsItWasTaken) {
  EXPECT_EQ(exclusive(one, 0, 10), Status::success);
  EXPECT_EQ(unlock(one, 0, 5), Status::range_not_locked);
  EXPECT_EQ(unlock(other, 0, 10), Status::range_not_locked);
  EXPECT_EQ(unlock(one, 0, 10), Status::success);
}

TEST_F(Lock, OfNoBytesIsAPointThatOnlyWhatReachesOverItMeets) {
  EXPECT_EQ(exclusive(one, 10, 0), Status::success);
  EXPECT_EQ(exclusive(other, 10, 0), Status::success);
  EXPECT_EQ(exclusive(other, 10, 5), Status::success);
  EXPECT_EQ(exclusive(other, 5, 5), Status::success);
  EXPECT_EQ(unlock(other, 5, 5), Status::success);
  EXPECT_EQ(exclusive(other, 5, 10), Status::lock_not_granted);
}

TEST_F(Lock, ReachesToTheEndOfSixtyFourBitsAndNoFurther) {
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  EXPECT_EQ(exclusive(one, kMost, 1), Status::success);
  EXPECT_EQ(exclusive(other, kMost - 5, 6), Status::lock_not_granted);
  EXPECT_EQ(exclusive(one, kMost, 2), Status::invalid_lock_range);
  EXPECT_EQ(exclusive(one, 1, kMost), Status::lock_not_granted);
  EXPECT_EQ(exclusive(one, 2, kMost), Status::invalid_lock_range);
}

TEST_F(Lock, KeepsOthersFromTransfersAndItsOwnHandleFromWritingWhatIsShared) {
  EXPECT_EQ(exclusive(one, 0, 10), Status::success);
  EXPECT_EQ(shared(one, 20, 10), Status::success);
  EXPECT_EQ(node->read(other, 5, 10), Status::file_lock_conflict);
  EXPECT_EQ(node->write(other, 5, "x"), Status::file_lock_conflict);
  EXPECT_EQ(node->read(one, 0, 10), Status::success);
  EXPECT_EQ(node->write(one, 0, "x"), Status::success);
  EXPECT_EQ(node->read(other, 20, 10), Status::success);
  EXPECT_EQ(node->write(other, 20, "x"), Status::file_lock_conflict);
  EXPECT_EQ(node->write(one, 20, "x"), Status::file_lock_conflict);
  EXPECT_EQ(node->read(other, 10, 10), Status::success);
}

TEST_F(Lock, ThatIsWaitedForMayBeTriedAgainWhenNothingIsInItsWay) {
  EXPECT_EQ(exclusive(one, 0, 10), Status::success);
  EXPECT_EQ(exclusive(one, 30, 10), Status::success);
  const auto first = wait_for(other, 0, 10);
  const auto second = wait_for(other, 5, 30);
  EXPECT_EQ(node->now(first), Status::pending);
  EXPECT_EQ(unlock(one, 0, 10), Status::success);
  EXPECT_EQ(node->now(first), Status::success);
  EXPECT_EQ(node->now(second), Status::pending);
  EXPECT_EQ(exclusive(other, 0, 10), Status::success);
  EXPECT_EQ(node->close(one), Status::success);
  EXPECT_EQ(node->now(second), Status::pending);
  EXPECT_EQ(unlock(other, 0, 10), Status::success);
  EXPECT_EQ(node->now(second), Status::success);
}

TEST_F(Lock, WaitingEndsWithACancelOrTheHandleAndThenTakesNothing) {
  EXPECT_EQ(exclusive(one, 0, 10), Status::success);
  const Irp waiting = exclusive_irp(LockMinor::wait, other, 0, 10);
  const auto cancelled = node->begin(waiting);
  Irp cancel = node->irp(Major::cancel);
  cancel.cancel.id = waiting.id;
  EXPECT_EQ(node->now(cancelled), Status::pending);
  EXPECT_EQ(node->run(cancel).status, Status::success);
  EXPECT_EQ(node->now(cancelled), Status::cancelled);
  const auto closed = wait_for(other, 0, 10);
  EXPECT_EQ(node->now(closed), Status::pending);
  EXPECT_EQ(node->close(other), Status::success);
  EXPECT_EQ(node->now(closed), Status::range_not_locked);
  EXPECT_EQ(unlock(one, 0, 10), Status::success);
  EXPECT_EQ(exclusive(one, 0, 10), Status::success);
  EXPECT_EQ(node->run(exclusive_irp(LockMinor::wait, other, 0, 10)).status,
            Status::range_not_locked);
}

TEST_F(Lock, ChangesNothingOfTheLun) {
  const Lsn before = node->last.shows;
  EXPECT_EQ(exclusive(one, 0, 10), Status::success);
  EXPECT_EQ(node->last.lsn, 0U);
  EXPECT_EQ(node->last.shows, 0U);
  EXPECT_GT(before, 0U);
}

TEST_F(Lock, OfAFileHaveABound) {
  for (std::size_t i = 0; i < bounds::kMaxLocksPerFile; ++i)
    ASSERT_EQ(shared(one, i, 1), Status::success);
  EXPECT_EQ(shared(one, 0, 1), Status::insufficient_resources);
}

TEST_F(Lock, IsForFilesAndHandlesThatTransferData) {
  node->make_directory("dir");
  EXPECT_EQ(shared(node->must_open_directory("dir"), 0, 1), Status::invalid_parameter);
  const std::uint64_t attributes = node->must_open("file", {.access = access::kReadAttributes});
  EXPECT_EQ(shared(attributes, 0, 1), Status::access_denied);
}

}  // namespace
}  // namespace understudy
