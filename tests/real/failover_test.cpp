// What the README promises, with real processes, a real SMB client and kill -9.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <future>

#include "tests/real/hostile.h"
#include "tests/real/pair.h"

namespace understudy {
namespace {

namespace fs = std::filesystem;

/// A tree with what trips file servers: many files, empty ones, non-ASCII names, names of 255
/// characters.
void make_tree(const fs::path& root, int files) {
  fs::create_directories(root / "deep" / "er" / "still");
  for (int i = 0; i < files; ++i) {
    std::ofstream file(root / (i % 3 == 0 ? "deep" : ".") / ("file" + std::to_string(i)),
                       std::ios::binary);
    for (int line = 0; line < i * 7 % 900; ++line) file << i << ' ' << line << '\n';
  }
  std::ofstream(root / "empty");
  std::ofstream(root / "deep" / "er" / "grüße 世界 ✓.txt") << "non-ASCII";
  std::ofstream(root / "deep" / std::string(255, 'n')) << "long name";
}

CommandResult same(const fs::path& one, const fs::path& other) {
  return run_command("diff -r '" + one.string() + "' '" + other.string() + "'");
}

/// Puts `local` (relative to the pair's directory) into the share's root.
CommandResult put_tree(const Pair& pair, const std::string& node, const std::string& share,
                       const std::string& local) {
  return pair.smb(node, share, "lcd " + local + "; recurse; prompt; mput *", 300);
}

CommandResult get_tree(const Pair& pair, const std::string& node, const std::string& share,
                       const std::string& local) {
  fs::create_directories(pair.directory() / local);
  return pair.smb(node, share, "lcd " + local + "; recurse; prompt; mget *", 300);
}

/// Gone, or a zombie that nobody has reaped yet.
bool is_dead(pid_t pid) {
  const char state = process_state(pid);
  return state == '\0' || state == 'Z';
}

#define ASSERT_DONE(call)                                                                        \
  do {                                                                                           \
    const CommandResult done = (call);                                                           \
    ASSERT_EQ(done.exit_code, 0) << #call << "\n" << done.output;                                \
    ASSERT_EQ(done.output.find("NT_STATUS"), std::string::npos) << #call << "\n" << done.output; \
  } while (false)

TEST(RealPair, GivesBackATreeAsItWasAndHasItOnTheHostAfterAFlush) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  make_tree(pair.directory() / "in", 300);
  ASSERT_DONE(put_tree(pair, "a", "share0", "in"));
  ASSERT_DONE(get_tree(pair, "a", "share0", "out"));
  ASSERT_DONE(same(pair.directory() / "in", pair.directory() / "out"));
  ASSERT_TRUE(pair.wait_until(
      [](const Pair& p) { return p.number("a", "operations_unwritten") == 0; }, 20));
  ASSERT_DONE(same(pair.directory() / "in", pair.tree("lun0") / ""));
}

TEST(RealPair, RenamesDeletesAndMakesDirectories) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  std::ofstream(pair.directory() / "f") << "content";
  ASSERT_DONE(pair.smb("a", "share0",
                       "mkdir d; put f d/one; put f d/two; rename d/one d/uno; rename d e; del "
                       "e/two; mkdir gone; rmdir gone"));
  ASSERT_DONE(pair.smb("a", "share0", "get e/uno back"));
  ASSERT_DONE(same(pair.directory() / "f", pair.directory() / "back"));
  const CommandResult listed = pair.smb("a", "share0", "ls; ls e/*");
  EXPECT_NE(listed.output.find("uno"), std::string::npos) << listed.output;
  EXPECT_EQ(listed.output.find("two"), std::string::npos) << listed.output;
  EXPECT_EQ(listed.output.find("gone"), std::string::npos) << listed.output;
}

