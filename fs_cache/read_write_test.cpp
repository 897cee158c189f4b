// Bytes, sizes, times and attributes as a client sees them.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using ReadWrite = FsCacheTest;

TEST_F(ReadWrite, ReadsBackWhatIsUnwrittenAndWhatIsFlushed) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, "hello world"), Status::success);
  EXPECT_EQ(node->last.information, 11U);
  EXPECT_EQ(node->content("file"), "hello world");
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->content("file"), "hello world");
  EXPECT_EQ(node->write(handle, 6, "there"), Status::success);
  EXPECT_EQ(node->content("file"), "hello there");
  EXPECT_EQ(node->write(handle, 11, "!"), Status::success);
  EXPECT_EQ(node->content("file"), "hello there!");
}

TEST_F(ReadWrite, FillsWithZerosWhatNobodyWrote) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, "abcdef"), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->set_size(handle, 2), Status::success);
  EXPECT_EQ(node->write(handle, 5, "x"), Status::success);
  const std::string expected("ab\0\0\0x", 6);
  EXPECT_EQ(node->content("file"), expected);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->content("file"), expected);
}

TEST_F(ReadWrite, ATruncationBehindAPartialFlushStillHidesTheMediumsBytes) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, "abcdef"), Status::success);
  const Lsn written = node->last.lsn;
  EXPECT_EQ(node->set_size(handle, 1), Status::success);
  EXPECT_EQ(node->set_size(handle, 6), Status::success);
  EXPECT_EQ(node->flush(written), Status::success);
  EXPECT_EQ(node->content("file"), std::string("a\0\0\0\0\0", 6));
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->content("file"), std::string("a\0\0\0\0\0", 6));
}

TEST_F(ReadWrite, EndsAtTheEndOfTheFile) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->read(handle, 0, 10), Status::end_of_file);
  EXPECT_EQ(node->read(handle, 0, 0), Status::success);
  EXPECT_EQ(node->write(handle, 0, "12345"), Status::success);
  EXPECT_EQ(node->read(handle, 3, 10), Status::success);
  EXPECT_EQ(node->answer, "45");
  EXPECT_EQ(node->last.information, 2U);
  EXPECT_EQ(node->read(handle, 3, 10, 3), Status::end_of_file);
  EXPECT_EQ(node->read(handle, 5, 1), Status::end_of_file);
  EXPECT_EQ(node->read(handle, ~std::uint64_t{0}, 1), Status::invalid_parameter);
}

TEST_F(ReadWrite, AppendsAtTheEndWhereverThatIs) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, kAppend, "one"), Status::success);
  EXPECT_EQ(node->write(handle, kAppend, "two"), Status::success);
  const std::uint64_t appender = node->must_open("file", {.access = access::kAppendData});
  EXPECT_EQ(node->write(appender, 0, "three"), Status::success);
  EXPECT_EQ(node->content("file"), "onetwothree");
}

TEST_F(ReadWrite, ChecksWhatTheHandleMayDo) {
  node->make_file("file", "x");
  node->make_directory("dir");
  const std::uint64_t reader = node->must_open("file", {.access = access::kReadData});
  const std::uint64_t writer = node->must_open("file", {.access = access::kWriteData});
  EXPECT_EQ(node->write(reader, 0, "y"), Status::access_denied);
  EXPECT_EQ(node->set_size(reader, 0), Status::access_denied);
  EXPECT_EQ(node->dispose(reader), Status::access_denied);
  EXPECT_EQ(node->rename(reader, "other"), Status::access_denied);
  EXPECT_EQ(node->set_attributes(reader, attribute::kHidden), Status::access_denied);
  EXPECT_EQ(node->read(writer, 0, 1), Status::access_denied);
  const std::uint64_t directory = node->must_open("dir");
  EXPECT_EQ(node->read(directory, 0, 1), Status::invalid_device_request);
  EXPECT_EQ(node->write(directory, 0, "x"), Status::invalid_device_request);
  EXPECT_EQ(node->set_size(directory, 1), Status::invalid_parameter);
  EXPECT_EQ(node->query_directory(writer).status, Status::invalid_parameter);
}

TEST_F(ReadWrite, RefusesWhatTheMediumHasNoRoomFor) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, bounds::kMaxFileSize, "x"), Status::invalid_parameter);
  EXPECT_EQ(node->write(handle, std::uint64_t{1} << 63, "x"), Status::invalid_parameter);
  disk->set_free_bytes(2 * bounds::kMiB - 1);
  EXPECT_EQ(node->write(handle, 0, "x"), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->write(handle, 0, std::string(bounds::kMiB, 'x')), Status::disk_full);
  EXPECT_EQ(node->last.lsn, 0U);
  EXPECT_EQ(node->write(handle, 0, std::string(bounds::kMiB / 2, 'x')), Status::success);
}

