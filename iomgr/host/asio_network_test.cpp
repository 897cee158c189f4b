#include "iomgr/host/asio_network.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

#include "iomgr/bounds.h"
#include "iomgr/host/unique_fd.h"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using Connection = std::shared_ptr<Stream>;

/// An address of 127.0.0.0/8 of this process's own, so that tests can run side by side.
Endpoint own_address(int port) {
  const int pid = getpid();
  return "127." + std::to_string(100 + (pid >> 16 & 0x3F)) + "." + std::to_string(pid >> 8 & 0xFF) +
         "." + std::to_string(pid & 0xFF) + ":" + std::to_string(port);
}

/// A port of this process's own where the address cannot be.
std::string own_port() {
  return std::to_string(20'000 + getpid() % 10'000);
}

Endpoint own_socket(const std::string& name) {
  return "unix:" + testing::TempDir() + "understudy_" + name + "_" + std::to_string(getpid());
}

std::string path_of(const Endpoint& endpoint) {
  return endpoint.substr(5);
}

Task<void> store(Task<Status> from, std::optional<Status>& to) {
  const Status status = co_await from;
  to = status;
}

template <typename T>
Task<void> store(Task<Result<T>> from, std::optional<Result<T>>& to) {
  Result<T> result = co_await from;
  to = std::move(result);
}

class AsioNetworkTest : public testing::Test {
 protected:
  template <typename T>
  T wait(Task<T> task) {
    std::optional<T> result;
    scope_.spawn(store(std::move(task), result));
    UNDERSTUDY_CHECK(executor_.run_until([&] { return result.has_value(); }, 20s));
    return *result;
  }

  struct Pair {
    std::shared_ptr<Listener> listener;
    Connection client;
    Connection server;
  };
  Pair connect(const Endpoint& endpoint) {
    auto listener = network_.listen(endpoint);
    UNDERSTUDY_CHECK(static_cast<bool>(listener));
    auto client = wait(network_.connect(endpoint));
    auto server = wait((*listener)->accept());
    return {*listener, *client, *server};
  }

  AsioExecutor executor_;
  AsioNetwork network_{executor_};
  TaskScope scope_;
};

