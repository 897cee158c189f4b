// Named streams as a client sees them (MS-FSA 2.1.5.1, 2.1.5.4, 2.1.5.14).
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using Streams = std::map<std::string, std::uint64_t>;

class NamedStreams : public FsCacheTest {
 protected:
  Status open(std::string_view path, std::uint32_t access, std::uint32_t share) {
    return node->open(path,
                      {.disposition = Disposition::open_if, .access = access, .share = share});
  }
  void remount() {
    node = std::make_unique<TestNode>(loop, disk);
    ASSERT_EQ(node->mount().status, Status::success);
  }
};

TEST_F(NamedStreams, HoldBytesOfTheirOwn) {
  node->make_file("file", "data");
  node->make_file("file:one", "1");
  node->make_file("file:Two:$data", "22");
  EXPECT_EQ(node->content("file"), "data");
  EXPECT_EQ(node->content("file::$DATA"), "data");
  EXPECT_EQ(node->content("FILE:ONE:$DATA"), "1");
  EXPECT_EQ(node->content("file:two"), "22");
  EXPECT_EQ(node->streams("file"), (Streams{{"Two", 2}, {"one", 1}}));
  EXPECT_EQ(node->open("file:none", {.disposition = Disposition::open}),
            Status::object_name_not_found);
}

TEST_F(NamedStreams, HaveTheIdAttributesAndTimesOfTheirFile) {
  node->make_file("file:one", "1");
  const std::uint64_t stream = node->must_open("file:one");
  EXPECT_EQ(node->set_attributes(stream, attribute::kHidden), Status::success);
  EXPECT_EQ(node->close(stream), Status::success);
  const FileFacts file = node->facts("file");
  const FileFacts one = node->facts("file:one");
  EXPECT_EQ(file.attributes, attribute::kHidden);
  EXPECT_EQ(one.attributes, file.attributes);
  EXPECT_EQ(one.object, file.object);
  EXPECT_EQ(one.write_time, file.write_time);
  EXPECT_EQ(one.size, 1U);
  EXPECT_EQ(file.size, 0U);
}

TEST_F(NamedStreams, ComeToBeWithTheirFileInOneRecord) {
  const std::uint64_t handle = node->must_open("new:stream");
  EXPECT_EQ(node->last.lsn, 1U);
  EXPECT_EQ(node->close(handle), Status::success);
  EXPECT_EQ(node->facts("new").size, 0U);
  ASSERT_EQ(node->flush(), Status::success);
  remount();
  EXPECT_EQ(node->streams("new"), (Streams{{"stream", 0}}));
}

TEST_F(NamedStreams, OfDirectoriesAndOfTheRootAreFiles) {
  node->make_directory("dir");
  node->make_file("dir:stream", "of dir");
  node->make_file(":stream", "of root");
  ASSERT_EQ(node->flush(), Status::success);
  remount();
  EXPECT_EQ(node->content("dir:stream"), "of dir");
  EXPECT_EQ(node->content(":stream"), "of root");
  EXPECT_EQ(node->facts("dir:stream").directory, 0);
  EXPECT_EQ(node->list("dir").size(), 0U);
  EXPECT_EQ(node->open("dir::$DATA"), Status::file_is_a_directory);
  EXPECT_EQ(node->open("dir:stream", {.options = option::kDirectoryFile}), Status::not_a_directory);
  EXPECT_EQ(node->remove("dir"), Status::success);
  ASSERT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().entries.size(), 1U);  // the root's stream
}

TEST_F(NamedStreams, AreSharedOneByOne) {
  ASSERT_EQ(open("file:one", access::kWriteData, 0), Status::success);
  EXPECT_EQ(open("file:two", access::kWriteData, 0), Status::success);
  EXPECT_EQ(open("file", access::kWriteData, 0), Status::success);
  EXPECT_EQ(open("file:one", access::kWriteData, 0), Status::sharing_violation);
}

TEST_F(NamedStreams, KeepTheirFileFromDeletionUnlessTheyShareIt) {
  ASSERT_EQ(open("file:one", access::kReadData, share::kRead), Status::success);
  const std::uint64_t strict = node->last.open;
  EXPECT_EQ(node->remove("file"), Status::sharing_violation);
  EXPECT_EQ(node->close(strict), Status::success);
  ASSERT_EQ(open("file:one", access::kReadData, TestNode::kShareAll), Status::success);
  const std::uint64_t stream = node->last.open;
  EXPECT_EQ(node->remove("file"), Status::success);
  EXPECT_EQ(node->open("file"), Status::delete_pending);
  EXPECT_EQ(node->open("file:two"), Status::delete_pending);
  EXPECT_EQ(node->close(stream), Status::success);
  EXPECT_NE(node->last.lsn, 0U);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
  ASSERT_EQ(node->flush(), Status::success);
  EXPECT_TRUE(disk->current().entries.empty());
  EXPECT_EQ(disk->current().objects.size(), 1U);
}