TEST(OvertakenRead, ShowsOneStateOfTheFile) {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    VirtualLoop loop(seed);
    TestNode node(loop, std::make_shared<MemoryDisk>());
    ASSERT_EQ(node.mount().status, Status::success);
    const std::uint64_t handle = node.must_open("file");
    EXPECT_EQ(node.write(handle, 0, "aaaaaaaa"), Status::success);
    EXPECT_EQ(node.flush(), Status::success);
    Irp read = node.irp(Major::read);
    read.open = handle;
    read.read = {0, 8, 0};
    read.payload = node.buffer({}, 8);
    Irp cut = node.irp(SetMinor::end_of_file, handle);
    cut.set.size = 4;
    Irp flush = node.irp(Major::lazy_write);
    flush.lsn = ~Lsn{0};
    const auto reading = node.begin(read);
    const auto cutting = node.begin(cut);
    const auto flushing = node.begin(flush);
    loop.run_ready();
    ASSERT_TRUE(reading->has_value() && cutting->has_value() && flushing->has_value());
    ++seen[std::string(as_text(*node.arena().bytes((*reading)->payload)))];
  }
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_GT(seen["aaaaaaaa"], 0);
  EXPECT_GT(seen["aaaa"], 0);
}

using Information = FsCacheTest;

TEST_F(Information, WritingSetsTimesAndTheArchiveAttribute) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->set_attributes(handle, attribute::kNormal), Status::success);
  EXPECT_EQ(node->facts("file").attributes, attribute::kNormal);
  const FileFacts before = node->facts("file");
  loop.run_for(std::chrono::seconds(5));
  EXPECT_EQ(node->write(handle, 0, "x"), Status::success);
  const FileFacts after = node->facts("file");
  EXPECT_GT(after.write_time, before.write_time);
  EXPECT_GT(after.change_time, before.change_time);
  EXPECT_EQ(after.creation_time, before.creation_time);
  EXPECT_EQ(after.attributes, attribute::kArchive);
}

TEST_F(Information, TimesAreSetLeftFrozenAndThawed) {
  const std::uint64_t handle = node->must_open("file");
  const FileFacts before = node->facts("file");
  Irp set = node->irp(SetMinor::basic, handle);
  set.set.write_time = 1'000'000;
  EXPECT_EQ(node->run(set).status, Status::success);
  EXPECT_EQ(node->facts("file").write_time, 1'000'000U);
  EXPECT_EQ(node->facts("file").creation_time, before.creation_time);
  EXPECT_EQ(node->write(handle, 0, "x"), Status::success);
  EXPECT_EQ(node->facts("file").write_time,
            1'000'000U);  // set by hand: this handle's writes leave it alone

  const std::uint64_t other = node->must_open("file");
  EXPECT_EQ(node->write(other, 0, "y"), Status::success);
  const std::uint64_t written = node->facts("file").write_time;
  EXPECT_GT(written, 1'000'000U);

  set.set.write_time = ~std::uint64_t{0} - 1;
  EXPECT_EQ(node->run(set).status, Status::success);
  loop.run_for(std::chrono::seconds(1));
  EXPECT_EQ(node->write(handle, 0, "z"), Status::success);
  EXPECT_GT(node->facts("file").write_time, written);

  const std::uint64_t frozen = node->facts("file").write_time;
  set.set.write_time = ~std::uint64_t{0};
  EXPECT_EQ(node->run(set).status, Status::success);
  loop.run_for(std::chrono::seconds(1));
  EXPECT_EQ(node->write(handle, 0, "z"), Status::success);
  EXPECT_EQ(node->facts("file").write_time, frozen);

  set.set.write_time = ~std::uint64_t{0} - 2;
  EXPECT_EQ(node->run(set).status, Status::invalid_parameter);
}

TEST_F(Information, AttributesThatDoNotFitTheObjectAreRefused) {
  const std::uint64_t file = node->must_open("file");
  const std::uint64_t directory = node->must_open_directory("dir");
  EXPECT_EQ(node->set_attributes(file, attribute::kDirectory), Status::invalid_parameter);
  EXPECT_EQ(node->set_attributes(directory, attribute::kTemporary), Status::invalid_parameter);
  EXPECT_EQ(node->set_attributes(directory, attribute::kHidden), Status::success);
  EXPECT_EQ(node->facts("dir").attributes, attribute::kHidden | attribute::kDirectory);
  EXPECT_EQ(node->set_attributes(directory, attribute::kNormal), Status::success);
  EXPECT_EQ(node->facts("dir").attributes, attribute::kDirectory);
}

