// The filter between two stand-ins: a cache that gives out LSNs and a redirect filter whose partner
// the test plays.
#include "ff_driver/ff_driver.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "iomgr/local/local_host.h"

namespace understudy {
namespace {

/// A cache: every write gets the next LSN, every read shows the last. Flushes succeed unless told
/// otherwise.
class FakeCache : public Driver {
 public:
  explicit FakeCache(Seams seams) : Driver(Layer::fs_cache, seams), flush_hold(executor()) {
    flush_hold.set();
    on(Major::write, [this](Irp& irp) -> Task<Status> {
      irp.lsn = ++last;
      irp.shows = last;
      irp.epoch = epoch;
      irp.write.write_through = write_through ? 1 : 0;
      co_return Status::success;
    });
    on(Major::read, [this](Irp& irp) -> Task<Status> {
      irp.shows = last;
      co_return Status::success;
    });
    on(Major::create, [this](Irp& irp) -> Task<Status> {
      irp.shows = last;
      co_return Status::object_name_collision;
    });
    on(Major::flush_buffers, [this](Irp& irp) -> Task<Status> {
      irp.shows = last;
      co_return Status::success;
    });
    on(Major::lazy_write, [this](Irp& irp) -> Task<Status> {
      asked.push_back(irp.lsn);
      co_await flush_hold.wait();
      if (failures > 0) {
        --failures;
        co_return Status::io_device_error;
      }
      durable = std::max(durable, std::min(irp.lsn, last));
      irp.lsn = durable;
      co_return Status::success;
    });
    on(Major::mirror, [this](Irp& irp) -> Task<Status> {
      last = irp.lsn;
      co_return Status::success;
    });
    on(Major::cluster, [this](Irp& irp) -> Task<Status> {
      if (irp.minor == static_cast<std::uint8_t>(ClusterMinor::new_epoch)) {
        durable = last;
        irp.epoch = ++epoch;
        irp.lsn = last;
        mirror = irp.mount.mirror;
      } else {
        ++degraded_orders;
        durable = last;
        mirror = 0;
      }
      co_return Status::success;
    });
  }

  /// The lazy writer: asks to write up to `lsn`; what came back.
  void lazy_write(std::uint64_t lsn) {
    spawn([](FakeCache& self, std::uint64_t upto) -> Task<void> {
      Irp irp = self.make_irp(Major::lazy_write);
      irp.lsn = upto;
      const Status status = co_await self.call(Layer::ff_driver, irp);
      self.written.emplace_back(status, irp.lsn);
    }(*this, lsn));
  }

  Event flush_hold;
  bool write_through = false;
  int failures = 0;
  int degraded_orders = 0;
  std::uint64_t last = 0;
  std::uint64_t durable = 0;
  std::uint64_t epoch = 1;
  std::uint32_t mirror = 0;
  std::vector<std::uint64_t> asked;
  std::vector<std::pair<Status, std::uint64_t>> written;
};

/// The redirect filter: keeps appends until the test acknowledges or loses them.
class FakeRedirect : public Driver {
 public:
  explicit FakeRedirect(Seams seams) : Driver(Layer::rd_driver, seams) {
    on(Major::mirror, [this](Irp& irp) -> Task<Status> {
      switch (static_cast<MirrorMinor>(irp.minor)) {
        case MirrorMinor::append: {
          if (!connected) co_return Status::connection_reset;
          appended.push_back(irp.lsn);
          auto waiting = std::make_shared<Event>(executor());
          waiting_.push_back(waiting);
          co_await waiting->wait();
          co_return connected ? Status::success : Status::connection_reset;
        }
        case MirrorMinor::begin:
          if (!connected) co_return Status::connection_reset;
          if (refuse_begin > 0) {
            --refuse_begin;
            co_return Status::device_not_ready;
          }
          begun.emplace_back(irp.epoch, irp.lsn);
          co_return Status::success;
        case MirrorMinor::purge:
          purged.push_back(irp.lsn);
          co_return Status::success;
        case MirrorMinor::failed:
          failed_signals.push_back(irp.status);
          co_return Status::success;
        default:
          co_return Status::invalid_device_request;
      }
    });
  }

