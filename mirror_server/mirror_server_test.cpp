// mirror_server against a partner, a filter and a cluster_app that the test plays.
#include "mirror_server/mirror_server.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "iomgr/local/local_host.h"
#include "iomgr/record.h"

namespace understudy {
namespace {

using interconnect::Frame;
using interconnect::Header;
using interconnect::Hello;
using interconnect::Message;

const std::vector<std::uint8_t> kKey(32, 0xAB);

std::string listen_order(const std::string& endpoint) {
  std::string hex;
  for (std::size_t i = 0; i < kKey.size(); ++i) hex += "ab";
  return R"({"listen":")" + endpoint + R"(","node":"b","partner":"a","key":")" + hex + R"("})";
}

/// One connection as the partner's rd_driver would make it. `in` once the server has proved itself.
class Client {
 public:
  Client(VirtualLoop& loop, Wire& wire)
      : executor_(loop.make_executor()), network_(wire, *executor_) {}

  /// Connects and says nothing.
  void connect() { scope_.spawn(run(false)); }
  void log_in() { scope_.spawn(run(true)); }
  void send(Header header) {
    batch_.add(header);
    flush();
  }
  void append(std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn,
              std::size_t data_bytes = 40) {
    RecordHeader header;
    header.lun = lun;
    header.epoch = epoch;
    header.lsn = lsn;
    header.effect = Effect::write;
    header.data_length = static_cast<std::uint32_t>(data_bytes);
    std::vector<std::uint8_t> bytes(record_size(header));
    encode_record(header, {}, {}, std::vector<std::uint8_t>(data_bytes, 1), bytes);
    if (spoil) bytes.back() ^= 1;
    batch_.add_record({.type = Message::append, .lun = lun, .epoch = epoch, .lsn = lsn}, bytes);
    flush();
  }
  void close() { stream_->close(); }
  std::uint64_t acked(std::uint32_t lun) const {
    std::uint64_t last = 0;
    for (const Header& header : heard) {
      if (header.type == Message::ack && header.lun == lun) last = header.lsn;
    }
    return last;
  }
  Status refusal() const {
    return !heard.empty() && heard.back().type == Message::refuse ? heard.back().status
                                                                  : Status::success;
  }

  std::vector<Header> heard;
  bool in = false;
  bool over = false;
  bool spoil = false;
  bool right_key = true;
  std::uint16_t version = interconnect::kVersion;

 private:
  void flush() {
    std::vector<std::uint8_t> bytes;
    for (const ConstBytes part : batch_.parts())
      bytes.insert(bytes.end(), part.begin(), part.end());
    batch_.clear();
    bytes[4] = static_cast<std::uint8_t>(version);
    scope_.spawn([](Client& self, std::vector<std::uint8_t> out) -> Task<void> {
      const ConstBytes part = out;
      static_cast<void>(co_await self.stream_->write({&part, 1}));
    }(*this, std::move(bytes)));
  }
  Task<void> run(bool say_hello) {
    const auto stream = co_await network_.connect("b:1");
    if (!stream) {
      over = true;
      co_return;
    }
    stream_ = *stream;
    interconnect::FrameReader reader(*stream_);
    const Hello hello{.node = "a", .partner = "b", .nonce = {}};
    if (say_hello) {
      batch_.add({.type = Message::hello}, encode(hello));
      flush();
    }
    for (;;) {
      const Result<Frame> frame = co_await reader.next();
      if (!frame) break;
      heard.push_back(frame->header);
      if (frame->header.type == Message::challenge) {
        const Hello challenge = *interconnect::decode_hello(frame->body);
        const std::vector<std::uint8_t> key =
            right_key ? kKey : std::vector<std::uint8_t>(32, 0xAC);
        batch_.add({.type = Message::proof},
                   encode(prove(Layer::rd_driver, key, hello, challenge, 0)));
        flush();
      }
      in |= frame->header.type == Message::proof;
    }
    over = true;
  }

