// Links between real processes: order, sleeping and waking, death, and a neighbour that lies.
#include "iomgr/host/shm_port.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "iomgr/host/shm_arena.h"
#include "iomgr/host/test_child.h"
#include "iomgr/ring.h"

namespace understudy {
namespace {

using namespace std::chrono_literals;

constexpr ArenaSizes kSmall = {bounds::kMiB, bounds::kMiB, bounds::kMiB};

/// An arena and the doorbell of the link between ff_driver and fs_cache.
struct Link {
  std::unique_ptr<ShmArena> memory = std::move(*ShmArena::create(kSmall, "a"));
  std::pair<UniqueFd, UniqueFd> doorbell = std::move(*make_doorbell());

  /// Takes one end and gives the other up, as a process does that shares the link with another.
  std::unique_ptr<ShmPort> upper(AsioExecutor& executor) {
    doorbell.second.reset();
    return std::make_unique<ShmPort>(executor, memory->arena(), Layer::ff_driver, Layer::fs_cache,
                                     std::move(doorbell.first));
  }
  std::unique_ptr<ShmPort> lower(AsioExecutor& executor) {
    doorbell.first.reset();
    return std::make_unique<ShmPort>(executor, memory->arena(), Layer::fs_cache, Layer::ff_driver,
                                     std::move(doorbell.second));
  }
};

/// Asks the other side `count` things and answers what the other side asks, both in order. How many
/// are on their way at once keeps changing, so that each side now drowns the other and now lets it
/// fall asleep.
class Talker {
 public:
  Talker(AsioExecutor& executor, std::unique_ptr<Port> port, std::uint64_t count, unsigned seed)
      : port_(std::move(port)), count_(count), generator_(seed) {
    port_->open([this](const Irp& irp) { receive(irp); }, [this] { wrong_ = wrong_ || !done(); });
    executor.post([this] { ask(); });
  }

  bool done() const { return wrong_ || (answered_ == count_ && served_ == count_); }
  bool right() const { return done() && !wrong_; }

 private:
  void receive(const Irp& irp) {
    if (irp.completion == 0) {
      Irp answer = irp;
      answer.completion = 1;
      answer.information = irp.tag * 3;
      wrong_ = wrong_ || irp.tag != ++served_ || port_->send(answer) != Send::sent;
    } else {
      wrong_ = wrong_ || irp.tag != ++answered_ || irp.information != irp.tag * 3;
      ask();
    }
  }

  void ask() {
    if (asked_ > answered_ + low_water_) return;
    const std::uint64_t window = 1 + generator_() % bounds::kMaxOutstandingLink;
    low_water_ = generator_() % window;
    while (asked_ < count_ && asked_ - answered_ < window) {
      Irp irp;
      irp.tag = ++asked_;
      wrong_ = wrong_ || port_->send(irp) != Send::sent;
    }
  }

