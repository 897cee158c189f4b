// Clients that take more than their part: very many connections and open files, answers that nobody
// reads, floods, half frames, wrong passwords without end. The node's memory stays bounded, an
// honest client beside them is served, and everything that they held is given back.
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "iomgr/bounds.h"
#include "tests/real/raw_client.h"
#include "tests/real/scenario.h"

namespace understudy {
namespace {

using smb2::Command;

constexpr std::uint16_t kPort = 4450;
constexpr std::size_t kConnections = 500;
constexpr std::size_t kOpens = 20'000;
constexpr std::size_t kOpensAConnection = 2'500;
// What clients may make a node take beside its shared memory, of which it has a fixed size: 20,000
// open files and 500 sessions, with the objects behind them in fs_cache.
constexpr std::uint64_t kMostPrivateBytes = 128 * bounds::kMiB;

/// Memory of a process that is its own, bytes (RssAnon of /proc/PID/status). What it shares is the
/// arena, made at its full size when the node starts.
std::uint64_t private_bytes(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoull(line.substr(8)) * bounds::kKiB;
  }
  return 0;
}

class Limits : public Scenario {
 protected:
  Limits() : Scenario(Pair::Settings{}) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  void begin_and_look() {
    ASSERT_NO_FATAL_FAILURE(begin());
    before_a_ = pair.processes("a");
    before_b_ = pair.processes("b");
  }
  std::unique_ptr<RawClient> stranger() {
    return std::make_unique<RawClient>(pair.address("a"), kPort);
  }
  std::unique_ptr<RawClient> known() {
    auto client = stranger();
    if (!client->connected() || failed(client->log_on("tester", "secret")) ||
        failed(client->tree_connect("share0"))) {
      return nullptr;
    }
    return client;
  }
  /// The honest clients beside the others, whose data is checked.
  void expect_served() {
    load->run_operations(20);
    ASSERT_FALSE(load->all_broken()) << load->history();
    ASSERT_NO_FATAL_FAILURE(consistent());
  }
  void expect_bounded_memory() {
    std::uint64_t all = 0;
    std::ostringstream parts;
    for (const auto& [layer, pid] : pair.processes("a")) {
      const std::uint64_t bytes = private_bytes(pid);
      parts << layer << " " << bytes / bounds::kMiB << " MiB, ";
      all += bytes;
    }
    RecordProperty("private_mib", std::to_string(all / bounds::kMiB));
    std::cout << "node a: " << parts.str() << "in all " << all / bounds::kMiB << " MiB\n";
    if (!under_sanitizer()) {
      EXPECT_LE(all, kMostPrivateBytes) << parts.str();
    }
  }
  /// A sanitizer keeps what is freed, and shadows of everything.
  static constexpr bool under_sanitizer() {
#ifdef __SANITIZE_ADDRESS__
    return true;
#else
    return false;
#endif
  }
  /// Nobody has been taken for dead, nothing that others held is left, nothing is lost.
  void expect_unharmed() {
    load.reset();
    EXPECT_TRUE(pair.wait_until(
        [](const Pair& p) {
          return p.number("a", "connections") == 0 && p.number("a", "opens") == 0;
        },
        30))
        << pair.number("a", "connections") << " connections, " << pair.number("a", "opens")
        << " open files";
    EXPECT_EQ(pair.processes("a"), before_a_);
    EXPECT_EQ(pair.processes("b"), before_b_);
    EXPECT_TRUE(pair.mirroring("a"));
    EXPECT_TRUE(pair.mirroring("b"));
    EXPECT_FALSE(pair.node("b").contains("last_takeover"));
  }

 private:
  std::map<std::string, pid_t> before_a_;
  std::map<std::string, pid_t> before_b_;
};

TEST_F(Limits, ANodeThatMayNotOpenEnoughFilesSaysSoAndDoesNotStart) {
  const CommandResult result =
      run_command("ulimit -n 600; exec " + std::string(UNDERSTUDY_BIN) + "/cluster_app -C " +
                      (pair.directory() / "cluster").string() + " node a",
                  20);
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_NE(
      result.output.find("may open 600 files and needs " + std::to_string(bounds::kMinDescriptors)),
      std::string::npos)
      << result.output;
}

TEST_F(Limits, FiveHundredConnectionsAndTwentyThousandOpenFilesAreServedAndGivenBack) {
  ASSERT_NO_FATAL_FAILURE(begin_and_look());
  std::vector<std::unique_ptr<RawClient>> clients;
  // Connections of the honest clients count too.
  while (clients.size() < kConnections) {
    clients.push_back(known());
    ASSERT_NE(clients.back(), nullptr) << "after " << clients.size() << " connections";
    if (clients.size() % 100 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_served());
    }
  }
  EXPECT_GE(pair.number("a", "connections"), static_cast<std::int64_t>(kConnections));
  for (std::size_t i = 0; i < kOpens; ++i) {
    // Of one directory: what counts is the open, and the share is to stay as it was. The access is
    // one that no share mode keeps out.
    constexpr std::uint32_t kReadAttributes = 0x80;
    ASSERT_EQ(clients.at(i / kOpensAConnection)->create("", 1, kReadAttributes), Status::success)
        << i;
    if (i % 5'000 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_served());
    }
  }
  EXPECT_TRUE(pair.wait_until(
      [](const Pair& p) { return p.number("a", "opens") >= static_cast<std::int64_t>(kOpens); },
      10));
  expect_bounded_memory();
  ASSERT_NO_FATAL_FAILURE(expect_served());
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("a"));
  clients.clear();
  expect_unharmed();
}

