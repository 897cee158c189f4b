// rd_driver against a partner that the test plays message by message.
#include "rd_driver/rd_driver.h"

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

constexpr std::uint64_t kRoom = 1 << 20;
const std::vector<std::uint8_t> kKey(32, 0xAB);

std::string connect_order(const std::string& endpoint) {
  std::string hex;
  for (std::size_t i = 0; i < kKey.size(); ++i) hex += "ab";
  return R"({"connect":")" + endpoint + R"(","node":"a","partner":"b","key":")" + hex + R"("})";
}

/// The other node's mirror server, without a store: lets rd_driver in and says what the test tells
/// it to.
class Partner {
 public:
  Partner(VirtualLoop& loop, Wire& wire)
      : executor_(loop.make_executor()), network_(wire, *executor_) {
    listener_ = *network_.listen("b:1");
    scope_.spawn(accept());
  }
  void say(Header header, ConstBytes body = {}) {
    batch_.add(header, body);
    scope_.spawn(flush());
  }
  void hang_up() { stream_->close(); }

  std::vector<Header> heard;
  int connections = 0;
  bool in = false;
  std::uint16_t version = interconnect::kVersion;
  bool right_proof = true;

 private:
  Task<void> accept() {
    for (;;) {
      const auto stream = co_await listener_->accept();
      if (!stream) co_return;
      ++connections;
      in = false;
      stream_ = *stream;
      batch_ = {};
      scope_.spawn(converse(*stream));
    }
  }
  Task<void> flush() {
    std::vector<std::uint8_t> bytes;
    for (const ConstBytes part : batch_.parts())
      bytes.insert(bytes.end(), part.begin(), part.end());
    batch_.clear();
    if (!bytes.empty()) bytes[4] = static_cast<std::uint8_t>(version);
    const ConstBytes part = bytes;
    static_cast<void>(co_await stream_->write({&part, 1}));
  }
  Task<void> converse(std::shared_ptr<Stream> stream) {
    interconnect::FrameReader reader(*stream);
    Hello hello;
    Hello challenge{.node = "b", .partner = "a", .nonce = {}};
    for (;;) {
      const Result<Frame> frame = co_await reader.next();
      if (!frame) {
        stream->close();
        co_return;
      }
      if (frame->header.type == Message::hello) {
        hello = *interconnect::decode_hello(frame->body);
        say({.type = Message::challenge}, encode(challenge));
      } else if (frame->header.type == Message::proof) {
        const Layer role = right_proof ? Layer::mirror_server : Layer::rd_driver;
        say({.type = Message::proof}, encode(prove(role, kKey, hello, challenge, kRoom)));
        in = true;
      } else {
        heard.push_back(frame->header);
      }
      if (frame->header.type == Message::append) {
        std::vector<std::uint8_t> record(frame->header.length);
        static_cast<void>(co_await reader.read_record(record));
      }
    }
  }

  std::unique_ptr<Executor> executor_;
  LocalNetwork network_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<Stream> stream_;
  interconnect::FrameBatch batch_;
  TaskScope scope_;
};

/// ff_driver or cluster_app: sends IRPs, keeps answers and what it is told.
class Neighbour : public Driver {
 public:
  Neighbour(Layer layer, Seams seams) : Driver(layer, seams) {
    const auto keep = [this](Irp& irp) -> Task<Status> {
      told.push_back(irp);
      answered_when_told = answers.size();
      co_return Status::success;
    };
    on(Major::mirror, keep);
    on(Major::cluster, keep);
  }
  Irp make(MirrorMinor minor, std::uint64_t lsn) {
    Irp irp = make_irp(Major::mirror, minor);
    irp.epoch = 1;
    irp.lsn = lsn;
    // Nothing here looks into a record: any bytes of the arena do.
    irp.record = {arena().region(Layer::fs_cache).offset, 256, 256};
    return irp;
  }
  Irp make_order(const std::string& json) {
    Irp irp = make_irp(Major::cluster, ClusterMinor::partner);
    irp.payload = {arena().region(Layer::cluster_app).offset,
                   static_cast<std::uint32_t>(json.size()), 4096};
    std::ranges::copy(as_bytes(json), arena().bytes(irp.payload)->begin());
    return irp;
  }
  void send(Irp irp) {
    spawn([](Neighbour& self, Irp request) -> Task<void> {
      static_cast<void>(co_await self.call(Layer::rd_driver, request));
      self.answers.push_back(request);
    }(*this, irp));
  }
  void ping() { send(make_irp(Major::cluster, ClusterMinor::ping)); }
  std::vector<Irp> answers;
  std::vector<Irp> told;
  std::size_t answered_when_told = 0;
};

