// The orders of cluster_app and ff_driver, and replay.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using Orders = FsCacheTest;

TEST_F(Orders, EachMountIsANewEpoch) {
  EXPECT_EQ(node->last.epoch, 1U);
  EXPECT_EQ(node->mount().status, Status::sharing_violation);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::volume_dismounted);
  EXPECT_EQ(node->open("file"), Status::volume_dismounted);
  EXPECT_EQ(node->flush(), Status::volume_dismounted);
  EXPECT_EQ(node->mount().status, Status::success);
  EXPECT_EQ(node->last.epoch, 2U);
  EXPECT_EQ(disk->owner().epoch, 2U);
}

TEST_F(Orders, OnlyOneNodeCanHaveTheLun) {
  TestNode other(loop, disk);
  EXPECT_EQ(other.mount().status, Status::sharing_violation);
  node.reset();  // dies
  EXPECT_EQ(other.mount().status, Status::success);
}

TEST_F(Orders, DismountClosesDeletesAndFlushes) {
  node->must_open("temporary", {.options = option::kDeleteOnClose});
  const std::uint64_t kept = node->must_open("kept");
  EXPECT_EQ(node->write(kept, 0, "data"), Status::success);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->mount().status, Status::success);
  EXPECT_EQ(node->content("kept"), "data");
  EXPECT_EQ(node->list("").size(), 1U);
}

TEST_F(Orders, ADismountThatCannotFlushLeavesTheVolumeMounted) {
  node->make_file("file", "data");
  node->faults().arm("medium.flush.objects", {.action = FaultAction::error});
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::io_device_error);
  EXPECT_EQ(node->content("file"), "data");
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
}

TEST_F(Orders, NewEpochFlushesAndNamesTheMirrorDegradedNamesNone) {
  node->make_file("file");
  Irp epoch = node->irp(ClusterMinor::new_epoch);
  epoch.mount.mirror = 2;
  EXPECT_EQ(node->run(epoch).status, Status::success);
  EXPECT_EQ(node->last.epoch, 2U);
  EXPECT_EQ(node->last.lsn, 1U);
  EXPECT_EQ(disk->applied().mirror, 2U);
  EXPECT_EQ(disk->applied().epoch, 2U);
  EXPECT_EQ(disk->applied().lsn, 1U);
  node->make_file("other");
  EXPECT_EQ(node->last.status, Status::success);
  EXPECT_EQ(node->facts("other").object >> 40, 2U);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->applied().mirror, 2U);

  node->make_file("third");
  Irp degraded = node->irp(ClusterMinor::degraded);
  degraded.flag.flag = 1;
  EXPECT_EQ(node->run(degraded).status, Status::success);
  EXPECT_EQ(disk->applied().mirror, 0U);
  EXPECT_EQ(disk->applied().lsn, 3U);
  EXPECT_EQ(node->run(degraded).status, Status::success);
  degraded.flag.flag = 0;
  EXPECT_EQ(node->run(degraded).status, Status::success);
}

