// A layer's executor, held by a debugger that is another thread of the same process.
#include "iomgr/host/parking.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "iomgr/host/debug_tap.h"
#include "iomgr/host/layer_seams.h"
#include "iomgr/host/spdlog_log.h"
#include "iomgr/host/test_child.h"

namespace understudy {
namespace {

using std::chrono::milliseconds;

class ParkingTest : public testing::Test {
 protected:
  explicit ParkingTest(Layer kind = Layer::fs_cache) : kind_(kind) {
    const ArenaSizes small = {bounds::kMiB, bounds::kMiB, bounds::kMiB};
    auto made = ShmArena::create(small, "a", path_);
    EXPECT_TRUE(made);
    memory_ = std::move(*made);
    tap_ = std::make_unique<DebugTap>(path_);
    EXPECT_EQ(tap_->attach(), "");
    layer_ = std::thread([this] { run_layer(); });
    while (!seams_) std::this_thread::yield();
  }
  ~ParkingTest() override {
    tap_.reset();  // lets everything go
    executor_.stop();
    layer_.join();
    unlink(path_.c_str());
  }

  void run_layer() {
    log_ = std::move(*SpdlogLog::open("a.fs_cache", "/dev/null", Log::Level::error));
    LayerSeams seams(kind_, executor_, memory_->arena(), *log_);
    seams_ = &seams;
    executor_.run();
  }

  /// Work that the layer does when it may, and whether it has.
  void post() {
    executor_.post([this] { ++done_; });
  }
  bool eventually(const std::function<bool()>& holds) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return holds();
  }
  ParkingPlace& place() { return tap_->place(kind_); }

