// Monitoring (FIG. 3, STEPs 300, 302, 304, 332): this node's five layers, and the partner.
#include <algorithm>
#include <chrono>

#include "cluster_app/cluster_app.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {
constexpr Duration kPingPause = std::chrono::milliseconds(250);
}  // namespace

/// What follows the start of the node, once.
Task<void> ClusterApp::join_cluster() {
  const Status introduced = co_await introduce_partner();
  if (failed(introduced)) co_return;
  const Status listening = link_.start();
  if (failed(listening)) {
    end(1, "cannot listen on " + self().control + ": " + std::string(to_string(listening)));
    co_return;
  }
  co_await await_partner();
  absent_until_ = executor().now() + std::chrono::milliseconds(config_.failure_after_ms);
  joined_.set();
  spawn(monitor());
}

/// `member`: "listen" or "connect", as in docs/contracts.md.
std::string ClusterApp::partner_order(std::string_view member, const Endpoint& endpoint) const {
  return json::serialize(json::object{{member, endpoint},
                                      {"node", self().name},
                                      {"partner", partner().name},
                                      {"key", settings_.cluster_key}});
}

/// Tells the two layers of the interconnect where the partner is.
Task<Status> ClusterApp::introduce_partner() {
  Irp irp = make_irp(Major::cluster, ClusterMinor::partner);
  Status status =
      co_await order(Layer::mirror_server, irp, partner_order("listen", self().interconnect));
  if (failed(status)) {
    end(1, "mirror_server cannot listen on " + self().interconnect + ": " +
               std::string(to_string(status)));
    co_return status;
  }
  irp = make_irp(Major::cluster, ClusterMinor::partner);
  status = co_await order(Layer::rd_driver, irp, partner_order("connect", partner().interconnect));
  if (failed(status))
    end(1, "rd_driver refuses the partner's address: " + std::string(to_string(status)));
  co_return status;
}

/// A LUN may be touched only when it is known whether the partner lives and what it owns.
Task<void> ClusterApp::await_partner() {
  while (!membership_.heartbeat() && !partner_gone()) {
    awaiting_ = "node " + partner().name;
    awaiting_ += config_.one_machine
                     ? " runs, but has not answered on the control link yet"
                     : " has not been heard of yet; if you are sure that it is off: cluster_app "
                       "takeover " +
                           partner().name + " --fenced";
    wake_.reset();
    static_cast<void>(co_await wake_.wait_until(executor().now() +
                                                std::chrono::milliseconds(config_.heartbeat_ms)));
  }
  awaiting_.clear();
  const auto& heartbeat = membership_.heartbeat();
  giveback_due_ = config_.auto_giveback && heartbeat.has_value();
  log().info(heartbeat ? "the partner is there" : "the partner is not running",
             {{"partner", partner().name}});
}

/// STEP 302, until the end. Time in which this process itself did not run is not counted against
/// the partner.
Task<void> ClusterApp::monitor() {
  const Duration period = std::chrono::milliseconds(config_.heartbeat_ms);
  Time last = executor().now();
  while (true) {
    const Duration elapsed = std::min<Duration>(executor().now() - last, 2 * period);
    last = executor().now();
    trace().step(Step::s302, make_irp(Major::cluster, ClusterMinor::event));
    if (cluster_stops_until_ <= last) cluster_stops_ = false;
    mailbox_.tick(elapsed);
    membership_.tick(elapsed, {interconnect_up(), mailbox_.partner_silence()});
    const bool failed_now = membership_.peer() == Membership::Peer::failed;
    const bool well = !failed_now && !membership_.suspicion() && !weighing_ && !failing_over_;
    if (well) {
      held_back_.clear();
      ordered_ = false;
    }
    if (failed_now && !failing_over_) {  // STEP 304
      spawn(fail_over());
    } else if (state_ != NodeState::stopping && !failing_over_) {
      if (membership_.suspicion() && !weighing_ && weigh_again_at_ <= last)
        spawn(weigh_suspicion());
      look_at_ownership();
    }
    look_at_standing_by();
    wake_.reset();
    static_cast<void>(co_await wake_.wait_until(last + period));
  }
}

