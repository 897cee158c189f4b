// CREATE and CLOSE as a client sees them.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using Create = FsCacheTest;
using Arguments = TestNode::OpenArguments;

TEST_F(Create, MakesAFileThatCanBeOpenedByAnotherCase) {
  const std::uint64_t handle = node->must_open("Report.TXT", {.disposition = Disposition::create});
  EXPECT_EQ(node->last.create.create_action, static_cast<std::uint16_t>(CreateAction::created));
  EXPECT_EQ(node->last.create.facts.attributes, attribute::kArchive);
  EXPECT_EQ(node->last.lsn, 1U);
  EXPECT_EQ(node->last.epoch, 1U);
  EXPECT_GT(node->last.record.length, 0U);
  EXPECT_EQ(node->close(handle), Status::success);
  node->must_open("rEPORT.txt", {.disposition = Disposition::open});
  EXPECT_EQ(node->last.create.create_action, static_cast<std::uint16_t>(CreateAction::opened));
  EXPECT_EQ(node->last.lsn, 0U);
  EXPECT_EQ(node->last.record.length, 0U);
  EXPECT_EQ(node->last.shows, 1U);
  ASSERT_EQ(node->list("").size(), 1U);
  EXPECT_EQ(node->list("")[0].name, "Report.TXT");
}

struct DispositionRow {
  Disposition disposition;
  Status if_absent;
  CreateAction made;
  Status if_there;
  CreateAction found;
};

TEST_F(Create, FollowsTheTableOfDispositions) {
  const DispositionRow rows[] = {
      {Disposition::supersede, Status::success, CreateAction::created, Status::success,
       CreateAction::superseded},
      {Disposition::open, Status::object_name_not_found, {}, Status::success, CreateAction::opened},
      {Disposition::create,
       Status::success,
       CreateAction::created,
       Status::object_name_collision,
       {}},
      {Disposition::open_if, Status::success, CreateAction::created, Status::success,
       CreateAction::opened},
      {Disposition::overwrite,
       Status::object_name_not_found,
       {},
       Status::success,
       CreateAction::overwritten},
      {Disposition::overwrite_if, Status::success, CreateAction::created, Status::success,
       CreateAction::overwritten},
  };
  for (const DispositionRow& row : rows) {
    const std::string name = "file" + std::to_string(static_cast<int>(row.disposition));
    EXPECT_EQ(node->open(name, {.disposition = row.disposition}), row.if_absent) << name;
    if (ok(row.if_absent)) {
      EXPECT_EQ(node->last.create.create_action, static_cast<std::uint16_t>(row.made)) << name;
      EXPECT_EQ(node->close(node->last.open), Status::success);
    }
    node->make_file(name, "content");
    EXPECT_EQ(node->open(name, {.disposition = row.disposition}), row.if_there) << name;
    if (ok(row.if_there)) {
      EXPECT_EQ(node->last.create.create_action, static_cast<std::uint16_t>(row.found)) << name;
      const bool cleared = row.found != CreateAction::opened;
      EXPECT_EQ(node->last.create.facts.size, cleared ? 0U : 7U) << name;
      EXPECT_EQ(node->close(node->last.open), Status::success);
    }
  }
}

TEST_F(Create, SaysWhetherTheNameOrThePathIsMissing) {
  node->make_directory("dir");
  node->make_file("file");
  const Arguments open{.disposition = Disposition::open};
  EXPECT_EQ(node->open("nothing", open), Status::object_name_not_found);
  EXPECT_EQ(node->open("dir\\nothing", open), Status::object_name_not_found);
  EXPECT_EQ(node->open("nothing\\file", open), Status::object_path_not_found);
  EXPECT_EQ(node->open("file\\file", open), Status::object_path_not_found);
  EXPECT_EQ(node->open("file\\dir\\file", open), Status::object_path_not_found);
}

TEST_F(Create, RefusesNamesThatNoFileCanHave) {
  for (const char* name : {"a*b",    "a?b",   "a<b",   "a>b",       "a|b",    "a\"b",
                           "a:",     "a::",   "a:b:c", "a:b/c",     "a:.",    ":b:$INDEX",
                           "a:b\\c", "a:b\\", "a\\:b", "a/b",       "a\\\\b", "\\a",
                           ".",      "..",    "a\\..", "tab\there", "\xff"}) {
    EXPECT_EQ(node->open(name), Status::object_name_invalid) << name;
  }
  EXPECT_EQ(node->open(std::string(255, 'x')), Status::success);
  EXPECT_EQ(node->open(std::string(256, 'x')), Status::object_name_invalid);
}

