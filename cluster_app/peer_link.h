// The link between the two cluster_apps: heartbeats both ways, and questions with answers. The node
// that stands later in cluster.toml dials the other. Nothing is decided here: who is there and what
// was said goes to the handlers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cluster_app/secure_lines.h"
#include "iomgr/json_fields.h"
#include "iomgr/seams.h"

namespace understudy {

class PeerLink {
 public:
  struct Ends {
    PeerIdentity self;
    std::string peer;
    Endpoint listen;
    Endpoint dial;  // empty: the other side dials
    std::string cluster_key;
    Duration heartbeat;
  };
  struct Handlers {
    std::function<bool(const PeerIdentity&)> connected;  // false: hang up
    std::function<void()> disconnected;
    std::function<json::object()> heartbeat;                // to send
    std::function<bool(const json::object&)> heard;         // false: nonsense, hang up
    std::function<Task<json::object>(json::object)> asked;  // gives the answer
  };

  PeerLink(Seams seams, Ends ends, Handlers handlers)
      : seams_(seams), ends_(std::move(ends)), handlers_(std::move(handlers)) {}

  /// Listens and dials. Fails as Network::listen does.
  Status start();
  bool up() const { return session_ != nullptr; }
  /// Asks the peer. Nothing when it did not answer within `limit` or the link broke.
  Task<std::optional<json::object>> ask(json::object question, Duration limit);
  /// Sends a heartbeat now, because what it says has changed.
  void beat();

 private:
  struct Question {
    explicit Question(Executor& executor) : over(executor) {}
    Event over;
    std::optional<json::object> answer;
  };
  struct Session {
    Session(Executor& executor, std::shared_ptr<Stream> stream, const std::string& key)
        : lines(executor, std::move(stream), key) {}
    SecureLines lines;
    bool over = false;
    std::uint64_t next_question = 0;
    std::map<std::uint64_t, std::shared_ptr<Question>> questions;
    std::size_t answering = 0;
  };

  Task<void> accept_all(std::shared_ptr<Listener> listener);
  Task<void> dial_always();
  Task<void> talk(std::shared_ptr<Stream> stream, bool dialled);
  Task<void> converse(std::shared_ptr<Session> session);
  bool take(const std::shared_ptr<Session>& session, const json::object& message);
  Task<void> answer(std::shared_ptr<Session> session, std::uint64_t id, json::object question);
  Task<void> beat_always(std::shared_ptr<Session> session);
  Task<void> send(std::shared_ptr<Session> session, json::object message);

  Seams seams_;
  Ends ends_;
  Handlers handlers_;
  std::shared_ptr<Session> session_;
  std::size_t handshakes_ = 0;
  TaskScope scope_;
};

}  // namespace understudy
