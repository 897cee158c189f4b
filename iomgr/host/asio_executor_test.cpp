#include "iomgr/host/asio_executor.h"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <thread>
#include <vector>

#include "iomgr/host/os_random.h"

namespace understudy {
namespace {

using namespace std::chrono_literals;

TEST(AsioExecutor, RunsWhatIsPostedInOrderAndNotInsideTheOneWhoPosts) {
  AsioExecutor executor;
  std::vector<int> order;
  executor.post([&] {
    executor.post([&] {
      order.push_back(3);
      executor.stop();
    });
    order.push_back(1);
  });
  executor.post([&] { order.push_back(2); });
  executor.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(AsioExecutor, RunsTimersByDeadlineAndNeverACancelledOne) {
  AsioExecutor executor;
  const Time start = executor.now();
  std::vector<int> order;
  const auto never = executor.start_timer(start + 6ms, [&] { order.push_back(-1); });
  executor.start_timer(start + 10ms, [&] { order.push_back(2); });
  executor.start_timer(start + 5ms, [&] {
    order.push_back(1);
    // By now the next one is due too.
    while (executor.now() < start + 8ms) std::this_thread::yield();
    executor.cancel_timer(never);
  });
  EXPECT_TRUE(executor.run_until([&] { return order.size() == 2; }, 10s));
  EXPECT_GE(executor.now(), start + 10ms);
  EXPECT_FALSE(executor.run_until([&] { return order.size() > 2; }, 5ms));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  executor.cancel_timer(never);
}

TEST(AsioExecutor, OffloadsToAnotherThreadAndComesBackToItsOwn) {
  AsioExecutor executor;
  std::thread::id worked;
  std::thread::id finished;
  executor.offload([&] { worked = std::this_thread::get_id(); },
                   [&] {
                     finished = std::this_thread::get_id();
                     executor.stop();
                   });
  executor.run();
  EXPECT_NE(worked, std::thread::id());
  EXPECT_NE(worked, std::this_thread::get_id());
  EXPECT_EQ(finished, std::this_thread::get_id());
}

TEST(AsioExecutor, RunReturnsOnlyWhenNothingOffloadedRunsAnyMore) {
  AsioExecutor executor;
  std::atomic<int> ended = 0;
  std::atomic<bool> stopping = false;
  for (int i = 0; i < 8; ++i) {
    executor.offload(
        [&] {
          while (!stopping) std::this_thread::yield();
          ++ended;
        },
        [] {});
  }
  executor.post([&] {
    executor.stop();
    stopping = true;
  });
  executor.run();
  EXPECT_EQ(ended, 8);
}

TEST(AsioExecutor, OffloadsAgainAfterARun) {
  AsioExecutor executor;
  int done = 0;
  for (int round = 1; round <= 2; ++round) {
    executor.offload([] {},
                     [&] {
                       ++done;
                       executor.stop();
                     });
    executor.run();
    EXPECT_EQ(done, round);
  }
}

TEST(AsioExecutor, DropsWhatItStillHadToRun) {
  const auto held = std::make_shared<int>();
  {
    AsioExecutor executor;
    executor.post([held] { FAIL(); });
    executor.start_timer(executor.now(), [held] { FAIL(); });
    executor.offload([held] {}, [held] { FAIL(); });
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(AsioExecutor, ReadsTheClockThatAllProcessesShare) {
  AsioExecutor executor;
  timespec before{};
  clock_gettime(CLOCK_MONOTONIC, &before);
  const Time now = executor.now();
  EXPECT_GE(now, std::chrono::seconds(before.tv_sec) + std::chrono::nanoseconds(before.tv_nsec));
  EXPECT_LT(now, std::chrono::seconds(before.tv_sec + 60));
}

TEST(AsioExecutor, CountsWallTimeFromTheYear1601) {
  AsioExecutor executor;
  constexpr FileTime kSecond = 10'000'000;
  const FileTime unix_seconds = executor.wall_time() / kSecond - 11'644'473'600;
  EXPECT_NEAR(static_cast<double>(unix_seconds), static_cast<double>(time(nullptr)), 2.0);
}

TEST(OsRandom, FillsEveryByteAndNeverRepeats) {
  OsRandom random;
  std::vector<std::uint8_t> one(1024);
  std::vector<std::uint8_t> other(1024);
  random.fill(one);
  random.fill(other);
  EXPECT_NE(one, other);
  // Bytes left at zero would show: 1024 random ones have more than 32 zeros once in 10^17 times.
  EXPECT_LT(std::count(one.begin(), one.end(), 0), 32);
  EXPECT_NE(random.next(), random.next());
}

}  // namespace
}  // namespace understudy
