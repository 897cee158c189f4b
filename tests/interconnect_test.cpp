// Both ends of the interconnect together: rd_driver of node a, mirror_server of node b, between
// them the wire of the test, or a man in the middle. Above each stands a fake ff_driver, beside it
// a fake cluster_app.
#include "iomgr/interconnect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "iomgr/local/local_host.h"
#include "iomgr/record.h"
#include "mirror_server/mirror_server.h"
#include "rd_driver/rd_driver.h"

namespace understudy {
namespace {

constexpr const char* kKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr const char* kOtherKey =
    "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

std::string order(const std::string& member, const std::string& endpoint, const std::string& node,
                  const std::string& partner, const std::string& key) {
  return "{\"" + member + "\":\"" + endpoint + "\",\"node\":\"" + node + "\",\"partner\":\"" +
         partner + "\",\"key\":\"" + key + "\"}";
}

/// ff_driver of both nodes. On a it issues begins, appends and purges, and scribbles over a record
/// as soon as its append is answered; on b it collects what is replayed.
class FakeFilter : public Driver {
 public:
  explicit FakeFilter(Seams seams)
      : Driver(Layer::ff_driver, seams), memory_(arena().region(Layer::fs_cache)) {
    on(Major::mirror, [this](Irp& irp) { return mirror(irp); });
    on(Major::flush_buffers, [this](Irp&) -> Task<Status> {
      ++flushes;
      co_return Status::success;
    });
  }

  void begin(std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn) {
    spawn([](FakeFilter& self, Irp irp) -> Task<void> {
      const Status status = co_await self.call(Layer::rd_driver, irp);
      self.begins.emplace_back(irp.lun, status);
    }(*this, place(MirrorMinor::begin, lun, epoch, lsn)));
  }
  void append(std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn, std::size_t data_bytes) {
    Irp irp = place(MirrorMinor::append, lun, epoch, lsn);
    RecordHeader header;
    header.lun = lun;
    header.epoch = epoch;
    header.lsn = lsn;
    header.effect = Effect::write;
    const std::vector<std::uint8_t> data(data_bytes, static_cast<std::uint8_t>(lsn * 7 + lun));
    header.data_length = static_cast<std::uint32_t>(data.size());
    const auto buffer = memory_.allocate(record_size(header));
    UNDERSTUDY_CHECK(buffer.has_value());
    irp.record = *buffer;
    irp.record.length = irp.record.capacity;
    encode_record(header, {}, {}, data, *arena().bytes(irp.record));
    spawn(wait_for_append(irp));
  }
  void purge(std::uint32_t lun, std::uint64_t lsn) { send(place(MirrorMinor::purge, lun, 0, lsn)); }
  void failed(std::uint32_t lun, Status status) {
    Irp irp = place(MirrorMinor::failed, lun, 0, 0);
    irp.status = status;
    send(irp);
  }

  using Place = std::pair<std::uint32_t, std::uint64_t>;  // lun, lsn
  std::map<Place, Status> appends;
  std::size_t succeeded(std::uint32_t lun) const { return count(lun, true); }
  std::size_t refused(std::uint32_t lun) const { return count(lun, false); }
  std::vector<std::pair<std::uint32_t, Status>> begins;
  std::vector<Status> signals;
  std::vector<std::size_t> data_bytes_replayed;
  std::vector<Place> replayed;
  int flushes = 0;
  int ups = 0;
  int downs = 0;
  std::size_t unanswered_when_down = 0;
  std::size_t in_flight = 0;
  std::function<void()> on_up;

