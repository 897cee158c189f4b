// Rename, hard links and listings as a client sees them.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using Rename = FsCacheTest;

TEST_F(Rename, MovesAFileToAnotherDirectory) {
  node->make_directory("dir");
  node->make_file("file", "content");
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->rename(handle, "dir\\moved"), Status::success);
  EXPECT_GT(node->last.lsn, 0U);
  EXPECT_EQ(node->write(handle, 7, "!"), Status::success);
  EXPECT_EQ(node->close(handle), Status::success);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
  EXPECT_EQ(node->content("dir\\moved"), "content!");
}

TEST_F(Rename, ReplacesOnlyIfAskedAndOnlyAClosedFile) {
  node->make_file("one", "1");
  node->make_file("two", "2");
  node->make_directory("dir");
  const std::uint64_t one = node->must_open("one");
  EXPECT_EQ(node->rename(one, "TWO"), Status::object_name_collision);
  EXPECT_EQ(node->rename(one, "dir", true), Status::access_denied);
  const std::uint64_t two = node->must_open("two");
  EXPECT_EQ(node->rename(one, "TWO", true), Status::access_denied);
  EXPECT_EQ(node->close(two), Status::success);
  EXPECT_EQ(node->rename(one, "TWO", true), Status::success);
  EXPECT_EQ(node->close(one), Status::success);
  EXPECT_EQ(node->content("two"), "1");
  const auto names = node->list("");
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[1].name, "TWO");
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_FALSE(disk->current().entries.contains({kRootObject, "two"}));
  EXPECT_TRUE(disk->current().entries.contains({kRootObject, "TWO"}));
}

TEST_F(Rename, ChangesTheCaseOfAName) {
  node->make_file("name");
  const std::uint64_t handle = node->must_open("name");
  EXPECT_EQ(node->rename(handle, "name"), Status::success);
  EXPECT_EQ(node->last.lsn, 0U);
  EXPECT_EQ(node->rename(handle, "NAME"), Status::success);
  EXPECT_GT(node->last.lsn, 0U);
  EXPECT_EQ(node->list("")[0].name, "NAME");
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().entries.size(), 1U);
  EXPECT_TRUE(disk->current().entries.contains({kRootObject, "NAME"}));
}

TEST_F(Rename, MovesDirectoriesUnlessSomethingInThemIsOpen) {
  node->make_directory("dir");
  node->make_directory("dir\\sub");
  node->make_file("dir\\sub\\file", "x");
  const std::uint64_t dir = node->must_open("dir");
  EXPECT_EQ(node->rename(dir, "dir\\sub\\dir"), Status::invalid_parameter);
  EXPECT_EQ(node->rename(dir, "dir\\dir"), Status::invalid_parameter);
  const std::uint64_t file = node->must_open("dir\\sub\\file");
  EXPECT_EQ(node->rename(dir, "elsewhere"), Status::access_denied);
  EXPECT_EQ(node->close(file), Status::success);
  EXPECT_EQ(node->rename(dir, "elsewhere"), Status::success);
  EXPECT_EQ(node->content("elsewhere\\sub\\file"), "x");
  EXPECT_EQ(node->rename(dir, "nowhere\\dir"), Status::object_path_not_found);
}

TEST_F(Rename, RespectsWhatIsPending) {
  node->make_file("file");
  node->make_file("doomed");
  node->make_directory("dir");
  const std::uint64_t file = node->must_open("file");
  const std::uint64_t doomed = node->must_open("doomed");
  const std::uint64_t dir = node->must_open("dir");
  EXPECT_EQ(node->dispose(doomed), Status::success);
  EXPECT_EQ(node->rename(file, "doomed", true), Status::delete_pending);
  EXPECT_EQ(node->rename(doomed, "other"), Status::delete_pending);
  EXPECT_EQ(node->dispose(dir), Status::success);
  EXPECT_EQ(node->rename(file, "dir\\file"), Status::delete_pending);
}

TEST_F(Rename, OpensTheTargetsDirectoryAsWindowsDoes) {
  node->make_directory("dir");
  node->make_file("dir\\file");
  const std::uint64_t file = node->must_open("dir\\file");
  const std::uint64_t deleter = node->must_open("dir", {.access = access::kDelete});
  EXPECT_EQ(node->rename(file, "dir\\other"), Status::sharing_violation);
  EXPECT_EQ(node->close(deleter), Status::success);
  const std::uint64_t reader =
      node->must_open("dir", {.access = access::kReadData, .share = share::kRead});
  EXPECT_EQ(node->rename(file, "dir\\other"), Status::sharing_violation);
  EXPECT_EQ(node->close(reader), Status::success);
  EXPECT_EQ(node->rename(file, "dir\\other"), Status::success);
}

using HardLink = FsCacheTest;

TEST_F(HardLink, GivesAFileASecondNameThatOutlivesTheFirst) {
  node->make_directory("dir");
  node->make_file("one", "content");
  const std::uint64_t one = node->must_open("one");
  EXPECT_EQ(node->link(one, "dir\\two"), Status::success);
  EXPECT_EQ(node->facts("one").links, 2U);
  EXPECT_EQ(node->facts("dir\\two").object, node->facts("one").object);
  EXPECT_EQ(node->write(one, 0, "CONTENT"), Status::success);
  EXPECT_EQ(node->close(one), Status::success);
  EXPECT_EQ(node->remove("one"), Status::success);
  EXPECT_EQ(node->content("dir\\two"), "CONTENT");
  EXPECT_EQ(node->facts("dir\\two").links, 1U);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->content("dir\\two"), "CONTENT");
  EXPECT_EQ(node->remove("dir\\two"), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().objects.size(), 2U);  // the root and dir
}