  void acknowledge_all() {
    for (const auto& waiting : std::exchange(waiting_, {})) waiting->set();
  }
  void connect() {
    connected = true;
    tell(MirrorMinor::partner_up);
  }
  void lose() {
    connected = false;
    acknowledge_all();
    tell(MirrorMinor::partner_down);
  }

  void tell(MirrorMinor minor) {
    spawn([](FakeRedirect& self, MirrorMinor what) -> Task<void> {
      Irp irp = self.make_irp(Major::mirror, what);
      static_cast<void>(co_await self.call(Layer::ff_driver, irp));
    }(*this, minor));
  }

  bool connected = false;
  int refuse_begin = 0;
  std::vector<std::uint64_t> appended;
  std::vector<std::uint64_t> purged;
  std::vector<Status> failed_signals;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> begun;

 private:
  std::deque<std::shared_ptr<Event>> waiting_;
};

/// A layer that only asks: netstack, mirror_server.
class Asking : public Driver {
 public:
  Asking(Layer layer, Seams seams) : Driver(layer, seams) {}
  DegradedWrites degraded_writes = DegradedWrites::write_through;
  void ask(Major major, std::uint8_t minor = 0, std::uint64_t lsn = 0) {
    spawn([](Asking& self, Major kind, std::uint8_t which, std::uint64_t number) -> Task<void> {
      Irp irp = self.make_irp(kind, which);
      irp.lsn = number;
      irp.mount.mirror = kind == Major::cluster ? 2 : 0;
      irp.mount.degraded = self.degraded_writes;
      const Status status = co_await self.call(Layer::ff_driver, irp);
      self.answers.push_back(status);
    }(*this, major, minor, lsn));
  }
  std::vector<Status> answers;
};

class Membership : public Asking {
 public:
  explicit Membership(Seams seams) : Asking(Layer::cluster_app, seams) {
    on(Major::cluster, [this](Irp& irp) -> Task<Status> {
      events.push_back(irp.event.kind);
      co_return Status::success;
    });
  }
  void order(ClusterMinor minor) { ask(Major::cluster, static_cast<std::uint8_t>(minor)); }
  std::vector<EventKind> events;
};

struct Filter : ::testing::Test {
  VirtualLoop loop;
  Wire wire;
  LocalHost host{loop, wire, "a"};
  FakeCache cache{host.seams(Layer::fs_cache)};
  FakeRedirect redirect{host.seams(Layer::rd_driver)};
  Asking client{Layer::netstack, host.seams(Layer::netstack)};
  Asking mirror_server{Layer::mirror_server, host.seams(Layer::mirror_server)};
  Membership membership{host.seams(Layer::cluster_app)};
  FfDriver filter{host.seams(Layer::ff_driver)};