/// A network whose writes can be held up.
class SlowNetwork : public Network {
 public:
  explicit SlowNetwork(Seams seams) : network_(seams.network), may_write(seams.executor) {
    may_write.set();
  }
  Result<std::shared_ptr<Listener>> listen(const Endpoint& endpoint) override {
    return network_.listen(endpoint);
  }
  Result<std::shared_ptr<Listener>> stand_by(const Endpoint& endpoint) override {
    return network_.stand_by(endpoint);
  }
  Task<Result<std::shared_ptr<Stream>>> connect(const Endpoint& endpoint) override {
    ++attempts;
    const Result<std::shared_ptr<Stream>> stream = co_await network_.connect(endpoint);
    if (!stream) co_return stream.status();
    co_return std::shared_ptr<Stream>(std::make_shared<SlowStream>(*stream, may_write));
  }

 private:
  class SlowStream : public Stream {
   public:
    SlowStream(std::shared_ptr<Stream> stream, Event& may_write)
        : stream_(std::move(stream)), may_write_(may_write) {}
    Task<Status> read(Bytes out) override { return stream_->read(out); }
    Task<Result<std::size_t>> read_some(Bytes out) override { return stream_->read_some(out); }
    Task<Status> write(std::span<const ConstBytes> parts) override {
      const std::shared_ptr<Stream> stream = stream_;
      co_await may_write_.wait();
      const Status status = co_await stream->write(parts);
      co_return status;
    }
    void close() override { stream_->close(); }
    std::string peer() const override { return stream_->peer(); }

   private:
    std::shared_ptr<Stream> stream_;
    Event& may_write_;
  };
  Network& network_;

 public:
  int attempts = 0;
  Event may_write;
};

struct Stack {
  VirtualLoop loop;
  Wire wire;
  LocalHost host{loop, wire, "a", std::make_shared<LocalMemory>(ArenaSizes{65536, 65536, 65536})};
  SlowNetwork network{host.seams(Layer::rd_driver)};
  Neighbour filter{Layer::ff_driver, host.seams(Layer::ff_driver)};
  Neighbour cluster{Layer::cluster_app, host.seams(Layer::cluster_app)};
  std::unique_ptr<Driver> rd = make_rd_driver(seams());

  Stack() {
    host.link(filter, *rd);
    host.link(cluster, *rd);
    rd->start();
  }
  Seams seams() {
    const Seams plain = host.seams(Layer::rd_driver);
    return {plain.executor, network,      plain.random, plain.arena,
            plain.trace,    plain.faults, plain.log};
  }
  void connect(Partner& partner) {
    cluster.send(cluster.make_order(connect_order("b:1")));
    ASSERT_TRUE(loop.run_until([&] { return filter.told.size() == 1 && partner.in; }));
  }
  /// Connected, with LUN 0 begun at LSN 1 of epoch 1.
  void begin(Partner& partner) {
    connect(partner);
    filter.send(filter.make(MirrorMinor::begin, 1));
    loop.run_ready();
    partner.say({.type = Message::ack, .epoch = 1, .lsn = 0});
    loop.run_ready();
    ASSERT_EQ(filter.answers.size(), 1U);
    ASSERT_EQ(filter.answers[0].status, Status::success);
    filter.answers.clear();
    partner.heard.clear();
  }
};

