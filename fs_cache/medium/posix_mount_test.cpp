// Making a LUN, its lock, its owner and its `applied` slots: what a mount relies on, with other
// processes about.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>

#include "fs_cache/medium/medium_test_kit.h"

namespace understudy::medium_test {
namespace {

TEST(PosixMount, MakesAnEmptyDirectoryALunAndNothingElse) {
  TemporaryDirectory folder;
  Mount nowhere(folder.path() + "/missing");
  EXPECT_EQ(nowhere.run(nowhere.medium.lock()), Status::no_such_device);
  {
    std::ofstream(folder.path() + "/somebody's file") << "x";
    Mount used(folder.path());
    EXPECT_EQ(used.run(used.medium.lock()), Status::directory_not_empty);
    EXPECT_EQ(used.run(used.medium.read_owner()).status(), Status::no_such_device);
    std::filesystem::remove(folder.path() + "/somebody's file");
  }
  std::filesystem::create_directory(folder.path() + "/lost+found");
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  EXPECT_TRUE(picture(lun).empty());
  const auto applied = lun.run(lun.medium.read_applied());
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->epoch, 0U);
  EXPECT_EQ(applied->lsn, 0U);
  EXPECT_EQ(applied->mirror, 0U);
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() + "/tree/"));
}

TEST(PosixMount, FinishesAMakingThatWasInterrupted) {
  TemporaryDirectory folder;
  {
    Mount lun(folder.path());
    ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  }
  std::filesystem::remove(folder.path() + "/.understudy/applied");
  std::filesystem::remove(folder.path() + "/tree");
  std::filesystem::remove(folder.path() + "/.understudy/obj/ff");
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  EXPECT_EQ(lun.run(apply(lun.medium, {{new_file(0xff, "x")}, {{1, "f", 0xff, false}}, {}, 1})),
            Status::success);
}

TEST(PosixMount, RefusesALunWhoseAppliedIsGoneOrWhoseAttributesAre) {
  TemporaryDirectory folder;
  {
    Mount lun(folder.path());
    ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
    ASSERT_EQ(lun.run(apply(lun.medium, {{new_file(5, "x")}, {{1, "f", 5, false}}, {}, 1})),
              Status::success);
  }
  const std::string copy = folder.path() + "-copy";
  std::filesystem::copy(
      folder.path(), copy,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  Mount bare(copy);
  EXPECT_EQ(bare.run(bare.medium.lock()), Status::file_corrupt);
  std::filesystem::remove_all(copy);
  std::filesystem::remove(folder.path() + "/.understudy/applied");
  Mount lun(folder.path());
  EXPECT_EQ(lun.run(lun.medium.lock()), Status::file_corrupt);
}

TEST(PosixMount, LockExcludesASecondProcessAndIsFreedByKill) {
  TemporaryDirectory folder;
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  const pid_t owner = start_process([&] {
    Mount lun(folder.path());
    const char answer = lun.run(lun.medium.lock()) == Status::success ? 'y' : 'n';
    if (write(ready[1], &answer, 1) != 1) _exit(1);
    while (true) pause();
  });
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  Mount lun(folder.path());
  EXPECT_EQ(lun.run(lun.medium.lock()), Status::sharing_violation);
  EXPECT_EQ(lun.run(lun.medium.recover()), Status::device_not_ready);
  // A stopped owner still has it: only its death frees it.
  kill(owner, SIGSTOP);
  EXPECT_EQ(lun.run(lun.medium.lock()), Status::sharing_violation);
  kill(owner, SIGKILL);
  EXPECT_TRUE(WIFSIGNALED(wait_for(owner)));
  EXPECT_EQ(lun.run(lun.medium.lock()), Status::success);
  close(ready[0]);
  close(ready[1]);
}

TEST(PosixMount, UnlockFreesTheLock) {
  TemporaryDirectory folder;
  Mount one(folder.path());
  Mount other(folder.path());
  ASSERT_EQ(one.run(one.medium.lock()), Status::success);
  EXPECT_EQ(other.run(other.medium.lock()), Status::sharing_violation);
  one.run(one.medium.unlock());
  EXPECT_EQ(other.run(other.medium.lock()), Status::success);
}

TEST(PosixMount, KnowsItsOwnerAndRefusesEveryEpochThatIsNotNewer) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  auto owner = lun.run(lun.medium.read_owner());
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->epoch, 0U);
  EXPECT_EQ(lun.run(lun.medium.claim({3, 1})), Status::success);
  EXPECT_EQ(lun.run(lun.medium.claim({3, 0})), Status::object_name_collision);
  EXPECT_EQ(lun.run(lun.medium.claim({2, 0})), Status::object_name_collision);
  EXPECT_EQ(lun.run(lun.medium.claim({4, 7})), Status::success);
  owner = lun.run(lun.medium.read_owner());
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->epoch, 4U);
  EXPECT_EQ(owner->node, 7U);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/.understudy/owner.0000000000000003"));
  EXPECT_EQ(count_names(folder.path() + "/.understudy/tmp"), 0U);

  std::ofstream(folder.path() + "/.understudy/owner.0000000000000004") << "torn";
  EXPECT_EQ(lun.run(lun.medium.read_owner()).status(), Status::file_corrupt);
  EXPECT_EQ(lun.run(lun.medium.claim({5, 1})), Status::success);
  EXPECT_TRUE(lun.run(lun.medium.read_owner()));
}