Task<Status> echo(Connection stream, std::size_t count) {
  std::vector<std::uint8_t> buffer(100'000);
  while (count > 0) {
    const Result<std::size_t> got = co_await stream->read_some(buffer);
    if (!got) co_return got.status();
    const std::vector<ConstBytes> parts = {ConstBytes(buffer).first(*got)};
    const Status sent = co_await stream->write(parts);
    if (failed(sent)) co_return sent;
    count -= *got;
  }
  co_return Status::success;
}

void expect_echo(AsioExecutor& executor, TaskScope& scope, const Connection& client,
                 const Connection& server) {
  constexpr std::size_t kSize = 8 * bounds::kMiB;
  std::vector<std::uint8_t> data(kSize);
  for (std::size_t i = 0; i < kSize; ++i) data[i] = static_cast<std::uint8_t>(i * 7 + (i >> 12));
  std::vector<std::uint8_t> back(kSize);
  const ConstBytes all(data);
  const std::vector<ConstBytes> parts = {
      all.first(1), {}, all.subspan(1, 5'000'000), all.subspan(5'000'001)};
  std::optional<Status> echoed;
  std::optional<Status> written;
  std::optional<Status> read;
  scope.spawn(store(echo(server, kSize), echoed));
  scope.spawn(store(client->write(parts), written));
  scope.spawn(store(client->read(back), read));
  ASSERT_TRUE(executor.run_until([&] { return echoed && written && read; }, 20s));
  EXPECT_EQ(*echoed, Status::success);
  EXPECT_EQ(*written, Status::success);
  EXPECT_EQ(*read, Status::success);
  EXPECT_TRUE(data == back);
}

TEST_F(AsioNetworkTest, EchoesEightMebibytesOverTcpFromGatheredParts) {
  const Pair pair = connect(own_address(4450));
  expect_echo(executor_, scope_, pair.client, pair.server);
  EXPECT_EQ(pair.client->peer(), own_address(4450));
  EXPECT_EQ(pair.server->peer().substr(0, 10), "127.0.0.1:");
}

TEST_F(AsioNetworkTest, EchoesEightMebibytesOverAUnixSocket) {
  const Pair pair = connect(own_socket("echo"));
  expect_echo(executor_, scope_, pair.client, pair.server);
}

TEST_F(AsioNetworkTest, ResolvesNamesWhenItConnects) {
  const auto listener = network_.listen("localhost:" + own_port());
  ASSERT_TRUE(listener);
  EXPECT_TRUE(
      wait(network_.connect("LOCALHOST:" + own_port())));  // another spelling: goes to the resolver
}

TEST_F(AsioNetworkTest, CloseFailsTheReaderThatWaits) {
  const Pair pair = connect(own_address(4451));
  std::optional<Status> read;
  std::vector<std::uint8_t> buffer(10);
  scope_.spawn(store(pair.client->read(buffer), read));
  EXPECT_FALSE(read);
  pair.client->close();
  pair.client->close();
  ASSERT_TRUE(executor_.run_until([&] { return read.has_value(); }, 10s));
  EXPECT_EQ(*read, Status::connection_reset);
  EXPECT_EQ(wait(pair.client->read(buffer)), Status::connection_reset);
  EXPECT_EQ(wait(pair.server->read(buffer)), Status::connection_reset);
}

TEST_F(AsioNetworkTest, CloseFailsTheWriterThatWaits) {
  const Pair pair = connect(own_address(4452));
  const std::vector<std::uint8_t> data(64 * bounds::kMiB);  // more than the sockets hold
  std::optional<Status> written;
  const std::vector<ConstBytes> parts = {data};
  scope_.spawn(store(pair.client->write(parts), written));
  EXPECT_FALSE(executor_.run_until([&] { return written.has_value(); }, 20ms));
  pair.client->close();
  ASSERT_TRUE(executor_.run_until([&] { return written.has_value(); }, 10s));
  EXPECT_EQ(*written, Status::connection_reset);
}

TEST_F(AsioNetworkTest, AStreamMayBeDroppedWhileItReads) {
  Pair pair = connect(own_address(4453));
  std::optional<Status> read;
  std::vector<std::uint8_t> buffer(10);
  scope_.spawn(store(pair.client->read(buffer), read));
  pair.client.reset();
  ASSERT_TRUE(executor_.run_until([&] { return read.has_value(); }, 10s));
  EXPECT_EQ(*read, Status::connection_reset);
}

TEST_F(AsioNetworkTest, AReaderMayBeDestroyedWhileItReads) {
  const Pair pair = connect(own_address(4454));
  std::optional<Status> read;
  {
    std::vector<std::uint8_t> buffer(10);
    TaskScope short_lived;
    short_lived.spawn(store(pair.client->read(buffer), read));
  }
  // Bytes that arrive now must not land in the buffer that is gone; the stream was closed with its
  // reader.
  const std::vector<std::uint8_t> data(10, 1);
  const std::vector<ConstBytes> parts = {data};
  static_cast<void>(wait(pair.server->write(parts)));
  std::vector<std::uint8_t> rest(1);
  EXPECT_EQ(wait(pair.server->read(rest)), Status::connection_reset);
  EXPECT_FALSE(read);
}

TEST_F(AsioNetworkTest, ReadsTheLastBytesOfAStreamThatTheOtherSideClosed) {
  const Pair pair = connect(own_address(4455));
  const std::vector<std::uint8_t> data(10, 7);
  const std::vector<ConstBytes> parts = {data};
  EXPECT_EQ(wait(pair.server->write(parts)), Status::success);
  pair.server->close();
  std::vector<std::uint8_t> buffer(20);
  const auto count = wait(pair.client->read_some(buffer));
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 10U);
  EXPECT_EQ(wait(pair.client->read_some(buffer)).status(), Status::connection_reset);
}

TEST_F(AsioNetworkTest, ClosingAListenerEndsItsAcceptAndFreesTheAddress) {
  auto listener = network_.listen(own_address(4456));
  ASSERT_TRUE(listener);
  EXPECT_EQ(network_.listen(own_address(4456)).status(), Status::object_name_collision);
  std::optional<Result<Connection>> accepted;
  scope_.spawn(store((*listener)->accept(), accepted));
  (*listener)->close();
  ASSERT_TRUE(executor_.run_until([&] { return accepted.has_value(); }, 10s));
  EXPECT_EQ(accepted->status(), Status::connection_aborted);
  EXPECT_EQ(wait((*listener)->accept()).status(), Status::connection_aborted);
  EXPECT_TRUE(network_.listen(own_address(4456)));
}

