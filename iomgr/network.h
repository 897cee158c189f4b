// The seam for byte streams: TCP and Unix sockets in a process, simulated links in a test. A layer
// knows no socket, only these.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "iomgr/bytes.h"
#include "iomgr/result.h"
#include "iomgr/task.h"

namespace understudy {

/// "127.0.0.11:4450", "[::1]:4450", or "unix:/path/of/socket".
using Endpoint = std::string;

/// One connection. One coroutine may read while another writes; two may not do the same at once.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Fills all of `out`, or fails: STATUS_CONNECTION_RESET when the other side is gone or close()
  /// was called.
  virtual Task<Status> read(Bytes out) = 0;
  /// At least one byte into `out`; how many.
  virtual Task<Result<std::size_t>> read_some(Bytes out) = 0;
  /// Sends all parts, in order. They must stay as they are until it completes.
  virtual Task<Status> write(std::span<const ConstBytes> parts) = 0;
  /// Any number of times. What waits in read or write fails.
  virtual void close() = 0;
  /// The other side's address, for logs.
  virtual std::string peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  /// Fails only after close().
  virtual Task<Result<std::shared_ptr<Stream>>> accept() = 0;
  virtual void close() = 0;
  /// What it accepts from now on is reset when its own address was taken from this machine and has
  /// come back: the other side need not wait for a retransmission to go on. Where addresses cannot
  /// go, nothing.
  virtual void reset_when_address_returns() {}
};

class Network {
 public:
  virtual ~Network() = default;
  virtual Result<std::shared_ptr<Listener>> listen(const Endpoint& endpoint) = 0;
  /// Listens behind whoever listens there: what connects comes to him as long as he does, and to
  /// this one from then on, where it waits for accept(). The address may be nobody's yet.
  virtual Result<std::shared_ptr<Listener>> stand_by(const Endpoint& endpoint) = 0;
  virtual Task<Result<std::shared_ptr<Stream>>> connect(const Endpoint& endpoint) = 0;
};

}  // namespace understudy
