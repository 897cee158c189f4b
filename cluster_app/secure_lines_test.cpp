// The link between two cluster_apps against those who do not know the key, and what may come in a
// heartbeat.
#include "cluster_app/secure_lines.h"

#include <gtest/gtest.h>

#include "cluster_app/answer.h"
#include "cluster_app/heartbeat.h"
#include "iomgr/bounds.h"
#include "iomgr/local/local_network.h"
#include "iomgr/local/virtual_loop.h"

namespace understudy {
namespace {

const std::string kKey(64, 'k');
const PeerIdentity kDialler{"a", 11};
const PeerIdentity kListener{"b", 22};

class SecureLinesTest : public ::testing::Test {
 public:
  /// Two ends of one connection; `dialler` as it is, `listener` behind it.
  void connect() {
    scope.spawn([](SecureLinesTest& self) -> Task<void> {
      const auto listener = self.network.listen("there:1");
      const auto dialler = co_await self.network.connect("there:1");
      const auto accepted = co_await (*listener)->accept();
      self.dialling = *dialler;
      self.listening = *accepted;
    }(*this));
    loop.run_ready();
    ASSERT_TRUE(dialling && listening);
  }

  void shake_hands(SecureLines& one, SecureLines& other, const std::string& expected = "b") {
    scope.spawn([](SecureLinesTest& self, SecureLines& lines, std::string peer) -> Task<void> {
      self.dialled = co_await lines.dial(kDialler, peer, self.random);
      if (failed(self.dialled)) lines.close();
    }(*this, one, expected));
    scope.spawn([](SecureLinesTest& self, SecureLines& lines) -> Task<void> {
      self.answered = co_await lines.answer(kListener, kDialler.node, self.random);
      if (failed(self.answered)) lines.close();
    }(*this, other));
    loop.run_ready();
  }

  Status send_raw(const std::string& text) {
    Status status = Status::pending;
    scope.spawn([](std::shared_ptr<Stream> stream, std::string bytes, Status& out) -> Task<void> {
      const ConstBytes part = as_bytes(bytes);
      out = co_await stream->write({&part, 1});
    }(dialling, text, status));
    loop.run_ready();
    return status;
  }

  Result<std::string> read(SecureLines& lines) {
    std::optional<Result<std::string>> result;
    scope.spawn([](SecureLines& from, std::optional<Result<std::string>>& out) -> Task<void> {
      Result<std::string> line = co_await from.read();
      out.emplace(std::move(line));
    }(lines, result));
    loop.run_ready();
    return result ? *result : Result<std::string>(Status::io_timeout);
  }

  void write(SecureLines& lines, const std::string& text) {
    scope.spawn([](SecureLines& to, std::string what) -> Task<void> {
      static_cast<void>(co_await to.write(what));
    }(lines, text));
    loop.run_ready();
  }

  VirtualLoop loop;
  Wire wire;
  std::unique_ptr<Executor> executor = loop.make_executor();
  LocalNetwork network{wire, *executor};
  SeededRandom random{5};
  std::shared_ptr<Stream> dialling;
  std::shared_ptr<Stream> listening;
  Status dialled = Status::pending;
  Status answered = Status::pending;
  TaskScope scope;
};

TEST_F(SecureLinesTest, BothEndsLearnWhoIsThereAndTalk) {
  connect();
  SecureLines one(*executor, dialling, kKey);
  SecureLines other(*executor, listening, kKey);
  shake_hands(one, other);
  ASSERT_EQ(dialled, Status::success);
  ASSERT_EQ(answered, Status::success);
  EXPECT_EQ(one.peer().node, "b");
  EXPECT_EQ(one.peer().incarnation, 22U);
  EXPECT_EQ(other.peer().incarnation, 11U);
  write(one, "hello");
  write(one, "again");
  EXPECT_EQ(*read(other), "hello");
  EXPECT_EQ(*read(other), "again");
}

TEST_F(SecureLinesTest, RefuseAnotherKeyOnBothEnds) {
  connect();
  SecureLines one(*executor, dialling, kKey);
  SecureLines other(*executor, listening, std::string(64, 'x'));
  shake_hands(one, other);
  EXPECT_EQ(dialled, Status::access_denied);
  EXPECT_TRUE(failed(answered));
}

TEST_F(SecureLinesTest, RefuseANodeThatIsNotThePartner) {
  connect();
  SecureLines one(*executor, dialling, kKey);
  SecureLines other(*executor, listening, kKey);
  shake_hands(one, other, "c");
  EXPECT_EQ(dialled, Status::access_denied);
}

TEST_F(SecureLinesTest, RefuseALineThatSomebodySlippedIn) {
  connect();
  SecureLines one(*executor, dialling, kKey);
  SecureLines other(*executor, listening, kKey);
  shake_hands(one, other);
  ASSERT_EQ(send_raw(std::string(64, '0') + " {\"type\":\"heartbeat\"}\n"), Status::success);
  EXPECT_EQ(read(other).status(), Status::access_denied);
}

TEST_F(SecureLinesTest, RefuseGarbageInsteadOfAHandshake) {
  for (const std::string& garbage :
       {std::string("\n"), std::string("{}\n"), std::string("[1]\n"), std::string(10'000, 'x'),
        std::string("{\"node\":\"a\",\"incarnation\":1,\"nonce\":\"short\"}\n"),
        std::string("{\"node\":5}\n")}) {
    connect();
    SecureLines other(*executor, listening, kKey);
    answered = Status::pending;
    scope.spawn([](SecureLinesTest& self, SecureLines& lines) -> Task<void> {
      self.answered = co_await lines.answer(kListener, kDialler.node, self.random);
    }(*this, other));
    ASSERT_EQ(send_raw(garbage), Status::success);
    EXPECT_TRUE(failed(answered)) << garbage.substr(0, 40);
  }
}

TEST(Heartbeat, ComesOutAsItWentIn) {
  Heartbeat sent;
  sent.who = {"a", 0, "machine", {{Layer::fs_cache, 4711, 99}}};
  sent.state = NodeState::up;
  sent.luns = {{LunPhase::serving, 7}, {LunPhase::none, 12}};
  const auto got = heartbeat_from(to_json(sent), 2);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->state, NodeState::up);
  EXPECT_EQ(got->who.processes.at(0).pid, 4711);
  EXPECT_EQ(got->who.processes.at(0).start_time, 99U);
  EXPECT_EQ(got->luns.at(0).phase, LunPhase::serving);
  EXPECT_EQ(got->luns.at(1).epoch, 12U);
}

TEST(Heartbeat, IsRefusedWithProcessesThatNobodyMayKill) {
  Heartbeat sent;
  sent.luns = {{}};
  for (const std::int64_t pid :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1} << 40}) {
    sent.who.processes = {{Layer::fs_cache, pid, 1}};
    EXPECT_FALSE(heartbeat_from(to_json(sent), 1).has_value()) << pid;
  }
}

TEST(Heartbeat, IsRefusedFromAClusterOfAnotherShape) {
  Heartbeat sent;
  sent.luns = {{}, {}};
  EXPECT_TRUE(heartbeat_from(to_json(sent), 2).has_value());
  EXPECT_FALSE(heartbeat_from(to_json(sent), 3).has_value());
  json::object message = to_json(sent);
  message["state"] = "asleep";
  EXPECT_FALSE(heartbeat_from(message, 2).has_value());
}

}  // namespace
}  // namespace understudy
