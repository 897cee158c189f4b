// The fences of real processes: the operator's agent, the locks and pidfds of this machine, and
// what they must not confirm.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/cluster_fence.h"
#include "cluster_app/node_lock.h"
#include "iomgr/host/pidfd.h"
#include "iomgr/host/process_identity.h"

namespace understudy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SilentLog : public Log {
 public:
  void write(Level, std::string_view, Fields) override {}
};

/// A cluster's directory as the current one, and an agent in it.
class FenceTest : public testing::Test {
 protected:
  FenceTest() {
    std::string pattern = testing::TempDir() + "understudy-fence-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(directory_);
    std::filesystem::create_directory(cluster_directory::kRun);
    std::string error;
    config = *parse_config(default_config_text(), "cluster.toml", error);
  }
  ~FenceTest() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(directory_);
  }

  void write_agent(const std::string& script) {
    const std::string path = directory_ + "/agent";
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    chmod(path.c_str(), 0700);
    for (NodeConfig& node : config.nodes) node.fence_agent = path;
  }
  std::string said() const {
    std::stringstream text;
    text << std::ifstream(directory_ + "/said").rdbuf();
    return text.str();
  }
  FenceResult fence(const NodeIncarnation& victim) {
    ClusterFence fence(executor, log, config, key);
    std::optional<FenceResult> result;
    TaskScope scope;
    scope.spawn(
        [](ClusterFence& by, NodeIncarnation of, std::optional<FenceResult>& out) -> Task<void> {
          FenceResult confirmed = co_await by.fence(std::move(of));
          out = std::move(confirmed);
        }(fence, victim, result));
    executor.run_until([&] { return result.has_value(); }, seconds(20));
    return result.value_or(FenceResult{false, "no end"});
  }
  static NodeIncarnation elsewhere() {
    return {"b", 7, "another machine", {{Layer::netstack, 4711, 1}}};
  }
  static NodeIncarnation here(pid_t process) {
    return {"b",
            7,
            machine_identity(),
            {{Layer::netstack, process, start_time_of(process).value_or(0)}}};
  }

  AsioExecutor executor;
  SilentLog log;
  ClusterConfig config;
  const std::string key = "the key of fence_test " + std::to_string(getpid());

 private:
  std::string directory_;
  std::filesystem::path before_;
};

TEST_F(FenceTest, TheAgentIsToldWhomToTurnOffAndConfirmsWithExitCodeZero) {
  write_agent("echo \"$@\" $UNDERSTUDY_NODE $UNDERSTUDY_CONTROL $UNDERSTUDY_MACHINE > said");
  const FenceResult result = fence(elsewhere());
  EXPECT_TRUE(result.confirmed) << result.why;
  EXPECT_EQ(said(), "off b b 127.0.0.12:4452 another machine\n");
}

TEST_F(FenceTest, AnAgentThatFailsConfirmsNothingAndItsExitCodeIsNamed) {
  write_agent("exit 3");
  const FenceResult result = fence(elsewhere());
  EXPECT_FALSE(result.confirmed);
  EXPECT_NE(result.why.find("exit code 3"), std::string::npos) << result.why;
}

TEST_F(FenceTest, AnAgentThatIsKilledConfirmsNothing) {
  write_agent("kill -9 $$");
  EXPECT_NE(fence(elsewhere()).why.find("killed by signal 9"), std::string::npos);
}

TEST_F(FenceTest, AnAgentThatIsNotThereConfirmsNothing) {
  for (NodeConfig& node : config.nodes) node.fence_agent = "/nowhere/agent";
  const FenceResult result = fence(elsewhere());
  EXPECT_FALSE(result.confirmed);
  EXPECT_NE(result.why.find("cannot be started: No such file"), std::string::npos) << result.why;
}