TEST_F(AsioNetworkTest, WhatConnectsComesToWhoListensAndToWhoStandsByWhenThatOneIsGone) {
  for (const bool first_is_there_first : {true, false}) {
    const Endpoint address = own_address(first_is_there_first ? 4460 : 4461);
    auto first = first_is_there_first ? network_.listen(address) : Status::not_found;
    const auto standby = network_.stand_by(address);
    if (!first_is_there_first) first = network_.listen(address);
    ASSERT_TRUE(first);
    ASSERT_TRUE(standby);
    std::vector<Connection> clients;
    for (int client = 0; client < 20; ++client) {  // Linux would spread them over equals
      clients.push_back(*wait(network_.connect(address)));
      ASSERT_TRUE(wait((*first)->accept()));
    }
    (*first)->close();
    clients.push_back(*wait(network_.connect(address)));
    first = network_.listen(address);
    ASSERT_TRUE(first);
    clients.push_back(*wait(network_.connect(address)));
    EXPECT_TRUE(wait((*first)->accept()));
    const auto waited = wait((*standby)->accept());
    ASSERT_TRUE(waited);
    EXPECT_EQ((*waited)->peer().substr(0, 4), "127.");
  }
}

/// Another process, which listens at `address`, accepts one client, and writes a byte to `told`
/// when it listens and when it has accepted.
pid_t serve_one_elsewhere(const Endpoint& address, int told) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  AsioExecutor executor;
  AsioNetwork network(executor);
  TaskScope scope;
  const auto tell = [told] { UNDERSTUDY_CHECK(write(told, "x", 1) == 1); };
  const auto listener = network.listen(address);
  UNDERSTUDY_CHECK(static_cast<bool>(listener));
  tell();
  std::optional<Result<Connection>> accepted;
  scope.spawn(store((*listener)->accept(), accepted));
  while (!accepted) executor.run_until([&] { return accepted.has_value(); }, 10s);
  tell();
  for (;;) pause();
}

/// A client that hears of the end of its connection is back at once: a listener that were still
/// there would take it, and drop it when it ends itself.
TEST_F(AsioNetworkTest, AProcessThatIsKilledListensNoLongerWhenItsConnectionsEnd) {
  const Endpoint address = own_address(4463);
  int told[2] = {};
  ASSERT_EQ(pipe(told), 0);
  const pid_t other = serve_one_elsewhere(address, told[1]);
  ASSERT_GT(other, 0);
  const auto hear = [&] {
    char byte = 0;
    return ::read(told[0], &byte, 1) == 1;
  };
  ASSERT_TRUE(hear());
  const auto accepted = wait(network_.connect(address));
  ASSERT_TRUE(accepted && hear());
  const auto waiting = wait(network_.connect(address));  // ends with the listener
  ASSERT_TRUE(waiting);
  std::vector<std::string> ended;
  const auto watch = [&ended](std::string name, Connection client) -> Task<void> {
    std::uint8_t nothing = 0;
    co_await client->read(Bytes(&nothing, 1));
    ended.push_back(name);
  };
  scope_.spawn(watch("connection", *accepted));
  scope_.spawn(watch("listener", *waiting));
  ::kill(other, SIGKILL);
  ASSERT_TRUE(executor_.run_until([&] { return ended.size() == 2; }, 20s));
  EXPECT_EQ(ended, (std::vector<std::string>{"listener", "connection"}));
  EXPECT_EQ(waitpid(other, nullptr, 0), other);
  close(told[0]);
  close(told[1]);
}

TEST_F(AsioNetworkTest, TwoCannotListenOnOneAddressThoughOthersStandByThere) {
  const auto standby = network_.stand_by(own_address(4462));
  const auto another = network_.stand_by(own_address(4462));
  const auto first = network_.listen(own_address(4462));
  ASSERT_TRUE(standby);
  ASSERT_TRUE(another);
  ASSERT_TRUE(first);
  EXPECT_EQ(network_.listen(own_address(4462)).status(), Status::object_name_collision);
}

TEST_F(AsioNetworkTest, StandsByAtAnAddressThatMayComeHereLater) {
  EXPECT_TRUE(network_.stand_by("192.0.2.1:4450"));  // of nobody, RFC 5737
  EXPECT_EQ(network_.stand_by("[::1]:4450").status(), Status::not_supported);
  EXPECT_EQ(network_.stand_by(own_socket("standby")).status(), Status::not_supported);
  EXPECT_EQ(network_.stand_by("example.invalid:4450").status(), Status::invalid_parameter);
}

