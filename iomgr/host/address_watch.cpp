#include "iomgr/host/address_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "iomgr/host/asio_await.h"
#include "iomgr/host/unique_fd.h"

namespace understudy {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using Address = std::array<std::uint8_t, 16>;

constexpr std::size_t kMaxDatagram = 32768;  // Linux makes no longer ones of messages of this kind
constexpr std::size_t kVersionFour = 4;

/// A copy of what `bytes` begin with, if they are enough.
template <typename T>
std::optional<T> front(ConstBytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// What follows the first `size` bytes; messages and attributes begin at multiples of four.
ConstBytes behind(ConstBytes bytes, std::size_t size) {
  static_assert(NLMSG_ALIGNTO == RTA_ALIGNTO);
  return bytes.subspan(std::min(bytes.size(), std::size_t{NLMSG_ALIGN(size)}));
}

Address bytes_of(const asio::ip::address& address) {
  return address.is_v6()
             ? address.to_v6().to_bytes()
             : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
}

/// The address in an attribute of a message of `family`.
std::optional<Address> read_address(std::uint8_t family, ConstBytes value) {
  const std::size_t size = family == AF_INET ? kVersionFour : Address().size();
  if (value.size() != size) return std::nullopt;
  Address address{};
  if (family == AF_INET) address[10] = address[11] = 0xFF;
  std::copy(value.begin(), value.end(), address.end() - static_cast<std::ptrdiff_t>(size));
  return address;
}

/// One that another machine may have, too (RFC 4862 5.4), cannot be used yet or never.
bool usable(std::uint32_t flags) {
  const bool asking = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
  return !asking && (flags & IFA_F_DADFAILED) == 0;
}

/// `body`: what follows the header of a message.
std::optional<AddressChange> read_change(std::uint16_t type, ConstBytes body) {
  if (type != RTM_NEWADDR && type != RTM_DELADDR) return std::nullopt;
  const auto about = front<ifaddrmsg>(body);
  if (!about || (about->ifa_family != AF_INET && about->ifa_family != AF_INET6))
    return std::nullopt;
  std::uint32_t flags = about->ifa_flags;
  ConstBytes own;
  ConstBytes other;  // the other end's, where they differ
  body = behind(body, sizeof *about);
  while (const auto attribute = front<rtattr>(body)) {
    if (attribute->rta_len < sizeof *attribute || attribute->rta_len > body.size())
      return std::nullopt;
    const ConstBytes value = body.first(attribute->rta_len).subspan(sizeof *attribute);
    if (attribute->rta_type == IFA_LOCAL) own = value;
    if (attribute->rta_type == IFA_ADDRESS) other = value;
    if (attribute->rta_type == IFA_FLAGS) flags = front<std::uint32_t>(value).value_or(flags);
    body = behind(body, attribute->rta_len);
  }
  const auto address = read_address(about->ifa_family, own.empty() ? other : own);
  if (!address || (type == RTM_NEWADDR && !usable(flags))) return std::nullopt;
  return AddressChange{*address, type == RTM_NEWADDR};
}

/// Nobody else's word counts.
bool is_kernel(const asio::generic::raw_protocol::endpoint& sender) {
  sockaddr_nl address{};
  if (sender.size() != sizeof address) return false;
  std::memcpy(&address, sender.data(), sizeof address);
  return address.nl_family == AF_NETLINK && address.nl_pid == 0;
}

/// With no time to linger a closed connection says RST.
void reset(AddressWatch::Socket& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace

std::vector<AddressChange> read_address_changes(ConstBytes datagram) {
  std::vector<AddressChange> changes;
  while (const auto header = front<nlmsghdr>(datagram)) {
    if (header->nlmsg_len < sizeof *header || header->nlmsg_len > datagram.size()) break;
    const ConstBytes body = datagram.first(header->nlmsg_len).subspan(sizeof *header);
    if (const auto change = read_change(header->nlmsg_type, body)) changes.push_back(*change);
    datagram = behind(datagram, header->nlmsg_len);
  }
  return changes;
}

void AddressWatch::start() {
  if (started_) return;
  started_ = true;
  if (open()) {
    scope_.spawn(follow());
  } else if (log_ != nullptr) {
    log_->warning("no rtnetlink: clients of an address that goes and comes back wait for TCP",
                  {{"error", std::strerror(errno)}});
  }
}

bool AddressWatch::open() {
  UniqueFd opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!opened ||
      bind(opened.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) {
    return false;
  }
  error_code error;
  kernel_.assign(asio::generic::raw_protocol(AF_NETLINK, NETLINK_ROUTE), opened.get(), error);
  if (error) return false;
  opened.release();
  return true;
}

void AddressWatch::add(const std::shared_ptr<Socket>& socket, const Endpoint& local,
                       const Endpoint& peer) {
  std::erase_if(connections_, [](const Connection& each) { return each.socket.expired(); });
  connections_.push_back({socket, local, peer});
}

Task<void> AddressWatch::follow() {
  std::vector<std::uint8_t> buffer(kMaxDatagram);
  asio::generic::raw_protocol::endpoint sender;
  while (true) {
    auto receiving = await_asio(
        [&](auto done) {
          kernel_.async_receive_from(asio::buffer(buffer), sender, std::move(done));
        },
        [&] {
          error_code ignored;
          kernel_.close(ignored);
        });
    const AsioResult received = co_await receiving;
    if (received.error == asio::error::no_buffer_space) {
      ask_for_all_addresses();
    } else if (received.error) {
      break;
    } else if (is_kernel(sender)) {
      const ConstBytes datagram = ConstBytes(buffer).first(received.count);
      for (const AddressChange& change : read_address_changes(datagram)) take(change);
      reset_those_back();
    }
  }
  if (log_ != nullptr) log_->warning("rtnetlink ended: addresses are no longer watched");
}

void AddressWatch::take(const AddressChange& change) {
  for (Connection& each : connections_) {
    if (bytes_of(each.local.address()) != change.address) continue;
    if (!change.here) {
      each.place = Place::gone;
    } else if (each.place == Place::gone) {
      each.place = Place::back;
    }
  }
}

bool AddressWatch::any_back() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const Connection& each) { return each.place == Place::back; });
}

