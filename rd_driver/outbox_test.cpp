// The outbox alone: order, room, acknowledgements, and when a record's bytes are let go.
#include "rd_driver/outbox.h"

#include <gtest/gtest.h>

#include "iomgr/local/local_host.h"
#include "iomgr/record.h"

namespace understudy {
namespace {

using interconnect::FrameBatch;
using interconnect::Header;
using interconnect::Message;

/// Takes the batch apart again, as the partner would see it.
std::vector<Header> headers(FrameBatch& batch) {
  std::vector<std::uint8_t> bytes;
  for (const ConstBytes part : batch.parts()) bytes.insert(bytes.end(), part.begin(), part.end());
  std::vector<Header> found;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto header = interconnect::decode_header(ConstBytes(bytes).subspan(at));
    EXPECT_TRUE(header);
    if (!header) break;
    found.push_back(*header);
    at += interconnect::kHeaderBytes + header->length;
  }
  return found;
}

class OutboxTest : public testing::Test {
 protected:
  void make(std::uint64_t room) {
    outbox = std::make_unique<Outbox>(host.seams(Layer::rd_driver).trace, room);
  }
  /// A begin that the partner has answered.
  void begin(std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn) {
    Irp irp;
    irp.lun = lun;
    irp.epoch = epoch;
    irp.lsn = lsn;
    PartnerAnswer& answer = *answers.emplace_back(std::make_unique<PartnerAnswer>(executor));
    ASSERT_EQ(outbox->begin(irp, answer), Status::success);
    static_cast<void>(take());
    ASSERT_EQ(
        outbox->acknowledged({.type = Message::ack, .lun = lun, .epoch = epoch, .lsn = lsn - 1}),
        Status::success);
    outbox->written();
  }
  Status append(std::uint64_t lsn, std::size_t size = 200, std::uint32_t lun = 0,
                std::uint64_t epoch = 1) {
    Irp& irp = *irps.emplace_back(std::make_unique<Irp>());
    irp.lun = lun;
    irp.epoch = epoch;
    irp.lsn = lsn;
    PendingAppend& each = *appends.emplace_back(
        std::make_unique<PendingAppend>(executor, irp, ConstBytes(record_bytes).first(size)));
    const Status status = outbox->append(each);
    if (ok(status)) {
      scope.spawn([](OutboxTest& self, PendingAppend& waiting) -> Task<void> {
        const Status answer = co_await waiting.answer.wait();
        self.answered.emplace_back(waiting.irp.lsn, answer);
      }(*this, each));
    }
    return status;
  }
  std::vector<std::pair<Message, std::uint64_t>> take() {
    outbox->take(batch);
    std::vector<std::pair<Message, std::uint64_t>> sent;
    for (const Header& header : headers(batch)) sent.emplace_back(header.type, header.lsn);
    batch.clear();
    return sent;
  }
  Status acknowledge(std::uint64_t lsn, std::uint64_t epoch = 1) {
    return outbox->acknowledged({.type = Message::ack, .lun = 0, .epoch = epoch, .lsn = lsn});
  }
  using Sent = std::vector<std::pair<Message, std::uint64_t>>;

