// A named pipe on IPC$ and the service behind it: DCE/RPC over SMB (MS-RPCE, C706), in one
// connection-oriented association. The only service is srvsvc (MS-SRVS), which lists shares.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "iomgr/result.h"
#include "netstack/server_config.h"

namespace understudy::rpc {

class Pipe {
 public:
  explicit Pipe(std::shared_ptr<const ServerConfig> config) : config_(std::move(config)) {}

  /// One whole PDU. What it answers can be read afterwards. STATUS_INVALID_PARAMETER: not a PDU;
  /// STATUS_INSUFFICIENT_RESOURCES: nobody reads the answers.
  Status write(ConstBytes pdu);
  /// Up to `most` bytes of the answers. STATUS_PIPE_EMPTY if there are none.
  Result<std::vector<std::uint8_t>> read(std::size_t most);
  /// Whether an answer has been read only in part.
  bool pending() const { return !answer_.empty(); }

 private:
  std::shared_ptr<const ServerConfig> config_;
  std::vector<std::uint8_t> answer_;
};

/// nullptr: there is no pipe of that name.
std::unique_ptr<Pipe> open_pipe(std::string_view name, std::shared_ptr<const ServerConfig> config);

}  // namespace understudy::rpc
