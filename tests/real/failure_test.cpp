// The three kinds of failure (claim 10) and the operator's fence agent, with real processes.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "tests/real/pair.h"

namespace understudy {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

std::string text_of(const Pair& pair, const std::string& node, const std::string& key) {
  const boost::json::object said = pair.node(node);
  const boost::json::value* text = said.if_contains(key);
  return text == nullptr ? "" : std::string(text->as_string());
}

bool taken_over(const Pair& pair) {
  return pair.owns("b", "lun0") && pair.node("b").at("state").as_string() == "up";
}

/// A file that a has acknowledged, and that whoever serves a's address must have.
void put_one(Pair& pair) {
  std::ofstream(pair.directory() / "file") << "acknowledged";
  const CommandResult put = pair.smb("a", "share0", "put file file");
  ASSERT_EQ(put.exit_code, 0) << put.output;
}
void expect_it_is_there(Pair& pair) {
  const CommandResult get = pair.smb("a", "share0", "get file back");
  EXPECT_EQ(get.exit_code, 0) << get.output;
  std::string content;
  std::getline(std::ifstream(pair.directory() / "back") >> std::ws, content);
  EXPECT_EQ(content, "acknowledged");
}

TEST(RealFailure, AHungLayerEndsItsNodeAndThePartnerTakesOverWithinFiveSeconds) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  put_one(pair);
  const auto stopped = Clock::now();
  ASSERT_EQ(::kill(pair.processes("a").at("fs_cache"), SIGSTOP), 0);
  ASSERT_TRUE(pair.wait_until(taken_over, 20));
  EXPECT_LT(seconds_since(stopped), 5.0);
  expect_it_is_there(pair);
}

TEST(RealFailure, AStoppedNodeIsFencedAndTakenOver) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  put_one(pair);
  pair.signal("a", SIGSTOP);
  ASSERT_TRUE(pair.wait_until(taken_over, 20));
  expect_it_is_there(pair);
  EXPECT_TRUE(pair.wait_for_end("a", 5)) << "the fence has killed what was stopped";
}

TEST(RealFailure, AStoppedClusterAppIsFoundThoughItsLayersGoOn) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  put_one(pair);
  ::kill(pair.processes("a").at("cluster_app"), SIGSTOP);
  ASSERT_TRUE(pair.wait_until(taken_over, 20));
  expect_it_is_there(pair);
}

TEST(RealFailure, HungStorageIsTakenOverByTheNodeThatReachesIt) {
  Pair pair({{"storage_hang_ms", "2000"}}, nullptr, Pair::memory());
  ASSERT_TRUE(pair.start_mirrored("a.fs_cache:medium.flush.objects=stall"));
  put_one(pair);
  ASSERT_TRUE(pair.wait_until(taken_over, 20));
  expect_it_is_there(pair);
}

TEST(RealFailure, StorageThatHangsForBothIsTakenOverByNobody) {
  Pair pair({{"storage_hang_ms", "1000"}}, nullptr, Pair::memory());
  ASSERT_TRUE(pair.start_mirrored(
      "a.fs_cache:medium.flush.objects=stall,b.fs_cache:medium.mailbox.write=stall+"));
  put_one(pair);
  ASSERT_TRUE(pair.wait_until(
      [](const Pair& p) {
        return text_of(p, "b", "awaiting").find("cannot reach lun0") != std::string::npos;
      },
      20));
  EXPECT_TRUE(pair.owns("a", "lun0"));
  EXPECT_FALSE(pair.owns("b", "lun0"));
}

TEST(RealFailure, ANodeWhoseMediumRefusesWritesTellsThePartnerWhichWritesItsCopies) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored("a.fs_cache:medium.flush.objects.sync=error+"));
  put_one(pair);
  ASSERT_TRUE(pair.wait_until(taken_over, 20));
  expect_it_is_there(pair);
  ASSERT_TRUE(
      pair.wait_until([](const Pair& p) { return fs::exists(p.tree("lun0") / "file"); }, 10));
}

/// Where a node's memory is while it runs, and after an end that was not in order.
fs::path memory_of(const Pair& pair, const std::string& node) {
  const std::string key = (pair.directory() / "cluster" / "cluster.key").string();
  const std::string digest =
      run_command("tr -d '\\n' <" + key + " | sha256sum | cut -c1-16 | tr -d '\\n'").output;
  return "/dev/shm/understudy-" + digest + "-" + node;
}

TEST(RealFailure, AStopThatLeavesWhatNobodyElseHasFailsAndTheNextStartWritesIt) {
  Pair pair({{"lazy_writer", "\"hold\""}, {"takeover_for", "\"hardware\""}});
  ASSERT_TRUE(pair.start_mirrored());
  put_one(pair);
  pair.kill("a");  // a failure of software: it is the operator's to say what follows
  ASSERT_TRUE(fs::remove(memory_of(pair, "a")));
  const CommandResult stop = pair.cluster_app("stop");
  EXPECT_EQ(stop.exit_code, 1) << stop.output;
  EXPECT_NE(stop.output.find("not in order"), std::string::npos) << stop.output;
  EXPECT_TRUE(fs::exists(memory_of(pair, "b")));
  pair.start("a");
  pair.start("b");
  ASSERT_TRUE(pair.wait_until([](const Pair& p) { return p.serves("b", "lun0"); }, 20));
  expect_it_is_there(pair);
  EXPECT_EQ(pair.cluster_app("stop").exit_code, 0);
  EXPECT_FALSE(fs::exists(memory_of(pair, "a")) || fs::exists(memory_of(pair, "b")));
}

