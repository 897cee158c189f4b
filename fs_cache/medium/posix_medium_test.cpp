// The POSIX medium: every cell comes back as it was written, doing it twice is doing it once,
// errors are reported.
#include "fs_cache/medium/posix_medium.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "fs_cache/medium/medium_test_kit.h"
#include "iomgr/bounds.h"

namespace understudy::medium_test {
namespace {

class PosixMediumTest : public testing::Test {
 protected:
  explicit PosixMediumTest(Storage storage = Storage::memory) : folder(storage) {
    EXPECT_EQ(lun.run(mount(lun.medium)), Status::success);
  }

  Status flush(const Flush& cells) { return lun.run(apply(lun.medium, cells)); }
  std::string host_path(const std::string& name) const { return folder.path() + "/tree/" + name; }
  std::string host_content(const std::string& name) const {
    std::ifstream file(host_path(name), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  TemporaryDirectory folder;
  Mount lun{folder.path()};
};

class PosixMediumOnDisk : public PosixMediumTest {
 protected:
  PosixMediumOnDisk() : PosixMediumTest(Storage::disk) {}
};

TEST_F(PosixMediumOnDisk, GivesBackEveryCellAsItWasWritten) {
  ASSERT_EQ(flush({{new_file(5, "hello"), new_directory(6), new_file(7, "")},
                   {{1, "greeting.txt", 5, false},
                    {1, "folder", 6, true},
                    {6, "empty", 7, false},
                    {6, "second name", 5, false}},
                   {},
                   4}),
            Status::success);
  const auto listed = lun.run(lun.medium.list(kRootObject));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2U);
  for (const ListedEntry& entry : *listed) {
    const bool file = entry.object == 5;
    EXPECT_EQ(entry.name, file ? "greeting.txt" : "folder");
    EXPECT_EQ(entry.object, file ? 5U : 6U);
    EXPECT_EQ(entry.links, file ? 2U : 1U);
    EXPECT_EQ(entry.state.size, file ? 5U : 0U);
    EXPECT_EQ(entry.state.attributes, file ? attribute::kArchive : attribute::kDirectory);
  }
  const auto state = lun.run(lun.medium.read_state(5));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->creation_time, kSomeDay);
  EXPECT_EQ(state->access_time, kSomeDay + 1);
  EXPECT_EQ(state->write_time, kSomeDay + 2);
  EXPECT_EQ(state->change_time, kSomeDay + 3);
  EXPECT_EQ(content_of(lun, 5, 100), "hello");
  const auto directory = lun.run(lun.medium.read_state(6));
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->attributes, attribute::kDirectory);
}

TEST_F(PosixMediumTest, ShowsTheShareToProgramsOfTheHost) {
  ASSERT_EQ(flush({{new_file(5, "hello"), new_directory(6)},
                   {{1, "d", 6, true}, {6, "f", 5, false}},
                   {},
                   2}),
            Status::success);
  EXPECT_EQ(host_content("d/f"), "hello");
  struct stat inode {};
  ASSERT_EQ(stat(host_path("d/f").c_str(), &inode), 0);
  EXPECT_EQ(inode.st_mtim.tv_sec,
            static_cast<std::int64_t>(kSomeDay / 10'000'000) - 11'644'473'600);
}

TEST_F(PosixMediumTest, CutsBeforeItWritesSoThatWhatLayBehindBecomesZero) {
  ASSERT_EQ(flush({{new_file(5, "0123456789")}, {{1, "f", 5, false}}, {}, 1}), Status::success);
  ObjectCells cells;
  cells.object = 5;
  cells.cut_size = 4;
  cells.data = {{6, as_bytes("x")}, {7, as_bytes("yz")}, {0, as_bytes("A")}};
  cells.state = file_state(12);
  ASSERT_EQ(flush({{cells}, {}, {}, 2}), Status::success);
  EXPECT_EQ(content_of(lun, 5, 100), std::string("A123\0\0xyz\0\0\0", 12));
}

TEST_F(PosixMediumTest, WritesManyAdjacentCellsAndManyApart) {
  std::string expected(40'000, '\0');
  ObjectCells cells;
  cells.object = 5;
  cells.create = true;
  const std::string text = "abcdefghij";
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::uint64_t offset = i * 10 + (i >= 2000 ? 7 + i : 0);
    cells.data.push_back({offset, as_bytes(text)});
    expected.replace(offset, text.size(), text);
  }
  cells.state = file_state(expected.size());
  ASSERT_EQ(flush({{cells}, {}, {}, 1}), Status::success);
  EXPECT_EQ(content_of(lun, 5, expected.size()), expected);
}

TEST_F(PosixMediumTest, ReadsOnlyUpToTheEnd) {
  ASSERT_EQ(flush({{new_file(5, "0123456789")}, {}, {}, 1}), Status::success);
  std::array<std::uint8_t, 8> out{};
  for (int cached = 0; cached < 2; ++cached) {
    const Result<std::size_t> tail = lun.run(lun.medium.read(5, 7, out));
    ASSERT_TRUE(tail);
    EXPECT_EQ(*tail, 3U);
    EXPECT_EQ(as_text(ConstBytes(out).first(3)), "789");
    const Result<std::size_t> behind = lun.run(lun.medium.read(5, 10, out));
    ASSERT_TRUE(behind);
    EXPECT_EQ(*behind, 0U);
  }
  EXPECT_EQ(lun.run(lun.medium.read(99, 0, out)).status(), Status::object_name_not_found);
  EXPECT_EQ(lun.run(lun.medium.read_state(99)).status(), Status::object_name_not_found);
  EXPECT_EQ(lun.run(lun.medium.list(99)).status(), Status::object_name_not_found);
}

TEST_F(PosixMediumTest, KeepsSparseFilesOfMoreThanFourGigabytesSparse) {
  constexpr std::uint64_t kFar = 5ULL << 30;
  ObjectCells cells;
  cells.object = 5;
  cells.create = true;
  cells.data = {{kFar, as_bytes("far away")}};
  cells.state = file_state(kFar + 100);
  ASSERT_EQ(flush({{cells}, {{1, "sparse", 5, false}}, {}, 1}), Status::success);
  std::array<std::uint8_t, 12> out{};
  const Result<std::size_t> count = lun.run(lun.medium.read(5, kFar - 2, out));
  ASSERT_TRUE(count);
  EXPECT_EQ(as_text(out), std::string_view("\0\0far away\0\0", 12));
  const auto listed = lun.run(lun.medium.list(kRootObject));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().state.size, kFar + 100);
  EXPECT_LE(listed->front().allocation_size, 64 * bounds::kKiB);
}

TEST_F(PosixMediumTest, GivesTheRoomOfZerosBackAndSaysWhatIsLeft) {
  const std::string bytes(8 * kCluster, 'x');
  ASSERT_EQ(flush({{new_file(5, bytes)}, {{1, "holes", 5, false}}, {}, 1}), Status::success);
  const auto allocated = [this](std::uint64_t from, std::uint64_t to, std::size_t most = 100) {
    const auto ranges = lun.run(lun.medium.allocated_ranges(5, from, to, most));
    EXPECT_TRUE(ranges);
    std::vector<std::uint64_t> all;
    for (const AllocatedRange& range : *ranges) all.insert(all.end(), {range.offset, range.length});
    return all;
  };
  using All = std::vector<std::uint64_t>;
  EXPECT_EQ(allocated(0, 8 * kCluster), (All{0, 8 * kCluster}));
  ObjectCells cells;
  cells.object = 5;
  cells.data = {{kCluster, Content::zeros(2 * kCluster)},
                {4 * kCluster, as_bytes("y")},
                {6 * kCluster - 10, Content::zeros(100 * kCluster)}};
  ASSERT_EQ(flush({{cells}, {}, {}, 2}), Status::success);
  EXPECT_EQ(allocated(0, 8 * kCluster), (All{0, kCluster, 3 * kCluster, 3 * kCluster}));
  EXPECT_EQ(allocated(0, 8 * kCluster, 1), (All{0, kCluster}));
  EXPECT_EQ(allocated(10, 20), (All{10, 10}));
  EXPECT_EQ(allocated(kCluster, 3 * kCluster), All{});
  EXPECT_EQ(allocated(100 * kCluster, 101 * kCluster), All{});
  std::vector<std::uint8_t> out(9 * kCluster);
  const Result<std::size_t> count = lun.run(lun.medium.read(5, 0, out));
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 8 * kCluster);
  std::string expected = bytes;
  expected.replace(kCluster, 2 * kCluster, 2 * kCluster, '\0');
  expected[4 * kCluster] = 'y';
  expected.replace(6 * kCluster - 10, 2 * kCluster + 10, 2 * kCluster + 10, '\0');
  EXPECT_EQ(as_text(ConstBytes(out).first(*count)), expected);
}