 private:
  Irp place(MirrorMinor minor, std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn) {
    Irp irp = make_irp(Major::mirror, minor);
    irp.lun = lun;
    irp.epoch = epoch;
    irp.lsn = lsn;
    return irp;
  }
  void send(Irp request) {
    spawn([](FakeFilter& self, Irp irp) -> Task<void> {
      const Status status = co_await self.call(Layer::rd_driver, irp);
      self.signals.push_back(status);
    }(*this, request));
  }
  Task<void> wait_for_append(Irp irp) {
    const BufferRef record = irp.record;
    const Place where{irp.lun, irp.lsn};
    ++in_flight;
    const Status status = co_await call(Layer::rd_driver, irp);
    --in_flight;
    std::ranges::fill(*arena().bytes(record), std::uint8_t{0xDD});
    memory_.free(record);
    appends[where] = status;
  }
  Task<Status> mirror(Irp& irp) {
    switch (static_cast<MirrorMinor>(irp.minor)) {
      case MirrorMinor::partner_up:
        ++ups;
        if (on_up) on_up();
        break;
      case MirrorMinor::partner_down:
        ++downs;
        unanswered_when_down += in_flight;
        break;
      case MirrorMinor::replay: {
        const auto bytes = arena().bytes(irp.record);
        const Result<Record> record = decode_record(*bytes);
        if (!record) co_return record.status();
        replayed.emplace_back(irp.lun, record->header.lsn);
        data_bytes_replayed.push_back(record->data.size());
        for (const std::uint8_t byte : record->data) {
          if (byte != static_cast<std::uint8_t>(irp.lsn * 7 + irp.lun))
            co_return Status::data_error;
        }
        break;
      }
      default:
        co_return Status::invalid_device_request;
    }
    co_return Status::success;
  }
  std::size_t count(std::uint32_t lun, bool successes) const {
    std::size_t number = 0;
    for (const auto& [where, status] : appends)
      number += where.first == lun && ok(status) == successes;
    return number;
  }

  RegionAllocator memory_;
};

class FakeCluster : public Driver {
 public:
  explicit FakeCluster(Seams seams)
      : Driver(Layer::cluster_app, seams), memory_(arena().region(Layer::cluster_app)) {
    on(Major::cluster, [this](Irp& irp) -> Task<Status> {
      events.push_back(irp);
      co_return Status::success;
    });
  }
  void give(Layer layer, ClusterMinor minor, std::uint32_t lun = 0, const std::string& json = "") {
    Irp irp = make_irp(Major::cluster, minor);
    irp.lun = lun;
    const auto buffer = memory_.allocate(json.size() + 1);
    irp.payload = *buffer;
    irp.payload.length = static_cast<std::uint32_t>(json.size());
    std::ranges::copy(as_bytes(json), arena().bytes(irp.payload)->begin());
    spawn([](FakeCluster& self, Layer to, Irp request) -> Task<void> {
      const BufferRef payload = request.payload;
      static_cast<void>(co_await self.call(to, request));
      self.memory_.free(payload);
      self.answers.push_back(request);
    }(*this, layer, irp));
  }
  std::vector<Irp> answers;
  std::vector<Irp> events;

 private:
  RegionAllocator memory_;
};

/// Between a ("m:1") and b ("b:1"). Counts bytes and connections; can flip a bit, stop after a
/// byte, or swallow.
class ManInTheMiddle {
 public:
  enum Direction : std::size_t { to_b = 0, to_a = 1 };
  ManInTheMiddle(VirtualLoop& loop, Wire& wire)
      : executor_(loop.make_executor()), network_(wire, *executor_) {
    listener_ = *network_.listen("m:1");
    scope_.spawn(accept());
  }
  /// What happens on the next connection, to the byte at `offset` of `direction`.
  void flip(Direction direction, std::size_t bit) { next_.flip[direction] = bit; }
  void stop_after(Direction direction, std::size_t bytes) { next_.stop[direction] = bytes; }
  void cut() {
    if (current_) current_->close();
  }
  /// Of the newest connection.
  std::size_t bytes(Direction direction) const { return current_->passed[direction]; }
  bool touched() const { return current_ && current_->touched; }
  int ended() const { return current_ ? current_->ended : 0; }
  int connections = 0;
  bool swallow = false;

 private:
  struct Plan {
    std::optional<std::size_t> flip[2];
    std::optional<std::size_t> stop[2];
  };
  struct Connection {
    std::shared_ptr<Stream> a;
    std::shared_ptr<Stream> b;
    Plan plan;
    std::size_t passed[2] = {0, 0};
    bool touched = false;
    int ended = 0;  // how many of the two sides have closed
    void close() {
      a->close();
      b->close();
    }
  };

