// What people and strangers do to real processes: wrong settings, taken addresses, wrong passwords,
// frames that no honest client sends. The answer is a clear error or a closed connection; no
// process ends that had no reason to, and nothing acknowledged is lost. Run in every build, so also
// under AddressSanitizer.
#include <sys/stat.h>

#include <fstream>

#include "iomgr/interconnect.h"
#include "tests/real/hostile.h"
#include "tests/real/scenario.h"

namespace understudy {
namespace {

constexpr std::size_t kFrames = 10'000;
constexpr std::size_t kFramesAConnection = 5;
constexpr std::size_t kConnectionsAtOnce = 32;

class BadInput : public Scenario {
 protected:
  BadInput() : Scenario(Pair::Settings{}) {}

  /// A node that cannot run ends at once, and says why on one line.
  void expect_refused(const std::string& node, const std::string& why) {
    const CommandResult result = pair.cluster_app("node " + node, 20);
    EXPECT_EQ(result.exit_code, 1) << result.output;
    EXPECT_NE(result.output.find(why), std::string::npos) << result.output;
  }
  /// Opens the connections of a stranger, many at a time, and expects each to be closed.
  void vandalise(Vandal& vandal, std::uint16_t port, const std::string& node) {
    std::vector<UniqueFd> idle;
    for (std::size_t sent = 0; sent < kFrames; sent += kFramesAConnection) {
      UniqueFd connection = connect_to(pair.address(node), port);
      ASSERT_TRUE(connection) << "nobody listens any more after " << sent << " frames";
      // Some say nothing, so that many are open at once.
      idle.push_back(connect_to(pair.address(node), port));
      if (idle.size() > kConnectionsAtOnce) idle.erase(idle.begin());
      ASSERT_TRUE(is_closed_after(std::move(connection), vandal.connection(kFramesAConnection)))
          << "the connection stays open after " << sent << " frames";
    }
  }
  void expect_unharmed() {
    EXPECT_EQ(pair.processes("a"), before_a_);
    EXPECT_EQ(pair.processes("b"), before_b_);
    EXPECT_TRUE(pair.mirroring("a"));
    EXPECT_TRUE(pair.mirroring("b"));
    ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("a"));
    expect_service("a");
  }
  void begin_and_look() {
    ASSERT_NO_FATAL_FAILURE(begin());
    before_a_ = pair.processes("a");
    before_b_ = pair.processes("b");
  }