TEST(RealPair, ServesWhatOnlyTwoMemoriesHeldAfterTheNodeThatTookItWasKilled) {
  Pair pair(Pair::Settings{{"lazy_writer", "\"hold\""}});
  ASSERT_TRUE(pair.start_mirrored());
  const fs::path in = pair.directory() / "in";
  make_tree(in, 200);
  run_command("head -c 67108864 /dev/urandom > '" + (in / "large").string() + "'");
  ASSERT_DONE(put_tree(pair, "a", "share0", "in"));
  ASSERT_TRUE(fs::is_empty(pair.tree("lun0") / ""))
      << "the lazy writer is held: nothing is on the medium";
  const std::int64_t mirrored = pair.number("b", "operations_mirrored");
  EXPECT_GT(mirrored, 200);

  pair.kill("a");
  const auto killed = std::chrono::steady_clock::now();
  ASSERT_TRUE(pair.wait_until(
      [](const Pair& p) { return p.smb("a", "share0", "ls", 10).exit_code == 0; }, 10));
  const auto answered =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - killed).count();
  EXPECT_LT(answered, 3.0);
  ASSERT_DONE(get_tree(pair, "a", "share0", "out"));
  ASSERT_DONE(same(in, pair.directory() / "out"));
  EXPECT_TRUE(pair.owns("b", "lun0"));
  EXPECT_TRUE(pair.node("b").at("degraded").as_bool());
  const auto takeover = pair.node("b").at("last_takeover").as_object();
  EXPECT_EQ(takeover.at("from").as_string(), "a");
  EXPECT_EQ(takeover.at("operations_replayed").to_number<std::int64_t>(), mirrored);

  // Degraded: what is acknowledged is on the medium, whatever happens to the survivor.
  std::ofstream(pair.directory() / "late") << "written while degraded";
  ASSERT_DONE(pair.smb("a", "share0", "put late late"));
  pair.kill("b");
  ASSERT_DONE(same(pair.directory() / "late", pair.tree("lun0") / "late"));
}

TEST(RealPair, TakesTheDeadNodeBackAndThenTheOtherOneMayDie) {
  Pair pair(Pair::Settings{{"lazy_writer", "\"hold\""}});
  ASSERT_TRUE(pair.start_mirrored());
  std::ofstream(pair.directory() / "first") << "before any failure";
  ASSERT_DONE(pair.smb("a", "share0", "put first first"));
  pair.kill("a");
  ASSERT_TRUE(pair.wait_until([](const Pair& p) { return p.serves("b", "lun0"); }, 10));
  pair.start("a");
  ASSERT_TRUE(pair.wait_until(
      [](const Pair& p) {
        const auto b = p.node("b");
        return b.contains("mirroring") && b.at("mirroring").as_bool();
      },
      20));
  std::ofstream(pair.directory() / "second") << "after the rejoin";
  ASSERT_DONE(pair.smb("a", "share0", "put second second"));
  ASSERT_DONE(pair.smb("b", "share1", "put second other"));
  EXPECT_FALSE(fs::exists(pair.tree("lun0") / "second")) << "write-back again";
  pair.kill("b");
  ASSERT_TRUE(pair.wait_until(
      [](const Pair& p) { return p.serves("a", "lun0") && p.serves("a", "lun1"); }, 10));
  ASSERT_DONE(pair.smb("a", "share0", "get first back1; get second back2"));
  ASSERT_DONE(pair.smb("b", "share1", "get other back3"));
  for (const auto& [file, back] :
       {std::pair{"first", "back1"}, {"second", "back2"}, {"second", "back3"}}) {
    ASSERT_DONE(same(pair.directory() / file, pair.directory() / back));
  }
}

/// A client comes back within the millisecond, and the Linux kernel's, once refused, tries again
/// only after 3 s.
TEST(RealPair, RefusesNobodyWhileADeadNodesAddressChangesHands) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const std::string address = pair.address("a") + ":4450";
  ASSERT_TRUE(pair.wait_until(
      [&](const Pair& p) {
        const auto b = p.node("b");
        return b.contains("stands_by") && b.at("stands_by") == boost::json::array{address};
      },
      10));
  const auto of_a = pair.processes("a");
  const auto of_b = pair.processes("b");
  ::kill(of_b.at("cluster_app"), SIGSTOP);  // nobody takes over yet
  pair.kill("a");
  ASSERT_TRUE(pair.wait_until([&](const Pair&) { return is_dead(of_a.at("netstack")); }, 10));
  EXPECT_TRUE(connect_to(pair.address("a"), 4450)) << "refused";
  auto listing = std::async(std::launch::async, [&] { return pair.smb("a", "share0", "ls", 20); });
  ::kill(of_b.at("cluster_app"), SIGCONT);
  ASSERT_DONE(listing.get());
  EXPECT_TRUE(pair.serves("b", "lun0"));
}

