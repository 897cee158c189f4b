// FIG. 3 from STEP 304 on: the partner has failed, what follows, and its return; and the same by a
// person's command.
#include <algorithm>
#include <chrono>

#include "cluster_app/answer.h"
#include "cluster_app/cluster_app.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {
constexpr Duration kAskLimit = std::chrono::seconds(30);
constexpr Duration kFenceAgain = std::chrono::seconds(10);
constexpr Duration kLookAgain = std::chrono::seconds(1);
}  // namespace

/// The partner has failed. Until it is surely dead nothing of it is touched (rule 7); its LUNs are
/// marked at once, so that a new incarnation of it does not start to serve them meanwhile.
Task<void> ClusterApp::fail_over() {
  failing_over_ = true;
  failover_over_.reset();
  const Time detected = executor().now();
  trace().step(Step::s304, make_irp(Major::cluster, ClusterMinor::event));
  log().warning("the partner has failed",
                {{"partner", partner().name}, {"why", membership_.failure().reason}});
  bool permitted = co_await await_permission();
  std::vector<std::uint32_t> luns;
  for (std::uint32_t lun = 0; permitted && lun < luns_.size(); ++lun) {
    if (luns_.at(lun).phase != LunPhase::none) continue;
    luns.push_back(lun);
    set_phase(lun, LunPhase::taking);
  }
  // A node that stops takes over only what nobody else has, and looks when no copy can come any
  // more.
  if (permitted && state_ == NodeState::stopping) {
    const bool alone = co_await turn_away_partner();
    const bool needed = co_await is_needed();
    permitted = needed || !alone;
    if (!permitted) {
      for (const std::uint32_t lun : std::exchange(luns, {})) set_phase(lun, LunPhase::none);
    }
  }
  const bool is_dead = co_await fence_partner();
  if (is_dead && permitted) {
    if (!ordered_) takeovers_.push_back(executor().now());
    co_await take_over(luns, detected);
    trace().step(Step::s330, make_irp(Major::cluster, ClusterMinor::event));
  } else {
    for (const std::uint32_t lun : luns) set_phase(lun, LunPhase::none);
  }
  ordered_ = false;
  held_back_.clear();
  failing_over_ = false;
  phase_changed_.pulse();
  failover_over_.set();
  wake_.set();
}

/// False when the partner turned out to be alive and well.
Task<bool> ClusterApp::fence_partner() {
  const NodeIncarnation victim = membership_.victim();
  bool confirmed = planted(Mutant::fence_skipped);
  fence_problem_.clear();
  operator_says_off_ = false;
  fence_again_at_ = executor().now();
  while (!confirmed && membership_.peer() == Membership::Peer::failed) {
    fence_news_.reset();
    if (!fencing_ && fence_again_at_ <= executor().now()) spawn(run_fence(victim));
    // A fence that is confirmed at once needs no waiting.
    if (!fence_news_.is_set())
      static_cast<void>(co_await fence_news_.wait_until(executor().now() + kLookAgain));
    confirmed = is_fenced(victim);
    if (!confirmed) say_what_fence_awaits();
  }
  awaiting_.clear();
  if (!confirmed) {
    log().info("the partner is heard again: no takeover", {{"partner", partner().name}});
    co_return false;
  }
  log().info("the partner is fenced",
             {{"partner", partner().name}, {"incarnation", victim.incarnation}});
  membership_.fenced();
  co_return true;
}

/// One attempt; another one may follow when it has failed. It goes on even if the operator's word
/// has come first.
Task<void> ClusterApp::run_fence(NodeIncarnation victim) {
  fencing_ = true;
  fenced_incarnation_ = 0;
  const std::uint64_t incarnation = victim.incarnation;
  FenceResult result = co_await fence_.fence(std::move(victim));
  if (result.confirmed) fenced_incarnation_ = incarnation;
  fence_problem_ = std::move(result.why);
  fence_again_at_ = executor().now() + kFenceAgain;
  fencing_ = false;
  fence_news_.set();
}

bool ClusterApp::is_fenced(const NodeIncarnation& victim) {
  if (operator_says_off_) {
    log().warning("the operator confirms that the partner is dead", {{"partner", partner().name}});
    return true;
  }
  const auto& heartbeat = membership_.heartbeat();
  return fenced_incarnation_ == victim.incarnation || fence_.proven_dead(partner().name) ||
         (heartbeat && replaces(heartbeat->who, victim, config_.one_machine));
}

