// The node's end in order.
#include <algorithm>
#include <chrono>

#include "cluster_app/answer.h"
#include "cluster_app/cluster_app.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {
constexpr Duration kGoodbyeLimit = std::chrono::seconds(1);
constexpr Duration kSettleLimit = std::chrono::seconds(30);
constexpr Duration kOwnLunsFirst = std::chrono::seconds(5);
constexpr Duration kLookAgain = std::chrono::milliseconds(100);
}  // namespace

/// Exit code 0 is a promise: nobody needs this node's memory any more, its machine may be switched
/// off. Our LUNs are on the medium, and the partner's operations too, or they are taken over,
/// written and given up again. Where neither comes about, in time or without the operator, the
/// partner must see a node that failed.
Task<void> ClusterApp::stop_in_order(bool whole_cluster) {
  if (state_ == NodeState::stopping) co_return;
  state_ = NodeState::stopping;
  log().info("node stops", {{"whole_cluster", whole_cluster ? "yes" : "no"}});
  // Said before the LUNs go, so that nobody takes over from a cluster that ends.
  if (whole_cluster)
    static_cast<void>(co_await link_.ask(question("cluster_stops"), kGoodbyeLimit));
  const Time patience = executor().now() + kSettleLimit;
  spawn(lose_patience());
  // A partner that stops, too, is to give up its LUNs with its mirror still there.
  const Time hang_up_at = executor().now() + (whole_cluster ? kOwnLunsFirst : Duration{0});
  bool needed = true;
  while (needed) {
    co_await give_up_all();
    if (ended_) co_return;
    co_await say_goodbye();
    bool alone = executor().now() >= hang_up_at || !partner_holds_any();
    if (alone) alone = co_await turn_away_partner();
    if (alone) needed = co_await is_needed();
    if (alone && needed) co_await take_orphans();
    needed = needed || holds_any();
    if (!needed) break;
    const bool left_to_the_operator = alone && failing_over_ && !held_back_.empty();
    const bool in_vain = left_to_the_operator || executor().now() >= patience;
    if (in_vain && !holds_any()) {
      end(1, std::string("the partner's last operations may be in this node's memory alone") +
                 (settings_.memory_is_kept ? ": start it again to have them written"
                                           : ", which has no name and goes with it"));
      co_return;
    }
    static_cast<void>(co_await phase_changed_.wait_until(executor().now() + kLookAgain));
  }
  end(0, "stopped");
}

bool ClusterApp::holds_any() const {
  return std::ranges::any_of(
      luns_, [](LunPhase phase) { return phase != LunPhase::none; }, &OwnLun::phase);
}

bool ClusterApp::partner_holds_any() const {
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    if (membership_.phase_at_peer(lun) != LunPhase::none) return true;
  }
  return false;
}

/// Also what is being taken or given up by now.
Task<void> ClusterApp::give_up_all() {
  while (!ended_ && holds_any()) {
    bool any = false;
    for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
      if (luns_.at(lun).phase != LunPhase::serving) continue;
      any = true;
      static_cast<void>(co_await give_up(lun));
    }
    if (!any) co_await phase_changed_.wait();
  }
}

/// A medium that refuses or hangs lets a LUN neither be taken nor be given up.
Task<void> ClusterApp::lose_patience() {
  co_await sleep_for(executor(), kSettleLimit);
  while (!holds_any()) co_await phase_changed_.wait();
  end(1, "a LUN is still being taken or given up");
}

/// From then on the partner takes what nobody has, unless it has said goodbye itself, and does not
/// take our end for a failure. To each incarnation until it has answered; and to none while an
/// older one of it has failed, for what that one had may be taken here.
Task<void> ClusterApp::say_goodbye() {
  const std::uint64_t partner = membership_.incarnation();
  const bool failed_now = failing_over_ || membership_.peer() == Membership::Peer::failed;
  if (failed_now || told_goodbye_ == partner) co_return;
  const auto answer = co_await link_.ask(question("goodbye"), kGoodbyeLimit);
  if (answer) told_goodbye_ = partner;
}

/// No copy comes to us any more. The partner, degraded now, writes down what was only in the two
/// memories (STEPs 316, 318). False: not done, and to be tried again.
Task<bool> ClusterApp::turn_away_partner() {
  Irp irp = make_irp(Major::cluster, ClusterMinor::partner);
  const Status done = co_await order(Layer::mirror_server, irp, partner_order("listen", {}));
  co_return ok(done);
}

/// Whether our mirror store has operations that a medium may not have: a LUN names us, or does not
/// answer. Where it is empty the name alone counts: a partner that lives takes it back, one that
/// does not would look for our memory when it starts again.
Task<bool> ClusterApp::is_needed() {
  if (planted(Mutant::stops_while_needed)) co_return false;
  const json::object ours = co_await count_copies();
  const bool empty = flag_of(ours, "ok") && number_of(ours, "copies") == 0;
  const bool failed_now = membership_.peer() == Membership::Peer::failed;
  if (empty && !failed_now && !partner_gone()) co_return false;
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    const std::shared_ptr<Proof> proof = co_await proof_of(lun);
    if (proof == nullptr && empty) continue;
    if (proof == nullptr || proof->mirror == settings_.self + 1) co_return true;
  }
  co_return false;
}

/// LUNs that name us where nobody else is left to take them: the takeover has failed, or there was
/// none.
Task<void> ClusterApp::take_orphans() {
  std::vector<std::uint32_t> orphans;
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    const std::shared_ptr<Proof> proof = co_await proof_of(lun);
    if (proof != nullptr && proof->mirror == settings_.self + 1) orphans.push_back(lun);
  }
  std::erase_if(orphans, [&](std::uint32_t lun) { return luns_.at(lun).phase != LunPhase::none; });
  const bool nobody_else = partner_gone() && !failing_over_ && taking_over_ == 0;
  if (nobody_else && !orphans.empty()) co_await take_over(std::move(orphans), executor().now());
}

}  // namespace understudy
