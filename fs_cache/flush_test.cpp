// The second pass and the lazy writer: when unwritten operations go to the medium, and what happens
// when the medium refuses.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using Flush = FsCacheTest;

TEST_F(Flush, WritesAPrefixAndSaysHowFarItCame) {
  node->make_file("a");
  node->make_file("b");
  const Lsn b = node->filter().copies.rbegin()->first;
  node->make_file("c");
  Irp flush = node->irp(Major::lazy_write);
  flush.lsn = b;
  EXPECT_EQ(node->run(flush).status, Status::success);
  EXPECT_EQ(node->last.lsn, b);
  EXPECT_EQ(node->last.lazy_write.operations, 2U);
  EXPECT_EQ(disk->current().entries.size(), 2U);
  EXPECT_EQ(disk->applied().lsn, b);
  EXPECT_EQ(disk->applied().epoch, 1U);
  EXPECT_EQ(node->run(node->irp(ClusterMinor::ping)).report.operations, 1U);
}

TEST_F(Flush, CompletesAtOnceWhenTheMediumHasItAlready) {
  node->make_file("a");
  EXPECT_EQ(node->flush(), Status::success);
  const std::uint64_t generation = disk->applied().generation;
  EXPECT_EQ(node->flush(1), Status::success);
  EXPECT_EQ(node->last.lsn, 1U);
  EXPECT_EQ(node->flush(0), Status::success);
  EXPECT_EQ(disk->applied().generation, generation);
}

/// A mount finishes the names of an intent, so its objects must not be half written again.
TEST_F(Flush, OfWhichTheIntentIsWrittenLeavesItsObjectsAloneWhenItIsTriedAgain) {
  for (int kept = 0; kept < 12; ++kept) {
    SCOPED_TRACE(kept);
    disk = std::make_shared<MemoryDisk>();
    node = std::make_unique<TestNode>(loop, disk);
    ASSERT_EQ(node->mount().status, Status::success);
    const std::uint64_t file = node->must_open("file");
    ASSERT_EQ(node->write(file, 0, "old data"), Status::success);
    ASSERT_EQ(node->flush(), Status::success);
    ASSERT_EQ(node->set_size(file, 0), Status::success);
    ASSERT_EQ(node->write(file, 0, "new"), Status::success);
    ASSERT_EQ(node->rename(file, "renamed"), Status::success);
    node->faults().arm("medium.flush.entries", {.action = FaultAction::error});
    EXPECT_EQ(node->flush(), Status::io_device_error);
    node->faults().disarm();
    node->faults().arm("medium.flush.objects.sync", {.action = FaultAction::stall});
    Irp again = node->irp(Major::lazy_write);
    again.lsn = ~Lsn{0};
    const auto flushing = node->begin(again);
    loop.run_ready();
    node.reset();
    int left = kept;
    disk->crash([&left] { return left-- > 0; });
    node = std::make_unique<TestNode>(loop, disk);
    ASSERT_EQ(node->mount().status, Status::success);
    EXPECT_EQ(node->content("renamed"), "new");
  }
}

TEST_F(Flush, NeverTouchesTheMediumForWhatCameAndWent) {
  node->make_file("temporary", "data");
  EXPECT_EQ(node->remove("temporary"), Status::success);
  node->faults().arm("medium.flush.entries.each", {.action = FaultAction::error, .repeats = true});
  node->faults().arm("medium.flush.remove.each", {.action = FaultAction::error, .repeats = true});
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().objects.size(), 1U);
  EXPECT_TRUE(disk->current().entries.empty());
}

TEST_F(Flush, RemovesWhatHasNoNameAnyMore) {
  node->make_directory("dir");
  node->make_file("dir\\file", "data");
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().objects.size(), 3U);
  EXPECT_EQ(node->remove("dir\\file"), Status::success);
  EXPECT_EQ(node->remove("dir"), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().objects.size(), 1U);
  EXPECT_TRUE(disk->current().entries.empty());
}

