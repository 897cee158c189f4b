// Change notification as a client sees it.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

class ChangeNotify : public FsCacheTest {
 protected:
  static constexpr std::uint32_t kEverything = 0xFFF;

  Irp notify(NotifyMinor minor, std::uint64_t open, std::uint32_t filter = kEverything,
             bool tree = false) {
    Irp made = node->irp(Major::notify_change, static_cast<std::uint8_t>(minor));
    made.open = open;
    made.notify = {filter, tree ? 1U : 0U, 65536, 0};
    return made;
  }
  Irp wait(std::uint64_t open) { return notify(NotifyMinor::wait, open); }
  /// "1 name" a change, or the status if that is not success.
  std::vector<std::string> fetch(std::uint64_t open, std::uint32_t filter = kEverything,
                                 bool tree = false, std::uint32_t room = 65536) {
    const Irp done = node->run_with(notify(NotifyMinor::fetch, open, filter, tree), {}, room);
    if (done.status != Status::success) return {std::string(to_string(done.status))};
    std::vector<std::string> changes;
    for (std::size_t at = 0; at < done.information;) {
      ChangeEntry entry;
      std::memcpy(&entry, node->answer.data() + at, sizeof entry);
      changes.push_back(std::to_string(entry.action) + " " +
                        node->answer.substr(at + sizeof entry, entry.name_length));
      at += (sizeof entry + entry.name_length + 3) / 4 * 4;
    }
    return changes;
  }
  using Strings = std::vector<std::string>;
  const Strings nothing{"STATUS_PENDING"};
};

TEST_F(ChangeNotify, TellsWhatHappenedToNamesOfTheDirectory) {
  const std::uint64_t root = node->must_open("", {.access = access::kReadData});
  EXPECT_EQ(fetch(root), nothing);
  node->make_directory("dir");
  const std::uint64_t file = node->must_open("one");
  EXPECT_EQ(fetch(root), (Strings{"1 dir", "1 one"}));
  EXPECT_EQ(node->rename(file, "two"), Status::success);
  EXPECT_EQ(fetch(root), (Strings{"4 one", "5 two", "3 two"}));
  EXPECT_EQ(node->rename(file, "dir\\two"), Status::success);
  EXPECT_EQ(fetch(root), (Strings{"2 two"}));
  EXPECT_EQ(node->close(file), Status::success);
  EXPECT_EQ(node->remove("dir\\two"), Status::success);
  EXPECT_EQ(node->remove("dir"), Status::success);
  EXPECT_EQ(fetch(root), (Strings{"2 dir"}));
  EXPECT_EQ(fetch(root), nothing);
}

TEST_F(ChangeNotify, TellsOfTheTreeBelowOnlyWhoAsksForIt) {
  node->make_directory("dir");
  const std::uint64_t flat = node->must_open_directory("");
  const std::uint64_t deep = node->must_open_directory("");
  EXPECT_EQ(fetch(flat), nothing);
  EXPECT_EQ(fetch(deep, kEverything, true), nothing);
  node->make_file("dir\\file", "data");
  EXPECT_EQ(fetch(flat), nothing);
  EXPECT_EQ(fetch(deep), (Strings{"1 dir\\file", "3 dir\\file"}));
}

TEST_F(ChangeNotify, TellsNoMoreThanTheFirstRequestOfTheHandleAskedFor) {
  const std::uint64_t root = node->must_open_directory("");
  EXPECT_EQ(fetch(root, change::kSize), nothing);
  const std::uint64_t file = node->must_open("file");
  EXPECT_EQ(node->write(file, 0, "data"), Status::success);
  EXPECT_EQ(node->set_attributes(file, attribute::kHidden), Status::success);
  EXPECT_EQ(fetch(root, kEverything), (Strings{"3 file"}));
}

TEST_F(ChangeNotify, ShowsTheOperationsThatItTellsOf) {
  const std::uint64_t root = node->must_open_directory("");
  EXPECT_EQ(fetch(root), nothing);
  node->make_file("file");
  const Lsn made = node->last.shows;
  EXPECT_GT(made, 0U);
  fetch(root);
  EXPECT_EQ(node->last.shows, made);
}

