// What this node does when it is asked: by the partner's cluster_app, and by a person's command
// line.
#include <algorithm>
#include <chrono>

#include "cluster_app/answer.h"
#include "cluster_app/cluster_app.h"

namespace understudy {
namespace {
constexpr Duration kOrderLimit = std::chrono::seconds(60);
constexpr Duration kToldByThen = std::chrono::seconds(30);
}  // namespace

/// The numbers in "luns" that are LUNs, each once.
std::vector<std::uint32_t> ClusterApp::luns_from(const json::object& asked) const {
  std::vector<std::uint32_t> luns;
  for (const json::value& value : array_of(asked, "luns")) {
    boost::system::error_code failure;
    const auto lun = value.to_number<std::uint32_t>(failure);
    if (failure || lun >= luns_.size() || std::find(luns.begin(), luns.end(), lun) != luns.end())
      continue;
    luns.push_back(lun);
  }
  return luns;
}

std::string ClusterApp::lun_names(const std::vector<std::uint32_t>& luns) const {
  std::string names;
  for (const std::uint32_t lun : luns)
    names += (names.empty() ? "" : ", ") + config_.luns.at(lun).name;
  return names;
}

Task<json::object> ClusterApp::answer_partner(json::object asked) {
  const std::string verb = text_of(asked, "verb");
  if (verb == "release") {
    json::object answer = co_await release(asked);
    co_return answer;
  }
  if (verb == "take") {
    json::object answer = co_await take_for_partner(asked);
    co_return answer;
  }
  if (verb == "copies") {
    json::object answer = co_await count_copies();
    co_return answer;
  }
  if (verb == "cluster_stops") {
    cluster_stops_ = true;
    cluster_stops_until_ = executor().now() + kToldByThen;
    co_return agreed();
  }
  if (verb == "goodbye") {
    log().info("the partner says goodbye", {{"partner", partner().name}});
    membership_.said_goodbye();
    fence_.unwatch();
    wake_.set();
    co_return agreed();
  }
  co_return refused("unknown verb");
}

Task<json::object> ClusterApp::release(const json::object& asked) {
  const std::vector<std::uint32_t> luns = luns_from(asked);
  for (const std::uint32_t lun : luns) {
    if (luns_.at(lun).phase != LunPhase::serving || state_ == NodeState::stopping) {
      co_return refused("node " + self().name + " does not serve " + config_.luns.at(lun).name +
                        " now");
    }
  }
  for (const std::uint32_t lun : luns) {
    // Another release may have come while we waited.
    if (luns_.at(lun).phase != LunPhase::serving) {
      co_return refused("node " + self().name + " is giving up " + config_.luns.at(lun).name +
                        " already");
    }
    const Status status = co_await give_up(lun);
    if (failed(status))
      co_return refused("node " + self().name + " could not give up " + config_.luns.at(lun).name);
  }
  co_return agreed();
}

Task<json::object> ClusterApp::take_for_partner(const json::object& asked) {
  std::vector<std::uint32_t> luns;
  for (const std::uint32_t lun : luns_from(asked)) {
    if (luns_.at(lun).phase == LunPhase::none) luns.push_back(lun);
  }
  if (state_ == NodeState::stopping) co_return refused("this node stops");
  co_await take_over(luns, executor().now());
  const bool all = std::all_of(luns.begin(), luns.end(), [&](std::uint32_t lun) {
    return luns_.at(lun).phase == LunPhase::serving;
  });
  co_return all ? agreed() : refused("node " + self().name + " could not take all of it");
}

/// How many of the partner's operations are in our mirror store now, of all LUNs together.
Task<json::object> ClusterApp::count_copies() {
  Irp ping = make_irp(Major::cluster, ClusterMinor::ping);
  const Status status = co_await call(Layer::mirror_server, ping);
  if (failed(status)) co_return refused("mirror_server does not say");
  json::object answer = agreed();
  answer["copies"] = ping.report.operations;
  co_return answer;
}

Task<json::object> ClusterApp::answer_command(json::object command) {
  const std::string verb = text_of(command, "verb");
  json::object answer = refused("unknown command");
  if (verb == "status") {
    co_await refresh_reports();
    answer = agreed();
    answer["status"] = status();
  } else if (verb == "takeover") {
    answer = co_await command_takeover(std::move(command));
  } else if (verb == "giveback") {
    answer = co_await command_giveback();
  } else if (verb == "stop") {
    spawn(stop_in_order(flag_of(command, "cluster")));
    answer = agreed("node " + self().name + " stops");
  }
  co_return answer;
}

/// Takes over from the partner: by plan while it lives and is well; else on the operator's word,
/// where something waits for that.
Task<json::object> ClusterApp::command_takeover(json::object command) {
  const bool is_off = flag_of(command, "fenced");
  const bool has_failed = membership_.peer() == Membership::Peer::failed;
  if (is_off && has_failed && !awaiting_.empty()) {
    operator_says_off_ = true;
    fence_news_.set();
    json::object answer = co_await order_takeover();
    co_return answer;
  }
  if (is_off && !joined_.is_set() && !membership_.heartbeat()) {
    partner_off_ = true;
    wake_.set();
    co_return agreed("node " + self().name + " goes on without node " + partner().name);
  }
  if (is_off)
    co_return refused("nothing awaits a confirmation that node " + partner().name + " is off");
  if (has_failed && !awaiting_.empty()) co_return refused(awaiting_);
  if (!held_back_.empty()) {
    json::object answer = co_await order_takeover();
    co_return answer;
  }
  if (failing_over_ || taking_over_ > 0) co_return refused("a takeover is under way; see status");
  if (!membership_.heartbeat())
    co_return refused("node " + partner().name +
                      " is not running, and what it owned is served here");
  std::vector<std::uint32_t> luns;
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    if (membership_.phase_at_peer(lun) == LunPhase::serving) luns.push_back(lun);
  }
  if (luns.empty()) co_return refused("node " + partner().name + " owns no LUN");
  json::object answer = co_await take_from_partner(std::move(luns), Planned::takeover);
  co_return answer;
}

