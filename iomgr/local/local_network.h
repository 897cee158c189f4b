// Byte streams inside one process, on virtual time. Each layer gets its own LocalNetwork, made over
// its executor, on the one Wire that joins them all.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "iomgr/executor.h"
#include "iomgr/network.h"

namespace understudy {

class LocalListener;
struct LocalPipe;

/// What joins the LocalNetworks of a test: who listens where, and what is open.
class Wire {
 public:
  /// Breaks every open connection, as when a cable is pulled and both sides notice.
  void cut();
  /// While true, connect() fails and nothing new is accepted.
  bool refuse = false;

 private:
  friend class LocalNetwork;
  friend class LocalListener;
  std::map<Endpoint, LocalListener*> listeners_;
  std::vector<std::weak_ptr<LocalPipe>> pipes_;
};

class LocalNetwork : public Network {
 public:
  LocalNetwork(Wire& wire, Executor& executor) : wire_(wire), executor_(executor) {}

  Result<std::shared_ptr<Listener>> listen(const Endpoint& endpoint) override;
  Task<Result<std::shared_ptr<Stream>>> connect(const Endpoint& endpoint) override;

 private:
  Wire& wire_;
  Executor& executor_;
};

}  // namespace understudy