TEST_F(Create, KeepsFilesAndDirectoriesApart) {
  node->make_directory("dir");
  node->make_file("file");
  const auto as = [this](std::string_view path, std::uint32_t options, Disposition disposition) {
    return node->open(path, {.disposition = disposition, .options = options});
  };
  EXPECT_EQ(as("dir", option::kNonDirectoryFile, Disposition::open), Status::file_is_a_directory);
  EXPECT_EQ(as("file", option::kDirectoryFile, Disposition::open), Status::not_a_directory);
  EXPECT_EQ(as("file\\", 0, Disposition::open), Status::not_a_directory);
  EXPECT_EQ(as("dir\\", 0, Disposition::open), Status::success);
  EXPECT_EQ(as("dir\\", option::kNonDirectoryFile, Disposition::open), Status::object_name_invalid);
  EXPECT_EQ(as("file", option::kDirectoryFile, Disposition::create), Status::object_name_collision);
  EXPECT_EQ(as("dir", option::kDirectoryFile, Disposition::create), Status::object_name_collision);
  EXPECT_EQ(as("dir", 0, Disposition::overwrite_if), Status::object_name_collision);
  EXPECT_EQ(as("dir", option::kDirectoryFile, Disposition::overwrite), Status::invalid_parameter);
  EXPECT_EQ(as("dir", option::kDirectoryFile | option::kNonDirectoryFile, Disposition::open),
            Status::invalid_parameter);
  EXPECT_EQ(as("file", 0, static_cast<Disposition>(6)), Status::invalid_parameter);
}

TEST_F(Create, OpensTheRootButNeitherMakesNorDeletesIt) {
  EXPECT_EQ(node->open("", {.disposition = Disposition::open}), Status::success);
  EXPECT_EQ(node->last.create.facts.directory, 1);
  EXPECT_EQ(node->open("", {.disposition = Disposition::create}), Status::object_name_collision);
  EXPECT_EQ(node->open("", {.options = option::kNonDirectoryFile}), Status::file_is_a_directory);
  EXPECT_EQ(node->open("", {.options = option::kDeleteOnClose}), Status::cannot_delete);
  const std::uint64_t root = node->must_open("");
  EXPECT_EQ(node->dispose(root), Status::cannot_delete);
  EXPECT_EQ(node->rename(root, "elsewhere"), Status::invalid_parameter);
}

TEST_F(Create, ProtectsWhatIsReadOnly) {
  node->make_file("plain");
  const std::uint64_t maker = node->must_open(
      "locked", {.disposition = Disposition::create, .attributes = attribute::kReadOnly});
  EXPECT_EQ(node->write(maker, 0, "its maker may write"), Status::success);
  EXPECT_EQ(node->close(maker), Status::success);
  EXPECT_EQ(node->open("locked", {.access = access::kWriteData}), Status::access_denied);
  EXPECT_EQ(node->open("locked", {.access = access::kAppendData}), Status::access_denied);
  EXPECT_EQ(
      node->open("locked", {.disposition = Disposition::overwrite, .access = access::kReadData}),
      Status::access_denied);
  EXPECT_EQ(node->open("locked", {.access = access::kDelete, .options = option::kDeleteOnClose}),
            Status::cannot_delete);
  EXPECT_EQ(node->remove("locked"), Status::cannot_delete);
  EXPECT_EQ(node->open("locked", {.access = access::kMaximumAllowed}), Status::success);
  EXPECT_EQ(node->write(node->last.open, 0, "x"), Status::access_denied);
  EXPECT_EQ(node->close(node->last.open), Status::success);
  const std::uint64_t plain = node->must_open("plain");
  EXPECT_EQ(node->rename(plain, "locked", true), Status::access_denied);
}

TEST_F(Create, DemandsHiddenAndSystemAgainWhenItOverwrites) {
  const std::uint32_t attributes = attribute::kHidden | attribute::kSystem;
  EXPECT_EQ(node->close(node->must_open("ghost", {.attributes = attributes})), Status::success);
  EXPECT_EQ(node->open("ghost", {.disposition = Disposition::overwrite}), Status::access_denied);
  EXPECT_EQ(node->open("ghost",
                       {.disposition = Disposition::overwrite, .attributes = attribute::kHidden}),
            Status::access_denied);
  EXPECT_EQ(node->open("ghost", {.disposition = Disposition::overwrite, .attributes = attributes}),
            Status::success);
  EXPECT_EQ(node->last.create.facts.attributes, attributes | attribute::kArchive);
}

TEST_F(Create, KeepsAttributesWhenItOverwritesAndReplacesThemWhenItSupersedes) {
  EXPECT_EQ(node->close(node->must_open("file", {.attributes = attribute::kTemporary})),
            Status::success);
  const std::uint64_t object = node->facts("file").object;
  EXPECT_EQ(node->open("file", {.disposition = Disposition::overwrite}), Status::success);
  EXPECT_EQ(node->last.create.facts.attributes, attribute::kTemporary | attribute::kArchive);
  EXPECT_EQ(node->close(node->last.open), Status::success);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::supersede}), Status::success);
  EXPECT_EQ(node->last.create.facts.attributes, attribute::kArchive);
  EXPECT_EQ(node->last.create.facts.object, object);
}

TEST_F(Create, RefusesAnOpenThatAsksForNothing) {
  EXPECT_EQ(node->open("file", {.access = 0}), Status::access_denied);
  EXPECT_EQ(node->open("file", {.access = access::kReadData, .options = option::kDeleteOnClose}),
            Status::access_denied);
}