  VirtualLoop loop;
  Wire wire;
  LocalHost host{loop, wire, "a", std::make_shared<LocalMemory>(ArenaSizes{65536, 65536, 65536})};
  Executor& executor = host.executor(Layer::rd_driver);
  std::vector<std::uint8_t> record_bytes = std::vector<std::uint8_t>(bounds::kMaxRecord);
  std::vector<std::unique_ptr<Irp>> irps;
  std::vector<std::unique_ptr<PendingAppend>> appends;
  std::vector<std::unique_ptr<PartnerAnswer>> answers;
  std::vector<std::pair<std::uint64_t, Status>> answered;
  FrameBatch batch;
  std::unique_ptr<Outbox> outbox;
  TaskScope scope;
};

TEST_F(OutboxTest, HoldsRecordsUntilTheirOrderIsWhole) {
  make(bounds::kMiB);
  begin(0, 1, 10);
  EXPECT_EQ(append(12), Status::success);
  EXPECT_EQ(append(11), Status::success);
  EXPECT_EQ(take(), Sent{});
  EXPECT_EQ(append(10), Status::success);
  EXPECT_EQ(take(), (Sent{{Message::append, 10}, {Message::append, 11}, {Message::append, 12}}));
}

TEST_F(OutboxTest, TakesNoAppendTwiceAndNoneWithoutABegin) {
  make(bounds::kMiB);
  EXPECT_EQ(append(1), Status::connection_reset);
  begin(0, 1, 1);
  EXPECT_EQ(append(1), Status::success);
  EXPECT_EQ(append(1), Status::invalid_parameter);
  EXPECT_EQ(append(2, 200, 0, 2), Status::connection_reset);
}

TEST_F(OutboxTest, SendsRecordsOnlyAfterThePartnerHasAnsweredTheBegin) {
  make(bounds::kMiB);
  Irp irp;
  irp.epoch = 3;
  irp.lsn = 5;
  PartnerAnswer answer(executor);
  ASSERT_EQ(outbox->begin(irp, answer), Status::success);
  ASSERT_EQ(append(5, 200, 0, 3), Status::success);
  EXPECT_EQ(take(), (Sent{{Message::begin, 5}}));
  outbox->written();
  EXPECT_EQ(take(), Sent{});
  EXPECT_EQ(acknowledge(4, 3), Status::success);
  EXPECT_EQ(take(), (Sent{{Message::append, 5}}));
}

TEST_F(OutboxTest, ARefusedBeginAnswersWhatWaitsForIt) {
  make(bounds::kMiB);
  Irp irp;
  irp.epoch = 3;
  irp.lsn = 5;
  PartnerAnswer answer(executor);
  ASSERT_EQ(outbox->begin(irp, answer), Status::success);
  ASSERT_EQ(append(5, 200, 0, 3), Status::success);
  static_cast<void>(take());
  const Header refusal{
      .type = Message::refuse, .epoch = 3, .lsn = 5, .status = Status::volume_dismounted};
  EXPECT_EQ(outbox->refused(refusal), Status::success);
  loop.run_ready();
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].second, Status::connection_reset);
  EXPECT_EQ(outbox->refused(refusal), Status::volume_dismounted);  // nothing waits for it now
}

TEST_F(OutboxTest, NeverSendsMoreThanThePartnerHasRoomFor) {
  constexpr std::uint64_t kCost = interconnect::stored_bytes(250);
  make(4 * kCost - 1);
  begin(0, 1, 1);
  for (std::uint64_t lsn = 1; lsn <= 6; ++lsn) ASSERT_EQ(append(lsn, 250), Status::success);
  EXPECT_FALSE(outbox->full());
  EXPECT_EQ(take().size(), 3U);
  EXPECT_TRUE(outbox->full());
  outbox->written();
  EXPECT_EQ(take(), Sent{});
  ASSERT_EQ(acknowledge(3), Status::success);
  EXPECT_EQ(take(), Sent{});
  EXPECT_EQ(outbox->purge(0, 4), Status::invalid_parameter);
  EXPECT_EQ(outbox->purge(0, 2), Status::success);
  EXPECT_EQ(take(), (Sent{{Message::purge, 2}, {Message::append, 4}, {Message::append, 5}}));
  outbox->written();
  ASSERT_EQ(outbox->room_freed(kCost), Status::success);
  EXPECT_EQ(take(), (Sent{{Message::append, 6}}));
  EXPECT_FALSE(outbox->full());
  EXPECT_EQ(outbox->room_freed(UINT64_MAX), Status::data_error);
}

