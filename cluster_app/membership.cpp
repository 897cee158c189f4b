#include "cluster_app/membership.h"

#include <algorithm>
#include <utility>

namespace understudy {
namespace {

std::string text_ms(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) +
         " ms";
}

}  // namespace

bool Membership::connected(const PeerIdentity& peer) {
  if (peer.incarnation == buried_) return false;
  // A new incarnation proves that the old one failed, even if nobody noticed: its memory is lost.
  if (peer_ == Peer::up && heartbeat_ && peer.incarnation != incarnation_)
    fail({FailureKind::server, false, "it has started anew"});
  connected_ = true;
  node_ = peer.node;
  incarnation_ = peer.incarnation;
  silence_ = Duration{0};
  if (peer_ != Peer::failed) peer_ = Peer::up;
  return true;
}

void Membership::heard(Heartbeat heartbeat) {
  if (!connected_ || incarnation_ == buried_) return;
  heartbeat.who.incarnation = incarnation_;
  silence_ = Duration{0};
  heartbeat_ = std::move(heartbeat);
  // It was only silent, or is well again. If its fence is under way and is confirmed, fenced()
  // buries it all the same.
  const bool same = peer_ == Peer::failed && victim_.incarnation == incarnation_;
  if (same && blamed_ && !look_at_health()) peer_ = Peer::up;
}

void Membership::heard_in_mailbox(std::uint64_t incarnation, const Health& health) {
  if (silent() && heartbeat_ && incarnation == incarnation_) heartbeat_->health = health;
}

void Membership::storage_refused() {
  if (heartbeat_) heartbeat_->health.storage_failing = true;
}

void Membership::said_goodbye() {
  if (peer_ == Peer::failed) left(incarnation_);
  if (peer_ != Peer::up) return;
  buried_ = incarnation_;
  heartbeat_.reset();
  suspicion_.reset();
  peer_ = Peer::gone;
}

/// While an older incarnation is being fenced.
void Membership::left(std::uint64_t incarnation) {
  if (incarnation != incarnation_ || incarnation == victim_.incarnation) return;
  left_ = incarnation;
  heartbeat_.reset();
}

void Membership::died(std::uint64_t incarnation) {
  if (peer_ == Peer::failed) left(incarnation);
  if (peer_ == Peer::up && incarnation == incarnation_)
    fail({FailureKind::server, false, "its processes died"});
}

void Membership::tick(Duration elapsed, const OtherPaths& paths) {
  if (peer_ != Peer::up) return;
  silence_ += elapsed;
  std::optional<Failure> found = look_for_silence(paths);
  if (!found) found = look_at_health();
  const std::optional<FailureKind> kind = found ? std::optional(found->kind) : std::nullopt;
  held_ = kind == seen_ ? held_ + elapsed : Duration{0};
  seen_ = kind;
  suspicion_.reset();
  if (found && held_ >= limits_.hold) suspicion_ = std::move(found);
}

/// Claim 10 (a), and that part of (b) which nobody can tell of itself: a cluster_app that hangs.
std::optional<Failure> Membership::look_for_silence(const OtherPaths& paths) const {
  if (!silent() || !paths.mailbox_silence || *paths.mailbox_silence <= limits_.mailbox_silence)
    return std::nullopt;
  if (!paths.interconnect) {
    return Failure{FailureKind::server, true,
                   "it is silent on the control link, the interconnect and in the mailbox for " +
                       text_ms(silence_)};
  }
  const Duration both =
      std::min(silence_ - limits_.silence, *paths.mailbox_silence - limits_.mailbox_silence);
  if (both <= limits_.layer_hang) return std::nullopt;
  return Failure{FailureKind::operating_system, false,
                 "its cluster_app has made no progress for " + text_ms(silence_)};
}

/// Claim 10 (b) and (c) as the partner itself tells of them.
std::optional<Failure> Membership::look_at_health() const {
  if (!heartbeat_) return std::nullopt;
  const Health& health = heartbeat_->health;
  if (health.storage_failing)
    return Failure{FailureKind::storage, true, "its storage medium refuses writes"};
  if (health.storage_oldest > limits_.storage_hang) {
    return Failure{FailureKind::storage, true,
                   "its oldest storage request is " + text_ms(health.storage_oldest) + " old"};
  }
  // It should have ended itself at half of that.
  if (health.layer_silent > 2 * limits_.layer_hang) {
    return Failure{FailureKind::operating_system, false,
                   "a layer of it has not answered for " + text_ms(health.layer_silent)};
  }
  return std::nullopt;
}

void Membership::blame() {
  if (peer_ != Peer::up || !suspicion_) return;
  fail(*suspicion_);
  blamed_ = true;
}

void Membership::fail(Failure failure) {
  peer_ = Peer::failed;
  failure_ = std::move(failure);
  blamed_ = false;
  victim_ = heartbeat_ ? heartbeat_->who : NodeIncarnation{};
  victim_.node = node_;
  victim_.incarnation = incarnation_;
  heartbeat_.reset();
  suspicion_.reset();
  seen_.reset();
}

/// A new incarnation that has shown itself meanwhile is there, even if its link is down just now:
/// its silence counts from there on like anybody's.
void Membership::fenced() {
  buried_ = victim_.incarnation;
  const bool anew = incarnation_ != buried_ && incarnation_ != left_;
  if (!anew) buried_ = incarnation_;
  if (!anew) heartbeat_.reset();
  peer_ = anew ? Peer::up : Peer::gone;
}

std::string_view to_string(Membership::Peer peer) {
  switch (peer) {
    case Membership::Peer::unseen:
      return "unseen";
    case Membership::Peer::up:
      return "up";
    case Membership::Peer::failed:
      return "failed";
    case Membership::Peer::gone:
      return "gone";
  }
  return "?";
}

}  // namespace understudy