TEST(RdDriver, TellsTheFilterWhenThePartnersStoreHasNoRoom) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  ASSERT_NO_FATAL_FAILURE(stack.begin(partner));
  const std::size_t told_before = stack.filter.told.size();
  constexpr std::uint32_t kLarge = 32 * 1024;
  constexpr std::uint64_t kFits = kRoom / interconnect::stored_bytes(kLarge);
  const auto append = [&](std::uint64_t lsn) {
    Irp irp = stack.filter.make(MirrorMinor::append, lsn);
    irp.record.length = irp.record.capacity = kLarge;
    stack.filter.send(irp);
    stack.loop.run_ready();
  };
  for (std::uint64_t lsn = 1; lsn <= kFits; ++lsn) append(lsn);
  EXPECT_EQ(stack.filter.told.size(), told_before);
  append(kFits + 1);
  ASSERT_EQ(stack.filter.told.size(), told_before + 1);
  EXPECT_EQ(stack.filter.told.back().major, Major::mirror);
  EXPECT_EQ(stack.filter.told.back().minor, static_cast<std::uint8_t>(MirrorMinor::full));
}

TEST(RdDriver, FailsEverythingAtOnceWhileThereIsNoPartner) {
  Stack stack;
  for (const MirrorMinor minor :
       {MirrorMinor::begin, MirrorMinor::append, MirrorMinor::purge, MirrorMinor::failed}) {
    stack.filter.send(stack.filter.make(minor, 1));
  }
  stack.loop.run_ready();
  ASSERT_EQ(stack.filter.answers.size(), 4U);
  for (const Irp& irp : stack.filter.answers) EXPECT_EQ(irp.status, Status::connection_reset);
}

TEST(RdDriver, TriesAgainQuicklyAtFirstThenTwiceASecond) {
  Stack stack;
  stack.cluster.send(stack.cluster.make_order(connect_order("b:1")));
  stack.loop.run_for(std::chrono::milliseconds(60));
  EXPECT_EQ(stack.network.attempts, 2);
  stack.loop.run_for(std::chrono::seconds(10));
  EXPECT_GE(stack.network.attempts, 20);
  EXPECT_LE(stack.network.attempts, 25);
  Partner partner(stack.loop, stack.wire);
  EXPECT_TRUE(stack.loop.run_until([&] { return partner.in; }, std::chrono::milliseconds(501)));
}

TEST(RdDriver, TellsBothNeighboursThatThePartnerIsThereAndGone) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.connect(partner);
  partner.hang_up();
  ASSERT_TRUE(stack.loop.run_until([&] { return stack.filter.told.size() == 3; }));
  stack.loop.run_ready();
  EXPECT_EQ(stack.filter.told[0].minor, static_cast<std::uint8_t>(MirrorMinor::partner_up));
  EXPECT_EQ(stack.filter.told[1].minor, static_cast<std::uint8_t>(MirrorMinor::partner_down));
  EXPECT_EQ(stack.filter.told[2].minor, static_cast<std::uint8_t>(MirrorMinor::partner_up));
  ASSERT_EQ(stack.cluster.told.size(), 3U);
  EXPECT_EQ(stack.cluster.told[0].event.kind, EventKind::partner_back);
  EXPECT_EQ(stack.cluster.told[1].event.kind, EventKind::partner_lost);
}

TEST(RdDriver, ReportsWhatIsUnacknowledged) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  stack.filter.send(stack.filter.make(MirrorMinor::append, 2));
  stack.loop.run_ready();
  stack.cluster.ping();
  stack.loop.run_ready();
  const LayerReport report = stack.cluster.answers.back().report;
  EXPECT_EQ(report.operations, 2U);
  EXPECT_EQ(report.bytes, 512U);
  EXPECT_EQ(report.mirroring, 1U);
  partner.say({.type = Message::ack, .epoch = 1, .lsn = 2});
  stack.loop.run_ready();
  EXPECT_EQ(stack.filter.answers.size(), 2U);
}

TEST(RdDriver, RefusesARecordThatIsNotInTheArenaOrIsNone) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  Irp outside = stack.filter.make(MirrorMinor::append, 1);
  outside.record.offset = 1ULL << 60;
  Irp tiny = stack.filter.make(MirrorMinor::append, 1);
  tiny.record.length = 10;
  stack.filter.send(outside);
  stack.filter.send(tiny);
  stack.loop.run_ready();
  ASSERT_EQ(stack.filter.answers.size(), 2U);
  for (const Irp& irp : stack.filter.answers) EXPECT_EQ(irp.status, Status::invalid_parameter);
}