/// Asks for more than anybody reads, until the server takes no more.
void ask_and_never_read(RawClient& client) {
  client.credit_charge = 16;
  for (int i = 0; i < 256; ++i) {
    const RawClient::Octets read =
        client.message(Command::read, RawClient::read_body(client.file, 0, bounds::kMaxTransfer));
    if (!client.send_what_fits(read)) return;
  }
}

TEST_F(Limits, ClientsThatNeverReadTheirAnswersHoldUpNobodyElse) {
  ASSERT_NO_FATAL_FAILURE(begin_and_look());
  std::vector<std::unique_ptr<RawClient>> clients;
  // Twelve hold more than all memory for replies if nobody stops them: 4 MiB each.
  for (int i = 0; i < 12; ++i) {
    clients.push_back(known());
    ASSERT_NE(clients.back(), nullptr);
    RawClient& client = *clients.back();
    client.credits_wanted = 4096;
    const std::string name = "unread" + std::to_string(i);
    ASSERT_EQ(client.create(name, 3), Status::success);
    client.credit_charge = 16;
    const std::string data(bounds::kMaxTransfer - 4096, 'x');
    ASSERT_TRUE(client.ask(Command::write, RawClient::write_body(client.file, 0, data)));
    client.credit_charge = 1;
  }
  for (const auto& client : clients) ask_and_never_read(*client);
  ASSERT_NO_FATAL_FAILURE(expect_served());
  expect_bounded_memory();
  clients.clear();
  auto sweeper = known();
  ASSERT_NE(sweeper, nullptr);
  for (int i = 0; i < 12; ++i) {
    const std::string name = "unread" + std::to_string(i);
    ASSERT_EQ(sweeper->create(name, 1), Status::success);
    EXPECT_EQ(
        sweeper
            ->ask(Command::set_info, RawClient::set_body(sweeper->file, 13, RawClient::Octets{1}))
            ->status(),
        Status::success);
    EXPECT_TRUE(sweeper->ask(Command::close, RawClient::close_body(sweeper->file)));
  }
  sweeper.reset();
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("a"));
  expect_unharmed();
}

TEST_F(Limits, FloodsOfEveryKindHoldUpNobodyElse) {
  ASSERT_NO_FATAL_FAILURE(begin_and_look());
  std::array<std::atomic<std::size_t>, 4> rounds{};
  std::vector<std::jthread> floods;
  const auto flood = [&](std::function<void()> once) {
    std::atomic<std::size_t>& count = rounds.at(floods.size());
    floods.emplace_back([&count, once = std::move(once)](const std::stop_token& over) {
      for (; !over.stop_requested(); ++count) once();
    });
  };
  flood([&] {  // as many requests as fit
    const auto client = known();
    for (int i = 0; client != nullptr && i < 500; ++i)
      client->send_what_fits(client->message(Command::echo, RawClient::empty_body()));
  });
  flood([&] {  // without credits
    const auto client = stranger();
    for (int i = 0; client->connected() && i < 50; ++i)
      client->send_what_fits(client->message(Command::echo, RawClient::empty_body()));
  });
  flood([&] {  // a frame that is larger than any
    const auto client = stranger();
    if (client->connected()) client->send_bytes(RawClient::Octets{0, 0xFF, 0xFF, 0xFF});
  });
  flood([&] {  // wrong passwords
    const auto client = stranger();
    for (int i = 0; client->connected() && i < 20; ++i) {
      if (client->log_on("tester", "wrong") != Status::logon_failure) break;
    }
  });
  std::vector<std::unique_ptr<RawClient>> halves;
  for (int i = 0; i < 60; ++i) {  // half frames, as large as may be, and a byte now and then
    halves.push_back(known());
    ASSERT_NE(halves.back(), nullptr);
    ASSERT_TRUE(halves.back()->send_bytes(RawClient::Octets{0, 0x11, 0, 0, 0xFE}));
  }
  for (int i = 0; i < 10; ++i) {
    ASSERT_NO_FATAL_FAILURE(expect_served());
    for (const auto& half : halves) half->send_what_fits(RawClient::Octets{'S'});
  }
  expect_bounded_memory();
  floods.clear();  // stops them, and waits
  for (const auto& count : rounds) EXPECT_GT(count, 0U);
  halves.clear();
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("a"));
  expect_unharmed();
}

}  // namespace
}  // namespace understudy
