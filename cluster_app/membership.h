// Is the partner alive? The one place where that is decided (FIG. 3, STEPs 302, 304, 332), as a
// state machine without clock or socket: it is told what was heard, seen and missed, and says what
// follows.
//
//     unseen ──connected──► up ──silence, death, a new incarnation──► failed ──fence confirmed──►
//     gone
//                           ▲ ◄──────────────── heard again ───────────┘ │
//                           └──────────────────────── connected ──────────────────────────────────┘
//                           up ──goodbye──► gone
//
// Invariant: an incarnation that is buried (fenced, or gone by its own word) is never believed
// again.
#pragma once

#include <optional>
#include <string>

#include "cluster_app/heartbeat.h"
#include "cluster_app/secure_lines.h"
#include "iomgr/executor.h"

namespace understudy {

class Membership {
 public:
  enum class Peer : std::uint8_t { unseen, up, failed, gone };

  explicit Membership(Duration failure_after) : failure_after_(failure_after) {}

  /// An authenticated connection. False: it comes from a buried incarnation and must be hung up.
  bool connected(const PeerIdentity& peer);
  void disconnected() { connected_ = false; }
  void heard(Heartbeat heartbeat);
  /// The partner ends in order, its LUNs are flushed and free.
  void said_goodbye();
  /// A process of that incarnation has died.
  void died(std::uint64_t incarnation);
  /// `elapsed` of our own waking time has passed. While the interconnect carries copies the partner
  /// lives, whatever the network says (design: section 6).
  void tick(Duration elapsed, bool interconnect_up);
  /// The fence of victim() is confirmed.
  void fenced();

  Peer peer() const { return peer_; }
  /// The living partner's last word; nothing before its first heartbeat and after its failure.
  const std::optional<Heartbeat>& heartbeat() const { return heartbeat_; }
  /// While failed: who must be fenced, and why.
  const NodeIncarnation& victim() const { return victim_; }
  const std::string& reason() const { return reason_; }
  bool silent() const { return peer_ == Peer::up && silence_ > failure_after_; }
  LunPhase phase_at_peer(std::uint32_t lun) const {
    return heartbeat_ ? heartbeat_->luns.at(lun).phase : LunPhase::none;
  }

 private:
  void fail(std::string reason);

  Duration failure_after_;
  Peer peer_ = Peer::unseen;
  bool connected_ = false;
  std::uint64_t incarnation_ = 0;  // of the connection, or of the last one
  std::uint64_t buried_ = 0;
  Duration silence_{0};
  std::optional<Heartbeat> heartbeat_;
  NodeIncarnation victim_;
  std::string reason_;
};

std::string_view to_string(Membership::Peer peer);

}  // namespace understudy
