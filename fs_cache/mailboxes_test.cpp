// The mailbox order of cluster_app, and what a node says of a medium that refuses its flushes or
// hangs.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using MailboxOrder = FsCacheTest;

Irp exchange(TestNode& node, std::uint32_t self, std::uint64_t sequence, bool durable = false) {
  Irp irp = node.irp(ClusterMinor::mailbox);
  irp.mailbox = {};
  irp.mailbox.own.node = self;
  irp.mailbox.own.sequence = sequence;
  irp.mailbox.peer = 1 - self;
  irp.mailbox.durable = durable ? 1 : 0;
  return node.run_with(irp, "/lun");
}

TEST_F(MailboxOrder, CarriesWordsBetweenTheOwnerAndTheOther) {
  TestNode other(loop, disk);
  const Irp first = exchange(*node, 0, 5);
  EXPECT_EQ(first.status, Status::success);
  EXPECT_EQ(first.mailbox.found, 0U) << "the partner has said nothing yet";
  const Irp second = exchange(other, 1, 8, true);
  EXPECT_EQ(second.status, Status::success);
  ASSERT_EQ(second.mailbox.found, 1U);
  EXPECT_EQ(second.mailbox.partner.sequence, 5U);
  EXPECT_EQ(exchange(*node, 0, 6).mailbox.partner.sequence, 8U);
}

TEST_F(MailboxOrder, FailsWithThePathAndWorksAgainWithIt) {
  node->faults().arm("medium.mailbox.write", {.action = FaultAction::error});
  EXPECT_EQ(exchange(*node, 0, 1).status, Status::io_device_error);
  node->faults().arm("medium.mailbox.read", {.action = FaultAction::error});
  EXPECT_EQ(exchange(*node, 0, 2).status, Status::io_device_error);
  EXPECT_EQ(exchange(*node, 0, 3).status, Status::success);
}

TEST_F(MailboxOrder, RefusesNodesAndAreasThatCannotBe) {
  EXPECT_EQ(exchange(*node, 1000, 1).status, Status::invalid_parameter);
  Irp irp = node->irp(ClusterMinor::mailbox);
  irp.mailbox = {};
  irp.mailbox.area = 2;
  EXPECT_EQ(node->run_with(irp, "/lun").status, Status::invalid_parameter);
  irp.mailbox.area = 0;
  EXPECT_EQ(node->run_with(irp, "").status, Status::invalid_parameter);
}

TEST_F(MailboxOrder, WaitsInAMailboxThatHangsWhileOperationsGoOn) {
  node->faults().arm("medium.mailbox.write", {.action = FaultAction::stall});
  Irp irp = node->irp(ClusterMinor::mailbox);
  irp.mailbox = {};
  irp.mailbox.peer = 1;
  irp.payload = node->buffer("/lun");
  const auto hanging = node->begin(irp);
  const auto behind = node->begin(irp);
  node->make_file("file", "data");
  EXPECT_EQ(node->flush(), Status::success);
  loop.run_for(std::chrono::seconds(60));
  EXPECT_FALSE(hanging->has_value());
  EXPECT_FALSE(behind->has_value());
}

TEST_F(MailboxOrder, AHungMediumIsSeenByTheAgeOfItsOldestRequest) {
  node->make_file("file", "data");
  node->faults().arm("medium.flush.objects", {.action = FaultAction::stall});
  Irp flush = node->irp(Major::lazy_write);
  flush.lsn = ~Lsn{0};
  const auto hanging = node->begin(flush);
  loop.run_for(std::chrono::seconds(7));
  EXPECT_FALSE(hanging->has_value());
  const Irp report = node->run(node->irp(ClusterMinor::ping));
  EXPECT_EQ(report.report.oldest_ms, 7000U);
  EXPECT_EQ(exchange(*node, 0, 1).status, Status::success) << "the layer itself goes on";
}

TEST_F(MailboxOrder, AMediumFailsFromARefusedFlushToTheNextOneThatWorks) {
  const auto failing = [&] { return node->run(node->irp(ClusterMinor::ping)).report.failing; };
  node->make_file("file", "data");
  node->faults().arm("medium.flush.applied", {.action = FaultAction::error});
  EXPECT_EQ(node->flush(), Status::io_device_error);
  EXPECT_EQ(failing(), 1U);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(failing(), 0U);
  node->make_file("other", "data");
  node->faults().arm("medium.flush.applied",
                     {.action = FaultAction::error, .status = Status::disk_full});
  EXPECT_EQ(node->flush(), Status::disk_full);
  EXPECT_EQ(failing(), 0U) << "the partner would find it as full";
}

}  // namespace
}  // namespace understudy