TEST(RdDriver, AnswersNoAppendOfALostConnectionBeforeTheWriteHasLetItsBytesGo) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.network.may_write.reset();
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  stack.filter.send(stack.filter.make(MirrorMinor::append, 2));
  stack.loop.run_ready();
  partner.hang_up();
  stack.loop.run_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(stack.filter.answers.empty());
  EXPECT_EQ(stack.filter.told.size(), 1U);
  stack.network.may_write.set();
  ASSERT_TRUE(stack.loop.run_until([&] { return stack.filter.told.size() == 2; }));
  ASSERT_EQ(stack.filter.answers.size(), 2U);
  EXPECT_EQ(stack.filter.answers[0].status, Status::connection_reset);
  EXPECT_EQ(stack.filter.answered_when_told, 2U);  // before partner_down
}

TEST(RdDriver, SendsWhatWaitedInOneWriteAndPurgesFirst) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  stack.loop.run_ready();
  partner.say({.type = Message::ack, .epoch = 1, .lsn = 1});
  stack.loop.run_ready();
  stack.network.may_write.reset();
  for (std::uint64_t lsn = 2; lsn <= 6; ++lsn)
    stack.filter.send(stack.filter.make(MirrorMinor::append, lsn));
  stack.loop.run_ready();
  stack.filter.send(stack.filter.make(MirrorMinor::append, 7));
  stack.filter.send(stack.filter.make(MirrorMinor::purge, 1));
  stack.loop.run_ready();
  stack.network.may_write.set();
  stack.loop.run_ready();
  std::vector<Message> types;
  for (const Header& header : partner.heard) types.push_back(header.type);
  ASSERT_EQ(types.size(), 8U);
  const auto purge = std::ranges::find(types, Message::purge);
  EXPECT_LT(purge, types.end() - 1);
}

TEST(RdDriver, APartnerThatAcknowledgesWhatItNeverGotIsLeft) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.filter.send(stack.filter.make(MirrorMinor::append, 2));  // held: 1 is missing
  stack.loop.run_ready();
  partner.say({.type = Message::ack, .epoch = 1, .lsn = 2});
  ASSERT_TRUE(stack.loop.run_until([&] { return stack.filter.told.size() == 2; }));
  EXPECT_EQ(stack.filter.answers.back().status, Status::connection_reset);
}

TEST(RdDriver, MessagesThatOnlyRdDriverMaySendEndTheConnection) {
  for (const Message type : {Message::begin, Message::purge, Message::failed, Message::echo}) {
    Stack stack;
    Partner partner(stack.loop, stack.wire);
    stack.begin(partner);
    partner.say(
        {.type = type, .status = type == Message::failed ? Status::disk_full : Status::success});
    EXPECT_TRUE(stack.loop.run_until([&] { return stack.filter.told.size() == 2; }))
        << to_string(type);
  }
}

TEST(RdDriver, APartnerOfAnotherVersionIsNotUsed) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  partner.version = 2;
  stack.cluster.send(stack.cluster.make_order(connect_order("b:1")));
  stack.loop.run_for(std::chrono::seconds(3));
  EXPECT_GT(partner.connections, 3);
  EXPECT_TRUE(stack.filter.told.empty());
}

TEST(RdDriver, APartnerThatGivesBackOurOwnProofIsNotUsed) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  partner.right_proof = false;
  stack.cluster.send(stack.cluster.make_order(connect_order("b:1")));
  stack.loop.run_for(std::chrono::seconds(3));
  EXPECT_GT(partner.connections, 3);
  EXPECT_TRUE(stack.filter.told.empty());
}

TEST(RdDriver, AnOrderWithoutEndpointEndsTheConnectionForGood) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.connect(partner);
  stack.cluster.send(stack.cluster.make_order(connect_order("")));
  stack.loop.run_for(std::chrono::seconds(5));
  EXPECT_EQ(stack.filter.told.size(), 2U);
  EXPECT_EQ(partner.connections, 1);
  stack.cluster.send(stack.cluster.make_order("{\"connect\":3}"));
  stack.loop.run_ready();
  EXPECT_EQ(stack.cluster.answers.back().status, Status::invalid_parameter);
}

TEST(RdDriver, TheSameOrderAgainLeavesTheConnectionAlone) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.connect(partner);
  stack.cluster.send(stack.cluster.make_order(connect_order("b:1")));
  stack.loop.run_for(std::chrono::milliseconds(300));
  EXPECT_EQ(stack.cluster.answers.size(), 2U);
  EXPECT_EQ(partner.connections, 1);
}

