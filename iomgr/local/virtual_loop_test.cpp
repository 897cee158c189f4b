#include "iomgr/local/virtual_loop.h"

#include <gtest/gtest.h>

namespace understudy {
namespace {

using std::chrono::milliseconds;

TEST(VirtualExecutor, RunsNothingWhileItIsStoppedAndAllOfItInOrderAfterwards) {
  VirtualLoop loop;
  const auto executor = loop.make_executor();
  std::vector<int> ran;
  executor->stop();
  for (int i = 0; i < 3; ++i) executor->post([&ran, i] { ran.push_back(i); });
  executor->start_timer(milliseconds(5), [&ran] { ran.push_back(3); });
  loop.run_for(milliseconds(10));
  EXPECT_TRUE(ran.empty());
  executor->wake();
  loop.run_ready();
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3}));
}

TEST(VirtualExecutor, LetsTheDiskFinishWhatItHasWhileTheProcessIsStopped) {
  VirtualLoop loop;
  const auto executor = loop.make_executor();
  bool written = false;
  bool heard = false;
  executor->offload([&written] { written = true; }, [&heard] { heard = true; });
  executor->stop();
  loop.run_ready();
  EXPECT_TRUE(written);
  EXPECT_FALSE(heard);
  executor->wake();
  loop.run_ready();
  EXPECT_TRUE(heard);
}

TEST(VirtualExecutor, RunsEverythingLaterByItsDelay) {
  VirtualLoop loop;
  const auto executor = loop.make_executor();
  executor->set_delay(milliseconds(7));
  Time ran{0};
  executor->post([&] { ran = loop.now(); });
  loop.run_for(milliseconds(20));
  EXPECT_EQ(ran, milliseconds(7));
}

TEST(VirtualExecutor, DropsAllThatItHadToRunWhenItIsKilled) {
  struct PostsWhenItGoes {
    VirtualExecutor& executor;
    int& ran;
    ~PostsWhenItGoes() {
      executor.post([&counter = ran] { ++counter; });
    }
  };
  VirtualLoop loop;
  const auto executor = loop.make_executor();
  int ran = 0;
  executor->post([&ran] { ++ran; });
  executor->offload([&ran] { ++ran; }, [] {});
  auto held = std::shared_ptr<PostsWhenItGoes>(new PostsWhenItGoes{*executor, ran});
  executor->start_timer(milliseconds(1), [held_too = held] { static_cast<void>(held_too); });
  const std::weak_ptr<PostsWhenItGoes> gone = held;
  held.reset();
  executor->kill();
  loop.run_for(milliseconds(10));
  EXPECT_TRUE(gone.expired());
  EXPECT_EQ(ran, 0);
  executor->post([&ran] { ran += 10; });
  loop.run_ready();
  EXPECT_EQ(ran, 10) << "it can be used anew";
}

}  // namespace
}  // namespace understudy
