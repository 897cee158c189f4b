#include "netstack/server.h"

#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"

namespace understudy {

Server::Server(Netstack& netstack, ServerConfig config)
    : netstack_(netstack),
      config_(std::make_shared<const ServerConfig>(std::move(config))),
      start_time_(netstack.executor().wall_time()),
      gone_(netstack.executor()) {}

void Server::set_config(ServerConfig config) {
  config_ = std::make_shared<const ServerConfig>(std::move(config));
}

Task<void> Server::accept_all(std::shared_ptr<Server> self, std::shared_ptr<Listener> listener) {
  listeners_.push_back(listener);
  while (true) {
    // No slot, no accept: clients wait in the listener's backlog.
    co_await netstack_.connection_slots().acquire();
    CreditGuard slot(netstack_.connection_slots());
    Result<std::shared_ptr<Stream>> accepted = co_await listener->accept();
    if (!accepted) break;
    netstack_.run(serve_client(self, *accepted, std::move(slot)));
  }
  std::erase(listeners_, listener);
  check_gone();
}

Task<void> Server::serve_client(std::shared_ptr<Server> self, std::shared_ptr<Stream> stream,
                                CreditGuard slot) {
  const std::string peer = stream->peer();
  netstack_.log().info("client connected", {{"peer", peer}});
  {
    smb2::Connection connection(netstack_, self, std::move(stream));
    const auto place = connections_.insert(connections_.end(), &connection);
    co_await connection.run();
    connections_.erase(place);
  }
  netstack_.log().info("client gone", {{"peer", peer}});
  static_cast<void>(slot);
  check_gone();
}

Task<void> Server::stop() {
  const auto listeners = listeners_;  // each leaves the list as it is closed
  for (const auto& listener : listeners) listener->close();
  for (smb2::Connection* connection : connections_) connection->close();
  if (!listeners_.empty() || !connections_.empty()) co_await gone_.wait();
}

void Server::check_gone() {
  if (listeners_.empty() && connections_.empty()) gone_.set();
}

}  // namespace understudy