bool ClusterApp::partner_gone() const {
  switch (membership_.peer()) {
    case Membership::Peer::gone:
      return true;
    case Membership::Peer::unseen:
      return partner_off_ || fence_.proven_dead(partner().name);
    default:
      return false;
  }
}

/// Which LUNs nobody owns, and what to do about it.
void ClusterApp::look_at_ownership() {
  const Time now = executor().now();
  const bool gone = partner_gone();
  std::vector<std::uint32_t> orphans;
  bool settled = true;
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    const OwnLun& own = luns_.at(lun);
    const bool at_home = config_.luns.at(lun).owner == settings_.self;
    if (at_home && own.phase != LunPhase::serving &&
        membership_.phase_at_peer(lun) == LunPhase::none)
      settled = false;
    if (own.phase != LunPhase::none || own.retry_at > now) continue;
    if (gone && !at_home) {
      const bool may_still_come =
          membership_.peer() == Membership::Peer::unseen && now < absent_until_;
      if (!may_still_come && !cluster_stops_) orphans.push_back(lun);
    } else if (gone && membership_.peer() == Membership::Peer::gone) {
      if (!cluster_stops_) orphans.push_back(lun);  // it was at the partner's when that went
    } else if (at_home &&
               (membership_.phase_at_peer(lun) == LunPhase::none ||
                planted(Mutant::start_takes_luns_back)) &&
               own.promised_until <= now && (gone || membership_.heartbeat())) {
      luns_.at(lun).retry_at = now + std::chrono::seconds(1);
      spawn(settle(lun));
    }
  }
  if (settled && state_ == NodeState::starting) {
    state_ = NodeState::up;
    log().info("node is up");
  }
  if (offer_again_at_ && *offer_again_at_ <= now && taking_over_ == 0) {
    offer_again_at_.reset();
    spawn(offer_again());
  }
  if (!orphans.empty() && taking_over_ == 0) spawn(take_over(std::move(orphans), now));
  if (settled && giveback_due_ && membership_.heartbeat() && interconnect_up()) {
    giveback_due_ = false;
    spawn(give_back_at_rejoin());
  }
}

void ClusterApp::look_at_standing_by() {
  for (std::uint32_t home = 0; home < ClusterConfig::kNodes; ++home) {
    if (!offered_.at(home).empty() || should_stand_by(home) == standing_by_.at(home)) continue;
    spawn(stand_by());
    return;
  }
}

Task<void> ClusterApp::ping_always(Layer layer) {
  while (true) {
    watch(layer).asked = true;
    Irp ping = make_irp(Major::cluster, ClusterMinor::ping);
    const Status status = co_await call(layer, ping);
    watch(layer).asked = false;
    watch(layer).missed = 0;
    ++watch(layer).answers;
    if (ok(status)) watch(layer).report = ping.report;
    ping_answered_.pulse();
    static_cast<void>(co_await ping_now_.wait_until(executor().now() + kPingPause));
  }
}

/// A layer that makes no progress takes the node down (claim 10's kind (b)). Rounds are counted,
/// not time: after a pause of this process the answers are there before the next rounds are.
Task<void> ClusterApp::watchdog() {
  while (true) {
    co_await sleep_for(executor(), kPingPause);
    for (std::size_t index = 1; index < kLayers; ++index) {
      LayerWatch& each = watches_.at(index);
      if (!each.asked) continue;
      ++each.missed;
      if (each.missed * kPingPause >= std::chrono::milliseconds(config_.layer_hang_ms)) {
        end(1, std::string(to_string(static_cast<Layer>(index))) + " has made no progress for " +
                   std::to_string(config_.layer_hang_ms) + " ms");
      }
    }
  }
}

Health ClusterApp::own_health() const {
  Health health;
  for (const LayerWatch& each : watches_)
    health.layer_silent = std::max<Duration>(health.layer_silent, each.missed * kPingPause);
  const LayerReport& storage = watch(Layer::fs_cache).report;
  health.storage_oldest = std::chrono::milliseconds(storage.oldest_ms);
  health.storage_failing = storage.failing > 0;
  return health;
}

