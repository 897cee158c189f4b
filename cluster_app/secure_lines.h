// The lines between two cluster_apps: both prove that they know the cluster's key, and every line
// carries a MAC over its direction and number, so that nobody on the way can add, change, repeat or
// drop one unseen.
//
//     the one who dials                          the one who listens
//     {node, incarnation, nonce} ──────────────►
//                              ◄────────────────  {node, incarnation, nonce, proof}
//     {proof}                  ──────────────►
//     HMAC-SHA256(session key, direction, number, text) as hex, a blank, text ◄──────►
//
// A proof is HMAC-SHA256(cluster key, role, both names, both incarnations, both nonces).
#pragma once

#include <optional>
#include <string>

#include "cluster_app/line_stream.h"
#include "iomgr/random.h"

namespace understudy {

/// Who speaks on one end.
struct PeerIdentity {
  std::string node;
  std::uint64_t incarnation = 0;  // random at each start
};

class SecureLines {
 public:
  SecureLines(Executor& executor, std::shared_ptr<Stream> stream, std::string cluster_key)
      : lines_(executor, std::move(stream)), cluster_key_(std::move(cluster_key)) {}

  /// Proves both ends to each other; then `peer()` is who is there. STATUS_ACCESS_DENIED for one
  /// who does not know the key or is not `expected`.
  Task<Status> dial(PeerIdentity self, std::string expected, Random& random);
  Task<Status> answer(PeerIdentity self, std::string expected, Random& random);

  /// After the handshake only. STATUS_ACCESS_DENIED for a line whose MAC is wrong.
  Task<Result<std::string>> read();
  Task<Status> write(std::string text);
  bool writing() const { return lines_.writing(); }
  void close() { lines_.close(); }

  const PeerIdentity& peer() const { return peer_; }

 private:
  struct Hello {
    PeerIdentity who;
    std::string nonce;
  };
  Task<Status> say_hello(const Hello& own, std::string proof);
  std::string proof(std::string_view role, const Hello& dialler, const Hello& listener) const;
  void begin_session(const Hello& dialler, const Hello& listener, bool dialled);

  LineStream lines_;
  std::string cluster_key_;
  std::string session_key_;
  PeerIdentity peer_;
  char out_ = '?';  // directions
  char in_ = '?';
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

}  // namespace understudy
