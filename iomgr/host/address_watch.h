// Connections whose own address was taken from this machine and has come back. TCP keeps them, but
// the other side has met silence and sends again only seconds later. They are reset: it hears that
// at once and connects anew.
#pragma once

#include <array>
#include <boost/asio/generic/raw_protocol.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "iomgr/bytes.h"
#include "iomgr/log.h"
#include "iomgr/task.h"

namespace understudy {

/// What Linux says of one of this machine's addresses.
struct AddressChange {
  std::array<std::uint8_t, 16> address;  // one of IPv4 is mapped
  bool here;                             // false: it was taken away

  bool operator==(const AddressChange&) const = default;
};

/// What a datagram of rtnetlink(7) says of addresses that can be used. A message that is cut short
/// or makes no sense says nothing; behind one of an impossible length nothing is looked for.
std::vector<AddressChange> read_address_changes(ConstBytes datagram);

/// Invariant: a connection is reset only if its address went after the connection was added, came
/// back, and a route leads to its peer; else the reset would get lost. Linux tells of an address
/// before it makes the routes.
///
/// If messages get lost because too many came at once, Linux is asked for all addresses. One that
/// both went and came back among those messages is not noticed: its peers wait for TCP. Without
/// rtnetlink all do.
class AddressWatch {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Endpoint = boost::asio::ip::tcp::endpoint;

  /// Both outlive it; `log` may be null.
  AddressWatch(boost::asio::io_context& context, Log* log)
      : context_(context), log_(log), kernel_(context) {}
  AddressWatch(const AddressWatch&) = delete;
  AddressWatch& operator=(const AddressWatch&) = delete;

  /// Any number of times; only the first counts.
  void start();
  /// `local`, `peer`: the connection's, not mapped.
  void add(const std::shared_ptr<Socket>& socket, const Endpoint& local, const Endpoint& peer);

 private:
  enum class Place { here, gone, back };
  struct Connection {
    std::weak_ptr<Socket> socket;
    Endpoint local;
    Endpoint peer;
    Place place = Place::here;
  };

  bool open();
  Task<void> follow();
  void take(const AddressChange& change);
  void reset_those_back();
  bool any_back() const;
  bool reaches(const Endpoint& local, const Endpoint& peer);
  void hear_of_routes(bool wanted);
  void ask_for_all_addresses();

  boost::asio::io_context& context_;
  Log* log_;
  bool started_ = false;
  bool hears_of_routes_ = false;
  std::vector<Connection> connections_;
  boost::asio::generic::raw_protocol::socket kernel_;
  TaskScope scope_;
};

}  // namespace understudy
