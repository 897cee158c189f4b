// An address where clients find shares: its listeners, its connections, and what is offered there.
#pragma once

#include <list>
#include <memory>
#include <vector>

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
  Server(Netstack& netstack, ServerConfig config);

  /// Accepts what connects to the listener and serves it until stop(). `self` keeps the server
  /// alive meanwhile.
  Task<void> accept_all(std::shared_ptr<Server> self, std::shared_ptr<Listener> listener);
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
  bool listens(const std::shared_ptr<Listener>& listener) const;

  Netstack& netstack_;
  std::vector<std::shared_ptr<Listener>> listeners_;  // that are accepted from
  std::shared_ptr<const ServerConfig> config_;
  std::uint64_t start_time_;
  std::list<smb2::Connection*> connections_;  // oldest first
  Event gone_;                                // nobody is connected
};

}  // namespace understudy