  Task<void> accept() {
    for (;;) {
      auto a = co_await listener_->accept();
      if (!a) co_return;
      auto b = co_await network_.connect("b:1");
      if (!b) {
        (*a)->close();
        continue;
      }
      ++connections;
      current_ = std::make_shared<Connection>();
      current_->a = *a;
      current_->b = *b;
      current_->plan = std::exchange(next_, {});
      scope_.spawn(pump(current_, to_b));
      scope_.spawn(pump(current_, to_a));
    }
  }
  Task<void> pump(std::shared_ptr<Connection> connection, Direction direction) {
    Stream& from = direction == to_b ? *connection->a : *connection->b;
    Stream& to = direction == to_b ? *connection->b : *connection->a;
    std::vector<std::uint8_t> buffer(4096);
    for (;;) {
      const Result<std::size_t> got = co_await from.read_some(buffer);
      if (!got) break;
      std::size_t count = *got;
      const std::size_t start = connection->passed[direction];
      connection->passed[direction] += count;
      if (swallow) continue;
      if (const auto bit = connection->plan.flip[direction];
          bit && *bit / 8 >= start && *bit / 8 < start + count) {
        buffer[*bit / 8 - start] ^= static_cast<std::uint8_t>(1U << (*bit % 8));
        connection->touched = true;
      }
      const auto stop = connection->plan.stop[direction];
      if (stop && start + count >= *stop) {
        count = *stop - start;
        connection->touched = true;
      }
      const ConstBytes part = ConstBytes(buffer).first(count);
      const Status status = co_await to.write({&part, 1});
      if (understudy::failed(status) || (stop && start + count >= *stop)) break;
    }
    ++connection->ended;
    // When the connection was swallowed each side must find out for itself.
    if (!swallow) connection->close();
  }

  std::unique_ptr<Executor> executor_;
  LocalNetwork network_;
  std::shared_ptr<Listener> listener_;
  Plan next_;
  std::shared_ptr<Connection> current_;
  TaskScope scope_;
};

struct World {
  static std::shared_ptr<LocalMemory> memory(std::uint64_t mirror_bytes) {
    return std::make_shared<LocalMemory>(
        ArenaSizes{64 * bounds::kKiB, 8 * bounds::kMiB, mirror_bytes});
  }
  explicit World(std::uint64_t seed = 0, std::uint64_t mirror_bytes = 8 * bounds::kMiB)
      : loop(seed),
        host_a(loop, wire, "a", memory(64 * bounds::kKiB)),
        host_b(loop, wire, "b", memory(mirror_bytes)) {
    host_a.link(filter_a, *rd);
    host_a.link(cluster_a, *rd);
    host_b.link(filter_b, *mirror);
    host_b.link(cluster_b, *mirror);
    rd->start();
    mirror->start();
  }
  /// Gives both orders and waits until a hears that the partner is there.
  bool connect(const std::string& endpoint = "b:1") {
    cluster_b.give(Layer::mirror_server, ClusterMinor::partner, 0,
                   order("listen", "b:1", "b", "a", kKey));
    cluster_a.give(Layer::rd_driver, ClusterMinor::partner, 0,
                   order("connect", endpoint, "a", "b", kKey));
    return loop.run_until([this] { return filter_a.ups == 1; });
  }
  LayerReport ask(FakeCluster& cluster, Layer layer) {
    const std::size_t before = cluster.answers.size();
    cluster.give(layer, ClusterMinor::ping);
    loop.run_until([&] { return cluster.answers.size() > before; });
    return cluster.answers.back().report;
  }
  LayerReport mirrored() { return ask(cluster_b, Layer::mirror_server); }
  Status replay(std::uint32_t lun) {
    const std::size_t before = cluster_b.answers.size();
    cluster_b.give(Layer::mirror_server, ClusterMinor::replay, lun);
    loop.run_until([&] { return cluster_b.answers.size() > before; });
    return cluster_b.answers.back().status;
  }

  VirtualLoop loop;
  Wire wire;
  LocalHost host_a;
  LocalHost host_b;
  FakeFilter filter_a{host_a.seams(Layer::ff_driver)};
  FakeFilter filter_b{host_b.seams(Layer::ff_driver)};
  FakeCluster cluster_a{host_a.seams(Layer::cluster_app)};
  FakeCluster cluster_b{host_b.seams(Layer::cluster_app)};
  std::unique_ptr<Driver> rd = make_rd_driver(host_a.seams(Layer::rd_driver));
  std::unique_ptr<Driver> mirror = make_mirror_server(host_b.seams(Layer::mirror_server));
};

std::vector<std::uint64_t> shuffled(std::uint64_t first, std::uint64_t count, std::uint64_t seed) {
  std::vector<std::uint64_t> lsns;
  for (std::uint64_t lsn = first; lsn < first + count; ++lsn) lsns.push_back(lsn);
  std::mt19937_64 generator(seed);
  std::shuffle(lsns.begin(), lsns.end(), generator);
  return lsns;
}

TEST(Interconnect, StoresEveryRecordInOrderWhateverTheOrderOfEvents) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    ASSERT_TRUE(world.connect());
    for (std::uint32_t lun = 0; lun < 3; ++lun) world.filter_a.begin(lun, 4, 100);
    ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.begins.size() == 3; }));
    for (const std::uint64_t lsn : shuffled(100, 80, seed)) {
      for (std::uint32_t lun = 0; lun < 3; ++lun)
        world.filter_a.append(lun, 4, lsn, (lsn * seed) % 9000);
    }
    ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.appends.size() == 240; }));
    EXPECT_EQ(world.filter_a.succeeded(1), 80U);
    EXPECT_EQ(world.mirrored().operations, 240U);
  }
}

