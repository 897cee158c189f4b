#include "cluster_app/membership.h"

#include <utility>

namespace understudy {

bool Membership::connected(const PeerIdentity& peer) {
  if (peer.incarnation == buried_) return false;
  // A new incarnation proves that the old one failed, even if nobody noticed: its memory is lost.
  if (peer_ == Peer::up && heartbeat_ && peer.incarnation != incarnation_)
    fail("it has started anew");
  connected_ = true;
  incarnation_ = peer.incarnation;
  silence_ = Duration{0};
  if (peer_ != Peer::failed) peer_ = Peer::up;
  return true;
}

void Membership::heard(Heartbeat heartbeat) {
  if (!connected_ || incarnation_ == buried_) return;
  heartbeat.who.incarnation = incarnation_;
  silence_ = Duration{0};
  // It was only silent. If its fence is under way and is confirmed, fenced() buries it all the
  // same.
  if (peer_ == Peer::failed && victim_.incarnation == incarnation_) peer_ = Peer::up;
  heartbeat_ = std::move(heartbeat);
}

void Membership::said_goodbye() {
  if (peer_ != Peer::up) return;
  buried_ = incarnation_;
  heartbeat_.reset();
  peer_ = Peer::gone;
}

void Membership::died(std::uint64_t incarnation) {
  if (peer_ == Peer::up && incarnation == incarnation_) fail("its processes died");
}

void Membership::tick(Duration elapsed, bool interconnect_up) {
  if (peer_ != Peer::up) return;
  silence_ += elapsed;
  if (silent() && !interconnect_up) {
    const auto silence_ms = std::chrono::duration_cast<std::chrono::milliseconds>(silence_).count();
    fail("no heartbeat for " + std::to_string(silence_ms) + " ms");
  }
}

void Membership::fail(std::string reason) {
  peer_ = Peer::failed;
  reason_ = std::move(reason);
  victim_ = heartbeat_ ? heartbeat_->who : NodeIncarnation{};
  victim_.incarnation = incarnation_;
  heartbeat_.reset();
}

void Membership::fenced() {
  buried_ = victim_.incarnation;
  const bool anew = connected_ && incarnation_ != buried_;
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