  std::unique_ptr<Port> port_;
  std::uint64_t count_;
  std::mt19937 generator_;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t served_ = 0;
  std::uint64_t low_water_ = 0;
  bool wrong_ = false;
};

TEST(ShmPort, CarriesAHundredThousandIrpsEachWayBetweenTwoProcesses) {
  constexpr std::uint64_t kCount = 100'000;
  Link link;
  TestChild child([&] {
    AsioExecutor executor;
    Talker talker(executor, link.lower(executor), kCount, 1);
    return executor.run_until([&] { return talker.done(); }, 60s) && talker.right() ? 0 : 1;
  });
  AsioExecutor executor;
  Talker talker(executor, link.upper(executor), kCount, 2);
  EXPECT_TRUE(executor.run_until([&] { return talker.done(); }, 60s));
  EXPECT_TRUE(talker.right());
  EXPECT_EQ(child.wait(), 0);
}

TEST(ShmPort,
     CarriesIrpsBetweenTwoThreadsToo) {  // where ThreadSanitizer sees both ends of the ring
  constexpr std::uint64_t kCount = 20'000;
  const auto memory = std::move(*ShmArena::create(kSmall, "a"));
  auto doorbell = std::move(*make_doorbell());
  const auto talk = [&](Layer own, Layer neighbour, UniqueFd& bell) {
    AsioExecutor executor;
    Talker talker(
        executor,
        std::make_unique<ShmPort>(executor, memory->arena(), own, neighbour, std::move(bell)),
        kCount, static_cast<unsigned>(own));
    static_cast<void>(executor.run_until([&] { return talker.done(); }, 60s));
    return talker.right();
  };
  bool lower_right = false;
  std::thread lower(
      [&] { lower_right = talk(Layer::fs_cache, Layer::ff_driver, doorbell.second); });
  EXPECT_TRUE(talk(Layer::ff_driver, Layer::fs_cache, doorbell.first));
  lower.join();
  EXPECT_TRUE(lower_right);
}

TEST(ShmPort, SeesAtOnceThatTheOtherProcessWasKilled) {
  Link link;
  TestChild child([&] {
    AsioExecutor executor;
    const auto port = link.lower(executor);
    port->open([&](const Irp& irp) { port->send(irp); }, [] {});
    executor.run();
    return 0;
  });
  AsioExecutor executor;
  const auto port = link.upper(executor);
  bool answered = false;
  bool broken = false;
  port->open([&](const Irp&) { answered = true; }, [&] { broken = true; });
  EXPECT_EQ(port->send(Irp{}), Send::sent);
  ASSERT_TRUE(executor.run_until([&] { return answered; }, 20s));
  EXPECT_FALSE(broken);
  const Time killed = executor.now();
  child.kill(SIGKILL);
  ASSERT_TRUE(executor.run_until([&] { return broken; }, 20s));
  EXPECT_LT(executor.now() - killed, 5s);
  EXPECT_EQ(port->send(Irp{}), Send::broken);
}

TEST(ShmPort, DeliversWhatANeighbourSentBeforeItDied) {
  Link link;
  TestChild child([&] {
    AsioExecutor executor;
    const auto port = link.lower(executor);
    for (std::uint64_t i = 1; i <= 200; ++i) {
      Irp irp;
      irp.tag = i;
      if (port->send(irp) != Send::sent) return 1;
    }
    return 0;
  });
  AsioExecutor executor;
  const auto port = link.upper(executor);
  EXPECT_EQ(child.wait(), 0);
  std::vector<std::uint64_t> tags;
  bool broken = false;
  port->open([&](const Irp& irp) { tags.push_back(irp.tag); }, [&] { broken = true; });
  ASSERT_TRUE(executor.run_until([&] { return broken; }, 20s));
  ASSERT_EQ(tags.size(), 200U);
  EXPECT_EQ(tags.back(), 200U);
}

/// Both ends in this process.
struct BothEnds : testing::Test {
  AsioExecutor executor;
  std::unique_ptr<ShmArena> memory = std::move(*ShmArena::create(kSmall, "a"));
  std::pair<UniqueFd, UniqueFd> doorbell = std::move(*make_doorbell());
  int lower_bell = doorbell.second.get();
  std::unique_ptr<ShmPort> upper = std::make_unique<ShmPort>(
      executor, memory->arena(), Layer::ff_driver, Layer::fs_cache, std::move(doorbell.first));
  std::unique_ptr<ShmPort> lower = std::make_unique<ShmPort>(
      executor, memory->arena(), Layer::fs_cache, Layer::ff_driver, std::move(doorbell.second));
  int received = 0;
  int broken = 0;