TEST_F(OutboxTest, APurgeOvertakesWaitingRecordsAndOnlyTheLastOneIsTold) {
  make(bounds::kMiB);
  begin(0, 1, 1);
  for (std::uint64_t lsn = 1; lsn <= 4; ++lsn) ASSERT_EQ(append(lsn), Status::success);
  static_cast<void>(take());
  outbox->written();
  ASSERT_EQ(acknowledge(4), Status::success);
  ASSERT_EQ(append(5), Status::success);
  ASSERT_EQ(outbox->purge(0, 1), Status::success);
  ASSERT_EQ(outbox->purge(0, 3), Status::success);
  ASSERT_EQ(outbox->purge(0, 2), Status::success);
  EXPECT_EQ(take(), (Sent{{Message::purge, 3}, {Message::append, 5}}));
}

TEST_F(OutboxTest, AnswersAnAppendOnlyWhenTheWriteOfItsBatchHasEnded) {
  make(bounds::kMiB);
  begin(0, 1, 1);
  ASSERT_EQ(append(1), Status::success);
  ASSERT_EQ(append(2), Status::success);
  ASSERT_EQ(take().size(), 2U);
  ASSERT_EQ(acknowledge(1), Status::success);
  loop.run_ready();
  EXPECT_TRUE(answered.empty());
  outbox->written();
  loop.run_ready();
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0], std::pair(std::uint64_t{1}, Status::success));
  EXPECT_EQ(outbox->unanswered(), 1U);
  EXPECT_EQ(outbox->unanswered_bytes(), 200U);
}

TEST_F(OutboxTest, AcknowledgementsAreCumulativeAndCheckedAgainstWhatWasSent) {
  make(bounds::kMiB);
  begin(0, 1, 1);
  for (std::uint64_t lsn = 1; lsn <= 5; ++lsn) ASSERT_EQ(append(lsn), Status::success);
  static_cast<void>(take());
  outbox->written();
  EXPECT_EQ(acknowledge(6), Status::data_error);
  EXPECT_EQ(acknowledge(5, 2), Status::data_error);
  EXPECT_EQ(acknowledge(4), Status::success);
  EXPECT_EQ(acknowledge(3), Status::data_error);
  loop.run_ready();
  EXPECT_EQ(answered.size(), 4U);
}

TEST_F(OutboxTest, ABatchIsBounded) {
  make(64 * bounds::kMiB);
  begin(0, 1, 1);
  for (std::uint64_t lsn = 1; lsn <= 100; ++lsn) ASSERT_EQ(append(lsn, 128), Status::success);
  EXPECT_EQ(take().size(), Outbox::kBatchMessages);
  EXPECT_EQ(take().size(), 100 - Outbox::kBatchMessages);
  for (std::uint64_t lsn = 101; lsn <= 103; ++lsn)
    ASSERT_EQ(append(lsn, bounds::kMaxRecord), Status::success);
  EXPECT_EQ(take().size(), 1U);
}

TEST_F(OutboxTest, TheSignalOfFailureGoesOutOnce) {
  make(bounds::kMiB);
  EXPECT_EQ(outbox->failed(0, Status::disk_full), Status::connection_reset);
  begin(0, 1, 1);
  EXPECT_EQ(outbox->failed(0, Status::success), Status::invalid_parameter);
  EXPECT_EQ(outbox->failed(0, Status::disk_full), Status::success);
  EXPECT_EQ(take(), (Sent{{Message::failed, 0}}));
  EXPECT_EQ(take(), Sent{});
}

TEST_F(OutboxTest, ALostConnectionAnswersEverything) {
  make(interconnect::stored_bytes(200));
  begin(0, 1, 1);
  for (const std::uint64_t lsn : {1U, 2U, 3U, 7U}) ASSERT_EQ(append(lsn), Status::success);
  ASSERT_EQ(take().size(), 1U);
  outbox->connection_lost();
  loop.run_ready();
  EXPECT_EQ(answered.size(), 4U);
  for (const auto& [lsn, status] : answered) EXPECT_EQ(status, Status::connection_reset);
  EXPECT_EQ(outbox->unanswered(), 0U);
}

}  // namespace
}  // namespace understudy
