// Byte streams of a layer's own process: TCP and Unix sockets on the layer's loop.
#pragma once

#include "iomgr/host/asio_executor.h"
#include "iomgr/log.h"
#include "iomgr/network.h"

namespace understudy {

class AddressWatch;

/// listen() takes numeric addresses ("localhost" is one) and sets the mode of a Unix socket to
/// 0600; a socket file that nobody serves any more is replaced. STATUS_INVALID_PARAMETER: no
/// endpoint; STATUS_OBJECT_NAME_COLLISION: somebody listens there; STATUS_ACCESS_DENIED;
/// STATUS_NOT_FOUND: no address of this machine.
///
/// stand_by() is for TCP over IPv4, and for processes of one user; else STATUS_NOT_SUPPORTED and
/// STATUS_OBJECT_NAME_COLLISION.
///
/// connect() also takes names and gives up after `connect_limit` with STATUS_IO_TIMEOUT.
/// STATUS_REQUEST_NOT_ACCEPTED: nobody listens there; STATUS_OBJECT_NAME_NOT_FOUND: no such name,
/// no such socket file.
///
/// A Stream whose reader or writer is destroyed in the middle of an operation is closed: nobody
/// knows how far it got.
class AsioNetwork : public Network {
 public:
  /// `log` may be null.
  explicit AsioNetwork(AsioExecutor& executor, Log* log = nullptr,
                       Duration connect_limit = std::chrono::seconds(5));

  Result<std::shared_ptr<Listener>> listen(const Endpoint& endpoint) override;
  Result<std::shared_ptr<Listener>> stand_by(const Endpoint& endpoint) override;
  Task<Result<std::shared_ptr<Stream>>> connect(const Endpoint& endpoint) override;

 private:
  AsioExecutor& executor_;
  std::shared_ptr<AddressWatch> watch_;  // starts when a listener asks for it
  Duration connect_limit_;
};

}  // namespace understudy