TEST(Interconnect, WhatWasAcknowledgedBeforeACutIsReplayedInOrder) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    ASSERT_TRUE(world.connect());
    world.filter_a.begin(7, 1, 1);
    ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.begins.size() == 1; }));
    for (const std::uint64_t lsn : shuffled(1, 200, seed)) world.filter_a.append(7, 1, lsn, 700);
    ASSERT_TRUE(
        world.loop.run_until([&] { return world.filter_a.appends.size() >= seed * 4 - 3; }));
    world.wire.cut();
    world.wire.refuse = true;
    ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.downs == 1; }));
    EXPECT_EQ(world.filter_a.appends.size(), 200U);
    EXPECT_EQ(world.filter_a.unanswered_when_down, 0U);
    const std::size_t acknowledged = world.filter_a.succeeded(7);
    for (const auto& [where, status] : world.filter_a.appends) {
      EXPECT_EQ(status, where.second <= acknowledged ? Status::success : Status::connection_reset);
    }
    ASSERT_EQ(world.replay(7), Status::success);
    ASSERT_GE(world.filter_b.replayed.size(), acknowledged);
    std::set<std::uint64_t> lsns;
    for (const auto& [lun, lsn] : world.filter_b.replayed) lsns.insert(lsn);
    EXPECT_EQ(lsns.size(), world.filter_b.replayed.size());
    EXPECT_EQ(*lsns.begin(), 1U);
    EXPECT_EQ(*lsns.rbegin(), lsns.size());
    EXPECT_EQ(world.filter_b.flushes, 1);
    EXPECT_EQ(world.mirrored().operations, 0U);
  }
}

TEST(Interconnect, KeepsRecordsOverALostConnectionAndEmptiesThemAtBegin) {
  World world;
  ASSERT_TRUE(world.connect());
  world.filter_a.begin(0, 1, 1);
  for (std::uint64_t lsn = 1; lsn <= 20; ++lsn) world.filter_a.append(0, 1, lsn, 100);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.succeeded(0) == 20; }));
  world.wire.cut();
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.ups == 2; }));
  EXPECT_EQ(world.filter_a.downs, 1);
  EXPECT_EQ(world.mirrored().operations, 20U);
  world.filter_a.append(0, 1, 21, 100);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.appends.size() == 21; }));
  EXPECT_EQ(world.filter_a.refused(0), 1U);
  world.filter_a.begin(0, 2, 21);
  world.filter_a.append(0, 2, 21, 100);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.succeeded(0) == 21; }));
  EXPECT_EQ(world.filter_a.begins.back().second, Status::success);
  EXPECT_EQ(world.mirrored().operations, 1U);
  EXPECT_EQ(world.cluster_a.events.size(), 3U);  // back, lost, back
  EXPECT_EQ(world.cluster_a.events[1].event.kind, EventKind::partner_lost);
}

TEST(Interconnect, AFullMirrorHoldsAppendsBackUntilPurgesDrainIt) {
  for (std::uint64_t seed = 0; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, bounds::kMiB);
    constexpr std::uint64_t kCapacity = bounds::kMiB / 8 * 7;
    ASSERT_TRUE(world.connect());
    world.filter_a.begin(0, 1, 1);
    for (std::uint64_t lsn = 1; lsn <= 60; ++lsn)
      world.filter_a.append(0, 1, lsn, 30'000 + lsn * 1000);
    world.loop.run_for(std::chrono::seconds(5));
    std::size_t stored = world.filter_a.succeeded(0);
    EXPECT_GT(stored, 10U);
    EXPECT_LT(stored, 30U);
    EXPECT_EQ(world.ask(world.cluster_a, Layer::rd_driver).operations, 60 - stored);
    while (stored < 60) {
      EXPECT_LE(world.mirrored().bytes, kCapacity);
      world.filter_a.purge(0, stored - 3);
      ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.succeeded(0) > stored; }));
      world.loop.run_ready();
      stored = world.filter_a.succeeded(0);
    }
    EXPECT_EQ(world.filter_a.downs, 0);
    world.filter_a.purge(0, 60);
    world.loop.run_ready();
    EXPECT_EQ(world.mirrored().operations, 0U);
    EXPECT_EQ(world.mirrored().bytes, 0U);
  }
}