 private:
  std::map<std::string, pid_t> before_a_;
  std::map<std::string, pid_t> before_b_;
};

TEST_F(BadInput, AnUnknownSettingIsNamed) {
  std::ofstream(pair.directory() / "cluster" / "cluster.toml", std::ios::app) << "\ncolour = 1\n";
  expect_refused("a", "colour");
}

TEST_F(BadInput, AnAddressInUseIsNamedAndServedOnWhenItIsFree) {
  UniqueFd squatter = listen_at(pair.address("a"), 4450);
  pair.start("a");
  ASSERT_TRUE(pair.wait_until(
      [&](const Pair& p) {
        const boost::json::object about = p.node("a");
        const boost::json::value* awaiting = about.if_contains("awaiting");
        return awaiting != nullptr &&
               awaiting->as_string().find(p.address("a") + ":4450") != boost::json::string::npos;
      },
      15));
  squatter.reset();
  pair.start("b");
  std::string error;
  EXPECT_TRUE(read_share(pair.server("a", "share0"), std::chrono::seconds(15), error)) << error;
}

TEST_F(BadInput, AnInterconnectAddressInUseEndsTheNodeWithTheReason) {
  const UniqueFd squatter = listen_at(pair.address("a"), 4451);
  expect_refused("a", pair.address("a") + ":4451");
}

TEST_F(BadInput, AControlAddressInUseEndsTheNodeWithTheReason) {
  const UniqueFd squatter = listen_at(pair.address("a"), 4452);
  expect_refused("a", pair.address("a") + ":4452");
}

TEST_F(BadInput, AMediumThatCannotBeWrittenIsNamedAndNotServed) {
  // Root may write everywhere but on a medium that is read-only, so one is mounted over the LUN, in
  // a namespace that goes with the node.
  if (geteuid() != 0) GTEST_SKIP() << "only root can mount a medium that is read-only";
  const std::string cluster = (pair.directory() / "cluster").string();
  auto node = std::async(std::launch::async, [&] {
    return run_command("unshare -m bash -c 'mount -t tmpfs -o ro none " + cluster +
                       "/lun0 && exec " + std::string(UNDERSTUDY_BIN) + "/cluster_app -C " +
                       cluster + " node a'");
  });
  EXPECT_TRUE(pair.wait_until(
      [&](const Pair& p) {
        const boost::json::object about = p.node("a");
        const boost::json::value* awaiting = about.if_contains("awaiting");
        return awaiting != nullptr &&
               *awaiting == "lun0 cannot be taken: STATUS_MEDIA_WRITE_PROTECTED";
      },
      15));
  EXPECT_FALSE(pair.owns("a", "lun0"));
  EXPECT_EQ(pair.cluster_app("stop a").exit_code, 0);
  EXPECT_EQ(node.get().exit_code, 0);
}

TEST_F(BadInput, ASecondProcessForANodeIsRefusedAndTheFirstGoesOn) {
  ASSERT_NO_FATAL_FAILURE(begin_and_look());
  expect_refused("a", "runs already");
  expect_unharmed();
}

TEST_F(BadInput, AWrongPasswordIsRefused) {
  ASSERT_NO_FATAL_FAILURE(begin_and_look());
  const CommandResult result =
      run_command("smbclient //" + pair.address("a") + "/share0 -p 4450 -U tester%wrong -c ls");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.output.find("NT_STATUS_LOGON_FAILURE"), std::string::npos) << result.output;
  expect_unharmed();
}

TEST_F(BadInput, RandomAndTruncatedFramesAtTheSmbPortEndTheirConnectionAndNothingElse) {
  ASSERT_NO_FATAL_FAILURE(begin_and_look());
  Recorder recorder(pair.address("a"), 4450);
  std::ofstream(pair.directory() / "f") << "content";
  const CommandResult put = run_command(
      "cd '" + pair.directory().string() + "' && smbclient //" + pair.address("a") + "/share0 -p " +
      std::to_string(recorder.port()) + " -U tester%secret -c 'ls; put f f; rename f g; del g'");
  ASSERT_EQ(put.exit_code, 0) << put.output;
  std::vector<std::string> honest = recorder.frames();
  ASSERT_GE(honest.size(), 10U) << put.output;
  Vandal vandal(std::move(honest), seed());
  ASSERT_NO_FATAL_FAILURE(vandalise(vandal, 4450, "a"));
  expect_unharmed();
}

TEST_F(BadInput, RandomAndTruncatedMessagesAtTheInterconnectEndTheirConnectionAndNothingElse) {
  ASSERT_NO_FATAL_FAILURE(begin_and_look());
  using namespace interconnect;
  const std::vector<std::uint8_t> hello = encode(Hello{"a", "b", {}});
  const std::vector<std::uint8_t> proof = encode(Proof{});
  std::vector<std::string> honest;
  for (const auto& [type, body] : {std::pair(Message::hello, hello), {Message::proof, proof}}) {
    Header header{.type = type};
    header.length = static_cast<std::uint32_t>(body.size());
    header.sequence = honest.size() + 1;
    std::vector<std::uint8_t> message(kHeaderBytes);
    encode_header(header, body, message);
    message.insert(message.end(), body.begin(), body.end());
    honest.emplace_back(message.begin(), message.end());
  }
  Vandal vandal(std::move(honest), seed());
  ASSERT_NO_FATAL_FAILURE(vandalise(vandal, 4451, "b"));
  expect_unharmed();
}

}  // namespace
}  // namespace understudy