TEST_F(PosixMediumTest, ReplacesRenamesAndRemovesEntries) {
  ASSERT_EQ(flush({{new_file(5, "five"), new_file(6, "six"), new_directory(7)},
                   {{1, "a", 5, false}, {1, "b", 6, false}, {1, "c", 7, true}},
                   {},
                   3}),
            Status::success);
  // a -> b over the old b, c becomes a file, d a directory that was c.
  ASSERT_EQ(flush({{},
                   {{1, "a", 0, false}, {1, "b", 5, false}, {1, "c", 6, false}, {1, "d", 7, true}},
                   {},
                   4}),
            Status::success);
  EXPECT_EQ(host_content("b"), "five");
  EXPECT_EQ(host_content("c"), "six");
  EXPECT_TRUE(std::filesystem::is_directory(host_path("d")));
  EXPECT_FALSE(std::filesystem::exists(host_path("a")));
  // A file's entry becomes a directory's; a missing one is removed.
  ASSERT_EQ(flush({{}, {{1, "c", 7, true}, {1, "d", 0, true}, {1, "never", 0, false}}, {6}, 5}),
            Status::success);
  EXPECT_TRUE(std::filesystem::is_directory(host_path("c")));
  EXPECT_EQ(picture(lun).size(), 2U);
  EXPECT_EQ(lun.run(lun.medium.read_state(6)).status(), Status::object_name_not_found);
}