  Filter() {
    host.link(cache, filter);
    host.link(redirect, filter);
    host.link(client, filter);
    host.link(mirror_server, filter);
    host.link(membership, filter);
  }
  void serve() {
    membership.order(ClusterMinor::attach);
    loop.run_ready();
    ASSERT_EQ(membership.answers, (std::vector{Status::success}));
  }
  void serve_mirrored() {
    serve();
    redirect.connect();
    loop.run_ready();
    ASSERT_EQ(redirect.begun.size(), 1U);
  }
};

TEST_F(Filter, AcknowledgesAWriteOnlyWhenThePartnerHasItToo) {
  serve_mirrored();
  client.ask(Major::write);
  loop.run_ready();
  EXPECT_EQ(redirect.appended, (std::vector<std::uint64_t>{1}));
  EXPECT_TRUE(client.answers.empty());
  redirect.acknowledge_all();
  loop.run_ready();
  EXPECT_EQ(client.answers, (std::vector{Status::success}));
  EXPECT_EQ(cache.durable, 0U) << "write-back: the medium comes later";
}

TEST_F(Filter, HoldsAReadUntilWhatItShowsIsMirrored) {
  serve_mirrored();
  client.ask(Major::write);
  client.ask(Major::read);
  loop.run_ready();
  EXPECT_TRUE(client.answers.empty());
  redirect.acknowledge_all();
  loop.run_ready();
  EXPECT_EQ(client.answers.size(), 2U);
}

TEST_F(Filter, HoldsEvenAnErrorUntilWhatItShowsIsMirrored) {
  serve_mirrored();
  client.ask(Major::write);
  client.ask(Major::create);
  loop.run_ready();
  EXPECT_TRUE(client.answers.empty());
  redirect.acknowledge_all();
  loop.run_ready();
  ASSERT_EQ(client.answers.size(), 2U);
  EXPECT_EQ(client.answers[1], Status::object_name_collision);
}

TEST_F(Filter, LetsNothingToTheMediumThatIsNotMirrored) {
  serve_mirrored();
  client.ask(Major::write);
  loop.run_ready();
  redirect.acknowledge_all();
  loop.run_ready();
  client.ask(Major::write);
  loop.run_ready();
  cache.lazy_write(2);
  loop.run_ready();
  EXPECT_EQ(cache.asked, (std::vector<std::uint64_t>{1}));
  ASSERT_EQ(cache.written.size(), 1U);
  EXPECT_EQ(cache.written[0].second, 1U);
}

TEST_F(Filter, PurgesThePartnersCopiesOnceTheMediumHasThem) {
  serve_mirrored();
  client.ask(Major::write);
  loop.run_ready();
  redirect.acknowledge_all();
  loop.run_ready();
  cache.flush_hold.reset();
  cache.lazy_write(1);
  loop.run_ready();
  EXPECT_TRUE(redirect.purged.empty());
  cache.flush_hold.set();
  loop.run_ready();
  EXPECT_EQ(redirect.purged, (std::vector<std::uint64_t>{1}));
}

TEST_F(Filter, WritesWhatIsMirroredWhenThePartnersStoreIsFull) {
  serve_mirrored();
  client.ask(Major::write);
  loop.run_ready();
  redirect.acknowledge_all();
  client.ask(Major::write);  // not acknowledged: it is what waits for room
  loop.run_ready();
  redirect.tell(MirrorMinor::full);
  loop.run_ready();
  EXPECT_EQ(cache.asked, (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(redirect.purged, (std::vector<std::uint64_t>{1}));
}

TEST_F(Filter, TellsThePartnerWhenTheMediumRefusesAndPurgesNothing) {
  serve_mirrored();
  client.ask(Major::write);
  loop.run_ready();
  redirect.acknowledge_all();
  loop.run_ready();
  cache.failures = 1;
  cache.lazy_write(1);
  loop.run_ready();
  EXPECT_EQ(redirect.failed_signals, (std::vector{Status::io_device_error}));
  EXPECT_TRUE(redirect.purged.empty());
  ASSERT_EQ(cache.written.size(), 1U);
  EXPECT_EQ(cache.written[0].first, Status::io_device_error);
}

TEST_F(Filter, WritesThroughBeforeItAcknowledgesWhenDegraded) {
  serve();
  cache.flush_hold.reset();
  client.ask(Major::write);
  loop.run_ready();
  EXPECT_TRUE(client.answers.empty());
  EXPECT_TRUE(redirect.appended.empty());
  cache.flush_hold.set();
  loop.run_ready();
  EXPECT_EQ(client.answers, (std::vector{Status::success}));
  EXPECT_EQ(cache.durable, 1U);
}

/// Three writes that come while a flush is under way.
struct DegradedProtocols : Filter {
  void write_while_flushing(DegradedWrites protocol) {
    membership.degraded_writes = protocol;
    serve();
    cache.flush_hold.reset();
    for (int i = 0; i < 4; ++i) {
      client.ask(Major::write);
      loop.run_ready();
    }
    answered_before = client.answers.size();
    cache.flush_hold.set();
    loop.run_ready();
    EXPECT_EQ(client.answers.size(), 4U);
  }
  std::size_t answered_before = 0;
};

TEST_F(DegradedProtocols, ThroughTheCacheThoseThatWaitShareAFlush) {
  write_while_flushing(DegradedWrites::write_through);
  EXPECT_EQ(answered_before, 0U);
  EXPECT_EQ(cache.asked, (std::vector<std::uint64_t>{1, 4}));
}

TEST_F(DegradedProtocols, DirectlyEachIsFlushedByItself) {
  write_while_flushing(DegradedWrites::direct);
  EXPECT_EQ(answered_before, 0U);
  EXPECT_EQ(cache.asked, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(DegradedProtocols, BackTheyAreAnsweredAtOnceAndLeftToTheLazyWriter) {
  write_while_flushing(DegradedWrites::write_back);
  EXPECT_EQ(answered_before, 4U);
  EXPECT_TRUE(cache.asked.empty());
  client.ask(Major::read);
  loop.run_ready();
  EXPECT_EQ(client.answers.size(), 5U) << "what a read shows is not on the medium either";
  cache.lazy_write(4);
  loop.run_ready();
  EXPECT_EQ(cache.durable, 4U);
}

TEST_F(DegradedProtocols, BackAFlushAndAWriteThroughStillReachTheMedium) {
  write_while_flushing(DegradedWrites::write_back);
  client.ask(Major::flush_buffers);
  loop.run_ready();
  EXPECT_EQ(cache.durable, 4U);
  cache.write_through = true;
  client.ask(Major::write);
  loop.run_ready();
  EXPECT_EQ(cache.durable, 5U);
}

TEST_F(DegradedProtocols, BackEverythingIsOnTheMediumBeforeMirroringGoesOn) {
  write_while_flushing(DegradedWrites::write_back);
  redirect.connect();
  loop.run_ready();
  EXPECT_EQ(cache.durable, 4U);
  EXPECT_EQ(redirect.begun.size(), 1U);
}

TEST_F(DegradedProtocols, AnUnknownOneIsRefused) {
  membership.degraded_writes = static_cast<DegradedWrites>(3);
  membership.order(ClusterMinor::attach);
  loop.run_ready();
  EXPECT_EQ(membership.answers, (std::vector{Status::invalid_parameter}));
}

TEST_F(Filter, TriesAgainWhenADegradedWriteFailsAndNeverAnswersAnError) {
  serve();
  cache.failures = 3;
  client.ask(Major::write);
  loop.run_ready();
  EXPECT_TRUE(client.answers.empty());
  loop.run_for(std::chrono::seconds(5));
  EXPECT_EQ(client.answers, (std::vector{Status::success}));
  EXPECT_EQ(cache.asked.size(), 4U);
}

TEST_F(Filter, FlushesWhatWasOnlyInTwoMemoriesWhenThePartnerIsLost) {
  serve_mirrored();
  client.ask(Major::write);
  loop.run_ready();
  redirect.acknowledge_all();
  client.ask(Major::write);  // its copy is lost on the way
  loop.run_ready();
  redirect.lose();
  loop.run_ready();
  EXPECT_EQ(client.answers.size(), 2U);
  EXPECT_EQ(cache.durable, 2U);
  EXPECT_EQ(cache.mirror, 0U);
  EXPECT_EQ(cache.degraded_orders, 1);
  EXPECT_EQ(membership.events.back(), EventKind::mirroring_off);
}

TEST_F(Filter, MirrorsAgainFromANewEpochWhenThePartnerIsBack) {
  serve_mirrored();
  EXPECT_EQ(redirect.begun[0], (std::pair<std::uint64_t, std::uint64_t>{2, 1}));
  redirect.lose();
  loop.run_ready();
  client.ask(Major::write);
  loop.run_ready();
  redirect.connect();
  loop.run_ready();
  ASSERT_EQ(redirect.begun.size(), 2U);
  EXPECT_EQ(redirect.begun[1], (std::pair<std::uint64_t, std::uint64_t>{3, 2}));
  EXPECT_EQ(cache.mirror, 2U);
  client.ask(Major::write);
  loop.run_ready();
  EXPECT_EQ(redirect.appended, (std::vector<std::uint64_t>{2}));
}

TEST_F(Filter, TriesToMirrorAgainWhenThePartnerRefusedTheFirstTime) {
  serve();
  redirect.refuse_begin = 2;
  redirect.connect();
  loop.run_ready();
  EXPECT_TRUE(redirect.begun.empty());
  loop.run_for(std::chrono::seconds(2));
  EXPECT_EQ(redirect.begun.size(), 1U);
  EXPECT_EQ(membership.events.back(), EventKind::mirroring_on);
}

TEST_F(Filter, CompletesAClientsFlushWhenItIsOnTheMedium) {
  serve_mirrored();
  client.ask(Major::write);
  loop.run_ready();
  redirect.acknowledge_all();
  client.ask(Major::flush_buffers);
  loop.run_ready();
  EXPECT_EQ(client.answers.size(), 2U);
  EXPECT_EQ(cache.durable, 1U);
}

TEST_F(Filter, CompletesAWriteThroughWhenItIsOnTheMediumAndTakesNothingUnmirroredWithIt) {
  serve_mirrored();
  cache.write_through = true;
  client.ask(Major::write);
  loop.run_ready();
  cache.flush_hold.reset();
  redirect.acknowledge_all();
  loop.run_ready();
  client.ask(Major::write);  // not acknowledged by the partner
  loop.run_ready();
  EXPECT_TRUE(client.answers.empty());
  cache.flush_hold.set();
  loop.run_ready();
  EXPECT_EQ(client.answers.size(), 1U);
  EXPECT_EQ(cache.asked, (std::vector<std::uint64_t>{1}));
}

TEST_F(Filter, ServesNobodyBeforeTheLunIsAttached) {
  client.ask(Major::read);
  loop.run_ready();
  EXPECT_EQ(client.answers, (std::vector{Status::volume_dismounted}));
}

TEST_F(Filter, PassesAReplayDownAndFlushesItBeforeTheLunIsAttached) {
  mirror_server.ask(Major::mirror, static_cast<std::uint8_t>(MirrorMinor::replay), 41);
  loop.run_ready();
  mirror_server.ask(Major::flush_buffers);
  loop.run_ready();
  EXPECT_EQ(mirror_server.answers, (std::vector{Status::success, Status::success}));
  EXPECT_EQ(cache.durable, 41U);
}

TEST_F(Filter, TakesAReplayFromNobodyElse) {
  client.ask(Major::mirror, static_cast<std::uint8_t>(MirrorMinor::replay), 41);
  loop.run_ready();
  EXPECT_EQ(client.answers, (std::vector{Status::invalid_device_request}));
  EXPECT_EQ(cache.last, 0U);
}

TEST_F(Filter, FlushesAllBeforeItGivesALunAway) {
  serve_mirrored();
  for (int i = 0; i < 10; ++i) client.ask(Major::write);
  loop.run_ready();
  membership.order(ClusterMinor::detach);
  loop.run_ready();
  client.ask(Major::write);  // comes too late
  loop.run_ready();
  EXPECT_EQ(membership.answers.size(), 1U) << "still waiting for what is in flight";
  redirect.acknowledge_all();
  loop.run_ready();
  EXPECT_EQ(membership.answers.size(), 2U);
  EXPECT_EQ(cache.durable, 10U);
  ASSERT_EQ(client.answers.size(), 11U);
  EXPECT_EQ(client.answers.back(), Status::volume_dismounted);
}

/// Loses and regains the partner at every point of a stream of writes, under many orders of events:
/// every write is answered, and each answer comes when the operation is mirrored or durable.
TEST(FilterUnderSeeds, AnswersEveryWriteWhateverHappensToThePartner) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    VirtualLoop loop(seed);
    Wire wire;
    LocalHost host(loop, wire, "a");
    FakeCache cache(host.seams(Layer::fs_cache));
    FakeRedirect redirect(host.seams(Layer::rd_driver));
    Asking client(Layer::netstack, host.seams(Layer::netstack));
    Membership membership(host.seams(Layer::cluster_app));
    FfDriver filter(host.seams(Layer::ff_driver));
    host.link(cache, filter);
    host.link(redirect, filter);
    host.link(client, filter);
    host.link(membership, filter);
    membership.order(ClusterMinor::attach);
    std::mt19937_64 random(seed);
    std::size_t asked = 0;
    for (int round = 0; round < 40; ++round) {
      switch (random() % 5) {
        case 0:
          redirect.connected ? redirect.lose() : redirect.connect();
          break;
        case 1:
          redirect.acknowledge_all();
          break;
        case 2:
          cache.lazy_write(cache.last);
          break;
        default:
          client.ask(random() % 3 == 0 ? Major::read : Major::write);
          ++asked;
      }
      if (random() % 2 == 0) loop.run_ready();
    }
    for (int round = 0; round < 100; ++round) {
      redirect.acknowledge_all();
      loop.run_for(std::chrono::seconds(1));
    }
    ASSERT_EQ(client.answers.size(), asked) << "seed " << seed;
  }
}

}  // namespace
}  // namespace understudy