TEST_F(Information, SettingWhatIsSetAlreadyMakesNoRecord) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->set_attributes(handle, attribute::kArchive), Status::success);
  EXPECT_EQ(node->last.lsn, 0U);
}

TEST_F(Information, ASizeThatIsSetCountsAsAWriteAndRoomThatIsReservedAsAChange) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, "x"), Status::success);
  FileFacts before = node->facts("file");
  const auto set = [&](SetMinor minor, std::uint64_t size) {
    loop.run_for(std::chrono::seconds(1));
    Irp made = node->irp(minor, handle);
    made.set.size = size;
    EXPECT_EQ(node->run(made).status, Status::success);
    const FileFacts after = node->facts("file");
    EXPECT_GT(after.change_time, before.change_time);
    const bool writes = after.write_time > before.write_time;
    before = after;
    return writes;
  };
  EXPECT_TRUE(set(SetMinor::end_of_file, 1));
  EXPECT_FALSE(set(SetMinor::allocation, 1));
  EXPECT_FALSE(set(SetMinor::allocation, 4096));
  EXPECT_TRUE(set(SetMinor::end_of_file, 4096));
  EXPECT_TRUE(set(SetMinor::allocation, 0));
  EXPECT_EQ(before.size, 0U);
}

TEST_F(Information, ASmallerAllocationCutsALargerOneIsRemembered) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, std::string(5000, 'x')), Status::success);
  EXPECT_EQ(node->facts("file").allocation_size, 8192U);
  Irp set = node->irp(SetMinor::allocation, handle);
  set.set.size = 100'000;
  EXPECT_EQ(node->run(set).status, Status::success);
  EXPECT_EQ(node->facts("file").size, 5000U);
  EXPECT_EQ(node->facts("file").allocation_size, 102'400U);
  set.set.size = 10;
  EXPECT_EQ(node->run(set).status, Status::success);
  EXPECT_EQ(node->facts("file").size, 10U);
  EXPECT_EQ(node->content("file"), std::string(10, 'x'));
}

TEST_F(Information, ChangesOfEntriesAreTimesOfTheDirectory) {
  node->make_directory("dir");
  const FileFacts before = node->facts("dir");
  loop.run_for(std::chrono::seconds(3));
  node->make_file("dir\\file");
  const FileFacts made = node->facts("dir");
  EXPECT_GT(made.write_time, before.write_time);
  EXPECT_EQ(made.creation_time, before.creation_time);
  EXPECT_EQ(node->flush(), Status::success);
  loop.run_for(std::chrono::seconds(3));
  EXPECT_EQ(node->remove("dir\\file"), Status::success);
  const FileFacts removed = node->facts("dir");
  EXPECT_GT(removed.write_time, made.write_time);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->mount().status, Status::success);
  EXPECT_EQ(node->facts("dir").write_time, removed.write_time);
}

TEST_F(Information, QueryGivesFactsAccessOptionsAndTheFullName) {
  node->make_directory("Dir");
  const std::uint64_t handle = node->must_open(
      "dir\\File", {.access = access::kReadData, .options = option::kNonDirectoryFile});
  Irp query = node->irp(Major::query_information);
  query.open = handle;
  EXPECT_EQ(node->run_with(query, {}, 100).status, Status::success);
  EXPECT_EQ(node->answer, "Dir\\File");
  EXPECT_EQ(node->last.query.access, access::kReadData);
  EXPECT_EQ(node->last.query.options, option::kNonDirectoryFile);
  EXPECT_EQ(node->last.query.facts.links, 1U);
  EXPECT_EQ(node->run_with(query, {}, 3).status, Status::buffer_overflow);
  EXPECT_EQ(node->answer, "Dir");
  EXPECT_EQ(node->run(query).status, Status::success);
}

TEST_F(Information, VolumesTellTheirRoomAndALastingSerial) {
  const Irp first = node->run(node->irp(Major::query_volume));
  EXPECT_EQ(first.status, Status::success);
  EXPECT_EQ(first.volume.total_bytes, std::uint64_t{1} << 40);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->mount().status, Status::success);
  EXPECT_EQ(node->run(node->irp(Major::query_volume)).volume.serial, first.volume.serial);
}

}  // namespace
}  // namespace understudy
