// A stranger at a node's ports: connections that carry what no honest program sends, and what an
// honest one did send, to make such things of.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "iomgr/host/unique_fd.h"

namespace understudy {

/// A TCP connection to "host:port"; empty if there is none.
UniqueFd connect_to(const std::string& host, std::uint16_t port);

/// Has "host:port" for itself.
UniqueFd listen_at(const std::string& host, std::uint16_t port);

/// Sends `frames` and the end of the stream, and waits until the other side closes too. False if
/// it does not within some seconds.
bool is_closed_after(UniqueFd connection, const std::vector<std::string>& frames);

/// Stands between one client and a server and writes down what the client says.
class Recorder {
 public:
  /// Listens on a free port of `host`, where the server's other port is.
  Recorder(const std::string& host, std::uint16_t server_port);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  std::uint16_t port() const { return port_; }
  /// What the client said, once its connection has ended: the stream cut at SMB's four-byte
  /// lengths, these included.
  std::vector<std::string> frames();

 private:
  void relay(const std::string& host, std::uint16_t server_port);

  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::string said_;
  std::thread thread_;
};

/// Makes frames that are wrong in some way of ones that were right.
class Vandal {
 public:
  Vandal(std::vector<std::string> honest, std::uint64_t seed)
      : honest_(std::move(honest)), random_(seed) {}
  /// What one connection carries: some honest frames from the beginning, then `count` that are
  /// random, cut, or have bits flipped.
  std::vector<std::string> connection(std::size_t count);

 private:
  std::string frame();

  std::vector<std::string> honest_;
  std::mt19937_64 random_;
};

}  // namespace understudy
