#include "netstack/server.h"

#include <algorithm>
#include <utility>

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
  listener->reset_when_address_returns();  // clients have durable opens to come back to
  while (true) {
    // No slot, no accept: clients wait in the listener's backlog.
    co_await netstack_.connection_slots().acquire();
    CreditGuard slot(netstack_.connection_slots());
    if (!listens(listener)) break;
    Result<std::shared_ptr<Stream>> accepted = co_await listener->accept();
    if (!accepted || !listens(listener)) break;
    netstack_.run(serve_client(self, *accepted, std::move(slot)));
  }
  std::erase(listeners_, listener);
}

bool Server::listens(const std::shared_ptr<Listener>& listener) const {
  return std::find(listeners_.begin(), listeners_.end(), listener) != listeners_.end();
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
  if (connections_.empty()) gone_.set();
}

Task<void> Server::stop() {
  // Who waits for a slot to accept with sees it when he gets one: nobody waits for that.
  for (const auto& listener : std::exchange(listeners_, {})) listener->close();
  for (smb2::Connection* connection : connections_) connection->close();
  while (!connections_.empty()) {
    gone_.reset();
    co_await gone_.wait();
  }
}

}  // namespace understudy
