// Between the suspicion that the partner has failed and its blame (claim 10): our own path is
// proven first, and the settings may leave the decision to the operator.
#include <chrono>

#include "cluster_app/cluster_app.h"

namespace understudy {
namespace {
constexpr Duration kThinkAgain = std::chrono::seconds(1);
constexpr Duration kHour = std::chrono::hours(1);
}  // namespace

/// Why the operator, and not this node, must order a takeover; empty when nothing speaks against
/// it.
std::string ClusterApp::hold_reason(const Failure& failure) {
  const std::string order = "`cluster_app takeover " + partner().name + "`";
  if (!failure.hardware && !config_.takes_over_for_software) {
    return "node " + partner().name + " has failed: " + failure.reason +
           "; takeover_for leaves failures of software to you: start it again, or " + order;
  }
  const Time now = executor().now();
  std::erase_if(takeovers_, [&](Time then) { return now - then > kHour; });
  if (takeovers_.size() >= config_.takeovers_per_hour) {
    return "node " + partner().name + " has failed: " + failure.reason + "; after " +
           std::to_string(takeovers_.size()) +
           " takeovers within an hour this one is yours to order: " + order;
  }
  return {};
}

/// The LUN of the partner's that this node cannot reach itself; nothing when it can reach all.
Task<std::optional<std::uint32_t>> ClusterApp::unreachable_lun() {
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    if (luns_.at(lun).phase != LunPhase::none) continue;
    const bool reached = co_await can_reach(lun);
    if (!reached) co_return lun;
  }
  co_return std::nullopt;
}

/// What the partner is suspected of may be our own path's fault: a medium that neither node reaches
/// is taken over by nobody.
Task<void> ClusterApp::weigh_suspicion() {
  weighing_ = true;
  const Failure suspected = *membership_.suspicion();
  std::string hold = ordered_ ? std::string() : hold_reason(suspected);
  if (hold.empty()) {
    const std::optional<std::uint32_t> lun = co_await unreachable_lun();
    if (lun) {
      hold = "node " + partner().name + " may have failed: " + suspected.reason +
             "; but this node cannot reach " + config_.luns.at(*lun).name +
             " either, so nobody takes over";
    }
  }
  if (failing_over_) {
    hold = held_back_;  // certain meanwhile: await_permission() says what speaks against it
  } else if (hold.empty()) {
    membership_.blame();
  } else {
    if (hold != held_back_)
      log().warning("no takeover", {{"partner", partner().name}, {"why", hold}});
    weigh_again_at_ = executor().now() + kThinkAgain;
  }
  held_back_ = hold;
  weighing_ = false;
  wake_.set();
}

/// True: the failed partner's LUNs may be taken. False: it is back, by itself or anew.
Task<bool> ClusterApp::await_permission() {
  while (membership_.peer() == Membership::Peer::failed) {
    const std::string hold = ordered_ ? std::string() : hold_reason(membership_.failure());
    if (hold.empty()) {
      held_back_.clear();
      co_return true;
    }
    if (membership_.returned()) break;
    if (hold != held_back_)
      log().warning("no takeover", {{"partner", partner().name}, {"why", hold}});
    held_back_ = hold;
    operator_spoke_.reset();
    static_cast<void>(co_await operator_spoke_.wait_until(executor().now() + kThinkAgain));
  }
  co_return false;
}

}  // namespace understudy
