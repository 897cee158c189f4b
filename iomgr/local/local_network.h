// Byte streams inside one process, on virtual time. Each layer gets its own LocalNetwork, made over
// its executor, on the one Wire that joins them all. The wire can lose, hold and delay what it
// carries, in one direction or both; as with TCP nothing of one connection is reordered, doubled or
// lost unless the connection breaks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "iomgr/executor.h"
#include "iomgr/network.h"

namespace understudy {

class LocalListener;
struct LocalPipe;

/// One direction of a connection: from whom, to whom, and to which endpoint it was made.
struct Route {
  Endpoint endpoint;
  std::string from;
  std::string to;
};

/// What bytes meet on a route now.
struct Passage {
  bool held = false;  // they wait, as TCP sends them again, and arrive when the route is free
  Duration delay{0};
};

/// What joins the LocalNetworks of a test: who listens where, and what is open.
class Wire {
 public:
  /// Breaks every open connection, as when a cable is pulled and both sides notice.
  void cut();
  /// The same for the connections that `which` says.
  void cut(const std::function<bool(const Route&)>& which);
  /// While true, connect() fails and nothing new is accepted.
  bool refuse = false;

  /// How routes are; a change must be told. Without it they are free.
  std::function<Passage(const Route&)> passage;
  void passage_changed();

 private:
  friend class LocalNetwork;
  friend class LocalListener;
  friend struct LocalPipe;
  Passage passage_of(const Route& route) const { return passage ? passage(route) : Passage{}; }
  std::vector<std::shared_ptr<LocalPipe>> open_pipes();

  LocalListener* who_listens(const Endpoint& endpoint) const;

  std::map<Endpoint, LocalListener*> listeners_;
  std::multimap<Endpoint, LocalListener*> standbys_;
  std::vector<std::weak_ptr<LocalPipe>> pipes_;
};

/// What the streams of one LocalNetwork know of their owner.
struct Station {
  std::string host;
  bool alive = true;    // false: nobody reads any more
  bool silent = false;  // true: nothing leaves any more, a kill is about to be carried out
};

class LocalNetwork : public Network {
 public:
  /// `host` names the machine in Routes.
  LocalNetwork(Wire& wire, Executor& executor, std::string host = {})
      : wire_(wire),
        executor_(executor),
        station_(std::make_shared<Station>(Station{std::move(host)})) {}
  ~LocalNetwork() override { station_->alive = false; }

  Result<std::shared_ptr<Listener>> listen(const Endpoint& endpoint) override;
  Result<std::shared_ptr<Listener>> stand_by(const Endpoint& endpoint) override;
  Task<Result<std::shared_ptr<Stream>>> connect(const Endpoint& endpoint) override;

  void silence() { station_->silent = true; }

 private:
  Wire& wire_;
  Executor& executor_;
  std::shared_ptr<Station> station_;
};

}  // namespace understudy