TEST_F(PosixMediumTest, RemovesTheStreamsOfAnObjectWithIt) {
  const std::string long_name(255, 's');
  ASSERT_EQ(flush({{new_file(5, "five"), new_file(8, "s"), new_file(9, "t"), new_file(10, "u"),
                    new_directory(7), new_directory(streams_of(5)), new_directory(streams_of(7))},
                   {{1, "f", 5, false},
                    {1, "d", 7, true},
                    {streams_of(5), "?s*", 8, false},
                    {streams_of(5), long_name + long_name, 9, false},
                    {streams_of(7), "of a directory", 10, false}},
                   {},
                   3}),
            Status::success);
  const auto listed = lun.run(lun.medium.list(streams_of(5)));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 2U);
  EXPECT_EQ(content_of(lun, 8, 10), "s");
  EXPECT_EQ(lun.run(lun.medium.list(streams_of(8))).status(), Status::object_name_not_found);
  const Flush removes{{}, {{1, "f", 0, false}, {1, "d", 0, true}}, {5, 7}, 4};
  for (int time = 0; time < 2; ++time) {
    ASSERT_EQ(flush(removes), Status::success);
    for (const ObjectId gone : {5, 7, 8, 9, 10}) {
      EXPECT_EQ(lun.run(lun.medium.read_state(gone)).status(), Status::object_name_not_found);
    }
    EXPECT_EQ(count_names(folder.path() + "/.understudy/dir"), 1U);
    EXPECT_EQ(count_names(folder.path() + "/.understudy/long"), 0U);
  }
}

