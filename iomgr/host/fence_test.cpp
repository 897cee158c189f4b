#include "iomgr/host/fence.h"

#include <gtest/gtest.h>

#include <optional>

#include "iomgr/host/pidfd.h"
#include "iomgr/host/test_child.h"

namespace understudy {
namespace {

using namespace std::chrono_literals;

Task<void> store(Task<FenceReport> from, std::optional<FenceReport>& to) {
  const FenceReport report = co_await from;
  to = report;
}

FenceReport run_fence(std::vector<ProcessIdentity> processes) {
  AsioExecutor executor;
  TaskScope scope;
  std::optional<FenceReport> report;
  scope.spawn(store(fence(executor, std::move(processes), 10s), report));
  UNDERSTUDY_CHECK(executor.run_until([&] { return report.has_value(); }, 20s));
  return *report;
}

int wait_for_ever() {
  for (;;) pause();
}

ProcessIdentity identity(const TestChild& child) {
  return {child.pid(), start_time_of(child.pid()).value_or(0)};
}

TEST(Fence, KillsAllThatAreNamedAndConfirmsIt) {
  TestChild one(wait_for_ever);
  TestChild stopped(wait_for_ever);
  stopped.kill(SIGSTOP);
  const FenceReport report = run_fence({identity(one), identity(stopped)});
  EXPECT_TRUE(report.confirmed);
  EXPECT_EQ(report.killed, 2);
  EXPECT_EQ(one.wait(), -SIGKILL);
  EXPECT_EQ(stopped.wait(), -SIGKILL);
}

TEST(Fence, LeavesAloneAProcessThatStartedAtAnotherTimeThanTheOneNamed) {
  TestChild bystander(wait_for_ever);
  ProcessIdentity other = identity(bystander);
  --other.start_time;
  const FenceReport report = run_fence({other});
  EXPECT_EQ(report.killed, 0);
  EXPECT_EQ(report.not_the_same, 1);
  EXPECT_TRUE(report.confirmed);  // who is named cannot live: its id is in use by somebody else
  EXPECT_FALSE(has_ended(open_pidfd(bystander.pid()).get()));
}

TEST(Fence, ConfirmsProcessesThatAreGoneAlready) {
  TestChild reaped(wait_for_ever);
  const ProcessIdentity first = identity(reaped);
  reaped.kill(SIGKILL);
  reaped.wait();
  TestChild zombie(wait_for_ever);
  const ProcessIdentity second = identity(zombie);
  const UniqueFd end = open_pidfd(zombie.pid());
  zombie.kill(SIGKILL);
  ASSERT_TRUE(has_ended(end.get(), 10'000));
  const FenceReport report = run_fence({first, second});
  EXPECT_TRUE(report.confirmed);
  EXPECT_EQ(report.gone_before, 2);
}

TEST(Fence, DoesNotConfirmWhatItCannotKill) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody who may not kill";
  TestChild protected_one(wait_for_ever);
  const ProcessIdentity victim = identity(protected_one);
  TestChild powerless([&] {
    constexpr uid_t kNobody = 65534;
    if (setuid(kNobody) != 0) return 2;
    const FenceReport report = run_fence({victim});
    return !report.confirmed && report.not_confirmed == 1 ? 0 : 1;
  });
  EXPECT_EQ(powerless.wait(), 0);
  EXPECT_FALSE(has_ended(open_pidfd(protected_one.pid()).get()));
}

TEST(Fence, DoesNotConfirmNonsense) {
  EXPECT_FALSE(run_fence({{0, 0}}).confirmed);
  EXPECT_FALSE(run_fence({{-1, 0}}).confirmed);
}

TEST(ProcessIdentity, NamesThisProcess) {
  EXPECT_TRUE(start_time_of(getpid()));
  EXPECT_FALSE(start_time_of(0));
  EXPECT_FALSE(machine_identity().empty());
  EXPECT_EQ(machine_identity(), machine_identity());
}

TEST(ProcessIdentity, OfAProcessThatEndsWhileItIsLookedAtIsNone) {
  // Nobody reaps: an id is gone the moment its process ends, also between the opening of its file
  // in /proc and the reading.
  signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < 500; ++i) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) _exit(0);
    while (start_time_of(pid)) {
    }
  }
  signal(SIGCHLD, SIG_DFL);
}

}  // namespace
}  // namespace understudy