TEST_F(FenceTest, AnAgentThatDoesNotEndIsKilledWithWhatItHasStarted) {
  config.fence_agent_timeout_ms = 1000;
  write_agent("sleep 1000 & echo $! > said; wait");
  const FenceResult result = fence(elsewhere());
  EXPECT_FALSE(result.confirmed);
  EXPECT_NE(result.why.find("time limit"), std::string::npos) << result.why;
  // It has got its signal; how soon it dies of it the scheduler decides, and who reaps it is
  // nobody's business here.
  const UniqueFd child = open_pidfd(std::stoi(said()));
  pollfd death{child.get(), POLLIN, 0};
  EXPECT_TRUE(!child || poll(&death, 1, 10'000) == 1);
}

TEST_F(FenceTest, TheExecutorGoesOnWhileTheAgentWorks) {
  write_agent("read line < pipe");
  ASSERT_EQ(mkfifo("pipe", 0600), 0);
  executor.start_timer(executor.now() + milliseconds(50), [] { std::ofstream("pipe") << "now\n"; });
  EXPECT_TRUE(fence(elsewhere()).confirmed) << "the timer has run while the agent waited";
}

TEST_F(FenceTest, ProcessesOfThisMachineAreKilledWithoutAnAgent) {
  const pid_t process = fork();
  if (process == 0) {
    pause();
    _exit(0);
  }
  EXPECT_TRUE(fence(here(process)).confirmed);
  int status = 0;
  ASSERT_EQ(waitpid(process, &status, 0), process);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(FenceTest, OfANodeOnAnotherMachineNothingIsConfirmedWithoutAnAgent) {
  const FenceResult result = fence(elsewhere());
  EXPECT_FALSE(result.confirmed);
  EXPECT_NE(result.why.find("another machine"), std::string::npos) << result.why;
}

TEST_F(FenceTest, AMissingLockFileProvesADeathOnlyWhereTheNodeWouldRunHere) {
  config.one_machine = false;
  ClusterFence far(executor, log, config, key);
  EXPECT_FALSE(far.proven_dead("b"));
  EXPECT_TRUE(far.memory_survives("b"));
  far.watch(elsewhere(), [] {});
  EXPECT_FALSE(far.proven_dead("b")) << "it has named another machine";
  far.watch(here(getpid()), [] {});
  EXPECT_TRUE(far.proven_dead("b")) << "it has named this machine";
  config.one_machine = true;
  ClusterFence near(executor, log, config, key);
  EXPECT_TRUE(near.proven_dead("b"));
  std::string error;
  const auto held = NodeLock::take(cluster_directory::lock_path("b"), error);
  ASSERT_TRUE(held.has_value()) << error;
  EXPECT_FALSE(near.proven_dead("b"));
}

/// The cluster's directory, with its key, may be out of reach just when a node asks.
TEST_F(FenceTest, OnlyAMemoryThatIsSurelyNotThereIsGone) {
  ClusterFence near(executor, log, config, key);
  const std::string memory = cluster_directory::memory_path(key, "b");
  EXPECT_FALSE(near.memory_survives("b"));
  std::ofstream(memory).put('x');
  EXPECT_TRUE(near.memory_survives("b"));
  std::filesystem::remove(memory);
  EXPECT_TRUE(near.memory_survives(std::string(300, 'b'))) << "ENAMETOOLONG: nobody knows";
}

TEST_F(FenceTest, LookingAtALockNeverKeepsItsOwnerFromTakingIt) {
  const std::string path = cluster_directory::lock_path("b");
  for (int round = 0; round < 200; ++round) {
    const pid_t looker = fork();
    if (looker == 0) {
      for (int look = 0; look < 50; ++look) static_cast<void>(NodeLock::look(path));
      _exit(0);
    }
    std::string error;
    EXPECT_TRUE(NodeLock::take(path, error).has_value()) << error;
    waitpid(looker, nullptr, 0);
  }
}

TEST_F(FenceTest, ALockSaysHowTheLastToHoldItHasEnded) {
  const std::string path = cluster_directory::lock_path("b");
  EXPECT_EQ(NodeLock::exit_code(path), std::nullopt);
  for (const int code : {1, 0}) {
    std::string error;
    const auto lock = NodeLock::take(path, error);
    ASSERT_TRUE(lock.has_value()) << error;
    EXPECT_EQ(NodeLock::exit_code(path), std::nullopt) << "it runs, or is about to be killed";
    lock->leave(code);
    EXPECT_EQ(NodeLock::exit_code(path), code);
  }
}

TEST(Fence, ALaterIncarnationProvesADeathOnlyOnOneMachine) {
  const NodeIncarnation old{"a", 1, "m", {}};
  EXPECT_TRUE(replaces({"a", 2, "m", {}}, old, false));
  EXPECT_FALSE(replaces({"a", 2, "n", {}}, old, false)) << "it may run there still";
  EXPECT_FALSE(replaces({"a", 2, "", {}}, {"a", 1, "", {}}, false)) << "nobody knows where";
  EXPECT_TRUE(replaces({"a", 2, "m", {}}, {"a", 1, "", {}}, true));
  EXPECT_FALSE(replaces(old, old, true));
}

}  // namespace
}  // namespace understudy
