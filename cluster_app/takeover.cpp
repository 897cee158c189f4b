// FIG. 3 from STEP 304 on: the partner has failed, what follows, and its return; and the same by a
// person's command.
#include <algorithm>
#include <chrono>

#include "cluster_app/answer.h"
#include "cluster_app/cluster_app.h"

namespace understudy {
namespace {
constexpr Duration kAskLimit = std::chrono::seconds(30);
constexpr Duration kGoodbyeLimit = std::chrono::seconds(1);
constexpr Duration kSettleLimit = std::chrono::seconds(10);
}  // namespace

/// The partner has failed. Until it is surely dead nothing of it is touched (rule 7); its LUNs are
/// marked at once, so that a new incarnation of it does not start to serve them meanwhile.
Task<void> ClusterApp::fail_over() {
  failing_over_ = true;
  const Time detected = executor().now();
  trace().step(Step::s304, make_irp(Major::cluster, ClusterMinor::event));
  log().warning("the partner has failed",
                {{"partner", partner().name}, {"why", membership_.reason()}});
  std::vector<std::uint32_t> luns;
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    if (state_ == NodeState::stopping || luns_.at(lun).phase != LunPhase::none) continue;
    luns.push_back(lun);
    set_phase(lun, LunPhase::taking);
  }
  const bool is_dead = co_await fence_partner();
  if (is_dead && state_ != NodeState::stopping) {
    co_await take_over(luns, detected);
    trace().step(Step::s330, make_irp(Major::cluster, ClusterMinor::event));
  } else {
    for (const std::uint32_t lun : luns) set_phase(lun, LunPhase::none);
  }
  failing_over_ = false;
  wake_.set();
}

/// False when the partner turned out to be alive.
Task<bool> ClusterApp::fence_partner() {
  const NodeIncarnation victim = membership_.victim();
  bool confirmed = co_await fence_.fence(victim);
  operator_fenced_.reset();
  while (!confirmed && membership_.peer() == Membership::Peer::failed) {
    if (awaiting_.empty()) {
      awaiting_ =
          "node " + partner().name +
          " does not answer and its death cannot be confirmed; if you are sure that it is off: " +
          "cluster_app takeover " + partner().name + " --fenced";
      log().error("no takeover: the fence is not confirmed",
                  {{"partner", partner().name}, {"processes", victim.processes.size()}});
    }
    const bool by_operator =
        co_await operator_fenced_.wait_until(executor().now() + std::chrono::seconds(1));
    confirmed = by_operator || fence_.proven_dead(partner().name);
    if (by_operator)
      log().warning("the operator confirms that the partner is dead",
                    {{"partner", partner().name}});
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

/// STEPs 310 to 318 for LUNs that nobody owns any more.
Task<void> ClusterApp::take_over(std::vector<std::uint32_t> luns, Time since) {
  const Takeover done = co_await take_all(luns, since);
  // ff_driver and fs_cache do STEPs 316 and 318 by themselves when the interconnect breaks; the
  // LUNs taken now start without mirroring.
  trace().step(Step::s316, make_irp(Major::cluster, ClusterMinor::event));
  trace().step(Step::s318, make_irp(Major::cluster, ClusterMinor::event));
  if (done.luns > 0) last_takeover_ = done;
}

/// Served is first when all are there: a client that finds the address finds every share of it.
Task<ClusterApp::Takeover> ClusterApp::take_all(std::vector<std::uint32_t> luns, Time since) {
  ++taking_over_;
  Takeover done{partner().name, self().name, 0, 0, 0, executor().wall_time()};
  std::vector<std::uint32_t> taken;
  for (const std::uint32_t lun : luns) {
    const Status status = co_await take(lun, done.operations_replayed);  // STEPs 310, 312, 314
    if (ok(status)) taken.push_back(lun);
  }
  const Status offered = co_await offer();
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
  // Between its answer and now the partner may have failed, and its LUNs may be ours already.
  std::erase_if(luns, [&](std::uint32_t lun) { return luns_.at(lun).phase != LunPhase::none; });
  for (const std::uint32_t lun : luns) set_phase(lun, LunPhase::taking);
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

Task<void> ClusterApp::stop_in_order(bool whole_cluster) {
  if (state_ == NodeState::stopping) co_return;
  state_ = NodeState::stopping;
  log().info("node stops", {{"whole_cluster", whole_cluster ? "yes" : "no"}});
  // Said before the LUNs go, so that nobody takes over from a cluster that ends.
  if (whole_cluster)
    static_cast<void>(co_await link_.ask(question("cluster_stops"), kGoodbyeLimit));
  const Time patience = executor().now() + kSettleLimit;
  const auto changing = [](const OwnLun& own) {
    return own.phase == LunPhase::taking || own.phase == LunPhase::releasing;
  };
  while (std::any_of(luns_.begin(), luns_.end(), changing) && executor().now() < patience) {
    co_await sleep_for(executor(), std::chrono::milliseconds(20));
  }
  co_await give_up_all();
  static_cast<void>(co_await link_.ask(question("goodbye"), kGoodbyeLimit));
  end(0, "stopped");
}

}  // namespace understudy