  std::unique_ptr<Executor> executor_;
  LocalNetwork network_;
  std::shared_ptr<Stream> stream_;
  interconnect::FrameBatch batch_;
  TaskScope scope_;
};

/// ff_driver: takes replayed records, answers them when the test lets it.
class Filter : public Driver {
 public:
  explicit Filter(Seams seams) : Driver(Layer::ff_driver, seams), go(executor()) {
    go.set();
    on(Major::mirror, [this](Irp& irp) -> Task<Status> {
      replayed.push_back(irp.lsn);
      most_in_flight = std::max(most_in_flight, ++in_flight);
      const auto bytes = arena().bytes(irp.record);
      const bool whole = bytes && decode_record(*bytes);
      co_await go.wait();
      --in_flight;
      if (!whole) co_return Status::data_error;
      if (irp.lsn == fail_at) co_return Status::disk_full;
      co_return Status::success;
    });
    on(Major::flush_buffers, [this](Irp& irp) -> Task<Status> {
      ++flushes;
      in_flight_at_flush += in_flight;
      if (irp.open != 0) co_return Status::invalid_parameter;
      co_return flush_status;
    });
  }
  Event go;
  std::vector<std::uint64_t> replayed;
  std::size_t in_flight = 0;
  std::size_t most_in_flight = 0;
  std::size_t in_flight_at_flush = 0;
  int flushes = 0;
  std::uint64_t fail_at = 0;
  Status flush_status = Status::success;
};

class Cluster : public Driver {
 public:
  explicit Cluster(Seams seams) : Driver(Layer::cluster_app, seams) {
    on(Major::cluster, [this](Irp& irp) -> Task<Status> {
      events.push_back(irp);
      co_return Status::success;
    });
  }
  void order(ClusterMinor minor, std::uint32_t lun = 0, std::uint64_t applied_lsn = 0) {
    Irp irp = make_irp(Major::cluster, minor);
    irp.lun = lun;
    irp.replay.applied_lsn = applied_lsn;
    send(irp);
  }
  void listen(const std::string& json) {
    Irp irp = make_irp(Major::cluster, ClusterMinor::partner);
    irp.payload = {arena().region(Layer::cluster_app).offset,
                   static_cast<std::uint32_t>(json.size()), 4096};
    std::ranges::copy(as_bytes(json), arena().bytes(irp.payload)->begin());
    send(irp);
  }
  std::vector<Irp> answers;
  std::vector<Irp> events;

 private:
  void send(Irp irp) {
    spawn([](Cluster& self, Irp request) -> Task<void> {
      static_cast<void>(co_await self.call(Layer::mirror_server, request));
      self.answers.push_back(request);
    }(*this, irp));
  }
};

class MirrorServerTest : public testing::Test {
 protected:
  MirrorServerTest() {
    host.link(filter, *server);
    host.link(cluster, *server);
    server->start();
    cluster.listen(listen_order("b:1"));
    loop.run_ready();
  }
  /// A client that is in, with records 1 to `count` of LUN 0 stored in epoch 1.
  void fill(std::uint64_t count) {
    client.log_in();
    client.wait_until_in(loop);
    client.send({.type = Message::begin, .epoch = 1, .lsn = 1});
    for (std::uint64_t lsn = 1; lsn <= count; ++lsn) client.append(0, 1, lsn);
    loop.run_ready();
    ASSERT_EQ(client.acked(0), count);
  }
  Irp replay(std::uint64_t applied_lsn = 0) {
    const std::size_t before = cluster.answers.size();
    cluster.order(ClusterMinor::replay, 0, applied_lsn);
    loop.run_until([&] { return cluster.answers.size() > before; });
    return cluster.answers.back();
  }
  LayerReport report() {
    cluster.order(ClusterMinor::ping);
    loop.run_ready();
    return cluster.answers.back().report;
  }
  void arm(const std::string& point) {
    host.faults(Layer::mirror_server)
        .arm(point, {FaultAction::error, 1, false, Status::io_device_error});
  }

  struct LoggedIn : Client {
    using Client::Client;
    void wait_until_in(VirtualLoop& world) {
      ASSERT_TRUE(world.run_until([&] { return in || over; }));
      ASSERT_TRUE(in);
    }
  };