TEST_F(PosixMediumTest, LeavesNoTemporaryNameWhereTheEntryIsThatInodeAlready) {
  const Flush once{
      {new_file(5, "x"), new_directory(6)}, {{1, "a", 5, false}, {1, "b", 6, true}}, {}, 1};
  ASSERT_EQ(flush(once), Status::success);
  const auto before = picture(lun);
  ASSERT_EQ(flush(once), Status::success);
  EXPECT_EQ(picture(lun), before);
  EXPECT_EQ(count_names(folder.path() + "/.understudy/tmp"), 0U);
}

/// Whether the file system can say without waiting what its page cache has; tmpfs cannot.
bool reads_without_waiting(const std::string& file) {
  const FileDescriptor descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  char byte = 0;
  const iovec part{&byte, 1};
  return preadv2(descriptor.get(), &part, 1, 0, RWF_NOWAIT) == 1;
}

TEST_F(PosixMediumOnDisk, OffloadsOnceACallAndNotAtAllForWhatThePageCacheHas) {
  const Flush many{{new_file(5, "five"), new_file(6, "six"), new_directory(7)},
                   {{1, "f", 5, false}, {1, "g", 6, false}, {1, "d", 7, true}},
                   {},
                   1};
  lun.executor.offloads = 0;
  ASSERT_EQ(flush(many), Status::success);
  EXPECT_EQ(lun.executor.offloads, 5);  // six calls; nothing to remove
  if (!reads_without_waiting(host_path("f"))) GTEST_SKIP() << "no RWF_NOWAIT on this file system";
  lun.executor.offloads = 0;
  EXPECT_EQ(content_of(lun, 5, 4), "five");
  EXPECT_EQ(content_of(lun, 5, 100), "five");
  EXPECT_EQ(lun.executor.offloads, 0);
  lun.run(lun.medium.unlock());
  ASSERT_EQ(lun.run(lun.medium.lock()), Status::success);
  lun.executor.offloads = 0;
  EXPECT_EQ(content_of(lun, 6, 100), "six");  // opens it
  EXPECT_EQ(content_of(lun, 6, 100), "six");
  EXPECT_EQ(lun.executor.offloads, 1);
}

TEST_F(PosixMediumTest, GivesANewObjectItsIdEvenWhenNoStateComesWithIt) {
  ObjectCells file;
  file.object = 5;
  file.create = true;
  file.data = {{0, as_bytes("x")}};
  ObjectCells directory;
  directory.object = 6;
  directory.create = true;
  directory.directory = true;
  ASSERT_EQ(flush({{file, directory}, {{1, "f", 5, false}, {1, "d", 6, true}}, {}, 1}),
            Status::success);
  EXPECT_EQ(picture(lun).size(), 2U);
  // What it has by then stays.
  ObjectCells state = file;
  state.state = file_state(1);
  ASSERT_EQ(flush({{state}, {}, {}, 2}), Status::success);
  ASSERT_EQ(flush({{file}, {}, {}, 3}), Status::success);
  const auto found = lun.run(lun.medium.read_state(5));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->write_time, kSomeDay + 2);
}

