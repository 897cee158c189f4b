#include "iomgr/host/address_watch.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstring>
#include <functional>
#include <optional>

#include "iomgr/host/asio_network.h"
#include "iomgr/host/test_child.h"
#include "iomgr/host/unique_fd.h"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using Raw = std::vector<std::uint8_t>;

int family_of(const std::string& address) {
  return address.find(':') == std::string::npos ? AF_INET : AF_INET6;
}

Raw bytes_of(const std::string& address) {
  Raw bytes(family_of(address) == AF_INET ? 4 : 16);
  UNDERSTUDY_CHECK(inet_pton(family_of(address), address.c_str(), bytes.data()) == 1);
  return bytes;
}

template <typename T>
Raw raw(const T& value) {
  Raw bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// A message of rtnetlink.
class Message {
 public:
  template <typename Body>
  Message(int type, int flags, const Body& body) {
    nlmsghdr header{};
    header.nlmsg_type = static_cast<std::uint16_t>(type);
    header.nlmsg_flags = static_cast<std::uint16_t>(flags);
    append(raw(header));
    append(raw(body));
    measure();
  }
  Message& with(int attribute, const Raw& value) {
    const rtattr header{static_cast<std::uint16_t>(sizeof(rtattr) + value.size()),
                        static_cast<std::uint16_t>(attribute)};
    append(raw(header));
    append(value);
    measure();
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    return *this;
  }
  const Raw& bytes() const { return bytes_; }

 private:
  void append(const Raw& part) { bytes_.insert(bytes_.end(), part.begin(), part.end()); }
  void measure() {
    const auto size = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &size, sizeof size);
  }

  Raw bytes_;
};

ifaddrmsg about(int family) {
  ifaddrmsg body{};
  body.ifa_family = static_cast<std::uint8_t>(family);
  body.ifa_prefixlen = family == AF_INET ? 32 : 128;
  body.ifa_index = 1;  // lo
  return body;
}

/// "-10.1.0.1 +::1": those that went and those that came.
std::string read(const Raw& datagram) {
  std::string text;
  for (const AddressChange& change : read_address_changes(datagram)) {
    char address[INET6_ADDRSTRLEN] = {};
    inet_ntop(AF_INET6, change.address.data(), address, sizeof address);
    text += (text.empty() ? "" : " ") + std::string(change.here ? "+" : "-") + address;
  }
  return text;
}