  VirtualLoop loop;
  Wire wire;
  LocalHost host{loop, wire, "b",
                 std::make_shared<LocalMemory>(ArenaSizes{65536, 65536, 8 * bounds::kMiB})};
  Filter filter{host.seams(Layer::ff_driver)};
  Cluster cluster{host.seams(Layer::cluster_app)};
  std::unique_ptr<Driver> server = make_mirror_server(host.seams(Layer::mirror_server));
  LoggedIn client{loop, wire};
};

TEST_F(MirrorServerTest, StoresAcknowledgesAndPurges) {
  fill(5);
  EXPECT_EQ(report().operations, 5U);
  client.send({.type = Message::purge, .epoch = 1, .lsn = 3});
  loop.run_ready();
  EXPECT_EQ(report().operations, 2U);
  EXPECT_FALSE(client.over);
}

TEST_F(MirrorServerTest, AcknowledgesABurstOnce) {
  fill(500);
  const auto acks = std::ranges::count(client.heard, Message::ack, &Header::type);
  EXPECT_LT(acks, 500);
}

TEST_F(MirrorServerTest, RefusesRecordsOfAnOldEpoch) {
  fill(1);
  client.send({.type = Message::begin, .epoch = 2, .lsn = 2});
  client.append(0, 1, 2);
  loop.run_ready();
  EXPECT_EQ(client.refusal(), Status::volume_dismounted);
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 0U);
}

TEST_F(MirrorServerTest, RefusesAGap) {
  fill(2);
  client.append(0, 1, 4);
  loop.run_ready();
  EXPECT_EQ(client.refusal(), Status::data_error);
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 2U);
}

TEST_F(MirrorServerTest, RefusesASpoiledRecord) {
  fill(2);
  client.spoil = true;
  client.append(0, 1, 3);
  loop.run_ready();
  EXPECT_EQ(client.refusal(), Status::crc_error);
  EXPECT_EQ(report().operations, 2U);
}

TEST_F(MirrorServerTest, RefusesAPurgeAboveWhatIsStored) {
  fill(2);
  client.send({.type = Message::purge, .epoch = 1, .lsn = 3});
  loop.run_ready();
  EXPECT_EQ(client.refusal(), Status::data_error);
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 2U);
}

TEST_F(MirrorServerTest, RefusesMoreThanItHasRoomFor) {
  fill(0);
  for (std::uint64_t lsn = 1; lsn <= 8; ++lsn) client.append(0, 1, lsn, bounds::kMaxTransfer);
  loop.run_ready();
  EXPECT_EQ(client.refusal(), Status::insufficient_resources);
  EXPECT_EQ(report().operations, 6U);
}

TEST_F(MirrorServerTest, MessagesThatOnlyMirrorServerMaySendEndTheConnection) {
  for (const Message type : {Message::ack, Message::refuse}) {
    LoggedIn each{loop, wire};
    each.log_in();
    each.wait_until_in(loop);
    each.send(
        {.type = type, .status = type == Message::refuse ? Status::disk_full : Status::success});
    loop.run_ready();
    EXPECT_TRUE(each.over) << to_string(type);
  }
}

TEST_F(MirrorServerTest, LetsNobodyInWithoutTheKey) {
  client.right_key = false;
  client.log_in();
  loop.run_ready();
  EXPECT_TRUE(client.over);
  EXPECT_FALSE(client.in);
  EXPECT_EQ(client.refusal(), Status::logon_failure);
}

TEST_F(MirrorServerTest, TellsAPartnerOfAnotherVersionSo) {
  client.version = 9;
  client.log_in();
  loop.run_ready();
  EXPECT_TRUE(client.over);
  EXPECT_EQ(client.refusal(), Status::revision_mismatch);
}

TEST_F(MirrorServerTest, ShowsSilentGuestsOutAndBoundsTheirNumber) {
  std::vector<std::unique_ptr<Client>> guests;
  for (std::size_t i = 0; i < MirrorServer::kMaxGuests + 3; ++i) {
    guests.push_back(std::make_unique<Client>(loop, wire));
    guests.back()->connect();
  }
  loop.run_ready();
  EXPECT_EQ(std::ranges::count(guests, true, [](const auto& guest) { return guest->over; }), 3);
  loop.run_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(std::ranges::count(guests, true, [](const auto& guest) { return guest->over; }),
            static_cast<std::ptrdiff_t>(guests.size()));
  client.log_in();
  client.wait_until_in(loop);
}

