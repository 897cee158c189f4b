// What the medium makes durable, and when: fsync, fdatasync and syncfs of this test program go
// through a recorder, which can also make them fail as a dying disk does.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>

#include "fs_cache/medium/medium_test_kit.h"
#include "iomgr/bounds.h"

namespace understudy::medium_test {
namespace {

struct Recorder {
  bool on = false;
  std::string below;               // paths are told relative to this
  std::vector<std::string> calls;  // "fsync obj/05/0000000000000005"
  std::string failing;             // the call that fails with EIO
};
Recorder recorder;

int record(const char* call, long number, int descriptor) {
  if (!recorder.on) return static_cast<int>(syscall(number, descriptor));
  std::error_code error;
  const std::string path =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error).string();
  // A LUN's own directory lies above .understudy, and is only ever there for the whole file system.
  const std::string relative = path == recorder.below ? "."
                               : path.size() < recorder.below.size()
                                   ? "everything"
                                   : path.substr(recorder.below.size() + 1);
  const std::string told = std::string(call) + " " + relative;
  recorder.calls.push_back(told);
  if (told == recorder.failing) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(number, descriptor));
}

}  // namespace
}  // namespace understudy::medium_test

// These take the place of the C library's in the whole test program.
extern "C" int fsync(int descriptor) {
  return understudy::medium_test::record("fsync", SYS_fsync, descriptor);
}
extern "C" int fdatasync(int descriptor) {
  return understudy::medium_test::record("fdatasync", SYS_fdatasync, descriptor);
}
extern "C" int syncfs(int descriptor) noexcept {
  return understudy::medium_test::record("syncfs", SYS_syncfs, descriptor);
}

namespace understudy::medium_test {
namespace {

using Calls = std::vector<std::string>;

class PosixSync : public testing::Test {
 protected:
  PosixSync() {
    EXPECT_EQ(lun.run(mount(lun.medium)), Status::success);
    recorder = {true, folder.path() + "/.understudy", {}, {}};
  }
  ~PosixSync() override { recorder = {}; }

  /// What was synced since the last time it was asked, in order of name.
  Calls synced() {
    Calls calls = std::exchange(recorder.calls, {});
    std::sort(calls.begin(), calls.end());
    return calls;
  }
  Status write(const std::vector<ObjectCells>& objects) {
    return lun.run(lun.medium.write_objects(objects));
  }
  Status sync(const std::vector<ObjectId>& objects) {
    return lun.run(lun.medium.sync_objects(objects));
  }