void ClusterApp::say_what_fence_awaits() {
  const bool is_new = awaiting_.empty();
  const std::string by_hand =
      "if you are sure that it is off: cluster_app takeover " + partner().name + " --fenced";
  awaiting_ = "node " + partner().name + " has failed (" + membership_.failure().reason + ") and ";
  if (fence_problem_.empty()) {
    awaiting_ += "is being fenced; " + by_hand;
  } else {
    awaiting_ += "its death cannot be confirmed (" + fence_problem_ + "); " + by_hand;
  }
  if (is_new) log().error("no takeover before the fence is confirmed", {{"awaiting", awaiting_}});
}

/// STEPs 310 to 318 for LUNs that nobody owns any more.
Task<void> ClusterApp::take_over(std::vector<std::uint32_t> luns, Time since) {
  const Takeover done = co_await take_all(luns, since);
  // ff_driver and fs_cache do STEPs 316 and 318 by themselves when the interconnect breaks; the
  // LUNs taken now start without mirroring.
  trace().step(Step::s316, make_irp(Major::cluster, ClusterMinor::event));
  trace().step(Step::s318, make_irp(Major::cluster, ClusterMinor::event));
  if (done.luns > 0) last_takeover_ = done;
}

/// All of them are ours from now on, those too that wait for their turn: a partner that comes back
/// meanwhile leaves them alone. Served is first when all are there: a client that finds the address
/// finds every share of it.
Task<ClusterApp::Takeover> ClusterApp::take_all(std::vector<std::uint32_t> luns, Time since) {
  ++taking_over_;
  Takeover done{partner().name, self().name, 0, 0, 0, executor().wall_time()};
  std::vector<std::uint32_t> taken;
  for (const std::uint32_t lun : luns) set_phase(lun, LunPhase::taking);
  for (const std::uint32_t lun : luns) {
    const Status status = co_await take(lun, done.operations_replayed);  // STEPs 310, 312, 314
    if (ok(status)) taken.push_back(lun);
  }
  Status offered = seams().faults.pass("take.serve");
  if (ok(offered)) offered = co_await offer();
  if (failed(offered)) offer_later();
  if (ok(offered)) done.luns = taken.size();
  done.milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(executor().now() - since).count();
  log().info("took", {{"from", done.from},
                      {"luns", lun_names(taken)},
                      {"operations_replayed", done.operations_replayed},
                      {"milliseconds", done.milliseconds}});
  --taking_over_;
  wake_.set();
  co_return done;
}

/// A planned change of owner, for takeover and giveback by command: the partner gives the LUNs up,
/// then they are taken.
Task<json::object> ClusterApp::take_from_partner(std::vector<std::uint32_t> luns, Planned planned) {
  const Time since = executor().now();
  const auto answer = co_await link_.ask(question("release", luns), kAskLimit);
  if (!answer) co_return refused("node " + partner().name + " did not answer; see status");
  if (!flag_of(*answer, "ok")) co_return *answer;
  // It has heard our goodbye and takes them again.
  if (state_ == NodeState::stopping) co_return refused("node " + self().name + " stops");
  // Between its answer and now the partner may have failed, and its LUNs may be ours already.
  std::erase_if(luns, [&](std::uint32_t lun) { return luns_.at(lun).phase != LunPhase::none; });
  if (planned == Planned::giveback) {
    trace().step(Step::s336, make_irp(Major::cluster, ClusterMinor::event));
  }
  const Takeover done = co_await take_all(luns, since);
  if (planned == Planned::takeover && done.luns > 0) last_takeover_ = done;
  if (done.luns < luns.size()) {
    co_return refused("not all LUNs could be taken; it is tried again, see status");
  }
  co_return agreed("node " + self().name + " serves " + lun_names(luns) + " now (" +
                   std::to_string(done.milliseconds) + " ms)");
}

/// STEP 336 by itself, once after a start: mirroring is on again, so nothing is lost if this goes
/// wrong.
Task<void> ClusterApp::give_back_at_rejoin() {
  const json::object answer = co_await command_giveback();
  log().info("giveback after the rejoin", {{"result", text_of(answer, "text")}});
}

}  // namespace understudy