TEST_F(MirrorServerTest, ANewConnectionReplacesTheOldOneAndKeepsItsRecords) {
  fill(3);
  LoggedIn second{loop, wire};
  second.log_in();
  second.wait_until_in(loop);
  loop.run_ready();
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 3U);
  second.append(0, 1, 4);  // there was no begin on this connection
  loop.run_ready();
  EXPECT_EQ(second.refusal(), Status::volume_dismounted);
}

TEST_F(MirrorServerTest, ASilentPartnerIsLeftAfterTwoSeconds) {
  fill(1);
  loop.run_for(std::chrono::milliseconds(1900));
  EXPECT_FALSE(client.over);
  loop.run_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 1U);
}

TEST_F(MirrorServerTest, AnswersEchoes) {
  fill(1);
  for (int i = 0; i < 10; ++i) {
    client.send({.type = Message::echo});
    loop.run_for(std::chrono::seconds(1));
  }
  EXPECT_FALSE(client.over);
  EXPECT_EQ(std::ranges::count(client.heard, Message::echo, &Header::type), 10);
}

TEST_F(MirrorServerTest, AnOrderWithoutEndpointEndsListeningAndTheConnection) {
  fill(1);
  cluster.listen(listen_order(""));
  loop.run_ready();
  EXPECT_TRUE(client.over);
  Client late(loop, wire);
  late.log_in();
  loop.run_ready();
  EXPECT_TRUE(late.over);
  EXPECT_FALSE(late.in);
  cluster.listen("{}");
  loop.run_ready();
  EXPECT_EQ(cluster.answers.back().status, Status::invalid_parameter);
}

TEST_F(MirrorServerTest, ReplaysInOrderManyAtOnceThenFlushesThenForgets) {
  fill(200);
  filter.go.reset();
  cluster.order(ClusterMinor::replay, 0, 50);
  loop.run_ready();
  EXPECT_EQ(filter.replayed.size(), bounds::kMaxOutstandingReplay);
  EXPECT_EQ(filter.flushes, 0);
  filter.go.set();
  loop.run_ready();
  ASSERT_EQ(cluster.answers.back().status, Status::success);
  EXPECT_EQ(cluster.answers.back().replay.operations, 150U);
  EXPECT_EQ(filter.most_in_flight, bounds::kMaxOutstandingReplay);
  EXPECT_EQ(filter.flushes, 1);
  EXPECT_EQ(filter.in_flight_at_flush, 0U);
  ASSERT_EQ(filter.replayed.size(), 150U);
  for (std::size_t i = 0; i < 150; ++i) EXPECT_EQ(filter.replayed[i], 51 + i);
  EXPECT_EQ(report().operations, 0U);
}

TEST_F(MirrorServerTest, AFailedRecordKeepsEverythingAndTheReplayRunsAgain) {
  fill(10);
  filter.fail_at = 4;
  EXPECT_EQ(replay().status, Status::disk_full);
  EXPECT_EQ(filter.flushes, 0);
  EXPECT_EQ(report().operations, 10U);
  EXPECT_EQ(report().errors, 1U);
  filter.fail_at = 0;
  filter.replayed.clear();
  EXPECT_EQ(replay().status, Status::success);
  EXPECT_EQ(filter.replayed.size(), 10U);
}

TEST_F(MirrorServerTest, AFailedFlushKeepsEverything) {
  fill(3);
  filter.flush_status = Status::io_device_error;
  EXPECT_EQ(replay().status, Status::io_device_error);
  EXPECT_EQ(report().operations, 3U);
}

TEST_F(MirrorServerTest, EveryFaultOfAReplayKeepsEverythingAndTheNextOneSucceeds) {
  fill(5);
  for (const char* point : {"replay.begin", "replay.each", "replay.flush", "replay.end"}) {
    arm(point);
    EXPECT_EQ(replay().status, Status::io_device_error) << point;
    EXPECT_EQ(report().operations, 5U) << point;
  }
  filter.replayed.clear();
  const Irp done = replay(2);
  EXPECT_EQ(done.status, Status::success);
  EXPECT_EQ(done.replay.operations, 3U);
  EXPECT_EQ(filter.replayed, (std::vector<std::uint64_t>{3, 4, 5}));
}