  const Layer kind_;
  const std::string path_ = "/dev/shm/understudy-parking-test-" + std::to_string(getpid());
  std::unique_ptr<ShmArena> memory_;
  AsioExecutor executor_;
  std::unique_ptr<SpdlogLog> log_;
  std::atomic<LayerSeams*> seams_ = nullptr;
  std::thread layer_;
  std::unique_ptr<DebugTap> tap_;
  std::atomic<int> done_ = 0;
};

TEST_F(ParkingTest, AHeldLayerDoesNothingUntilItIsReleased) {
  tap_->hold();
  post();
  ASSERT_TRUE(eventually([&] { return place().waits == 1; }));
  EXPECT_EQ(done_, 0);
  const Time then = executor_.now();
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(executor_.now(), then) << "its clock stands";
  tap_->release();
  EXPECT_TRUE(eventually([&] { return done_ == 1; }));
}

TEST_F(ParkingTest, ATimerWaitsForWhatIsLeftOfItsTimeWhenTheClockHasStood) {
  std::atomic<std::int64_t> fired_at = 0;
  const Time deadline = executor_.now() + milliseconds(50);
  executor_.post(
      [&] { executor_.start_timer(deadline, [&] { fired_at = executor_.now().count(); }); });
  tap_->hold();
  std::this_thread::sleep_for(milliseconds(120));  // it would have expired
  EXPECT_EQ(fired_at, 0);
  tap_->release();
  ASSERT_TRUE(eventually([&] { return fired_at != 0; }));
  EXPECT_GE(fired_at, deadline.count());
}

TEST_F(ParkingTest, ALayerParksAtThePointsThatAreWantedWithItsIrp) {
  tap_->want({.steps = step_bit(Step::s414)});
  Irp irp;
  irp.lsn = 9;
  executor_.post([&] {
    Trace& trace = seams_.load()->seams().trace;
    trace.step(Step::s406, irp);
    ++done_;
    trace.step(Step::s414, irp);
    ++done_;
  });
  ASSERT_TRUE(eventually([&] { return place().parked == 1; }));
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(place().entry.step, Step::s414);
  EXPECT_EQ(place().irp.lsn, 9U);
  tap_->unpark(Layer::fs_cache);
  EXPECT_TRUE(eventually([&] { return done_ == 2; }));
}

TEST_F(ParkingTest, AnIrpIsChangedAtAHopInTheFieldsThatMayBeAndNowhereElse) {
  tap_->want({.steps = step_bit(Step::s414), .hops = 1U << static_cast<unsigned>(Hop::request_in)});
  Irp irp;
  irp.id = 5;
  irp.major = Major::read;
  irp.lsn = 9;
  executor_.post([&] {
    Trace& trace = seams_.load()->seams().trace;
    trace.step(Step::s414, irp);
    ++done_;
    trace.changeable_hop(Hop::request_in, Layer::ff_driver, irp);
    ++done_;
  });
  ASSERT_TRUE(eventually([&] { return place().parked == 1; }));
  EXPECT_EQ(place().changeable, 0U);
  place().irp.lsn = 1;
  tap_->unpark(kind_);
  ASSERT_TRUE(eventually([&] { return done_ == 1 && place().parked == 1; }));
  EXPECT_EQ(place().changeable, 1U);
  EXPECT_EQ(place().irp.lsn, 9U);
  place().irp.lsn = 11;
  place().irp.read.offset = 4096;
  place().irp.id = 6;
  place().irp.major = Major::write;
  tap_->unpark(kind_);
  ASSERT_TRUE(eventually([&] { return done_ == 2; }));
  EXPECT_EQ(irp.lsn, 11U);
  EXPECT_EQ(irp.read.offset, 4096U);
  EXPECT_EQ(irp.id, 5U);
  EXPECT_EQ(irp.major, Major::read);
}

TEST_F(ParkingTest, AnOrderIsObeyedByWhoWaits) {
  tap_->hold();
  post();
  ASSERT_TRUE(eventually([&] { return place().waits == 1; }));
  EXPECT_EQ(tap_->order(Layer::fs_cache, "fault medium.read=error", milliseconds(5000)), "");
  EXPECT_NE(tap_->order(Layer::fs_cache, "fault nonsense", milliseconds(5000)), "");
  EXPECT_EQ(tap_->order(Layer::fs_cache, "timers", milliseconds(5000)), "");
  EXPECT_NE(tap_->order(Layer::fs_cache, "expire 0", milliseconds(5000)), "") << "there is none";
  EXPECT_NE(tap_->order(Layer::fs_cache, "expire x", milliseconds(5000)), "");
  EXPECT_NE(tap_->order(Layer::fs_cache, "dance", milliseconds(5000)), "");
  EXPECT_EQ(done_, 0);
}

TEST_F(ParkingTest, AMessageIsNotBrokenByALayerThatSendsNoneToThePartner) {
  tap_->hold();
  post();
  ASSERT_TRUE(eventually([&] { return place().waits == 1; }));
  EXPECT_NE(tap_->order(kind_, "message drop", milliseconds(5000)), "");
  EXPECT_EQ(seams_.load()->faults().next_message.action, MessageFault::Action::none);
}

class ParkingOfRdDriver : public ParkingTest {
 protected:
  ParkingOfRdDriver() : ParkingTest(Layer::rd_driver) {}
};

TEST_F(ParkingOfRdDriver, TheNextMessageToThePartnerIsBrokenByOrder) {
  tap_->hold();
  post();
  ASSERT_TRUE(eventually([&] { return place().waits == 1; }));
  EXPECT_NE(tap_->order(kind_, "message vanish", milliseconds(5000)), "");
  EXPECT_EQ(tap_->order(kind_, "message delay 300", milliseconds(5000)), "");
  EXPECT_EQ(seams_.load()->faults().next_message.action, MessageFault::Action::delay);
  EXPECT_EQ(seams_.load()->faults().next_message.delay, milliseconds(300));
}

TEST_F(ParkingTest, ADebuggerThatHasDiedHoldsNobody) {
  tap_->hold();
  post();
  ASSERT_TRUE(eventually([&] { return place().waits == 1; }));
  tap_->stepping().debugger += std::uint64_t{1} << 32;  // its id is another process's now
  EXPECT_TRUE(eventually([&] { return done_ == 1; }));
  EXPECT_FALSE(tap_->stepping().clock.stopped());
}

TEST_F(ParkingTest, ADebuggerThatHasJustComeIsNotTakenForDead) {
  tap_.reset();
  std::atomic<bool> ended = false;
  std::thread looks([&] {
    while (!ended) let_go_of_the_dead(memory_->arena());
  });
  int taken_for_dead = 0;
  for (int i = 0; i < 100; ++i) {
    TestChild debugger([&] {
      DebugTap tap(path_);
      if (!tap.attach().empty()) return 1;
      const auto end = std::chrono::steady_clock::now() + milliseconds(1);
      while (std::chrono::steady_clock::now() < end && tap.stepping().debugger != 0) continue;
      return tap.stepping().debugger != 0 ? 0 : 1;
    });
    taken_for_dead += debugger.wait();
  }
  ended = true;
  looks.join();
  EXPECT_EQ(taken_for_dead, 0);
}

}  // namespace
}  // namespace understudy