TEST_F(Flush, FlushBuffersSaysWhatHasToBeDurable) {
  node->make_file("other");
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, "x"), Status::success);
  const Lsn written = node->last.lsn;
  node->make_file("later");
  Irp flush = node->irp(Major::flush_buffers);
  flush.open = handle;
  EXPECT_EQ(node->run(flush).status, Status::success);
  EXPECT_EQ(node->last.shows, written);
  flush.open = 0;
  EXPECT_EQ(node->run(flush).status, Status::success);
  EXPECT_EQ(node->last.shows, written + 1);
  flush.open = node->must_open("file", {.access = access::kReadData});
  EXPECT_EQ(node->run(flush).status, Status::access_denied);
}

class FaultyFlush : public FsCacheTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FaultyFlush, ForgetsNothingAndSucceedsOnceTheMediumDoes) {
  node->make_file("kept", "first");
  EXPECT_EQ(node->flush(), Status::success);
  const std::uint64_t kept = node->must_open("kept");
  EXPECT_EQ(node->write(kept, 0, "FIRST"), Status::success);
  node->make_file("new", "second");
  node->make_file("gone");
  EXPECT_EQ(node->remove("gone"), Status::success);
  const Lsn durable = disk->applied().lsn;

  node->faults().arm(GetParam(), {.action = FaultAction::error});
  EXPECT_EQ(node->flush(), Status::io_device_error);
  EXPECT_EQ(node->last.lsn, durable);
  EXPECT_EQ(node->content("kept"), "FIRST");
  EXPECT_EQ(node->content("new"), "second");
  const LayerReport report = node->run(node->irp(ClusterMinor::ping)).report;
  EXPECT_EQ(report.operations, 5U);
  EXPECT_EQ(report.errors, std::string_view(GetParam()).starts_with("medium") ? 1U : 0U);

  node->make_file("later");
  EXPECT_EQ(node->flush(durable + 1), Status::success);
  EXPECT_GE(node->last.lsn, durable + 5);  // all that the failed attempt may have begun
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().objects.size(), 4U);
  disk->crash([] { return false; });
  node = std::make_unique<TestNode>(loop, disk);
  ASSERT_EQ(node->mount().status, Status::success);
  EXPECT_EQ(node->content("kept"), "FIRST");
  EXPECT_EQ(node->content("new"), "second");
  EXPECT_EQ(node->list("").size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(EveryStep, FaultyFlush,
                         ::testing::Values("flush.begin", "medium.flush.objects",
                                           "medium.flush.objects.each", "medium.flush.objects.done",
                                           "medium.flush.objects.sync", "medium.flush.entries",
                                           "medium.flush.entries.done", "medium.flush.entries.sync",
                                           "medium.flush.applied", "medium.flush.applied.sync",
                                           "medium.flush.applied.done", "flush.end"));

TEST_F(Flush, UndoesWhatAFailedAttemptHasMade) {
  node->make_directory("dir");
  node->make_file("dir\\file");
  node->faults().arm("medium.flush.entries.done", {.action = FaultAction::error});
  EXPECT_EQ(node->flush(), Status::io_device_error);
  EXPECT_EQ(disk->current().entries.size(), 2U);
  EXPECT_EQ(node->remove("dir\\file"), Status::success);
  EXPECT_EQ(node->remove("dir"), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_TRUE(disk->current().entries.empty());
  EXPECT_EQ(disk->current().objects.size(), 1U);
}

TEST_F(Flush, OrphansThatCannotBeRemovedAreRemovedLater) {
  node->make_file("file");
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->remove("file"), Status::success);
  node->faults().arm("medium.flush.remove", {.action = FaultAction::error});
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().objects.size(), 2U);
  node->make_file("other");
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().objects.size(), 2U);
}