TEST_F(PosixMediumTest, TellsTheSpaceOfItsFileSystem) {
  const Result<Space> space = lun.run(lun.medium.space());
  ASSERT_TRUE(space);
  EXPECT_EQ(space->total_bytes, std::filesystem::space(folder.path()).capacity);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

TEST_F(PosixMediumTest, DoesNotShowWhatTheHostPutIntoTheShareAndMovesItAsideWhenItIsInTheWay) {
  ASSERT_EQ(flush({{new_file(5, "ours"), new_directory(6)},
                   {{1, "ours", 5, false}, {1, "d", 6, true}},
                   {},
                   1}),
            Status::success);
  std::ofstream(host_path("theirs")) << "precious";
  std::filesystem::create_directory(host_path("their folder"));
  std::filesystem::create_symlink("/etc/passwd", host_path("their link"));
  std::ofstream(host_path("copy")) << "ours";
  std::array<char, 64> attribute{};
  const ssize_t length =
      getxattr(host_path("ours").c_str(), "user.understudy", attribute.data(), attribute.size());
  ASSERT_GT(length, 0);
  ASSERT_EQ(setxattr(host_path("copy").c_str(), "user.understudy", attribute.data(),
                     static_cast<std::size_t>(length), 0),
            0);
  EXPECT_EQ(picture(lun).size(), 2U);

  ASSERT_EQ(flush({{},
                   {{1, "theirs", 5, false},
                    {1, "their folder", 5, false},
                    {1, "their link", 6, true},
                    {1, "copy", 0, false}},
                   {},
                   2}),
            Status::success);
  EXPECT_EQ(picture(lun).size(), 5U);
  EXPECT_EQ(host_content("theirs"), "ours");
  EXPECT_TRUE(std::filesystem::exists(host_path("copy")));
  EXPECT_EQ(count_names(folder.path() + "/.understudy/foreign"), 3U);
}

TEST_F(PosixMediumTest, ShowsNoNameThatIsNotUnicode) {
  ASSERT_EQ(flush({{new_file(5, "x")}, {{1, "f", 5, false}, {1, "g", 5, false}}, {}, 1}),
            Status::success);
  std::filesystem::rename(host_path("f"), host_path("f\xFF"));
  const auto seen = picture(lun);
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen.contains("/g"));
}

TEST_F(PosixMediumTest, KeepsADirectoryThatTheShareDeletesWhileTheHostHasFilesInIt) {
  ASSERT_EQ(flush({{new_directory(6)}, {{1, "d", 6, true}}, {}, 1}), Status::success);
  std::ofstream(host_path("d/theirs")) << "precious";
  ASSERT_EQ(flush({{}, {{1, "d", 0, true}}, {6}, 2}), Status::success);
  EXPECT_TRUE(picture(lun).empty());
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/.understudy/dir/0000000000000006/theirs"));
}

TEST_F(PosixMediumTest, SaysThatADamagedObjectIsCorruptAndStillRemovesIt) {
  ASSERT_EQ(flush({{new_file(5, "x")}, {{1, "f", 5, false}}, {}, 1}), Status::success);
  ASSERT_EQ(setxattr(host_path("f").c_str(), "user.understudy", "nonsense", 8, 0), 0);
  EXPECT_EQ(lun.run(lun.medium.read_state(5)).status(), Status::file_corrupt);
  EXPECT_EQ(lun.run(lun.medium.list(kRootObject)).status(), Status::file_corrupt);
  ASSERT_EQ(flush({{}, {{1, "f", 0, false}}, {5}, 2}), Status::success);
  EXPECT_TRUE(picture(lun).empty());
}

TEST_F(PosixMediumTest, RefusesNamesThatAreNoNames) {
  for (const std::string& name : {std::string("a/b"), std::string(), std::string("a\0b", 3)}) {
    EXPECT_EQ(flush({{new_file(5, "x")}, {{1, name, 5, false}}, {}, 1}),
              Status::object_name_invalid);
  }
}

TEST_F(PosixMediumTest, KeepsNoMoreFilesOpenThanItsBound) {
  Flush many;
  for (ObjectId id = 2; id < 1002; ++id) many.objects.push_back(new_file(id, "x"));
  ASSERT_EQ(flush(many), Status::success);
  for (ObjectId id = 2; id < 1002; ++id) EXPECT_EQ(content_of(lun, id, 1), "x");
  EXPECT_LE(count_names("/proc/self/fd"), bounds::kMaxMediumDescriptors + 64);
  lun.run(lun.medium.unlock());
  EXPECT_LE(count_names("/proc/self/fd"), 32U);
}

