#include "tests/real/hostile.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "iomgr/check.h"

namespace understudy {
namespace {

constexpr int kPatienceMs = 10'000;

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  UNDERSTUDY_CHECK(inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1);
  return address;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// Moves what is there from one to the other; false at the end.
bool move_some(int from, int to, std::string* copy) {
  std::array<char, 65536> buffer{};
  const ssize_t count = recv(from, buffer.data(), buffer.size(), 0);
  if (count <= 0) return false;
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  if (copy != nullptr) *copy += bytes;
  return send_all(to, bytes);
}

}  // namespace

UniqueFd connect_to(const std::string& host, std::uint16_t port) {
  UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = address_of(host, port);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    connection.reset();
  return connection;
}

UniqueFd listen_at(const std::string& host, std::uint16_t port) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;  // connections of an earlier test may linger
  UNDERSTUDY_CHECK(setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
  const sockaddr_in address = address_of(host, port);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  UNDERSTUDY_CHECK(bind(listener.get(), generic, sizeof address) == 0 &&
                   listen(listener.get(), 1) == 0);
  return listener;
}

bool is_closed_after(UniqueFd connection, const std::vector<std::string>& frames) {
  for (const std::string& frame : frames) {
    if (!send_all(connection.get(), frame)) break;  // it has had enough
  }
  shutdown(connection.get(), SHUT_WR);
  std::array<char, 65536> ignored{};
  while (true) {
    pollfd readable{connection.get(), POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) != 1) return false;
    if (recv(connection.get(), ignored.data(), ignored.size(), 0) <= 0) return true;
  }
}

Recorder::Recorder(const std::string& host, std::uint16_t server_port)
    : listener_(listen_at(host, 0)) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  UNDERSTUDY_CHECK(getsockname(listener_.get(), generic, &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, host, server_port] { relay(host, server_port); });
}

Recorder::~Recorder() {
  shutdown(listener_.get(), SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

void Recorder::relay(const std::string& host, std::uint16_t server_port) {
  const UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const UniqueFd server = connect_to(host, server_port);
  while (client && server) {
    std::array<pollfd, 2> ready{{{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}}};
    poll(ready.data(), ready.size(), -1);
    if (ready[0].revents != 0 && !move_some(client.get(), server.get(), &said_)) return;
    if (ready[1].revents != 0 && !move_some(server.get(), client.get(), nullptr)) return;
  }
}

std::vector<std::string> Recorder::frames() {
  thread_.join();
  std::vector<std::string> frames;
  constexpr std::size_t kPrefix = 4;
  for (std::size_t at = 0; at + kPrefix <= said_.size();) {
    const auto byte = [&](std::size_t i) {
      return std::size_t{static_cast<unsigned char>(said_[i])};
    };
    const std::size_t length = kPrefix + (byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3));
    frames.push_back(said_.substr(at, length));
    at += length;
  }
  return frames;
}

std::vector<std::string> Vandal::connection(std::size_t count) {
  const std::size_t honest = random_() % 4;
  std::vector<std::string> frames(
      honest_.begin(),
      honest_.begin() + static_cast<std::ptrdiff_t>(std::min(honest, honest_.size())));
  for (std::size_t i = 0; i < count; ++i) frames.push_back(frame());
  return frames;
}

std::string Vandal::frame() {
  std::string bytes = honest_[random_() % honest_.size()];
  const std::uint64_t kind = random_() % 4;
  if (kind == 0) {  // random, with a length that is right
    const std::size_t length = random_() % 400;
    bytes = {0, 0, static_cast<char>(length >> 8U), static_cast<char>(length & 0xFFU)};
    for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>(random_());
  } else if (kind == 1) {  // random, all of it
    bytes.resize(1 + random_() % 400);
    for (char& byte : bytes) byte = static_cast<char>(random_());
  } else if (kind == 2) {  // cut: what follows is taken for the rest
    bytes.resize(random_() % bytes.size());
  } else {
    for (std::uint64_t flips = 1 + random_() % 8; flips > 0; --flips) {
      char& byte = bytes[random_() % bytes.size()];
      byte = static_cast<char>(byte ^ (1 << random_() % 8));
    }
  }
  return bytes;
}

}  // namespace understudy