TEST_F(AsioNetworkTest, SaysWhyItCannotConnect) {
  EXPECT_EQ(wait(network_.connect(own_address(4457))).status(), Status::request_not_accepted);
  EXPECT_EQ(wait(network_.connect(own_socket("nobody"))).status(), Status::object_name_not_found);
  for (const char* bad :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", ":1", "::1:1", "unix:"}) {
    EXPECT_EQ(wait(network_.connect(bad)).status(), Status::invalid_parameter) << bad;
  }
  EXPECT_EQ(wait(network_.connect("unix:/" + std::string(200, 'x'))).status(),
            Status::invalid_parameter);
}

TEST_F(AsioNetworkTest, GivesUpOnAnAddressThatDoesNotAnswer) {
  // A listener whose queue is full drops what else wants to connect, as a dead machine does.
  const int port = 4458;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr =
      inet_addr(own_address(port).substr(0, own_address(port).find(':')).c_str());
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  AsioNetwork impatient(executor_, nullptr, 50ms);
  const auto first = wait(impatient.connect(own_address(port)));
  EXPECT_TRUE(first);
  const Time start = executor_.now();
  EXPECT_EQ(wait(impatient.connect(own_address(port))).status(), Status::io_timeout);
  EXPECT_LT(executor_.now() - start, 10s);
}

TEST_F(AsioNetworkTest, AcceptWaitsWhileTheProcessIsOutOfDescriptors) {
  const auto listener = network_.listen(own_address(4459));
  ASSERT_TRUE(listener);
  const auto client = wait(network_.connect(own_address(4459)));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none_left = before;
  none_left.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  std::optional<Result<Connection>> accepted;
  scope_.spawn(store((*listener)->accept(), accepted));
  const bool early = executor_.run_until([&] { return accepted.has_value(); }, 20ms);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(early);
  ASSERT_TRUE(executor_.run_until([&] { return accepted.has_value(); }, 10s));
  EXPECT_TRUE(*accepted);
}

TEST_F(AsioNetworkTest, SaysWhyItCannotListen) {
  EXPECT_EQ(network_.listen("192.0.2.1:4450").status(), Status::not_found);  // of nobody, RFC 5737
  EXPECT_EQ(network_.listen("example.invalid:4450").status(), Status::invalid_parameter);
  EXPECT_EQ(network_.listen("unix:/no/such/directory/socket").status(),
            Status::object_name_not_found);
}

TEST_F(AsioNetworkTest, AUnixSocketIsForItsOwnerAndGoesWithItsListener) {
  const Endpoint endpoint = own_socket("mode");
  const auto listener = network_.listen(endpoint);
  ASSERT_TRUE(listener);
  struct stat facts {};
  ASSERT_EQ(lstat(path_of(endpoint).c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  EXPECT_EQ(network_.listen(endpoint).status(), Status::object_name_collision);
  (*listener)->close();
  EXPECT_NE(lstat(path_of(endpoint).c_str(), &facts), 0);
}

TEST_F(AsioNetworkTest, ReplacesTheSocketThatADeadListenerLeft) {
  const Endpoint endpoint = own_socket("stale");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_of(endpoint).copy(address.sun_path, sizeof address.sun_path - 1);
  const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(dead);
  const Pair pair = connect(endpoint);
  EXPECT_EQ(pair.server->peer(), "unix");
}

TEST_F(AsioNetworkTest, LeavesAFileAloneThatIsNoSocket) {
  const Endpoint endpoint = own_socket("file");
  std::ofstream(path_of(endpoint)) << "precious";
  EXPECT_EQ(network_.listen(endpoint).status(), Status::object_name_collision);
  std::string content;
  std::ifstream(path_of(endpoint)) >> content;
  EXPECT_EQ(content, "precious");
  unlink(path_of(endpoint).c_str());
}

TEST_F(AsioNetworkTest, ListensOnIpVersionSix) {
  const auto listener = network_.listen("[::1]:" + own_port());
  if (listener.status() == Status::not_found) GTEST_SKIP() << "this machine has no ::1";
  ASSERT_TRUE(listener);
  const auto client = wait(network_.connect("[::1]:" + own_port()));
  ASSERT_TRUE(client);
  EXPECT_EQ((*client)->peer(), "[::1]:" + own_port());
}

}  // namespace
}  // namespace understudy