/// kill -9 of the survivor in the middle of its replay: its memory outlives it, and started again
/// it replays again.
TEST(RealPair, ReplaysAgainWhenTheSurvivorDiesInMidReplay) {
  // b passes replay.flush once for its own LUN when it starts; the other points only when it has
  // something to write.
  for (const char* point :
       {"b.mirror_server:replay.each=kill@20", "b.mirror_server:replay.flush=kill@2",
        "b.fs_cache:medium.flush.objects=kill", "b.fs_cache:medium.flush.entries.each=kill@5",
        "b.fs_cache:flush.end=kill"}) {
    SCOPED_TRACE(point);
    Pair pair(Pair::Settings{{"lazy_writer", "\"hold\""}, {"failure_after_ms", "500"}});
    ASSERT_TRUE(pair.start_mirrored(point));
    make_tree(pair.directory() / "in", 30);
    ASSERT_DONE(put_tree(pair, "a", "share0", "in"));
    pair.kill("a");
    ASSERT_TRUE(pair.wait_for_end("b", 20)) << "the fault point was not passed";
    pair.start("b");
    // It owns the LUN a moment before it listens on the address.
    ASSERT_TRUE(pair.wait_until(
        [](const Pair& p) { return p.smb("a", "share0", "ls", 10).exit_code == 0; }, 20));
    ASSERT_DONE(get_tree(pair, "a", "share0", "out"));
    ASSERT_DONE(same(pair.directory() / "in", pair.directory() / "out"));
  }
}

TEST(RealPair, LosesNothingWhenEveryProcessOfBothNodesIsKilled) {
  Pair pair(Pair::Settings{{"lazy_writer", "\"hold\""}});
  ASSERT_TRUE(pair.start_mirrored());
  make_tree(pair.directory() / "in", 30);
  ASSERT_DONE(put_tree(pair, "a", "share0", "in"));
  pair.kill("a");
  pair.kill("b");
  pair.start("a");
  // a alone must not serve a medium that lacks what it acknowledged.
  ASSERT_TRUE(pair.wait_until([](const Pair& p) { return p.node("a").contains("awaiting"); }, 20));
  EXPECT_FALSE(pair.owns("a", "lun0"));
  pair.start("b");
  ASSERT_TRUE(pair.wait_until(
      [](const Pair& p) { return p.serves("a", "lun0") || p.serves("b", "lun0"); }, 20));
  ASSERT_DONE(get_tree(pair, "a", "share0", "out"));
  ASSERT_DONE(same(pair.directory() / "in", pair.directory() / "out"));
}

TEST(RealPair, GivesLunsBackByCommand) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  ASSERT_DONE(pair.cluster_app("takeover a"));
  EXPECT_TRUE(pair.owns("b", "lun0"));
  std::ofstream(pair.directory() / "f") << "content";
  ASSERT_DONE(pair.smb("a", "share0", "put f f"));
  ASSERT_DONE(pair.cluster_app("giveback a"));
  EXPECT_TRUE(pair.owns("a", "lun0"));
  ASSERT_DONE(pair.smb("a", "share0", "get f back"));
  ASSERT_DONE(same(pair.directory() / "f", pair.directory() / "back"));
}

TEST(RealPair, FailsAsAWholeWhenOneLayerDies) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const auto layers = pair.processes("a");
  ::kill(layers.at("rd_driver"), SIGKILL);
  EXPECT_TRUE(pair.wait_for_end("a", 10));
  EXPECT_TRUE(pair.wait_until([](const Pair& p) { return p.serves("b", "lun0"); }, 10));
  for (const auto& [layer, pid] : layers) EXPECT_TRUE(is_dead(pid)) << layer;
}

}  // namespace
}  // namespace understudy