TEST_F(Orders, ANodeThatIsNotTheMirrorDoesNotMountWhatItMayLack) {
  Irp epoch = node->irp(ClusterMinor::new_epoch);
  epoch.mount.mirror = 2;  // node 1 holds the copies
  EXPECT_EQ(node->run(epoch).status, Status::success);
  node->make_file("only in two memories");
  node.reset();
  disk->crash([] { return true; });

  TestNode again(loop, disk);
  const Irp refused = again.mount(R"({"path": "/lun"})", false, 0);
  EXPECT_EQ(refused.status, Status::device_not_ready);
  EXPECT_EQ(refused.mount.mirror, 2U);
  EXPECT_EQ(refused.mount.applied_epoch, 2U);
  EXPECT_EQ(refused.mount.owner, 0U);
  TestNode partner(loop, disk);
  EXPECT_EQ(partner.mount(R"({"path": "/lun"})", false, 1).status,
            Status::success);  // the lock was released
  EXPECT_EQ(partner.last.epoch, 3U);
  EXPECT_EQ(partner.order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(again.mount(R"({"path": "/lun"})", false, 0).status, Status::success);
}

TEST_F(Orders, LossCanBeAccepted) {
  Irp epoch = node->irp(ClusterMinor::new_epoch);
  epoch.mount.mirror = 2;
  EXPECT_EQ(node->run(epoch).status, Status::success);
  node.reset();
  TestNode again(loop, disk);
  EXPECT_EQ(again.mount(R"({"path": "/lun"})", true, 0).status, Status::success);
  again.make_file("file");
  EXPECT_EQ(disk->applied().mirror, 0U);  // from the first operation on the medium is enough
}

TEST_F(Orders, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(node->order(ClusterMinor::attach), Status::invalid_device_request);
  Irp append = node->irp(Major::mirror, static_cast<std::uint8_t>(MirrorMinor::append));
  EXPECT_EQ(node->run(append).status, Status::invalid_device_request);
  Irp mount = node->irp(ClusterMinor::mount);
  mount.lun = 8;
  EXPECT_EQ(node->run_with(mount, "/not/json").status, Status::invalid_parameter);
  mount.payload = {std::uint64_t{1} << 60, 100, 100};
  EXPECT_EQ(node->run(mount).status, Status::invalid_parameter);
}

TEST_F(Orders, AFailedMountReleasesTheLock) {
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  for (const char* point : {"medium.mount.owner", "medium.mount.applied", "medium.mount.recover",
                            "medium.mount.claim", "medium.mount.claim.done", "medium.space"}) {
    node->faults().arm(point, {.action = FaultAction::error});
    EXPECT_EQ(node->mount().status, Status::io_device_error) << point;
  }
  EXPECT_EQ(node->mount().status, Status::success);
}

TEST_F(Orders, PingTellsOpensAndHowLongStorageHangs) {
  node->make_file("file", "data");
  EXPECT_EQ(node->flush(), Status::success);
  const std::uint64_t handle = node->must_open("file");
  Irp read = node->irp(Major::read);
  read.open = handle;
  read.read = {0, 4, 0};
  read.payload = node->buffer({}, 4);
  EXPECT_EQ(node->run(node->irp(ClusterMinor::ping)).report.opens, 1U);
  EXPECT_EQ(node->last.report.oldest_ms, 0U);
  const auto reading = node->begin(read);
  const auto ping = node->begin(node->irp(ClusterMinor::ping));
  loop.run_until([&] { return ping->has_value(); });
  EXPECT_EQ((*ping)->status, Status::success);
}

/// A node that dies with its LUN mirrored, and its partner.
class Replay : public FsCacheTest {
 protected:
  void SetUp() override {
    FsCacheTest::SetUp();
    Irp epoch = node->irp(ClusterMinor::new_epoch);
    epoch.mount.mirror = 1;  // node 0, which will take over
    ASSERT_EQ(node->run(epoch).status, Status::success);
  }
  void die(bool power_fails = true) {
    copies = node->filter().copies;
    node.reset();
    disk->crash([power_fails] { return !power_fails; });
    node = std::make_unique<TestNode>(loop, disk, LocalHost::small_sizes(), "b");
    ASSERT_EQ(node->mount().status, Status::success);
  }
  void replay_all() {
    for (const auto& [lsn, record] : copies)
      EXPECT_EQ(node->replay(record), Status::success) << lsn;
  }
  Filter::Copies copies;
};

TEST_F(Replay, BringsBackWhatWasOnlyInMemory) {
  node->make_directory("dir");
  node->make_file("dir\\file", "content");
  die();
  replay_all();
  EXPECT_EQ(node->content("dir\\file"), "content");
  EXPECT_EQ(disk->applied().lsn,
            copies.rbegin()->first);  // durable before the first answer (rule 8)
  EXPECT_EQ(disk->applied().epoch, 3U);
  EXPECT_EQ(disk->applied().mirror, 0U);  // no memory holds more than the medium now
  node->make_file("new");
  EXPECT_EQ(node->filter().copies.begin()->first, copies.rbegin()->first + 1);
}

/// The partner is lost, and so has no copy of it, while the LUN still names it as the mirror.
TEST_F(Replay, NeverFindsByHalfARenameThatThePartnerDidNotGet) {
  const std::uint64_t file = node->must_open("old");
  ASSERT_EQ(node->flush(), Status::success);
  ASSERT_EQ(node->rename(file, "new"), Status::success);
  node->faults().arm("medium.flush.entries", {.action = FaultAction::error, .countdown = 2});
  ASSERT_EQ(node->flush(), Status::io_device_error);
  die(false);
  EXPECT_EQ(node->list("").size(), 1U);
}

TEST_F(Replay, TwiceIsOnce) {
  node->make_file("file", "content");
  die();
  replay_all();
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->applied().epoch, 2U);  // of the records
  EXPECT_EQ(disk->applied().mirror, 1U);
  node.reset();
  disk->crash([] { return true; });
  node = std::make_unique<TestNode>(loop, disk);
  EXPECT_EQ(node->mount().status, Status::success);
  EXPECT_EQ(node->last.mount.applied_lsn, copies.rbegin()->first);
  for (const auto& [lsn, record] : copies) EXPECT_EQ(node->replay(record), Status::success);
  EXPECT_EQ(node->content("file"), "content");
}

