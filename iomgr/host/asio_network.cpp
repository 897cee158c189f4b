#include "iomgr/host/asio_network.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "iomgr/host/address_watch.h"
#include "iomgr/host/asio_await.h"
#include "iomgr/host/unique_fd.h"

namespace understudy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Address = Protocol::endpoint;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using asio::ip::tcp;

constexpr Duration kAcceptRetry = std::chrono::milliseconds(100);
// All clients of a node may come at once, and nobody accepts them yet.
constexpr int kStandbyBacklog = static_cast<int>(bounds::kMaxConnections);
constexpr std::string_view kUnixPrefix = "unix:";

/// "host:port" or "[v6]:port", taken apart.
struct HostAndPort {
  std::string host;
  std::uint16_t port;
};

std::optional<HostAndPort> split(std::string_view endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // where would the address end?
  }
  const std::string_view digits = endpoint.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return HostAndPort{std::string(host), port};
}

bool is_unix(std::string_view endpoint) {
  return endpoint.starts_with(kUnixPrefix);
}

std::string unix_path(std::string_view endpoint) {
  return std::string(endpoint.substr(kUnixPrefix.size()));
}

/// The address of a numeric endpoint, or of a Unix socket.
std::optional<Address> numeric_address(const Endpoint& endpoint) {
  if (is_unix(endpoint)) {
    const std::string path = unix_path(endpoint);
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) return std::nullopt;
    return Address(asio::local::stream_protocol::endpoint(path));
  }
  const auto parts = split(endpoint);
  if (!parts) return std::nullopt;
  error_code error;
  const auto ip =
      asio::ip::make_address(parts->host == "localhost" ? "127.0.0.1" : parts->host, error);
  if (error) return std::nullopt;
  return Address(tcp::endpoint(ip, parts->port));
}

tcp::endpoint ip_endpoint(const Address& address) {
  tcp::endpoint ip;
  std::memcpy(ip.data(), address.data(), std::min(address.size(), ip.capacity()));
  return ip;
}

/// The same; a mapped address is the IPv4 address that it means.
tcp::endpoint plain_endpoint(const Address& address) {
  tcp::endpoint ip = ip_endpoint(address);
  if (ip.address().is_v4() || !ip.address().to_v6().is_v4_mapped()) return ip;
  return {asio::ip::make_address_v4(asio::ip::v4_mapped, ip.address().to_v6()), ip.port()};
}

/// "host:port".
std::string describe(const Address& address) {
  const tcp::endpoint ip = plain_endpoint(address);
  const std::string host = ip.address().to_string();
  return (ip.address().is_v4() ? host : "[" + host + "]") + ":" + std::to_string(ip.port());
}

std::string describe_peer(const Protocol::socket& socket) {
  error_code error;
  const Address address = socket.remote_endpoint(error);
  if (error) return "gone";
  return address.protocol().family() == AF_UNIX ? "unix" : describe(address);
}

Status status_of(const error_code& error) {
  if (error == asio::error::connection_refused) return Status::request_not_accepted;
  if (error == asio::error::timed_out) return Status::io_timeout;
  if (error == asio::error::address_in_use) return Status::object_name_collision;
  if (error == asio::error::access_denied) return Status::access_denied;
  if (error == boost::system::errc::permission_denied) return Status::access_denied;
  if (error == boost::system::errc::address_not_available) return Status::not_found;
  if (error == boost::system::errc::no_such_file_or_directory ||
      error == asio::error::host_not_found) {
    return Status::object_name_not_found;
  }
  return Status::server_unavailable;
}

class AsioStream : public Stream {
 public:
  explicit AsioStream(std::shared_ptr<Protocol::socket> socket)
      : socket_(std::move(socket)), peer_(describe_peer(*socket_)) {
    error_code ignored;
    if (peer_ != "unix") {
      socket_->set_option(tcp::no_delay(true), ignored);
      socket_->set_option(asio::socket_base::keep_alive(true), ignored);
    }
  }
  ~AsioStream() override { close(); }

  Task<Status> read(Bytes out) override { return read_all(socket_, out); }
  Task<Result<std::size_t>> read_some(Bytes out) override { return read_one(socket_, out); }
  Task<Status> write(std::span<const ConstBytes> parts) override {
    return write_all(socket_, {parts.begin(), parts.end()});
  }

  void close() override { close(*socket_); }
  std::string peer() const override { return peer_; }

 private:
  using Socket = std::shared_ptr<Protocol::socket>;