Raw operator+(Raw one, const Raw& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

Raw came(const std::string& address) {
  const int family = family_of(address);
  const int attribute = family == AF_INET ? IFA_LOCAL : IFA_ADDRESS;
  return Message(RTM_NEWADDR, 0, about(family)).with(attribute, bytes_of(address)).bytes();
}

TEST(AddressChanges, SayWhichAddressCameOrWent) {
  EXPECT_EQ(read(came("10.1.0.1")), "+::ffff:10.1.0.1");
  EXPECT_EQ(read(came("2001:db8::1")), "+2001:db8::1");
  const Message gone =
      Message(RTM_DELADDR, 0, about(AF_INET)).with(IFA_LOCAL, bytes_of("10.1.0.1"));
  EXPECT_EQ(read(came("::1") + gone.bytes() + came("10.1.0.2")),
            "+::1 -::ffff:10.1.0.1 +::ffff:10.1.0.2");
}

TEST(AddressChanges, AreOfTheOwnEndOfALink) {
  const Message link = Message(RTM_NEWADDR, 0, about(AF_INET))
                           .with(IFA_ADDRESS, bytes_of("10.1.0.2"))
                           .with(IFA_LOCAL, bytes_of("10.1.0.1"));
  EXPECT_EQ(read(link.bytes()), "+::ffff:10.1.0.1");
}

TEST(AddressChanges, LeaveOutAnAddressThatCannotBeUsedYet) {
  const auto with_flags = [](std::uint32_t flags) {
    return read(Message(RTM_NEWADDR, 0, about(AF_INET6))
                    .with(IFA_ADDRESS, bytes_of("::1"))
                    .with(IFA_FLAGS, raw(flags))
                    .bytes());
  };
  EXPECT_EQ(with_flags(IFA_F_PERMANENT), "+::1");
  EXPECT_EQ(with_flags(IFA_F_TENTATIVE), "");
  EXPECT_EQ(with_flags(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC), "+::1");
  EXPECT_EQ(with_flags(IFA_F_DADFAILED), "");
}

TEST(AddressChanges, PassOverWhatIsUnknown) {
  const Message strange = Message(RTM_NEWADDR, 0, about(AF_INET))
                              .with(0x3FFF, Raw(5))
                              .with(IFA_LOCAL, bytes_of("10.1.0.1"))
                              .with(IFA_LABEL, Raw(200));
  const Message link = Message(RTM_NEWLINK, 0, about(AF_INET)).with(IFA_LOCAL, bytes_of("::1"));
  const Message packet = Message(RTM_NEWADDR, 0, about(AF_PACKET)).with(IFA_LOCAL, Raw(4));
  EXPECT_EQ(read(strange.bytes() + link.bytes() + packet.bytes() + came("::1")),
            "+::ffff:10.1.0.1 +::1");
}

TEST(AddressChanges, LeaveOutAMessageThatMakesNoSense) {
  const Message wrong_size =
      Message(RTM_NEWADDR, 0, about(AF_INET)).with(IFA_LOCAL, bytes_of("::1"));
  const Message none = Message(RTM_NEWADDR, 0, about(AF_INET));
  const Message nothing = Message(RTM_NEWADDR, 0, std::uint32_t{0});
  EXPECT_EQ(read(wrong_size.bytes() + none.bytes() + nothing.bytes() + came("::1")), "+::1");
  for (const std::uint16_t length : std::initializer_list<std::uint16_t>{0, 3, 100}) {
    Raw bytes = came("10.1.0.1");
    std::memcpy(bytes.data() + sizeof(nlmsghdr) + sizeof(ifaddrmsg), &length, sizeof length);
    EXPECT_EQ(read(bytes + came("::1")), "+::1") << length;
  }
}

TEST(AddressChanges, EndAtAMessageOfAnImpossibleLength) {
  for (const std::uint32_t length : {0U, 15U, 1000U, 0xFFFF'FFFFU}) {
    Raw bytes = came("10.1.0.1");
    std::memcpy(bytes.data(), &length, sizeof length);
    EXPECT_EQ(read(came("::1") + bytes + came("::1")), "+::1") << length;
  }
}

TEST(AddressChanges, AreReadWithinTheDatagramWhereverItIsCutOrChanged) {
  const Raw whole = came("10.1.0.1") + came("2001:db8::1");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Raw cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_LT(read_address_changes(cut).size(), 2U);
    for (const std::uint8_t value : Raw{0, 1, 2, 4, 0x7F, 0xFF}) {
      Raw changed = whole;
      changed[size] = value;
      EXPECT_LE(read_address_changes(changed).size(), 2U);
    }
  }
}

/// This process's own network: lo, and whatever a test adds to it.
class OwnNetwork {
 public:
  OwnNetwork()
      : kernel_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)),
        news_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    sockaddr_nl six{};
    six.nl_family = AF_NETLINK;
    six.nl_groups = RTMGRP_IPV6_IFADDR;
    UNDERSTUDY_CHECK(bind(news_.get(), reinterpret_cast<sockaddr*>(&six), sizeof six) == 0);
    ifreq lo{};
    std::strcpy(lo.ifr_name, "lo");
    lo.ifr_flags = IFF_UP;
    const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    UNDERSTUDY_CHECK(ioctl(any.get(), SIOCSIFFLAGS, &lo) == 0);
  }

  void add(const std::string& address, int flags = NLM_F_CREATE | NLM_F_EXCL) {
    change(RTM_NEWADDR, flags, address);
    if (family_of(address) == AF_INET6) await(address);
  }
  void remove(const std::string& address) { change(RTM_DELADDR, 0, address); }
  /// The address is this machine's, though no interface has it.
  void add_route(const std::string& address) {
    rtmsg body{};
    body.rtm_family = AF_INET;
    body.rtm_dst_len = 32;
    body.rtm_table = RT_TABLE_LOCAL;
    body.rtm_type = RTN_LOCAL;
    body.rtm_scope = RT_SCOPE_HOST;
    ask(Message(RTM_NEWROUTE, kAsk | NLM_F_CREATE, body)
            .with(RTA_DST, bytes_of(address))
            .with(RTA_OIF, raw(std::uint32_t{1})));
  }

 private:
  static constexpr int kAsk = NLM_F_REQUEST | NLM_F_ACK;

  /// One of IPv6 can be used a moment later; its route is there when the next request is answered.
  void await(const std::string& address) {
    Raw datagram;
    do {
      datagram.resize(8192);
      const ssize_t size = recv(news_.get(), datagram.data(), datagram.size(), 0);
      UNDERSTUDY_CHECK(size > 0);
      datagram.resize(static_cast<std::size_t>(size));
    } while (read(datagram) != "+" + address);
    change(RTM_NEWADDR, NLM_F_REPLACE, address);
  }
  void change(int type, int flags, const std::string& address) {
    ask(Message(type, kAsk | flags, about(family_of(address)))
            .with(IFA_LOCAL, bytes_of(address))
            .with(IFA_ADDRESS, bytes_of(address)));
  }
  void ask(const Message& message) {
    struct {
      nlmsghdr header;
      nlmsgerr result;
      std::uint8_t rest[256];
    } answer{};
    const Raw& bytes = message.bytes();
    UNDERSTUDY_CHECK(send(kernel_.get(), bytes.data(), bytes.size(), 0) > 0);
    UNDERSTUDY_CHECK(recv(kernel_.get(), &answer, sizeof answer, 0) > 0);
    UNDERSTUDY_CHECK(answer.header.nlmsg_type == NLMSG_ERROR && answer.result.error == 0);
  }

  UniqueFd kernel_;
  UniqueFd news_;
};

