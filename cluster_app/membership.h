// Is the partner alive and well? The one place where that is decided (FIG. 3, STEPs 302, 304, 332;
// claim 10), as a state machine without clock or socket: it is told what was heard, seen and
// missed, and says what follows.
//
//     unseen ──connected──► up ──death, a new incarnation, blamed──► failed ──fence confirmed──►
//     gone
//                           ▲ ◄───────────── heard again ───────────────┘ │ │ │ ◄─────────────
//                           connected anew ──────────────┘                        │
//                           └─────────────────── connected
//                           ────────────────────────────────────────┘ up ──goodbye──► gone
//
// Silence and ill health are only suspected here: what they are told by may be our own fault. A
// suspicion must hold for a while; then whoever drives this proves our own path and blames the
// partner. A death that was seen, and a new incarnation, need no more proof.
//
// Invariant: an incarnation that is buried (fenced, or gone by its own word) is never believed
// again.
#pragma once

#include <optional>
#include <string>

#include "cluster_app/failure.h"
#include "cluster_app/heartbeat.h"
#include "cluster_app/secure_lines.h"
#include "iomgr/executor.h"

namespace understudy {

class Membership {
 public:
  enum class Peer : std::uint8_t { unseen, up, failed, gone };

  struct Limits {
    Duration silence;          // of the control link
    Duration mailbox_silence;  // of the partner's slot
    Duration layer_hang;
    Duration storage_hang;
    Duration hold;  // how long a state must last before it counts
  };
  /// What the two other paths say.
  struct OtherPaths {
    bool interconnect = false;                // it carries copies, or could
    std::optional<Duration> mailbox_silence;  // nothing: our own way to the mailbox is lost
  };

  explicit Membership(Limits limits) : limits_(limits) {}

  /// An authenticated connection. False: it comes from a buried incarnation and must be hung up.
  bool connected(const PeerIdentity& peer);
  void disconnected() { connected_ = false; }
  void heard(Heartbeat heartbeat);
  /// Its health by way of the mailbox, which counts while the control link is silent.
  void heard_in_mailbox(std::uint64_t incarnation, const Health& health);
  /// Over the interconnect: its medium refused a write (claims 2 and 21 as amended).
  void storage_refused();
  /// The partner ends in order, its LUNs are flushed and free.
  void said_goodbye();
  /// A process of that incarnation has died.
  void died(std::uint64_t incarnation);
  /// `elapsed` of our own waking time has passed. While the interconnect carries copies or the
  /// mailbox has new words the partner lives, whatever the network says (design: section 6).
  void tick(Duration elapsed, const OtherPaths& paths);
  /// The suspicion is proven: the partner has failed.
  void blame();
  /// The fence of victim() is confirmed.
  void fenced();

  Peer peer() const { return peer_; }
  /// Of the connection, or of the last one; 0 before the first.
  std::uint64_t incarnation() const { return incarnation_; }
  /// The living partner's last word; nothing before its first heartbeat and after its failure.
  const std::optional<Heartbeat>& heartbeat() const { return heartbeat_; }
  /// While up: what has been wrong with it for long enough.
  const std::optional<Failure>& suspicion() const { return suspicion_; }
  /// While failed: who must be fenced, and why.
  const NodeIncarnation& victim() const { return victim_; }
  const Failure& failure() const { return failure_; }
  /// While failed: a later incarnation than the victim talks to us.
  bool returned() const { return connected_ && heartbeat_ && incarnation_ != victim_.incarnation; }
  bool silent() const { return peer_ == Peer::up && silence_ > limits_.silence; }
  LunPhase phase_at_peer(std::uint32_t lun) const {
    return heartbeat_ ? heartbeat_->luns.at(lun).phase : LunPhase::none;
  }

 private:
  void fail(Failure failure);
  void left(std::uint64_t incarnation);
  std::optional<Failure> look_for_silence(const OtherPaths& paths) const;
  std::optional<Failure> look_at_health() const;

  Limits limits_;
  Peer peer_ = Peer::unseen;
  bool connected_ = false;
  std::string node_;
  std::uint64_t incarnation_ = 0;  // of the connection, or of the last one
  std::uint64_t buried_ = 0;
  std::uint64_t left_ = 0;  // gone again, while an older one was still to be fenced
  Duration silence_{0};
  std::optional<Heartbeat> heartbeat_;
  std::optional<FailureKind> seen_;  // what is wrong now ...
  Duration held_{0};                 // ... and for how long
  std::optional<Failure> suspicion_;
  NodeIncarnation victim_;
  Failure failure_;
  bool blamed_ = false;  // it failed by suspicion, not by a death that was seen
};

std::string_view to_string(Membership::Peer peer);

}  // namespace understudy