  static void close(Protocol::socket& socket) {
    error_code ignored;
    socket.shutdown(asio::socket_base::shutdown_both, ignored);
    socket.close(ignored);
  }

  // The coroutines own the socket, not the stream: the stream may be dropped while they wait.
  static Task<Result<std::size_t>> read_one(Socket socket, Bytes out) {
    if (out.empty()) co_return std::size_t{0};
    auto reading = await_asio(
        [&](auto done) {
          socket->async_read_some(asio::buffer(out.data(), out.size()), std::move(done));
        },
        [&] { close(*socket); });
    const AsioResult read = co_await reading;
    if (read.error) co_return Status::connection_reset;
    co_return read.count;
  }

  static Task<Status> read_all(Socket socket, Bytes out) {
    while (!out.empty()) {
      const Result<std::size_t> count = co_await read_one(socket, out);
      if (!count) co_return count.status();
      out = out.subspan(*count);
    }
    co_return Status::success;
  }

  static Task<Status> write_all(Socket socket, std::vector<ConstBytes> parts) {
    std::vector<asio::const_buffer> buffers;
    for (const ConstBytes part : parts) {
      if (!part.empty()) buffers.emplace_back(part.data(), part.size());
    }
    std::size_t first = 0;
    while (first < buffers.size()) {
      const std::span<const asio::const_buffer> left(
          buffers.begin() + static_cast<std::ptrdiff_t>(first), buffers.end());
      auto writing = await_asio([&](auto done) { socket->async_write_some(left, std::move(done)); },
                                [&] { close(*socket); });
      const AsioResult written = co_await writing;
      if (written.error) co_return Status::connection_reset;
      first = skip(buffers, first, written.count);
    }
    co_return Status::success;
  }

  /// Takes `count` bytes off the front of buffers[first...]; the index of the first with something
  /// left.
  static std::size_t skip(std::vector<asio::const_buffer>& buffers, std::size_t first,
                          std::size_t count) {
    while (first < buffers.size() && count >= buffers[first].size())
      count -= buffers[first++].size();
    if (first < buffers.size()) buffers[first] += count;
    return first;
  }

  Socket socket_;
  std::string peer_;
};

/// What a listener and the coroutine that accepts for it share.
struct Listening {
  explicit Listening(asio::io_context& context) : acceptor(context), retry(context) {}
  ~Listening() { close(); }

  void close() {
    error_code ignored;
    retry.cancel();
    if (!acceptor.is_open()) return;
    acceptor.close(ignored);
    claim.reset();
    struct stat found {};
    if (!path.empty() && lstat(path.c_str(), &found) == 0 && found.st_ino == inode) {
      unlink(path.c_str());
    }
  }

  Acceptor acceptor;
  UniqueFd claim;  // see claim_address()
  asio::steady_timer retry;
  std::shared_ptr<AddressWatch> watch;  // of what is accepted; may be null
  std::string path;                     // of a Unix socket
  ino_t inode = 0;
};

class AsioListener : public Listener {
 public:
  AsioListener(std::shared_ptr<Listening> listening, std::shared_ptr<AddressWatch> watch)
      : listening_(std::move(listening)), watch_(std::move(watch)) {}
  ~AsioListener() override { listening_->close(); }

  Task<Result<std::shared_ptr<Stream>>> accept() override { return accept_one(listening_); }
  void close() override { listening_->close(); }
  void reset_when_address_returns() override {
    if (!listening_->path.empty()) return;  // a file has no address
    watch_->start();
    listening_->watch = watch_;
  }

 private:
  static Task<Result<std::shared_ptr<Stream>>> accept_one(std::shared_ptr<Listening> listening) {
    Acceptor& acceptor = listening->acceptor;
    while (acceptor.is_open()) {
      const auto socket = std::make_shared<Protocol::socket>(acceptor.get_executor());
      auto accepting =
          await_asio([&](auto done) { acceptor.async_accept(*socket, std::move(done)); },
                     [&] {
                       error_code ignored;
                       acceptor.cancel(ignored);
                     });
      const AsioResult accepted = co_await accepting;
      if (!accepted.error) {
        if (listening->watch) add_to(*listening->watch, socket);
        co_return std::shared_ptr<Stream>(std::make_shared<AsioStream>(socket));
      }
      if (!acceptor.is_open()) break;
      // Out of descriptors or memory: connections wait in the backlog until some are free again.
      listening->retry.expires_after(kAcceptRetry);
      auto pause = await_asio([&](auto done) { listening->retry.async_wait(std::move(done)); },
                              [&] { listening->retry.cancel(); });
      co_await pause;
    }
    co_return Status::connection_aborted;
  }