TEST(RdDriver, AFaultAtSendingLosesTheConnectionAndNothingElse) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.host.faults(Layer::rd_driver)
      .arm("rd.send", {FaultAction::error, 1, false, Status::io_device_error});
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  ASSERT_TRUE(stack.loop.run_until([&] { return stack.filter.told.size() == 3; }));
  EXPECT_TRUE(partner.heard.empty());
  EXPECT_EQ(stack.filter.answers.back().status, Status::connection_reset);
  EXPECT_EQ(partner.connections, 2);
}

TEST(RdDriver, ACopyThatGetsLostIsNoticedAtTheNextEchoAndTheConnectionIsJoinedAgain) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.host.faults(Layer::rd_driver).next_message = {MessageFault::Action::drop};
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  stack.loop.run_ready();
  EXPECT_TRUE(partner.heard.empty());
  EXPECT_TRUE(stack.filter.answers.empty()) << "it is not taken for stored";
  ASSERT_TRUE(stack.loop.run_until([&] { return partner.connections == 2; }));
  EXPECT_TRUE(partner.heard.empty()) << "what came after it is not taken either";
  ASSERT_EQ(stack.filter.answers.size(), 1U);
  EXPECT_EQ(stack.filter.answers[0].status, Status::connection_reset);
}

TEST(RdDriver, ACopyThatGoesOutTwiceIsTakenOnceAndTheConnectionIsJoinedAgain) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.host.faults(Layer::rd_driver).next_message = {MessageFault::Action::duplicate};
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  ASSERT_TRUE(stack.loop.run_until([&] { return partner.connections == 2; }));
  EXPECT_EQ(std::ranges::count(partner.heard, Message::append, &Header::type), 1);
}

TEST(RdDriver, ACopyThatIsDelayedHoldsBackWhatComesAfterItAndNothingIsLost) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.host.faults(Layer::rd_driver).next_message = {MessageFault::Action::delay,
                                                      std::chrono::milliseconds(300)};
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  stack.loop.run_ready();
  stack.filter.send(stack.filter.make(MirrorMinor::append, 2));
  stack.loop.run_for(std::chrono::milliseconds(290));
  EXPECT_TRUE(partner.heard.empty());
  stack.loop.run_for(std::chrono::milliseconds(20));
  ASSERT_EQ(partner.heard.size(), 2U);
  EXPECT_EQ(partner.heard[0].lsn, 1U);
  EXPECT_EQ(partner.heard[1].lsn, 2U);
  partner.say({.type = Message::ack, .epoch = 1, .lsn = 2});
  stack.loop.run_ready();
  EXPECT_EQ(stack.filter.answers.size(), 2U);
  EXPECT_EQ(partner.connections, 1);
}

TEST(RdDriver, ADelayLongerThanThePatienceOfTheLinkEndsTheConnection) {
  Stack stack;
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.host.faults(Layer::rd_driver).next_message = {MessageFault::Action::delay,
                                                      MessageFault::kMaxDelay};
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  stack.loop.run_for(std::chrono::milliseconds(2200));
  EXPECT_TRUE(partner.heard.empty());
  ASSERT_EQ(stack.filter.answers.size(), 1U);
  EXPECT_EQ(stack.filter.answers[0].status, Status::connection_reset);
  EXPECT_EQ(partner.connections, 2);
}

TEST(RdDriver, ShowsStep408AndTheMessagesToATracer) {
  Stack stack;
  stack.host.arena().header().trace_mask = 1U << static_cast<unsigned>(Layer::rd_driver);
  Partner partner(stack.loop, stack.wire);
  stack.begin(partner);
  stack.filter.send(stack.filter.make(MirrorMinor::append, 1));
  stack.loop.run_ready();
  bool step = false;
  bool message = false;
  for (const TraceEntry& entry :
       TraceRing(stack.host.arena().trace_ring(Layer::rd_driver)).read(0)) {
    step |= entry.step == Step::s408 && entry.lsn == 1;
    message |=
        entry.hop == Hop::message_out && entry.minor == static_cast<std::uint8_t>(Message::append);
  }
  EXPECT_TRUE(step);
  EXPECT_TRUE(message);
}

}  // namespace
}  // namespace understudy
