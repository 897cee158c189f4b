// An address where clients find shares: its listener, its connections, and what is offered there.
#pragma once

#include <list>
#include <memory>

#include "iomgr/network.h"
#include "iomgr/sync.h"
#include "netstack/server_config.h"

namespace understudy {

class Netstack;

namespace smb2 {
class Connection;
}

class Server {
 public:
  Server(Netstack& netstack, std::shared_ptr<Listener> listener, ServerConfig config);

  /// Accepts connections and serves them until stop(). `self` keeps the server alive meanwhile.
  Task<void> accept_all(std::shared_ptr<Server> self);
  /// Stops listening, closes the connections; completes when everything their clients had open is
  /// closed.
  Task<void> stop();

  /// What is offered from now on; sessions and trees that are there stay.
  void set_config(ServerConfig config);
  std::shared_ptr<const ServerConfig> config() const { return config_; }
  std::size_t connections() const { return connections_.size(); }
  /// FILETIME.
  std::uint64_t start_time() const { return start_time_; }

 private:
  Task<void> serve_client(std::shared_ptr<Server> self, std::shared_ptr<Stream> stream,
                          CreditGuard slot);
  void check_gone();

  Netstack& netstack_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<const ServerConfig> config_;
  std::uint64_t start_time_;
  std::list<smb2::Connection*> connections_;  // oldest first
  bool accepting_ = false;
  Event gone_;  // neither accepting nor connected
};

}  // namespace understudy