  static void add_to(AddressWatch& watch, const std::shared_ptr<Protocol::socket>& socket) {
    error_code gone;
    const Address local = socket->local_endpoint(gone);
    const Address peer = socket->remote_endpoint(gone);
    if (!gone) watch.add(socket, plain_endpoint(local), plain_endpoint(peer));
  }

  std::shared_ptr<Listening> listening_;
  std::shared_ptr<AddressWatch> watch_;
};

/// Makes room for a Unix socket: removes a socket file that nobody serves. False if `path` is in
/// use.
bool remove_stale(const std::string& path, const Address& address) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return true;  // bind() will say what is wrong, if anything
  if (!S_ISSOCK(found.st_mode)) return false;
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), address.data(), static_cast<socklen_t>(address.size())) == 0)
    return false;
  return errno == ECONNREFUSED && unlink(path.c_str()) == 0;
}

error_code last_error() {
  return {errno, boost::system::system_category()};
}

/// bind() to a Unix path. The mode is set before listen(), so nobody else can connect in between.
error_code bind_unix(Listening& listening, const std::string& path, const Address& address) {
  if (!remove_stale(path, address)) return asio::error::address_in_use;
  error_code error;
  listening.acceptor.bind(address, error);
  if (error) return error;
  struct stat made {};
  if (chmod(path.c_str(), 0600) != 0 || lstat(path.c_str(), &made) != 0) {
    return last_error();
  }
  listening.path = path;
  listening.inode = made.st_ino;
  return {};
}

/// With SO_REUSEPORT, which leaves room for who stands by, two could listen on one address and know
/// nothing of it. So whoever listens holds a Unix socket of the address's name, too: a name without
/// a file, which goes with its process and is known in the same network namespace as the address.
error_code claim_address(Listening& listening, const Address& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = "understudy listens on " + describe(address);
  UNDERSTUDY_CHECK(text.size() < sizeof name.sun_path);
  text.copy(name.sun_path + 1, text.size());  // behind a NUL
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  UniqueFd claim(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!claim || bind(claim.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0)
    return last_error();
  listening.claim = std::move(claim);
  return {};
}

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
using VersionSixOnly = asio::detail::socket_option::boolean<IPPROTO_IPV6, IPV6_V6ONLY>;
using FreeBind = asio::detail::socket_option::boolean<IPPROTO_IP, IP_FREEBIND>;

/// At a descriptor above those of all connections, if the process may have that many: when a
/// process is killed, Linux closes the highest first (the works of task_work_run() are a stack). A
/// client is back at once when its connection ends, and must not find a listener that is about to
/// end, too.
error_code open_listener(Acceptor& acceptor, const Protocol& protocol) {
  UniqueFd opened(socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!opened) return last_error();
  UniqueFd high(fcntl(opened.get(), F_DUPFD_CLOEXEC, static_cast<int>(bounds::kListeners)));
  if (high) opened = std::move(high);
  error_code error;
  acceptor.assign(protocol, opened.get(), error);
  if (!error) opened.release();
  return error;
}

/// Leaves room for others that do the same.
error_code bind_tcp(Listening& listening, const Address& address) {
  error_code error;
  listening.acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) listening.acceptor.set_option(ReusePort(true), error);
  if (!error) listening.acceptor.bind(address, error);
  return error;
}

/// A numeric address of IPv4 as one of IPv6.
std::optional<Address> mapped(const Address& address) {
  if (address.protocol().family() != AF_INET) return std::nullopt;
  const tcp::endpoint ip = ip_endpoint(address);
  return Address(tcp::endpoint(asio::ip::make_address_v6(asio::ip::v4_mapped, ip.address().to_v4()),
                               ip.port()));
}

/// Where `endpoint` leads: itself, or what its name resolves to.
Task<Result<std::vector<Address>>> resolve(asio::io_context& context, Endpoint endpoint) {
  if (const auto address = numeric_address(endpoint)) co_return std::vector<Address>{*address};
  const auto parts = split(endpoint);
  if (is_unix(endpoint) || !parts) co_return Status::invalid_parameter;
  tcp::resolver resolver(context);
  const auto found = std::make_shared<std::vector<Address>>();
  auto resolving = await_asio(
      [&](auto done) {
        resolver.async_resolve(parts->host, std::to_string(parts->port),
                               [found, done](const error_code& error, const auto& results) {
                                 for (const auto& each : results)
                                   found->emplace_back(each.endpoint());
                                 done(error);
                               });
      },
      [&] { resolver.cancel(); });
  const AsioResult resolved = co_await resolving;
  if (resolved.error) co_return status_of(resolved.error);
  co_return *found;
}