TEST_F(PosixMediumTest, DoesNothingBeforeLockAndAfterUnlock) {
  ASSERT_EQ(flush({{new_file(5, "x")}, {}, {}, 1}), Status::success);
  lun.run(lun.medium.unlock());
  EXPECT_EQ(flush({{new_file(6, "y")}, {}, {}, 2}), Status::device_not_ready);
  EXPECT_EQ(lun.run(lun.medium.read_state(5)).status(), Status::device_not_ready);
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  EXPECT_EQ(content_of(lun, 5, 1), "x");
}

TEST_F(PosixMediumTest, ReportsAFullDisk) {
  lun.run(lun.medium.unlock());
  // A process with a limit on the size of its files meets the kernel's own refusal.
  const pid_t child = start_process([this] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{64 * 1024, 64 * 1024};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    Mount small(folder.path());
    if (small.run(mount(small.medium)) != Status::success) _exit(3);
    const std::string large(100'000, 'x');
    if (small.run(apply(small.medium, {{new_file(5, large)}, {}, {}, 1})) != Status::disk_full)
      _exit(4);
  });
  EXPECT_EQ(wait_for(child), 0);
}

TEST_F(PosixMediumTest, ReportsWhatAFaultPointInjectsAtEveryCall) {
  ASSERT_EQ(flush({{new_file(5, "x"), new_file(6, "y")}, {{1, "f", 5, false}}, {}, 1}),
            Status::success);
  const Flush next{{new_file(7, "seven"), new_file(8, "eight")},
                   {{1, "g", 7, false}, {1, "f", 0, false}},
                   {5, 6},
                   2,
                   {property(PropertyKind::open, 1, "open"), property(PropertyKind::open, 2, "")}};
  for (const CallPoints& points :
       {medium_points::kObjects, medium_points::kObjectsSync, medium_points::kProperties,
        medium_points::kEntries, medium_points::kEntriesSync, medium_points::kApplied,
        medium_points::kRemove}) {
    for (const std::string_view point : {points.before, points.between, points.done}) {
      const bool single =
          point == medium_points::kEntriesSync.between;  // one directory has nothing between
      lun.faults().arm(std::string(point), {FaultAction::error, 1, false, Status::crc_error});
      EXPECT_EQ(flush(next), single ? Status::success : Status::crc_error) << point;
      lun.faults().disarm();
    }
  }
  EXPECT_EQ(flush(next), Status::success);
}

TEST_F(PosixMediumTest, KeepsMorePropertiesThanItSyncsOneByOne) {
  Flush many;
  for (std::uint64_t id = 1; id <= bounds::kMaxSyncedOneByOne + 1; ++id)
    many.properties.push_back(property(PropertyKind::open, id, "open"));
  many.lsn = 1;
  ASSERT_EQ(flush(many), Status::success);
  const auto listed = lun.run(lun.medium.list_properties(PropertyKind::open));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), bounds::kMaxSyncedOneByOne + 1);
  const auto none = lun.run(lun.medium.read_property(PropertyKind::security_descriptor, 1));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST_F(PosixMediumTest, RemovesPropertiesWithTheirObject) {
  Flush made{{new_file(5, "x")}, {{1, "f", 5, false}}, {}, 1};
  made.properties = {property(PropertyKind::security_descriptor, 5, "who may")};
  ASSERT_EQ(flush(made), Status::success);
  ASSERT_EQ(flush({{}, {{1, "f", 0, false}}, {5}, 2}), Status::success);
  const auto left = lun.run(lun.medium.list_properties(PropertyKind::security_descriptor));
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->empty());
}