void AddressWatch::reset_those_back() {
  // A route that is made after the look at it is heard of.
  hear_of_routes(any_back());
  std::size_t count = 0;
  std::erase_if(connections_, [&](const Connection& each) {
    const std::shared_ptr<Socket> socket = each.socket.lock();
    if (!socket || !socket->is_open()) return true;
    if (each.place != Place::back || !reaches(each.local, each.peer)) return false;
    reset(*socket);
    ++count;
    return true;
  });
  hear_of_routes(any_back());
  if (count > 0 && log_ != nullptr)
    log_->info("an address is back: its clients are told to connect anew", {{"clients", count}});
}

/// Asks the routes, and sends nothing.
bool AddressWatch::reaches(const Endpoint& local, const Endpoint& peer) {
  udp::socket probe(context_);
  error_code error;
  probe.open(local.protocol() == asio::ip::tcp::v4() ? udp::v4() : udp::v6(), error);
  if (error) return true;  // out of descriptors: it may get lost
  probe.bind(udp::endpoint(local.address(), 0), error);
  if (!error) probe.connect(udp::endpoint(peer.address(), peer.port()), error);
  return !error;
}

/// There can be very many of them, so only while it matters.
void AddressWatch::hear_of_routes(bool wanted) {
  if (wanted == hears_of_routes_) return;
  hears_of_routes_ = wanted;
  const int what = wanted ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP;
  for (const int group : {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE})
    setsockopt(kernel_.native_handle(), SOL_NETLINK, what, &group, sizeof group);
}

/// The answers look like news.
void AddressWatch::ask_for_all_addresses() {
  struct {
    nlmsghdr header;
    ifaddrmsg about;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.about.ifa_family = AF_UNSPEC;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  sendto(kernel_.native_handle(), &request, sizeof request, MSG_DONTWAIT,
         reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
}

}  // namespace understudy