TEST(RealFailure, AStopSaysThatItHasFailedThoughTheMemoryHadNoName) {
  Pair pair({{"lazy_writer", "\"hold\""},
             {"takeover_for", "\"hardware\""},
             {"mirror_mib", "65536"}});  // sparse, but more than /dev/shm may have
  ASSERT_TRUE(pair.start_mirrored());
  if (fs::exists(memory_of(pair, "b"))) GTEST_SKIP() << "/dev/shm has room for 64 GiB";
  put_one(pair);
  pair.kill("a");
  const CommandResult stop = pair.cluster_app("stop");
  EXPECT_EQ(stop.exit_code, 1) << stop.output;
  EXPECT_EQ(stop.output.find("is kept"), std::string::npos) << stop.output;
  const std::string log = (pair.directory() / "cluster" / "log" / "b.log").string();
  EXPECT_EQ(run_command("grep -c 'which has no name' " + log).output, "1\n");
}

TEST(RealFailure, AClusterThatStopsTakesNobodyForFailed) {
  for (const bool one_holds_all : {false, true}) {
    Pair pair;
    ASSERT_TRUE(pair.start_mirrored());
    if (one_holds_all) {
      ASSERT_EQ(pair.cluster_app("takeover b").exit_code, 0);
    }
    EXPECT_EQ(pair.cluster_app("stop").exit_code, 0);
    const std::string log = (pair.directory() / "cluster" / "log").string();
    EXPECT_EQ(run_command("cat " + log + "/[ab].log | grep -c 'node ends exit_code=0'").output,
              "2\n");
    EXPECT_EQ(run_command("cat " + log + "/[ab].log | grep 'has failed'").output, "");
  }
}

/// `cluster_app up`, as a person runs it in a terminal of his own.
class Up {
 public:
  explicit Up(const Pair& pair) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const std::string program = std::string(UNDERSTUDY_BIN) + "/cluster_app";
    const std::string cluster = (pair.directory() / "cluster").string();
    if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(126);
    execl(program.c_str(), program.c_str(), "-C", cluster.c_str(), "up", nullptr);
    _exit(127);
  }
  ~Up() { static_cast<void>(stop()); }
  Up(const Up&) = delete;
  Up& operator=(const Up&) = delete;

  /// Ctrl-C; the exit code.
  int stop() {
    int status = 0;
    if (pid_ <= 0 || ::kill(pid_, SIGTERM) != 0 || waitpid(std::exchange(pid_, 0), &status, 0) < 0)
      return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_;
};

void kill_node_of_up(const Pair& pair, const std::string& node) {
  const boost::json::object said = pair.node(node);
  ::kill(static_cast<pid_t>(said.at("processes").at("cluster_app").as_int64()), SIGKILL);
}

bool both_mirror(const Pair& pair) {
  return pair.mirroring("a") && pair.mirroring("b");
}

TEST(RealFailure, AnUpOneOfWhoseNodesHasDiedFails) {
  Pair pair;
  Up up(pair);
  ASSERT_TRUE(pair.wait_until(both_mirror, 30));
  kill_node_of_up(pair, "a");
  ASSERT_TRUE(pair.wait_until(taken_over, 20));
  EXPECT_EQ(up.stop(), 1);
}

TEST(RealFailure, AnUpWaitsForTheNodeThatWasStartedAgainFromAnotherTerminal) {
  Pair pair;
  Up up(pair);
  ASSERT_TRUE(pair.wait_until(both_mirror, 30));
  kill_node_of_up(pair, "a");
  ASSERT_TRUE(pair.wait_until(taken_over, 20));
  pair.start("a");
  ASSERT_TRUE(pair.wait_until([](const Pair& p) { return p.flag("b", "mirroring"); }, 30));
  EXPECT_EQ(up.stop(), 0);
  EXPECT_EQ(text_of(pair, "a", "state"), "down");
}

TEST(RealFailure, TheFenceAgentDecidesWhetherThereIsATakeover) {
  std::string pattern = testing::TempDir() + "understudy-agent-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const fs::path place = pattern;
  // Written anew under another name: a script that runs must not change.
  const auto write_agent = [&](const std::string& end) {
    const fs::path fresh = place / "fresh";
    std::ofstream(fresh) << "#!/bin/sh\necho \"$@\" >> '" << (place / "said").string() << "'\n"
                         << end << "\n";
    chmod(fresh.c_str(), 0700);
    fs::rename(fresh, place / "agent");
  };
  write_agent("exit 1");
  Pair pair(Pair::Settings{
      {"one_machine", "false\nfence_agent = \"" + (place / "agent").string() + "\""}});
  ASSERT_TRUE(pair.start_mirrored());
  put_one(pair);
  std::string all;
  for (const auto& [layer, pid] : pair.processes("a")) all += std::to_string(pid) + " ";
  pair.signal("a", SIGSTOP);
  ASSERT_TRUE(pair.wait_until(
      [](const Pair& p) {
        return text_of(p, "b", "awaiting").find("exit code 1") != std::string::npos;
      },
      20));
  EXPECT_FALSE(taken_over(pair));
  write_agent("kill -9 " + all);
  ASSERT_TRUE(pair.wait_until(taken_over, 30));
  expect_it_is_there(pair);
  std::string said;
  std::getline(std::ifstream(place / "said"), said);
  EXPECT_EQ(said, "off a");
  fs::remove_all(place);
}

TEST(RealFailure, AFaultPointThatDoesNotExistKeepsANodeFromStarting) {
  Pair pair;
  pair.start("a", "a.fs_cache:medium.write=error");
  EXPECT_TRUE(pair.wait_for_end("a", 10));
  std::ifstream out(pair.directory() / "a.out");
  const std::string said{std::istreambuf_iterator<char>(out), {}};
  EXPECT_NE(said.find("there is no fault point 'medium.write' in fs_cache"), std::string::npos)
      << said;
}

}  // namespace
}  // namespace understudy