TEST(Interconnect, RoomThatADiscardFreesReachesThePartner) {
  World world(0, bounds::kMiB);
  ASSERT_TRUE(world.connect());
  world.filter_a.begin(0, 1, 1);
  world.filter_a.begin(1, 1, 1);
  for (std::uint64_t lsn = 1; lsn <= 12; ++lsn) world.filter_a.append(0, 1, lsn, 64 * bounds::kKiB);
  world.loop.run_ready();
  ASSERT_EQ(world.filter_a.succeeded(0), 12U);
  for (std::uint64_t lsn = 1; lsn <= 12; ++lsn) world.filter_a.append(1, 1, lsn, 64 * bounds::kKiB);
  world.loop.run_ready();
  ASSERT_LT(world.filter_a.succeeded(1), 12U);
  world.cluster_b.give(Layer::mirror_server, ClusterMinor::discard, 0);
  world.loop.run_ready();
  EXPECT_EQ(world.filter_a.succeeded(1), 12U);
}

TEST(Interconnect, AnOldEpochIsRefusedAndTheConnectionGoesOn) {
  World world;
  ASSERT_TRUE(world.connect());
  world.filter_a.begin(0, 5, 1);
  world.loop.run_ready();
  world.wire.cut();
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.ups == 2; }));
  world.filter_a.begin(0, 5, 1);
  world.filter_a.begin(1, 1, 1);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.begins.size() == 3; }));
  EXPECT_THAT(world.filter_a.begins,
              testing::UnorderedElementsAre(std::pair(0U, Status::success),
                                            std::pair(0U, Status::volume_dismounted),
                                            std::pair(1U, Status::success)));
  world.filter_a.append(0, 5, 1, 10);
  world.filter_a.append(1, 1, 1, 10);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.appends.size() == 2; }));
  EXPECT_EQ(world.filter_a.refused(0), 1U);
  EXPECT_EQ(world.filter_a.succeeded(1), 1U);
  EXPECT_EQ(world.filter_a.downs, 1);
}

TEST(Interconnect, OnceAReplayHasBegunAStaleOwnerGetsNothingStored) {
  World world;
  ASSERT_TRUE(world.connect());
  world.filter_a.begin(0, 1, 1);
  world.filter_a.append(0, 1, 1, 10);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.succeeded(0) == 1; }));
  ASSERT_EQ(world.replay(0), Status::success);
  world.filter_a.append(0, 1, 2, 10);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.appends.size() == 2; }));
  EXPECT_EQ(world.filter_a.refused(0), 1U);
  EXPECT_EQ(world.mirrored().operations, 0U);
  ASSERT_TRUE(world.loop.run_until([&] { return world.filter_a.ups == 2; }));
  world.filter_a.begin(0, 2, 2);
  world.filter_a.append(0, 2, 2, 10);
  ASSERT_TRUE(world.loop.run_until([&] {
    return world.filter_a.appends[{0, 2}] == Status::success;
  }));
  EXPECT_EQ(world.mirrored().operations, 1U);
}

TEST(Interconnect, TheSignalOfFailureReachesThePartnersClusterApp) {
  World world;
  ASSERT_TRUE(world.connect());
  world.filter_a.begin(3, 1, 1);
  world.loop.run_ready();
  world.filter_a.failed(3, Status::disk_full);
  ASSERT_TRUE(world.loop.run_until([&] { return world.cluster_b.events.size() == 1; }));
  EXPECT_EQ(world.cluster_b.events[0].event.kind, EventKind::partner_storage_error);
  EXPECT_EQ(world.cluster_b.events[0].lun, 3U);
  EXPECT_EQ(world.cluster_b.events[0].status, Status::disk_full);
}