/// Memory that racing processes share.
struct Race {
  static constexpr std::uint32_t kProcesses = 3;
  static constexpr std::uint64_t kEpochs = 60;
  std::atomic<std::uint64_t> arrived{0};
  std::atomic<std::uint32_t> winners[kEpochs + 1];
  std::atomic<std::uint32_t> winner[kEpochs + 1];

  /// Until all have come to where the caller is for the nth time.
  void wait_for_all(std::uint64_t nth) {
    ++arrived;
    while (arrived < nth * kProcesses) sched_yield();
  }
};

/// Claims every epoch; all are held before their link() until each is there, and so is nobody at
/// another epoch.
void race_for_epochs(const std::string& folder, std::uint32_t node, Race& race) {
  Mount racer(folder);
  std::uint64_t waits = 0;
  racer.faults().arm("medium.mount.claim.link", {FaultAction::hang, 1, true});
  racer.faults().act = [&](FaultAction) { race.wait_for_all(++waits); };
  for (std::uint64_t epoch = 1; epoch <= Race::kEpochs; ++epoch) {
    const Status status = racer.run(racer.medium.claim({epoch, node}));
    if (status == Status::success) {
      ++race.winners[epoch];
      race.winner[epoch] = node;
    } else if (status != Status::object_name_collision) {
      _exit(1);
    }
    race.wait_for_all(++waits);
  }
}

TEST(PosixMount, OfProcessesThatRaceForOneEpochExactlyOneGetsIt) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  void* shared =
      mmap(nullptr, sizeof(Race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Race& race = *new (shared) Race();
  std::vector<pid_t> racers;
  for (std::uint32_t node = 0; node < Race::kProcesses; ++node) {
    racers.push_back(start_process([&] { race_for_epochs(folder.path(), node, race); }));
  }
  for (const pid_t racer : racers) EXPECT_EQ(wait_for(racer), 0);
  for (std::uint64_t epoch = 1; epoch <= Race::kEpochs; ++epoch) {
    EXPECT_EQ(race.winners[epoch], 1U) << epoch;
  }
  const auto owner = lun.run(lun.medium.read_owner());
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->epoch, Race::kEpochs);
  EXPECT_EQ(owner->node, race.winner[Race::kEpochs]);
  munmap(shared, sizeof(Race));
}

TEST(PosixMount, AClaimThatIsOvertakenOnItsWayHasLost) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  // While node 0 stands before its link(), node 1 claims the same epoch, then a higher one.
  for (const auto& [slow, quick] : {std::pair<std::uint64_t, std::uint64_t>{1, 1}, {2, 5}}) {
    Mount other(folder.path());
    Status others = Status::pending;
    lun.faults().arm("medium.mount.claim.link", {FaultAction::hang});
    lun.faults().act = [&, epoch = quick](FaultAction) {
      others = other.run(other.medium.claim({epoch, 1}));
    };
    EXPECT_EQ(lun.run(lun.medium.claim({slow, 0})), Status::object_name_collision);
    EXPECT_EQ(others, Status::success);
    const auto owner = lun.run(lun.medium.read_owner());
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->epoch, quick);
    EXPECT_EQ(owner->node, 1U);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/.understudy/owner.0000000000000002"));
}

TEST(PosixMount, AClaimerThatIsKilledBeforeItsLinkHasClaimedNothing) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  const pid_t child = start_process([&] {
    Mount dying(folder.path());
    dying.faults().arm("medium.mount.claim.link", {FaultAction::kill});
    static_cast<void>(dying.run(dying.medium.claim({1, 1})));
  });
  EXPECT_TRUE(WIFSIGNALED(wait_for(child)));
  EXPECT_EQ(count_names(folder.path() + "/.understudy/tmp"), 1U);
  EXPECT_EQ(lun.run(lun.medium.recover()), Status::success);
  EXPECT_EQ(count_names(folder.path() + "/.understudy/tmp"), 0U);
  EXPECT_EQ(lun.run(lun.medium.claim({1, 0})), Status::success);
}