TEST_F(Replay, EndsWithAFlushThatIsNoOperationOfAClient) {
  node->make_file("one");
  node->make_file("two");
  die();
  EXPECT_EQ(node->replay(copies.begin()->second), Status::success);
  EXPECT_EQ(node->run(node->irp(Major::flush_buffers)).status, Status::success);
  EXPECT_EQ(node->last.shows, copies.begin()->first);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->replay(copies.rbegin()->second), Status::success);
}

TEST_F(Replay, RefusesWhatIsOutOfOrderForeignOrDamaged) {
  node->make_file("one");
  node->make_file("two");
  die();
  std::vector<std::uint8_t> damaged = copies.begin()->second;
  damaged.back() ^= 1;
  EXPECT_EQ(node->replay(damaged), Status::crc_error);
  damaged.resize(100);
  EXPECT_EQ(node->replay(damaged), Status::data_error);
  EXPECT_EQ(node->replay(copies.rbegin()->second), Status::invalid_parameter) << "a gap";
  EXPECT_EQ(node->replay(copies.begin()->second), Status::success);
  EXPECT_EQ(node->replay(copies.begin()->second), Status::success)
      << "replaying twice is replaying once";

  const auto record_of = [](std::uint32_t lun, std::uint64_t epoch, Lsn lsn) {
    RecordHeader header;
    header.lun = lun;
    header.epoch = epoch;
    header.lsn = lsn;
    std::vector<std::uint8_t> bytes(sizeof header);
    encode_record(header, {}, {}, {}, bytes);
    return bytes;
  };
  EXPECT_EQ(node->replay(record_of(TestNode::kLun + 1, 1, 100)), Status::invalid_parameter);
  EXPECT_EQ(node->replay(record_of(TestNode::kLun, 3, 100)),
            Status::invalid_parameter);  // this owner's epoch
  Irp outside = node->irp(Major::mirror, static_cast<std::uint8_t>(MirrorMinor::replay));
  outside.record = {std::uint64_t{1} << 60, 200, 200};
  EXPECT_EQ(node->run(outside).status, Status::invalid_parameter);
}

TEST_F(Replay, IsOverWithTheFirstOperationOfAClient) {
  node->make_file("file");
  die();
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
  EXPECT_EQ(node->replay(copies.begin()->second), Status::device_not_ready);
}

TEST_F(Replay, FlushesWhenTheLogIsFullAndLetsNoRecordOvertakeAnother) {
  const std::uint64_t handle = node->must_open("file");
  for (std::uint64_t i = 0; i < 30; ++i) {
    const std::size_t length = i % 2 == 0 ? 200'000 : 10;
    EXPECT_EQ(node->write(handle, i * 1000, std::string(length, static_cast<char>('a' + i))),
              Status::success);
  }
  const std::string content = node->content("file");
  copies = node->filter().copies;
  node.reset();
  node = std::make_unique<TestNode>(
      loop, disk, ArenaSizes{8 * bounds::kMiB, bounds::kMiB, 8 * bounds::kMiB}, "b");
  ASSERT_EQ(node->mount().status, Status::success);
  std::vector<std::shared_ptr<std::optional<Irp>>> replays;
  for (const auto& [lsn, record] : copies) replays.push_back(node->begin(node->replay_irp(record)));
  loop.run_until([&] { return replays.back()->has_value(); });
  for (const auto& replay : replays) {
    ASSERT_TRUE(replay->has_value());
    EXPECT_EQ((*replay)->status, Status::success);
  }
  EXPECT_EQ(node->content("file"), content);
}

}  // namespace
}  // namespace understudy