class LazyWriting : public ::testing::Test {
 protected:
  void start(std::string_view order, ArenaSizes sizes = LocalHost::small_sizes()) {
    node = std::make_unique<TestNode>(loop, disk, sizes);
    ASSERT_EQ(node->mount(order).status, Status::success);
  }
  /// `count` writes of 64 KiB that are all under way at once.
  std::vector<std::shared_ptr<std::optional<Irp>>> write_much(std::uint64_t count) {
    const std::uint64_t handle = node->must_open("file");
    const BufferRef block = node->buffer(std::string(65536, 'x'));
    std::vector<std::shared_ptr<std::optional<Irp>>> writes;
    for (std::uint64_t i = 0; i < count; ++i) {
      Irp write = node->irp(Major::write);
      write.open = handle;
      write.write.offset = i * 65536;
      write.payload = block;
      writes.push_back(node->begin(write));
    }
    return writes;
  }

  VirtualLoop loop;
  std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>();
  std::unique_ptr<TestNode> node;
};

TEST_F(LazyWriting, WritesAfterItsIntervalAndRestsWhenThereIsNothing) {
  start(R"({"path": "/lun", "flush_interval_ms": 1000})");
  loop.run_for(std::chrono::seconds(10));
  node->make_file("file");
  loop.run_for(std::chrono::milliseconds(900));
  EXPECT_EQ(node->filter().second_passes, 0);
  loop.run_for(std::chrono::milliseconds(200));
  EXPECT_EQ(node->filter().second_passes, 1);
  EXPECT_EQ(disk->applied().lsn, 1U);
  loop.run_for(std::chrono::seconds(10));
  EXPECT_EQ(node->filter().second_passes, 1);
}

TEST_F(LazyWriting, HeldItWritesOnlyForWantOfRoom) {
  start(R"({"path": "/lun", "lazy_writer": "hold"})",
        {8 * bounds::kMiB, 2 * bounds::kMiB, bounds::kMiB});
  node->make_file("small");
  loop.run_for(std::chrono::seconds(100));
  EXPECT_EQ(node->filter().second_passes, 0);
  const auto writes = write_much(100);
  loop.run_for(std::chrono::seconds(1));
  EXPECT_GT(node->filter().second_passes, 1);
  for (const auto& write : writes) {
    ASSERT_TRUE(write->has_value());
    EXPECT_EQ((*write)->status, Status::success);
  }
}

TEST_F(LazyWriting, DoesNotWaitForTheIntervalWhenMuchIsUnwritten) {
  start(R"({"path": "/lun", "flush_interval_ms": 3600000})",
        {8 * bounds::kMiB, 2 * bounds::kMiB, bounds::kMiB});
  const auto writes = write_much(10);
  loop.run_ready();
  EXPECT_GE(node->filter().second_passes, 1);
}

TEST_F(LazyWriting, AFullLogHoldsOperationsBackUntilSomethingIsMirrored) {
  start(R"({"path": "/lun"})", {8 * bounds::kMiB, 2 * bounds::kMiB, bounds::kMiB});
  node->filter().lets_pass = false;
  const auto writes = write_much(60);
  loop.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(writes.back()->has_value());
  const auto waiting = static_cast<std::size_t>(std::count_if(
      writes.begin(), writes.end(), [](const auto& write) { return !write->has_value(); }));
  EXPECT_GT(waiting, 20U);
  node->filter().lets_pass = true;
  loop.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(std::all_of(writes.begin(), writes.end(),
                          [](const auto& write) { return write->has_value(); }));
  EXPECT_EQ(node->facts("file").size, 60U * 65536);
}

TEST_F(LazyWriting, ARecordThatCouldNeverFitIsRefused) {
  start(R"({"path": "/lun"})", {8 * bounds::kMiB, 2 * bounds::kMiB, bounds::kMiB});
  const std::uint64_t handle = node->must_open("file");
  EXPECT_EQ(node->write(handle, 0, std::string(bounds::kMiB, 'x')), Status::insufficient_resources);
}

}  // namespace
}  // namespace understudy