class AppliedTest : public testing::Test {
 protected:
  AppliedTest() { EXPECT_EQ(lun.run(mount(lun.medium)), Status::success); }
  Status write(std::uint64_t lsn) {
    Applied applied;
    applied.epoch = 2;
    applied.lsn = lsn;
    applied.mirror = 1;
    return lun.run(lun.medium.write_applied(applied));
  }
  /// Overwrites bytes of one slot as a torn write would.
  void tear(std::uint64_t offset) {
    std::fstream file(folder.path() + "/.understudy/applied",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write("\xEE\xEE\xEE\xEE", 4);
  }
  Result<Applied> read() { return lun.run(lun.medium.read_applied()); }

  TemporaryDirectory folder;
  Mount lun{folder.path()};
};

TEST_F(AppliedTest, TheNewestSlotIsTheTruth) {
  for (std::uint64_t lsn = 10; lsn < 15; ++lsn) {
    ASSERT_EQ(write(lsn), Status::success);
    const auto applied = read();
    ASSERT_TRUE(applied);
    EXPECT_EQ(applied->lsn, lsn);
    EXPECT_EQ(applied->epoch, 2U);
    EXPECT_EQ(applied->mirror, 1U);
    EXPECT_EQ(applied->generation, lsn - 8);  // the making of the LUN wrote generation 1
  }
  // The lsn may go down, when a new epoch begins its own count: the generation decides.
  ASSERT_EQ(write(3), Status::success);
  const auto applied = read();
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->lsn, 3U);
}

TEST_F(AppliedTest, ATornSlotIsIgnoredAndOverwrittenNext) {
  ASSERT_EQ(write(10), Status::success);  // second slot
  ASSERT_EQ(write(11), Status::success);  // first slot
  tear(24);
  auto applied = read();
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->lsn, 10U);
  ASSERT_EQ(write(12), Status::success);
  tear(4096 + 24);
  applied = read();
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->lsn, 12U);
}

TEST_F(AppliedTest, WithoutAValidSlotTheLunIsCorrupt) {
  tear(0);
  tear(4096);
  EXPECT_EQ(read().status(), Status::file_corrupt);
  EXPECT_EQ(write(10), Status::file_corrupt);
  std::filesystem::resize_file(folder.path() + "/.understudy/applied", 0);
  EXPECT_EQ(read().status(), Status::file_corrupt);
}

TEST(PosixIntent, IsTheNewestOfTwoThatIsWhole) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  EXPECT_EQ(lun.run(lun.medium.read_intent())->lsn, 0U) << "there never was one";

  Intent intent{3, 7, {{kRootObject, "new", 42, false}, {kRootObject, std::string(300, 'x'), 0}}};
  ASSERT_EQ(lun.run(lun.medium.write_intent(intent)), Status::success);
  intent.lsn = 9;
  intent.entries[0].object_is_directory = true;
  ASSERT_EQ(lun.run(lun.medium.write_intent(intent)), Status::success);
  const auto found = lun.run(lun.medium.read_intent());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->epoch, 3U);
  EXPECT_EQ(found->lsn, 9U);
  ASSERT_EQ(found->entries.size(), 2U);
  EXPECT_EQ(found->entries[0].name, "new");
  EXPECT_EQ(found->entries[0].object, 42U);
  EXPECT_TRUE(found->entries[0].object_is_directory);
  EXPECT_EQ(found->entries[1].name, std::string(300, 'x'));

  const std::string older = folder.path() + "/.understudy/intent.1";
  const std::string newer = folder.path() + "/.understudy/intent.0";
  for (std::uintmax_t size = std::filesystem::file_size(newer); size-- > 0;) {
    std::filesystem::resize_file(newer, size);
    EXPECT_EQ(lun.run(lun.medium.read_intent())->lsn, 7U) << size;
  }
  std::filesystem::resize_file(older, 60);
  EXPECT_EQ(lun.run(lun.medium.read_intent())->lsn, 0U);
}

TEST(PosixIntent, MayBeShorterThanTheOneThatItOverwrites) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  for (std::uint64_t lsn = 1; lsn <= 4; ++lsn) {
    const Intent intent{1, lsn, {{kRootObject, std::string(200 / lsn, 'n'), 42, false}}};
    ASSERT_EQ(lun.run(lun.medium.write_intent(intent)), Status::success);
    const auto found = lun.run(lun.medium.read_intent());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->lsn, lsn);
    EXPECT_EQ(found->entries.at(0).name.size(), 200 / lsn);
  }
}

TEST(PosixIntent, ThatLiesAboutItsLengthIsNone) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  ASSERT_EQ(lun.run(lun.medium.write_intent({1, 1, {{kRootObject, "name", 42, false}}})),
            Status::success);
  const std::string path = folder.path() + "/.understudy/intent.1";
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{41}, ~std::uint64_t{0}}) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(24);
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file.close();
    EXPECT_EQ(lun.run(lun.medium.read_intent())->lsn, 0U) << length;
  }
}

}  // namespace
}  // namespace understudy::medium_test