TEST(Interconnect, AWrongKeyOrAWrongNameLetsNobodyIn) {
  for (const auto& [name, key] : {std::pair("a", kOtherKey), std::pair("c", kKey)}) {
    World world;
    world.cluster_b.give(Layer::mirror_server, ClusterMinor::partner, 0,
                         order("listen", "b:1", "b", "a", kKey));
    world.cluster_a.give(Layer::rd_driver, ClusterMinor::partner, 0,
                         order("connect", "b:1", name, "b", key));
    world.loop.run_for(std::chrono::seconds(5));
    EXPECT_EQ(world.filter_a.ups, 0);
    EXPECT_EQ(world.ask(world.cluster_a, Layer::rd_driver).mirroring, 0U);
    world.cluster_a.give(Layer::rd_driver, ClusterMinor::partner, 0,
                         order("connect", "b:1", "a", "b", kKey));
    EXPECT_TRUE(world.loop.run_until([&] { return world.filter_a.ups == 1; }));
    EXPECT_EQ(world.ask(world.cluster_a, Layer::rd_driver).mirroring, 1U);
  }
}

TEST(Interconnect, ASilentPartnerIsNoticedByBothSidesInTwoSeconds) {
  World world;
  ManInTheMiddle middle(world.loop, world.wire);
  ASSERT_TRUE(world.connect("m:1"));
  world.loop.run_for(std::chrono::seconds(60));
  ASSERT_EQ(world.filter_a.downs, 0);  // idle, but not silent
  ASSERT_EQ(middle.connections, 1);
  middle.swallow = true;
  world.wire.refuse = true;
  world.loop.run_for(std::chrono::milliseconds(1400));
  EXPECT_EQ(world.filter_a.downs, 0);
  world.loop.run_for(std::chrono::milliseconds(1200));
  EXPECT_EQ(world.filter_a.downs, 1);
  EXPECT_EQ(middle.ended(), 2);
}

/// What every connection of the tests below says: begin, two records, one purge.
struct Conversation {
  explicit Conversation(World& each) : world(each) {
    world.filter_a.on_up = [this] {
      ++epoch;
      world.filter_a.begin(0, epoch, 1);
      world.filter_a.append(0, epoch, 1, 9);
      world.filter_a.append(0, epoch, 2, 0);
    };
  }
  World& world;
  std::uint64_t epoch = 0;
};

TEST(Interconnect, EveryFlippedBitOfAConversationIsRefused) {
  World world;
  ManInTheMiddle middle(world.loop, world.wire);
  Conversation conversation(world);
  ASSERT_TRUE(world.connect("m:1"));
  world.loop.run_ready();
  ASSERT_EQ(world.filter_a.succeeded(0), 2U);
  const std::size_t bytes[2] = {middle.bytes(ManInTheMiddle::to_b),
                                middle.bytes(ManInTheMiddle::to_a)};
  ASSERT_GT(bytes[0], 500U);
  ASSERT_GT(bytes[1], 200U);
  for (const auto direction : {ManInTheMiddle::to_b, ManInTheMiddle::to_a}) {
    for (std::size_t bit = 0; bit < bytes[direction] * 8; ++bit) {
      const int before = middle.connections;
      middle.flip(direction, bit);
      middle.cut();
      const bool over = world.loop.run_until(
          [&] { return middle.connections > before && middle.touched() && middle.ended() > 0; },
          std::chrono::seconds(10));
      ASSERT_TRUE(over) << "direction " << direction << ", bit " << bit;
      // What was stored before the flip is whole, whatever it is.
      ASSERT_LE(world.mirrored().operations, 2U);
    }
  }
  world.filter_a.appends.clear();
  const int ups = world.filter_a.ups;
  middle.cut();
  ASSERT_TRUE(world.loop.run_until(
      [&] { return world.filter_a.ups > ups && world.filter_a.succeeded(0) == 2; }));
  ASSERT_EQ(world.replay(0), Status::success);
  EXPECT_EQ(world.filter_b.replayed.size(), 2U);
}

TEST(Interconnect, AConversationCutAfterAnyByteLeavesOnlyWholeRecords) {
  World world;
  ManInTheMiddle middle(world.loop, world.wire);
  Conversation conversation(world);
  ASSERT_TRUE(world.connect("m:1"));
  world.loop.run_ready();
  const std::size_t bytes = middle.bytes(ManInTheMiddle::to_b);
  for (std::size_t count = 1; count < bytes; ++count) {
    const int before = middle.connections;
    middle.stop_after(ManInTheMiddle::to_b, count);
    middle.cut();
    ASSERT_TRUE(world.loop.run_until([&] {
      return middle.connections > before && middle.touched() && middle.ended() == 2;
    })) << "after byte "
        << count;
    world.filter_b.replayed.clear();
    ASSERT_EQ(world.replay(0), Status::success);
    ASSERT_LE(world.filter_b.replayed.size(), 2U);
  }
}

}  // namespace
}  // namespace understudy