TEST_F(Create, FailuresHaveNoLsnButSayWhatTheyShow) {
  node->make_file("file");
  const Lsn made = node->last.shows;
  EXPECT_EQ(node->open("FILE", {.disposition = Disposition::create}),
            Status::object_name_collision);
  EXPECT_EQ(node->last.lsn, 0U);
  EXPECT_EQ(node->last.record.length, 0U);
  EXPECT_GE(node->last.shows, made);
  EXPECT_EQ(node->remove("file"), Status::success);
  const Lsn removed = node->last.lsn;
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
  EXPECT_EQ(node->last.shows, removed);
}

TEST_F(Create, ObjectIdsAreNeverUsedAgain) {
  node->make_file("file");
  const std::uint64_t first = node->facts("file").object;
  EXPECT_EQ(node->remove("file"), Status::success);
  node->make_file("file");
  const std::uint64_t second = node->facts("file").object;
  EXPECT_NE(first, second);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->mount().status, Status::success);
  node->make_file("third");
  EXPECT_GT(node->facts("third").object, second);
  EXPECT_EQ(node->facts("third").object >> 40, 2U);
}

using Close = FsCacheTest;

TEST_F(Close, DeletesWhatWasOpenedToBeDeleted) {
  const std::uint64_t handle = node->must_open("temporary", {.options = option::kDeleteOnClose});
  EXPECT_EQ(node->close(handle), Status::success);
  EXPECT_GT(node->last.lsn, 0U);
  EXPECT_EQ(node->open("temporary", {.disposition = Disposition::open}),
            Status::object_name_not_found);
}

TEST_F(Close, DeletesOnlyWhenTheLastOpenIsClosed) {
  const std::uint64_t one = node->must_open("file");
  const std::uint64_t other = node->must_open("file");
  EXPECT_EQ(node->dispose(one), Status::success);
  EXPECT_EQ(node->open("file"), Status::delete_pending);
  EXPECT_EQ(node->close(one), Status::success);
  EXPECT_EQ(node->last.lsn, 0U);
  EXPECT_EQ(node->open("file"), Status::delete_pending);
  EXPECT_EQ(node->write(other, 0, "still there"), Status::success);
  EXPECT_EQ(node->close(other), Status::success);
  EXPECT_GT(node->last.lsn, 0U);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
}

TEST_F(Close, ADispositionCanBeTakenBack) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->dispose(handle), Status::success);
  EXPECT_EQ(node->dispose(handle, false), Status::success);
  EXPECT_EQ(node->close(handle), Status::success);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::success);
}

TEST_F(Close, ADirectoryIsDeletedOnlyWhenItIsEmpty) {
  node->make_directory("dir");
  node->make_file("dir\\file");
  EXPECT_EQ(node->remove("dir"), Status::directory_not_empty);
  const std::uint64_t handle = node->must_open("dir", {.options = option::kDeleteOnClose});
  EXPECT_EQ(node->close(handle), Status::success);
  EXPECT_EQ(node->open("dir\\file", {.disposition = Disposition::open}), Status::success);
  EXPECT_EQ(node->close(node->last.open), Status::success);
  EXPECT_EQ(node->remove("dir\\file"), Status::success);
  const std::uint64_t pending = node->must_open("dir");
  EXPECT_EQ(node->dispose(pending), Status::success);
  EXPECT_EQ(node->open("dir\\new"), Status::delete_pending);
  EXPECT_EQ(node->close(pending), Status::success);
  EXPECT_EQ(node->open("dir", {.disposition = Disposition::open}), Status::object_name_not_found);
}

TEST_F(Close, GivesTheFactsOfTheMomentIfAsked) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, "12345"), Status::success);
  Irp irp = node->irp(Major::close);
  irp.open = handle;
  irp.close.post_query = 1;
  EXPECT_EQ(node->run(irp).status, Status::success);
  EXPECT_EQ(node->last.close.facts.size, 5U);
  EXPECT_EQ(node->close(handle), Status::file_closed);
}

TEST_F(Close, HandlesOfBeforeARemountMeanNothing) {
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->close(handle), Status::volume_dismounted);
  EXPECT_EQ(node->mount().status, Status::success);
  EXPECT_EQ(node->close(handle), Status::file_closed);
}

TEST_F(Create, KeepsTheRoomThatWasAskedForUntilTheLastClose) {
  Irp create = node->irp(Major::create);
  create.create.desired_access = access::kAllOfAFile;
  create.create.create_disposition = static_cast<std::uint32_t>(Disposition::open_if);
  create.create.allocation_size = bounds::kMiB;
  ASSERT_EQ(node->run_with(create, "file").status, Status::success);
  EXPECT_EQ(node->last.create.facts.allocation_size, bounds::kMiB);
  EXPECT_EQ(node->last.create.facts.size, 0U);
  EXPECT_EQ(node->close(node->last.open), Status::success);
  ASSERT_EQ(node->run_with(create, "file").status, Status::success);
  EXPECT_EQ(node->last.create.facts.allocation_size, 0U) << "it is only opened";
}

}  // namespace
}  // namespace understudy