/// A server, and clients that are plain sockets, to see what TCP tells them.
class ClientsAndServer {
 public:
  struct Connection {
    UniqueFd client;
    std::shared_ptr<Stream> server;
    std::shared_ptr<bool> ended = std::make_shared<bool>(false);  // at the server
  };

  std::shared_ptr<Listener> serve(const Endpoint& endpoint, bool standby = false) {
    const auto listener = standby ? network_.stand_by(endpoint) : network_.listen(endpoint);
    UNDERSTUDY_CHECK(static_cast<bool>(listener));
    (*listener)->reset_when_address_returns();
    return *listener;
  }
  std::shared_ptr<Listener> listen(const Endpoint& endpoint) { return *network_.listen(endpoint); }

  Connection connect(const std::shared_ptr<Listener>& listener, const std::string& from,
                     const std::string& to, std::uint16_t port = 445) {
    Connection made;
    made.client.reset(socket(family_of(to), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Raw own = socket_address(from, 0);
    const Raw server = socket_address(to, port);
    const int client = made.client.get();
    UNDERSTUDY_CHECK(bind(client, as_address(own), static_cast<socklen_t>(own.size())) == 0);
    UNDERSTUDY_CHECK(::connect(client, as_address(server), static_cast<socklen_t>(server.size())) ==
                     0);
    scope_.spawn(accept(listener, made.server));
    UNDERSTUDY_CHECK(executor_.run_until([&] { return made.server != nullptr; }, 20s));
    scope_.spawn(echo(made.server, made.ended));
    return made;
  }

  /// What is there to do has been done.
  void settle() {
    executor_.run_until([] { return false; }, 20ms);
  }
  bool lives(const Connection& connection) {
    char byte = 'x';
    if (send(connection.client.get(), &byte, 1, MSG_NOSIGNAL) != 1) return false;
    pollfd readable{connection.client.get(), POLLIN, 0};
    executor_.run_until([&] { return poll(&readable, 1, 0) == 1; }, 20s);
    return recv(connection.client.get(), &byte, 1, MSG_DONTWAIT) == 1;
  }
  /// What the client's next recv() fails with, once the server has ended the connection; or 0.
  int error_of(const Connection& connection) {
    if (!executor_.run_until([&] { return *connection.ended; }, 20s)) return 0;
    pollfd readable{connection.client.get(), POLLIN, 0};
    if (poll(&readable, 1, 20'000) != 1) return 0;
    char byte = 0;
    return recv(connection.client.get(), &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
  }

 private:
  static Raw socket_address(const std::string& address, std::uint16_t port) {
    sockaddr_in four{};
    sockaddr_in6 six{};
    four.sin_family = AF_INET;
    six.sin6_family = AF_INET6;
    four.sin_port = six.sin6_port = htons(port);
    if (family_of(address) == AF_INET6) {
      inet_pton(AF_INET6, address.c_str(), &six.sin6_addr);
      return raw(six);
    }
    inet_pton(AF_INET, address.c_str(), &four.sin_addr);
    return raw(four);
  }
  static const sockaddr* as_address(const Raw& bytes) {
    return reinterpret_cast<const sockaddr*>(bytes.data());
  }
  static Task<void> accept(std::shared_ptr<Listener> listener, std::shared_ptr<Stream>& to) {
    const Result<std::shared_ptr<Stream>> accepted = co_await listener->accept();
    if (accepted) to = *accepted;
  }
  static Task<void> echo(std::shared_ptr<Stream> stream, std::shared_ptr<bool> ended) {
    std::uint8_t byte = 0;
    while (true) {
      const Status read = co_await stream->read(Bytes(&byte, 1));
      if (failed(read)) break;
      const std::vector<ConstBytes> parts = {ConstBytes(&byte, 1)};
      const Status written = co_await stream->write(parts);
      if (failed(written)) break;
    }
    *ended = true;
  }

  AsioExecutor executor_;
  AsioNetwork network_{executor_};
  TaskScope scope_;
};

class AddressWatchTest : public testing::Test {
 protected:
  /// Runs `body` in a process with a network of its own.
  static void in_own_network(const std::function<void(OwnNetwork&, ClientsAndServer&)>& body) {
    constexpr int kNotPermitted = 2;
    TestChild child([&] {
      if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
        return kNotPermitted;
      OwnNetwork network;
      ClientsAndServer both;
      body(network, both);
      return HasFailure() ? 1 : 0;
    });
    const int code = child.wait();
    if (code == kNotPermitted) GTEST_SKIP() << "this process may not have a network of its own";
    EXPECT_EQ(code, 0);
  }
};

TEST_F(AddressWatchTest, ConnectionsAreResetWhenTheirAddressIsBackAndNoOthersAre) {
  in_own_network([](OwnNetwork& network, ClientsAndServer& both) {
    network.add("10.1.0.1");
    network.add("10.1.0.2");
    const auto moving = both.serve("10.1.0.1:445");
    const auto staying = both.serve("10.1.0.2:445");
    const auto nodes = both.listen("10.1.0.1:4460");
    const auto client = both.connect(moving, "127.0.0.1", "10.1.0.1");
    const auto idle = both.connect(moving, "127.0.0.1", "10.1.0.1");
    const auto other = both.connect(staying, "127.0.0.1", "10.1.0.2");
    const auto node = both.connect(nodes, "127.0.0.1", "10.1.0.1", 4460);
    ASSERT_TRUE(both.lives(client) && both.lives(other) && both.lives(node));
    network.remove("10.1.0.1");
    both.settle();
    EXPECT_FALSE(*client.ended);
    network.add("10.1.0.1");
    EXPECT_EQ(both.error_of(client), ECONNRESET);
    EXPECT_EQ(both.error_of(idle), ECONNRESET);
    EXPECT_TRUE(both.lives(other));
    EXPECT_TRUE(both.lives(node));
    const auto again = both.connect(moving, "127.0.0.1", "10.1.0.1");
    network.add("10.1.0.3");
    both.settle();
    EXPECT_TRUE(both.lives(again));
    network.remove("10.1.0.1");
    network.add("10.1.0.1");
    EXPECT_EQ(both.error_of(again), ECONNRESET);
  });
}

TEST_F(AddressWatchTest, SoAreThoseThatWhoStandsByHasTaken) {
  in_own_network([](OwnNetwork& network, ClientsAndServer& both) {
    network.add("10.1.0.1");
    const auto standby = both.serve("10.1.0.1:445", true);
    const auto client = both.connect(standby, "127.0.0.1", "10.1.0.1");
    network.remove("10.1.0.1");
    network.add("10.1.0.1");
    EXPECT_EQ(both.error_of(client), ECONNRESET);
  });
}

TEST_F(AddressWatchTest, SoAreThoseOfIpVersionSix) {
  if (access("/proc/sys/net/ipv6", F_OK) != 0) GTEST_SKIP() << "this kernel has no IPv6";
  in_own_network([](OwnNetwork& network, ClientsAndServer& both) {
    network.add("2001:db8::1");
    const auto listener = both.serve("[2001:db8::1]:445");
    const auto client = both.connect(listener, "::1", "2001:db8::1");
    network.remove("2001:db8::1");
    network.add("2001:db8::1");
    EXPECT_EQ(both.error_of(client), ECONNRESET);
  });
}

TEST_F(AddressWatchTest, AnAddressThatIsAnnouncedAgainHasNotBeenAway) {
  in_own_network([](OwnNetwork& network, ClientsAndServer& both) {
    network.add("10.1.0.1");
    const auto listener = both.serve("10.1.0.1:445");
    const auto client = both.connect(listener, "127.0.0.1", "10.1.0.1");
    network.add("10.1.0.1", NLM_F_REPLACE);
    both.settle();
    EXPECT_TRUE(both.lives(client));
  });
}

TEST_F(AddressWatchTest, AResetWaitsForTheRouteToTheClient) {
  in_own_network([](OwnNetwork& network, ClientsAndServer& both) {
    network.add("10.1.0.1");
    network.add("10.2.0.1");
    const auto listener = both.serve("10.1.0.1:445");
    const auto client = both.connect(listener, "10.2.0.1", "10.1.0.1");
    network.remove("10.2.0.1");
    network.remove("10.1.0.1");
    network.add("10.1.0.1");
    both.settle();
    EXPECT_FALSE(*client.ended);
    network.add_route("10.2.0.1");
    EXPECT_EQ(both.error_of(client), ECONNRESET);
  });
}

TEST_F(AddressWatchTest, AnAddressIsFoundToBeBackThoughTheMessageGotLost) {
  in_own_network([](OwnNetwork& network, ClientsAndServer& both) {
    network.add("10.1.0.1");
    const auto listener = both.serve("10.1.0.1:445");
    const auto client = both.connect(listener, "127.0.0.1", "10.1.0.1");
    network.remove("10.1.0.1");
    both.settle();
    for (int i = 0; i < 1000; ++i) {  // more messages than the socket holds
      network.add("10.3.0.1");
      network.remove("10.3.0.1");
    }
    network.add("10.1.0.1");
    EXPECT_EQ(both.error_of(client), ECONNRESET);
    const auto again = both.connect(listener, "127.0.0.1", "10.1.0.1");
    both.settle();
    EXPECT_TRUE(both.lives(again));
  });
}

std::size_t open_descriptors() {
  DIR* const all = opendir("/proc/self/fd");
  UNDERSTUDY_CHECK(all != nullptr);
  std::size_t count = 0;
  while (readdir(all) != nullptr) ++count;
  closedir(all);
  return count;
}

Endpoint own_endpoint() {
  return "localhost:" + std::to_string(30'000 + getpid() % 10'000);
}

TEST_F(AddressWatchTest, LeavesNoDescriptorBehind) {
  const std::size_t before = open_descriptors();
  {
    AsioExecutor executor;
    AsioNetwork network(executor);
    const auto listener = network.listen(own_endpoint());
    ASSERT_TRUE(listener);
    const std::size_t without = open_descriptors();
    (*listener)->reset_when_address_returns();
    (*listener)->reset_when_address_returns();
    EXPECT_EQ(open_descriptors(), without + 1);
  }
  EXPECT_EQ(open_descriptors(), before);
}

class CountingLog : public Log {
 public:
  void write(Level, std::string_view, Fields) override { ++lines; }
  int lines = 0;
};

/// UBSan looks at the type of an object through a pipe, the first time that it meets it. Here there
/// are no descriptors for one.
__attribute__((no_sanitize("undefined"))) void ask_twice(Listener& listener) {
  listener.reset_when_address_returns();
  listener.reset_when_address_returns();
}

TEST_F(AddressWatchTest, SaysOnceThatThereIsNoRtnetlinkAndListensAllTheSame) {
  CountingLog log;
  AsioExecutor executor;
  AsioNetwork network(executor, &log);
  const auto listener = network.listen(own_endpoint());
  ASSERT_TRUE(listener);
  static_cast<Log&>(log).info("UBSan has met this one");
  log.lines = 0;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none_left = before;
  none_left.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  ask_twice(**listener);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(log.lines, 1);
  std::optional<Status> connected;
  TaskScope scope;
  const auto connect = [&](const std::shared_ptr<Listener>& at) -> Task<void> {
    const auto client = co_await network.connect(own_endpoint());
    const auto server = co_await at->accept();
    connected = client ? server.status() : client.status();
  };
  scope.spawn(connect(*listener));
  ASSERT_TRUE(executor.run_until([&] { return connected.has_value(); }, 20s));
  EXPECT_EQ(*connected, Status::success);
}

}  // namespace
}  // namespace understudy