TEST_F(HardLink, IsRefusedForDirectoriesAndTakenNames) {
  node->make_directory("dir");
  node->make_file("file");
  node->make_file("other", "old");
  const std::uint64_t dir = node->must_open("dir");
  const std::uint64_t file = node->must_open("file");
  EXPECT_EQ(node->link(dir, "dir2"), Status::file_is_a_directory);
  EXPECT_EQ(node->link(file, "other"), Status::object_name_collision);
  EXPECT_EQ(node->link(file, "FILE"), Status::object_name_collision);
  EXPECT_EQ(node->link(file, "other", true), Status::success);
  EXPECT_EQ(node->content("other"), "");
  EXPECT_EQ(node->facts("file").links, 2U);
}

TEST_F(HardLink, DeletionConcernsOneNameOnly) {
  node->make_file("one", "x");
  const std::uint64_t one = node->must_open("one");
  EXPECT_EQ(node->link(one, "two"), Status::success);
  EXPECT_EQ(node->dispose(one), Status::success);
  EXPECT_EQ(node->open("one"), Status::delete_pending);
  EXPECT_EQ(node->content("two"), "x");
  EXPECT_EQ(node->close(one), Status::success);
  EXPECT_EQ(node->content("two"), "x");
}

using QueryDirectory = FsCacheTest;

TEST_F(QueryDirectory, ListsDotsAndNamesAndEnds) {
  for (const char* name : {"b", "A", "c"}) node->make_file(name, name);
  const std::uint64_t root = node->must_open("");
  EXPECT_EQ(node->query_directory(root).status, Status::success);
  std::vector<std::string> names;
  for (const Listed& entry : node->listed()) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{".", "..", "A", "b", "c"}));
  EXPECT_EQ(node->listed()[2].facts.size, 1U);
  EXPECT_EQ(node->listed()[0].facts.directory, 1);
  EXPECT_EQ(node->query_directory(root).status, Status::no_more_files);
}

TEST_F(QueryDirectory, GoesOnWhereItWasWhileNamesComeAndGo) {
  for (const char* name : {"a", "b", "c", "d"}) node->make_file(name);
  const std::uint64_t root = node->must_open("");
  std::vector<std::string> names;
  Irp one = node->irp(Major::query_directory);
  one.open = root;
  one.directory.single_entry = 1;
  one.directory.wire_capacity = 1000;
  while (ok(node->run_with(one, "?", 1000).status)) {
    ASSERT_EQ(node->listed().size(), 1U);
    names.push_back(node->listed()[0].name);
    if (names.back() == "a") {
      EXPECT_EQ(node->remove("a"), Status::success);
      EXPECT_EQ(node->remove("b"), Status::success);
      node->make_file("bb");
      node->make_file("e");
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{".", "a", "c", "d", "e"}));
  EXPECT_EQ(node->last.status, Status::no_more_files);
  one.directory.restart = 1;
  EXPECT_EQ(node->run_with(one, "", 1000).status, Status::success);
  EXPECT_EQ(node->listed()[0].name, ".");
}

TEST_F(QueryDirectory, KeepsThePatternUntilANewOneIsWanted) {
  for (const char* name : {"one.txt", "two.txt", "three.doc"}) node->make_file(name);
  const std::uint64_t root = node->must_open("");
  EXPECT_EQ(node->query_directory(root, "*.txt").status, Status::success);
  EXPECT_EQ(node->listed().size(), 2U);
  Irp again = node->irp(Major::query_directory);
  again.open = root;
  again.directory.restart = 1;
  again.directory.wire_capacity = 1000;
  EXPECT_EQ(node->run_with(again, "", 1000).status, Status::success);
  EXPECT_EQ(node->listed().size(), 2U);
  again.directory.restart = 0;
  again.directory.reopen = 1;
  EXPECT_EQ(node->run_with(again, "*.doc", 1000).status, Status::success);
  EXPECT_EQ(node->listed().size(), 1U);
  EXPECT_EQ(node->run_with(again, "*.zip", 1000).status, Status::no_such_file);
}

TEST_F(QueryDirectory, StopsBeforeEitherBufferIsFull) {
  for (int i = 0; i < 50; ++i) node->make_file("file number " + std::to_string(i));
  const std::uint64_t root = node->must_open("");
  std::size_t names = 0;
  while (ok(node->query_directory(root, "*", 600).status)) {
    std::uint64_t wire = 0;
    for (const Listed& entry : node->listed())
      wire = (wire + 7) / 8 * 8 + 104 + 2 * entry.name.size();
    EXPECT_LE(wire, 600U);
    EXPECT_LE(node->last.information, 600U);
    names += node->listed().size();
  }
  EXPECT_EQ(names, 52U);
  const std::uint64_t other = node->must_open("");
  EXPECT_EQ(node->query_directory(other, "file*", 40).status, Status::buffer_overflow);
}

TEST_F(QueryDirectory, ShowsTheLatestOfWhatItLists) {
  node->make_file("a");
  node->make_file("b");
  const std::uint64_t a = node->must_open("a");
  EXPECT_EQ(node->write(a, 0, "x"), Status::success);
  const Lsn written = node->last.lsn;
  const std::uint64_t root = node->must_open("");
  EXPECT_EQ(node->query_directory(root).status, Status::success);
  EXPECT_EQ(node->last.shows, written);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->query_directory(root).status, Status::no_more_files);
  EXPECT_EQ(node->last.shows, 0U);  // the medium has it: nobody needs to wait
}

}  // namespace
}  // namespace understudy