TEST_F(PosixMediumTest, RefusesAPropertyThatIsLargerThanAny) {
  std::ofstream(folder.path() + "/.understudy/property/open/0000000000000001")
      << std::string(bounds::kMaxProperty + 1, 'x');
  EXPECT_EQ(lun.run(lun.medium.read_property(PropertyKind::open, 1)).status(),
            Status::file_corrupt);
  const auto listed = lun.run(lun.medium.list_properties(PropertyKind::open));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_TRUE(listed->front().bytes.empty());
}

TEST_F(PosixMediumTest, ReportsWhatAFaultPointInjectsAtEveryReading) {
  ASSERT_EQ(flush({{new_file(5, "x")}, {{1, "f", 5, false}}, {}, 1}), Status::success);
  std::array<std::uint8_t, 1> out{};
  const auto injects = [this](std::string_view point, const std::function<Status()>& call) {
    lun.faults().arm(std::string(point), {FaultAction::error});
    EXPECT_EQ(call(), Status::io_device_error) << point;
    EXPECT_EQ(call(), Status::success) << point;
  };
  injects("medium.state", [this] { return lun.run(lun.medium.read_state(5)).status(); });
  injects("medium.list", [this] { return lun.run(lun.medium.list(kRootObject)).status(); });
  injects("medium.read", [this, &out] { return lun.run(lun.medium.read(5, 0, out)).status(); });
  injects("medium.allocated",
          [this] { return lun.run(lun.medium.allocated_ranges(5, 0, 1, 1)).status(); });
  injects("medium.property",
          [this] { return lun.run(lun.medium.read_property(PropertyKind::open, 1)).status(); });
  injects("medium.space", [this] { return lun.run(lun.medium.space()).status(); });
  injects("medium.mount.owner", [this] { return lun.run(lun.medium.read_owner()).status(); });
  injects("medium.mount.applied", [this] { return lun.run(lun.medium.read_applied()).status(); });
  injects("medium.mount.recover", [this] { return lun.run(lun.medium.recover()); });
  injects("medium.mount.recover.done", [this] { return lun.run(lun.medium.recover()); });
  injects("medium.mount.claim", [this] { return lun.run(lun.medium.claim({1, 0})); });
  lun.run(lun.medium.unlock());
  injects("medium.mount.lock", [this] { return lun.run(lun.medium.lock()); });
  lun.run(lun.medium.unlock());
  injects("medium.mount.lock.done", [this] { return lun.run(lun.medium.lock()); });
}

TEST_F(PosixMediumTest, FinishesAClaimThatFailedAfterItWasDurable) {
  lun.faults().arm("medium.mount.claim.done", {FaultAction::error});
  EXPECT_EQ(lun.run(lun.medium.claim({1, 0})), Status::io_device_error);
  EXPECT_EQ(lun.run(lun.medium.claim({1, 0})), Status::object_name_collision);
  EXPECT_EQ(lun.run(lun.medium.claim({2, 0})), Status::success);
}

TEST(PosixListing, HasTenThousandEntriesQuickly) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  Flush many;
  const std::string content = "x";
  for (ObjectId id = 2; id < 10'002; ++id) {
    many.objects.push_back(new_file(id, content));
    many.entries.push_back({1, "file " + std::to_string(id), id, false});
  }
  many.lsn = 10'000;
  ASSERT_EQ(lun.run(apply(lun.medium, many)), Status::success);
  const auto start = std::chrono::steady_clock::now();
  const auto listed = lun.run(lun.medium.list(kRootObject));
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 10'000U);
  for (const ListedEntry& entry : *listed)
    ASSERT_EQ(entry.name, "file " + std::to_string(entry.object));
  RecordProperty(
      "list_us",
      std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  EXPECT_LT(took, std::chrono::seconds(2));  // some 40 ms; loose, for sanitizers and a busy machine
  EXPECT_EQ(content_of(lun, 10'001, 10), "x");
}

}  // namespace
}  // namespace understudy::medium_test