TEST_F(MirrorServerTest, WhileAReplayGoesOnNothingOfItsLunChanges) {
  fill(5);
  filter.go.reset();
  cluster.order(ClusterMinor::replay);
  loop.run_ready();
  cluster.order(ClusterMinor::replay);
  cluster.order(ClusterMinor::discard);
  client.send({.type = Message::begin, .epoch = 2, .lsn = 6});
  loop.run_ready();
  ASSERT_EQ(cluster.answers.size(), 3U);
  EXPECT_EQ(cluster.answers[1].status, Status::device_not_ready);
  EXPECT_EQ(cluster.answers[2].status, Status::device_not_ready);
  EXPECT_EQ(client.refusal(), Status::device_not_ready);
  EXPECT_FALSE(client.over);
  client.append(0, 1, 6);
  loop.run_ready();
  EXPECT_TRUE(client.over);
  filter.go.set();
  loop.run_ready();
  EXPECT_EQ(cluster.answers.back().replay.operations, 5U);
}

TEST_F(MirrorServerTest, ReplayOfALunThatIsNotMirroredWritesNothing) {
  const Irp done = replay(77);
  EXPECT_EQ(done.status, Status::success);
  EXPECT_EQ(done.replay.operations, 0U);
  EXPECT_TRUE(filter.replayed.empty());
}

TEST_F(MirrorServerTest, DiscardForgetsAndNothingDiscardedIsAcknowledged) {
  fill(5);
  cluster.order(ClusterMinor::discard);
  loop.run_ready();
  EXPECT_EQ(report().operations, 0U);
  EXPECT_EQ(client.heard.back().type, Message::room);
  client.append(0, 1, 6);
  loop.run_ready();
  EXPECT_EQ(client.acked(0), 5U);
  EXPECT_TRUE(client.over);
}

TEST_F(MirrorServerTest, AFaultBeforeAnAcknowledgementLeavesTheRecordStoredAndUnanswered) {
  fill(1);
  arm("mirror.append.before_ack");
  client.append(0, 1, 2);
  loop.run_ready();
  EXPECT_EQ(client.acked(0), 1U);
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 2U);
}

TEST_F(MirrorServerTest, AnAcknowledgementThatGetsLostIsNoticedAtTheNextOne) {
  fill(1);
  host.faults(Layer::mirror_server).next_message = {MessageFault::Action::drop};
  client.append(0, 1, 2);
  loop.run_ready();
  EXPECT_EQ(client.acked(0), 1U);
  EXPECT_FALSE(client.over);
  client.send({.type = Message::echo});
  loop.run_ready();
  EXPECT_EQ(client.acked(0), 1U) << "what comes after it is not taken";
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 2U);
}

TEST_F(MirrorServerTest, AFaultAtAPurgePurgesNothing) {
  fill(2);
  arm("mirror.purge");
  client.send({.type = Message::purge, .epoch = 1, .lsn = 2});
  loop.run_ready();
  EXPECT_TRUE(client.over);
  EXPECT_EQ(report().operations, 2U);
}

TEST_F(MirrorServerTest, ShowsSteps314And418ToATracer) {
  host.arena().header().trace_mask = 1U << static_cast<unsigned>(Layer::mirror_server);
  fill(3);
  client.send({.type = Message::purge, .epoch = 1, .lsn = 1});
  loop.run_ready();
  ASSERT_EQ(replay(1).status, Status::success);
  int purges = 0;
  int replays = 0;
  for (const TraceEntry& entry : TraceRing(host.arena().trace_ring(Layer::mirror_server)).read(0)) {
    purges += entry.step == Step::s418 && entry.lsn == 1;
    replays += entry.step == Step::s314;
  }
  EXPECT_EQ(purges, 1);
  EXPECT_EQ(replays, 2);
}

}  // namespace
}  // namespace understudy