  void open(Port& port) {
    port.open([this](const Irp&) { ++received; }, [this] { ++broken; });
  }
  /// The indices of the ring from ff_driver to fs_cache (the first one) or back.
  Bytes ring(bool downwards) {
    return memory->arena()
        .link_rings(Layer::ff_driver, Layer::fs_cache)
        .subspan(downwards ? 0 : Ring::kBytes);
  }
};

TEST_F(BothEnds, SaysFullWhenTheNeighbourTakesNothing) {
  for (std::uint64_t i = 0; i < Ring::kSlots; ++i) ASSERT_EQ(upper->send(Irp{}), Send::sent);
  EXPECT_EQ(upper->send(Irp{}), Send::full);
  open(*lower);
  ASSERT_TRUE(executor.run_until([&] { return received == static_cast<int>(Ring::kSlots); }, 20s));
  EXPECT_EQ(upper->send(Irp{}), Send::sent);
}

TEST_F(BothEnds, LetsOtherWorkHaveItsTurnWhileABatchIsWaiting) {
  for (std::uint64_t i = 0; i < Ring::kSlots; ++i) ASSERT_EQ(upper->send(Irp{}), Send::sent);
  open(*lower);
  int received_before = -1;
  executor.post([&] { received_before = received; });
  ASSERT_TRUE(executor.run_until([&] { return received_before >= 0; }, 20s));
  EXPECT_LE(received_before, static_cast<int>(bounds::kPortBatch));
}

TEST_F(BothEnds, AnIndexThatCannotBeBreaksTheLinkOfTheReceiver) {
  open(*upper);
  EXPECT_FALSE(executor.run_until([&] { return broken > 0; }, 5ms));
  const std::uint64_t far_ahead = Ring::kSlots + 1;
  std::memcpy(ring(false).data() + 64, &far_ahead, sizeof far_ahead);
  ASSERT_EQ(::send(lower_bell, "!", 1, 0), 1);
  ASSERT_TRUE(executor.run_until([&] { return broken > 0; }, 20s));
  EXPECT_EQ(received, 0);
  EXPECT_EQ(upper->send(Irp{}), Send::broken);
  // It was closed, so the liar learns of it as of a death.
  int lower_broken = 0;
  lower->open([](const Irp&) {}, [&] { ++lower_broken; });
  ASSERT_TRUE(executor.run_until([&] { return lower_broken > 0; }, 20s));
  EXPECT_EQ(broken, 1);
}

TEST_F(BothEnds, AnIndexThatCannotBeBreaksTheLinkOfTheSender) {
  const std::uint64_t ahead_of_the_producer = 1;
  std::memcpy(ring(true).data(), &ahead_of_the_producer, sizeof ahead_of_the_producer);
  EXPECT_EQ(upper->send(Irp{}), Send::broken);
}

TEST_F(BothEnds, DoorbellsWithoutIrpsDoNoHarm) {
  open(*upper);
  const std::vector<char> noise(1000, 'x');
  ASSERT_EQ(::send(lower_bell, noise.data(), noise.size(), 0), 1000);
  EXPECT_FALSE(executor.run_until([&] { return received + broken > 0; }, 10ms));
  EXPECT_EQ(lower->send(Irp{}), Send::sent);
  EXPECT_TRUE(executor.run_until([&] { return received == 1; }, 20s));
  EXPECT_EQ(broken, 0);
}

TEST_F(BothEnds, APortMayBeDestroyedInsideItsOwnReceive) {
  upper->open([&](const Irp&) { upper.reset(); }, [&] { ++broken; });
  EXPECT_EQ(lower->send(Irp{}), Send::sent);
  EXPECT_EQ(lower->send(Irp{}), Send::sent);
  ASSERT_TRUE(executor.run_until([&] { return upper == nullptr; }, 20s));
  EXPECT_FALSE(executor.run_until([&] { return broken > 0; }, 5ms));
}

TEST(ShmArena, IsOneMemoryForAllWhoAttach) {
  const auto made = ShmArena::create(kSmall, "a");
  ASSERT_TRUE(made);
  const auto attached = ShmArena::attach(UniqueFd(dup((*made)->fd())));
  ASSERT_TRUE(attached);
  EXPECT_EQ((*attached)->arena().node(), "a");
  const Region region = (*made)->arena().region(Layer::fs_cache);
  const BufferRef ref{region.offset, 1, 1};
  (*(*made)->arena().bytes(ref))[0] = 42;
  EXPECT_EQ((*(*attached)->arena().bytes(ref))[0], 42);
}

TEST(ShmArena, CannotBeShrunk) {
  const auto made = ShmArena::create(kSmall, "a");
  ASSERT_TRUE(made);
  EXPECT_NE(ftruncate((*made)->fd(), 4096), 0);
}

TEST(ShmArena, RefusesWhatIsNoArena) {
  EXPECT_EQ(ShmArena::attach(UniqueFd()).status(), Status::invalid_parameter);
  auto doorbell = make_doorbell();
  EXPECT_EQ(ShmArena::attach(std::move(doorbell->first)).status(), Status::invalid_parameter);
  const auto made = ShmArena::create(kSmall, "a");
  ASSERT_TRUE(made);
  (*made)->arena().header().version = 99;
  EXPECT_EQ(ShmArena::attach(UniqueFd(dup((*made)->fd()))).status(), Status::invalid_parameter);
}

}  // namespace
}  // namespace understudy