TEST_F(ChangeNotify, WaitsUntilThereIsAChange) {
  const std::uint64_t root = node->must_open_directory("");
  const auto first = node->begin(wait(root));
  const auto second = node->begin(wait(root));
  EXPECT_EQ(node->now(first), Status::pending);
  node->make_file("file");
  EXPECT_EQ(node->now(first), Status::success);
  EXPECT_EQ(node->now(second), Status::pending);
  EXPECT_EQ(fetch(root), Strings{"1 file"});
  node->make_file("more");
  EXPECT_EQ(node->now(second), Status::success);
}

TEST_F(ChangeNotify, SaysThatItLostCountWhenThereIsTooMuchToTell) {
  const std::uint64_t root = node->must_open_directory("");
  EXPECT_EQ(fetch(root), nothing);
  const std::string name(200, 'n');
  for (int i = 0; i < 400; ++i) node->make_file(name + std::to_string(i));
  EXPECT_EQ(fetch(root), (Strings{"STATUS_NOTIFY_ENUM_DIR"}));
  node->make_file("file");
  EXPECT_EQ(fetch(root, kEverything, false, 4), (Strings{"STATUS_NOTIFY_ENUM_DIR"}));
  EXPECT_EQ(fetch(root), nothing);
}

TEST_F(ChangeNotify, KeepsNoMoreThanTheFirstRequestOfTheHandleHadRoomFor) {
  const std::uint64_t root = node->must_open_directory("");
  Irp first = notify(NotifyMinor::fetch, root);
  first.notify.capacity = 12 + 8;
  EXPECT_EQ(node->run_with(first, {}, 65536).status, Status::pending);
  node->make_file("four");
  EXPECT_EQ(fetch(root), (Strings{"1 four"}));
  node->make_file("a");
  node->make_file("b");
  EXPECT_EQ(fetch(root), (Strings{"STATUS_NOTIFY_ENUM_DIR"}));
}

TEST_F(ChangeNotify, EndsWithItsHandleItsDirectoryOrACancel) {
  node->make_directory("dir");
  const std::uint64_t one = node->must_open_directory("dir");
  const std::uint64_t other = node->must_open_directory("dir");
  const auto closed = node->begin(wait(one));
  const Irp waiting = wait(other);
  const auto cancelled = node->begin(waiting);
  EXPECT_EQ(node->close(one), Status::success);
  EXPECT_EQ(node->now(closed), Status::notify_cleanup);
  Irp cancel = node->irp(Major::cancel);
  cancel.cancel.id = waiting.id;
  EXPECT_EQ(node->run(cancel).status, Status::success);
  EXPECT_EQ(node->now(cancelled), Status::cancelled);
  EXPECT_EQ(node->run(cancel).status, Status::not_found);

  EXPECT_EQ(node->run(wait(one)).status, Status::notify_cleanup);  // it came too late

  const auto deleted = node->begin(wait(other));
  EXPECT_EQ(node->remove("dir"), Status::success);
  EXPECT_EQ(node->now(deleted), Status::delete_pending);
  EXPECT_EQ(node->run(wait(other)).status, Status::delete_pending);
}

TEST_F(ChangeNotify, DoesNotKeepTheVolumeFromLeaving) {
  const std::uint64_t root = node->must_open_directory("");
  const auto waiting = node->begin(wait(root));
  EXPECT_EQ(node->now(waiting), Status::pending);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->now(waiting), Status::notify_cleanup);
}

TEST_F(ChangeNotify, IsOfDirectoriesAndForThoseWhoMayList) {
  const std::uint64_t file = node->must_open("file");
  EXPECT_EQ(fetch(file), Strings{"STATUS_INVALID_PARAMETER"});
  const std::uint64_t root =
      node->must_open("", {.access = access::kReadAttributes, .options = option::kDirectoryFile});
  EXPECT_EQ(fetch(root), Strings{"STATUS_ACCESS_DENIED"});
}

TEST_F(ChangeNotify, PendedIrpsHaveABound) {
  const std::uint64_t root = node->must_open_directory("");
  std::shared_ptr<std::optional<Irp>> last;
  for (std::uint32_t i = 0; i < bounds::kMaxPended + bounds::kMaxLuns; ++i)
    last = node->begin(wait(root));
  EXPECT_EQ(node->now(last), Status::pending);
  EXPECT_EQ(node->run(wait(root)).status, Status::insufficient_resources);
  EXPECT_EQ(node->close(root), Status::success);
  EXPECT_EQ(node->now(last), Status::notify_cleanup);
}

}  // namespace
}  // namespace understudy