/// Gives up on a connection attempt when its time is over.
class ConnectLimit {
 public:
  ConnectLimit(Executor& executor, std::shared_ptr<Protocol::socket> socket, Time deadline)
      : executor_(executor), timer_(executor.start_timer(deadline, [socket, over = over_] {
          *over = true;
          error_code ignored;
          socket->close(ignored);
        })) {}
  ConnectLimit(const ConnectLimit&) = delete;
  ConnectLimit& operator=(const ConnectLimit&) = delete;
  ~ConnectLimit() { executor_.cancel_timer(timer_); }
  bool over() const { return *over_; }

 private:
  std::shared_ptr<bool> over_ = std::make_shared<bool>(false);
  Executor& executor_;
  Executor::TimerId timer_;
};

Task<Result<std::shared_ptr<Stream>>> connect_to(AsioExecutor& executor, Endpoint endpoint,
                                                 Time deadline) {
  const Result<std::vector<Address>> addresses = co_await resolve(executor.context(), endpoint);
  if (!addresses) co_return addresses.status();
  Status last = Status::object_name_not_found;
  for (const Address& address : *addresses) {
    const auto socket = std::make_shared<Protocol::socket>(executor.context());
    const ConnectLimit limit(executor, socket, deadline);
    auto connecting =
        await_asio([&](auto done) { socket->async_connect(address, std::move(done)); },
                   [&] {
                     error_code ignored;
                     socket->close(ignored);
                   });
    const AsioResult connected = co_await connecting;
    if (limit.over()) co_return Status::io_timeout;
    if (!connected.error) co_return std::shared_ptr<Stream>(std::make_shared<AsioStream>(socket));
    last = status_of(connected.error);
  }
  co_return last;
}

}  // namespace

AsioNetwork::AsioNetwork(AsioExecutor& executor, Log* log, Duration connect_limit)
    : executor_(executor),
      watch_(std::make_shared<AddressWatch>(executor.context(), log)),
      connect_limit_(connect_limit) {}

Result<std::shared_ptr<Listener>> AsioNetwork::listen(const Endpoint& endpoint) {
  const auto address = numeric_address(endpoint);
  if (!address) return Status::invalid_parameter;
  const auto listening = std::make_shared<Listening>(executor_.context());
  error_code error = open_listener(listening->acceptor, address->protocol());
  if (error) return status_of(error);
  if (is_unix(endpoint)) {
    error = bind_unix(*listening, unix_path(endpoint), *address);
  } else {
    error = claim_address(*listening, *address);
    if (!error) error = bind_tcp(*listening, *address);
  }
  if (!error) listening->acceptor.listen(bounds::kListenBacklog, error);
  if (error) return status_of(error);
  return std::shared_ptr<Listener>(std::make_shared<AsioListener>(listening, watch_));
}

/// Of two sockets that listen on one IPv4 address, Linux takes the one of IPv4 itself before the
/// one of IPv6 that has it mapped (compute_score() in its net/ipv4/inet_hashtables.c). So the
/// second one is there all the time, and nobody is refused between the death of the first one and
/// the moment in which that is noticed.
Result<std::shared_ptr<Listener>> AsioNetwork::stand_by(const Endpoint& endpoint) {
  const auto first = numeric_address(endpoint);
  if (!first) return Status::invalid_parameter;
  const auto address = mapped(*first);
  if (!address) return Status::not_supported;
  const auto listening = std::make_shared<Listening>(executor_.context());
  error_code error = open_listener(listening->acceptor, address->protocol());
  if (!error) listening->acceptor.set_option(VersionSixOnly(false), error);
  if (!error) listening->acceptor.set_option(FreeBind(true), error);
  if (!error) error = bind_tcp(*listening, *address);
  if (!error) listening->acceptor.listen(kStandbyBacklog, error);
  if (error) return status_of(error);
  return std::shared_ptr<Listener>(std::make_shared<AsioListener>(listening, watch_));
}

Task<Result<std::shared_ptr<Stream>>> AsioNetwork::connect(const Endpoint& endpoint) {
  return connect_to(executor_, endpoint, executor_.now() + connect_limit_);
}

}  // namespace understudy