void ClusterApp::take_event(const Irp& irp) {
  switch (irp.event.kind) {
    case EventKind::partner_lost:
      watch(Layer::rd_driver).report.mirroring = 0;
      log().warning("the interconnect is down");
      break;
    case EventKind::partner_back:
      trace().step(Step::s332, irp);  // its mirror server is; its cluster_app may come later
      watch(Layer::rd_driver).report.mirroring = 1;
      log().info("the interconnect is up");
      break;
    case EventKind::mirroring_on:
      trace().step(Step::s334, irp);
      watch(Layer::ff_driver).report.mirroring = 1;
      log().info("mirroring is on", {{"lun", irp.lun}});
      break;
    case EventKind::mirroring_off:
      watch(Layer::ff_driver).report.mirroring = 0;
      log().warning("mirroring is off: degraded", {{"lun", irp.lun}});
      break;
    case EventKind::partner_storage_error:
      log().error("the partner's storage medium answers with errors",
                  {{"lun", irp.lun}, {"status", irp.status}});
      // A full medium would be as full for us.
      if (irp.status != Status::disk_full) membership_.storage_refused();
      break;
    case EventKind::storage_error:
      log().error("the storage medium answers with errors", {{"lun", irp.lun}});
      break;
  }
  wake_.set();
}

bool ClusterApp::peer_connected(const PeerIdentity& peer) {
  const bool is_new = membership_.peer() != Membership::Peer::up;
  if (!membership_.connected(peer)) {
    log().warning("a node that was fenced is still there and is refused",
                  {{"node", peer.node}, {"incarnation", peer.incarnation}});
    return false;
  }
  // Before our first heartbeat goes out: it tells a new incarnation that its LUNs are being taken
  // over.
  if (membership_.peer() == Membership::Peer::failed && !failing_over_) spawn(fail_over());
  cluster_stops_ = false;
  partner_off_ = false;
  if (is_new) {
    trace().step(Step::s332, make_irp(Major::cluster, ClusterMinor::event));
    log().info("the partner is operational",
               {{"node", peer.node}, {"incarnation", peer.incarnation}});
  }
  wake_.set();
  return true;
}

void ClusterApp::peer_disconnected() {
  membership_.disconnected();
  log().warning("the control link is down", {{"partner", partner().name}});
  wake_.set();
}

bool ClusterApp::peer_heard(const json::object& message) {
  auto heartbeat = heartbeat_from(message, luns_.size());
  if (!heartbeat) return false;
  heartbeat->who.node = partner().name;
  const bool first = !membership_.heartbeat();
  for (std::size_t lun = 0; lun < luns_.size(); ++lun) {
    if (heartbeat->luns[lun].phase == LunPhase::serving) luns_[lun].seen_at_partner = true;
  }
  membership_.heard(std::move(*heartbeat));
  if (first && membership_.heartbeat()) {
    const NodeIncarnation& who = membership_.heartbeat()->who;
    fence_.watch(who, [this, incarnation = who.incarnation] {
      membership_.died(incarnation);
      wake_.set();
    });
    wake_.set();
  }
  return true;
}

Heartbeat ClusterApp::own_heartbeat() const {
  Heartbeat heartbeat;
  heartbeat.who = {self().name, incarnation_, fence_.machine(), settings_.processes};
  heartbeat.state = taking_over_ || failing_over_ ? NodeState::takeover : state_;
  heartbeat.health = own_health();
  // A failure in the middle of a takeover is another one's, which comes next: a new incarnation
  // must leave alone what that will take.
  const bool more_comes =
      membership_.peer() == Membership::Peer::failed && (taking_over_ > 0 || !failing_over_);
  for (const OwnLun& own : luns_) {
    const bool comes = more_comes && own.phase == LunPhase::none;
    heartbeat.luns.push_back({comes ? LunPhase::taking : own.phase, own.epoch});
  }
  for (std::uint32_t home = 0; home < ClusterConfig::kNodes; ++home) {
    if (!offered_.at(home).empty()) heartbeat.listens |= std::uint64_t{1} << home;
  }
  return heartbeat;
}

}  // namespace understudy