TEST_F(NamedStreams, AreDeletedAloneAndWithOneOfSeveralNamesOfTheirFile) {
  node->make_file("file", "data");
  node->make_file("file:one", "1");
  node->make_file("file:two", "2");
  EXPECT_EQ(node->remove("file:one"), Status::success);
  EXPECT_EQ(node->streams("file"), (Streams{{"two", 1}}));
  const std::uint64_t file = node->must_open("file");
  EXPECT_EQ(node->link(file, "other"), Status::success);
  const std::uint64_t stream = node->must_open("file:two");
  EXPECT_EQ(node->dispose(file), Status::success);
  EXPECT_EQ(node->dispose(stream), Status::success);
  EXPECT_EQ(node->close(file), Status::success);
  EXPECT_EQ(node->close(stream), Status::success);  // both go, in one record
  EXPECT_EQ(node->streams("other"), Streams{});
  ASSERT_EQ(node->flush(), Status::success);
  remount();
  EXPECT_EQ(node->streams("other"), Streams{});
  EXPECT_EQ(node->content("other"), "data");
}

TEST_F(NamedStreams, GoWhenTheirFileIsOverwritten) {
  node->make_file("file:one", "1");
  ASSERT_EQ(node->flush(), Status::success);
  remount();
  EXPECT_EQ(node->close(node->must_open("file", {.disposition = Disposition::overwrite})),
            Status::success);
  EXPECT_EQ(node->streams("file"), Streams{});
  node->make_file("file:two", "2");
  ASSERT_EQ(node->flush(), Status::success);
  remount();
  EXPECT_EQ(node->streams("file"), (Streams{{"two", 1}}));
  EXPECT_EQ(disk->current().objects.size(), 4U);  // root, file, its streams, one stream
}

TEST_F(NamedStreams, TakeOtherNamesOfTheSameFile) {
  node->make_file("file:one", "1");
  node->make_file("file:full", "x");
  node->make_file("file:empty");
  const std::uint64_t handle = node->must_open("file:one");
  EXPECT_EQ(node->rename(handle, ":full"), Status::object_name_collision);
  EXPECT_EQ(node->rename(handle, ":full", true), Status::invalid_parameter);
  EXPECT_EQ(node->rename(handle, "file:new"), Status::sharing_violation);
  EXPECT_EQ(node->rename(handle, ":EMPTY:$DATA", true), Status::success);
  EXPECT_EQ(node->rename(handle, "::$DATA", true), Status::not_supported);
  EXPECT_EQ(node->set_size(handle, 0), Status::success);
  EXPECT_EQ(node->rename(handle, "::$DATA", true), Status::success);
  EXPECT_EQ(node->write(handle, 0, "main"), Status::success);
  EXPECT_EQ(node->close(handle), Status::success);
  EXPECT_EQ(node->streams("file"), (Streams{{"full", 1}}));
  EXPECT_EQ(node->content("file"), "main");
  ASSERT_EQ(node->flush(), Status::success);
  remount();
  EXPECT_EQ(node->streams("file"), (Streams{{"full", 1}}));
}

TEST_F(NamedStreams, KeepTheirFileFromBeingRenamedWhileTheyAreOpen) {
  const std::uint64_t stream = node->must_open("file:one");
  const std::uint64_t file = node->must_open("file");
  EXPECT_EQ(node->rename(file, "other"), Status::access_denied);
  EXPECT_EQ(node->close(stream), Status::success);
  EXPECT_EQ(node->rename(file, "other"), Status::success);
  EXPECT_EQ(node->streams("other"), (Streams{{"one", 0}}));
}

TEST_F(NamedStreams, OfAReadOnlyFileAreNotWrittenAndNotMade) {
  node->make_file("file:one", "1");
  const std::uint64_t file = node->must_open("file");
  EXPECT_EQ(node->set_attributes(file, attribute::kReadOnly), Status::success);
  EXPECT_EQ(node->close(file), Status::success);
  EXPECT_EQ(open("file:one", access::kWriteData, 7), Status::access_denied);
  EXPECT_EQ(open("file:two", access::kReadData, 7), Status::access_denied);
  EXPECT_EQ(open("file:one", access::kReadData, 7), Status::success);
}

}  // namespace
}  // namespace understudy