/// What was held back goes on: the blame, the fence, the takeover.
Task<json::object> ClusterApp::order_takeover() {
  ordered_ = true;
  weigh_again_at_ = executor().now();
  operator_spoke_.set();
  wake_.set();
  const Time limit = executor().now() + kOrderLimit;
  bool in_time = true;
  failover_over_.reset();
  while (in_time && !failover_over_.is_set()) in_time = co_await failover_over_.wait_until(limit);
  for (std::uint32_t lun = 0; in_time && lun < luns_.size(); ++lun)
    in_time = luns_.at(lun).phase == LunPhase::serving;
  if (in_time) co_return agreed("took over from node " + partner().name);
  co_return refused("node " + self().name + " could not take over; see status");
}

/// Takes this node's own LUNs back from the partner (STEP 336). A node that has just been started
/// first hears what its partner owns.
Task<json::object> ClusterApp::command_giveback() {
  static_cast<void>(co_await joined_.wait_until(executor().now() + kOrderLimit));
  if (!joined_.is_set()) co_return refused("node " + self().name + " still starts: " + awaiting_);
  std::vector<std::uint32_t> luns;
  for (const std::uint32_t lun : config_.luns_of(settings_.self)) {
    if (luns_.at(lun).phase == LunPhase::none &&
        membership_.phase_at_peer(lun) == LunPhase::serving)
      luns.push_back(lun);
  }
  if (failing_over_ || taking_over_ > 0) co_return refused("a takeover is under way; see status");
  if (luns.empty())
    co_return refused("node " + partner().name + " holds no LUN of node " + self().name);
  json::object answer = co_await take_from_partner(std::move(luns), Planned::giveback);
  co_return answer;
}

}  // namespace understudy