  TemporaryDirectory folder;
  Mount lun{folder.path()};
};

TEST_F(PosixSync, MakesNewObjectsDurableAndTheFoldersThatHoldThem) {
  ASSERT_EQ(write({new_file(0x105, "x"), new_directory(6)}), Status::success);
  EXPECT_EQ(synced(), Calls());
  ASSERT_EQ(sync({0x105, 6, 0x105}), Status::success);
  EXPECT_EQ(synced(), (Calls{"fsync dir", "fsync dir/0000000000000006", "fsync obj/05",
                             "fsync obj/05/0000000000000105"}));
}

TEST_F(PosixSync, LeavesTheFoldersOfOldObjectsAlone) {
  ASSERT_EQ(write({new_file(5, "x")}), Status::success);
  ASSERT_EQ(sync({5}), Status::success);
  synced();
  ObjectCells again = new_file(5, "y");
  again.create = false;
  ASSERT_EQ(write({again}), Status::success);
  ASSERT_EQ(sync({5}), Status::success);
  EXPECT_EQ(synced(), Calls{"fsync obj/05/0000000000000005"});
}

TEST_F(PosixSync, DoesNotTrustAPredecessorToHaveSyncedTheObjectsItMade) {
  ASSERT_EQ(write({new_file(5, "x")}), Status::success);
  lun.run(lun.medium.unlock());
  Mount successor(folder.path());
  ASSERT_EQ(successor.run(successor.medium.lock()), Status::success);
  const std::vector<ObjectCells> redo{new_file(5, "x")};
  ASSERT_EQ(successor.run(successor.medium.write_objects(redo)), Status::success);
  const std::vector<ObjectId> objects{5};
  ASSERT_EQ(successor.run(successor.medium.sync_objects(objects)), Status::success);
  EXPECT_EQ(synced(), (Calls{"fsync obj/05", "fsync obj/05/0000000000000005"}));
}

TEST_F(PosixSync, SyncsTheFileSystemOnceWhenMuchWasWritten) {
  // In one call or in many, and even if the last sync names few.
  std::vector<ObjectCells> objects;
  for (ObjectId id = 2; id < 3 + bounds::kMaxSyncedOneByOne; ++id)
    objects.push_back(new_file(id, "x"));
  ASSERT_EQ(write(objects), Status::success);
  ASSERT_EQ(sync({2}), Status::success);
  EXPECT_EQ(synced(), Calls{"syncfs everything"});
  for (ObjectCells& cells : objects) {
    cells.create = false;
    ASSERT_EQ(write({cells}), Status::success);
  }
  ASSERT_EQ(sync({2, 3}), Status::success);
  EXPECT_EQ(synced(), Calls{"syncfs everything"});
  // Afterwards it is one by one again.
  ASSERT_EQ(write({objects.front()}), Status::success);
  ASSERT_EQ(sync({2}), Status::success);
  EXPECT_EQ(synced(), Calls{"fsync obj/02/0000000000000002"});
}

TEST_F(PosixSync, MakesFullNamesDurableBeforeTheirEntriesAndEntriesAfterwards) {
  ASSERT_EQ(write({new_file(5, "x"), new_directory(6)}), Status::success);
  ASSERT_EQ(sync({5, 6}), Status::success);
  synced();
  const std::vector<EntryCell> entries{
      {1, std::string(300, 'n'), 5, false}, {6, "f", 5, false}, {6, "g", 5, false}};
  // Stopped before the first entry: the full name is durable, no entry is there.
  lun.faults().arm("medium.flush.entries.each", {FaultAction::error});
  EXPECT_EQ(lun.run(lun.medium.write_entries(entries)), Status::io_device_error);
  EXPECT_EQ(synced(), (Calls{"fsync long", "fsync long/0000000000000001"}));
  EXPECT_TRUE(picture(lun).empty());
  ASSERT_EQ(lun.run(lun.medium.write_entries(entries)), Status::success);
  synced();
  const std::vector<ObjectId> directories{6, 1, 6, 6};
  ASSERT_EQ(lun.run(lun.medium.sync_directories(directories)), Status::success);
  EXPECT_EQ(synced(), (Calls{"fsync dir/0000000000000001", "fsync dir/0000000000000006"}));
}

TEST_F(PosixSync, MakesAppliedDurable) {
  ASSERT_EQ(lun.run(lun.medium.write_applied({})), Status::success);
  EXPECT_EQ(synced(), Calls{"fdatasync applied"});
}

TEST_F(PosixSync, MakesAClaimDurableBeforeTheOldOwnerGoes) {
  ASSERT_EQ(lun.run(lun.medium.claim({1, 0})), Status::success);
  ASSERT_EQ(recorder.calls.size(), 2U);
  EXPECT_TRUE(recorder.calls[0].starts_with("fsync tmp/owner.")) << recorder.calls[0];
  EXPECT_EQ(recorder.calls[1], "fsync .");
  recorder.failing = "fsync .";
  EXPECT_EQ(lun.run(lun.medium.claim({2, 1})), Status::io_device_error);
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/.understudy/owner.0000000000000001"));
}

TEST_F(PosixSync, ReportsAFailedSyncAndDoesNotTryItAgain) {
  ASSERT_EQ(write({new_file(5, "x")}), Status::success);
  recorder.failing = "fsync obj/05/0000000000000005";
  EXPECT_EQ(sync({5}), Status::io_device_error);
  EXPECT_EQ(synced(), Calls{recorder.failing});
  recorder.failing = "fsync dir/0000000000000001";
  const std::vector<ObjectId> root{kRootObject};
  EXPECT_EQ(lun.run(lun.medium.sync_directories(root)), Status::io_device_error);
  EXPECT_EQ(synced(), Calls{recorder.failing});
  recorder.failing = "fdatasync applied";
  EXPECT_EQ(lun.run(lun.medium.write_applied({})), Status::io_device_error);
  EXPECT_EQ(synced(), Calls{recorder.failing});
  EXPECT_EQ(lun.run(lun.medium.read_applied()).status(), Status::io_device_error);
}

TEST_F(PosixSync, MakesWhatAKilledPredecessorLeftDurableBeforeAnythingBuildsOnIt) {
  ASSERT_EQ(lun.run(lun.medium.recover()), Status::success);
  EXPECT_EQ(synced(), Calls{"syncfs everything"});
}

}  // namespace
}  // namespace understudy::medium_test
