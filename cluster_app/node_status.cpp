// What one node says of itself: the object that `status --json` shows for it.
#include <chrono>

#include "cluster_app/cluster_app.h"

namespace understudy {

/// So that a person who has just written something sees it: all layers say again how they are. A
/// layer that hangs does not hold up the answer for long.
Task<void> ClusterApp::refresh_reports() {
  constexpr Duration kLimit = std::chrono::milliseconds(100);
  const Time limit = executor().now() + kLimit;
  const auto before = watches_;
  const auto is_old = [&](std::size_t layer) {
    // An answer that was on its way already does not count.
    return watches_.at(layer).answers <=
           before.at(layer).answers + (before.at(layer).asked ? 1 : 0);
  };
  for (std::size_t layer = 1; layer < kLayers; ++layer) {
    if (static_cast<Layer>(layer) == Layer::cluster_app) continue;
    while (is_old(layer) && executor().now() < limit) {
      if (!watches_.at(layer).asked) ping_now_.pulse();
      static_cast<void>(co_await ping_answered_.wait_until(limit));
    }
  }
}

/// What keeps this node from what it should do, and what would help.
std::string ClusterApp::awaited() const {
  if (!awaiting_.empty()) return awaiting_;
  if (!offer_problem_.empty()) return offer_problem_;
  if (!held_back_.empty()) return held_back_;
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    const std::string& problem = luns_.at(lun).problem;
    if (!problem.empty()) return config_.luns.at(lun).name + " " + problem;
  }
  return {};
}

/// What is wrong and keeps nobody from anything.
std::string ClusterApp::warning() const {
  const std::string name = "node " + partner().name;
  if (membership_.silent() && interconnect_up())
    return name + " is silent on the network, but its interconnect lives: not a failure";
  if (membership_.silent() && !mailbox_.partner_silence())
    return name + " is silent, but this node cannot reach a mailbox: not taken for a failure";
  if (membership_.silent())
    return name +
           " is silent on the network and the interconnect, but writes its mailbox: not a "
           "failure";
  for (std::size_t area = 0; area < MailboxWatch::kAreas; ++area) {
    if (mailbox_.lost(area))
      return "the mailbox on " + config_.luns.at(mailbox_area(area).lun).name + " does not answer";
  }
  return {};
}

json::object ClusterApp::status() const {
  json::object processes;
  for (const NodeProcess& each : settings_.processes) processes[to_string(each.layer)] = each.pid;
  json::array luns;
  json::array owned;
  for (std::uint32_t lun = 0; lun < luns_.size(); ++lun) {
    const OwnLun& own = luns_.at(lun);
    const LunConfig& config = config_.luns.at(lun);
    if (own.phase == LunPhase::none) continue;
    owned.push_back(json::string(config.name));
    luns.push_back({{"name", config.name},
                    {"share", config.share},
                    {"phase", to_string(own.phase)},
                    {"epoch", own.epoch},
                    {"home", config_.nodes.at(config.owner).name}});
  }
  json::array addresses;
  json::array stands_by;
  for (std::uint32_t home = 0; home < ClusterConfig::kNodes; ++home) {
    if (!offered_.at(home).empty())
      addresses.push_back(json::string(config_.nodes.at(home).address));
    if (standing_by_.at(home)) stands_by.push_back(json::string(config_.nodes.at(home).address));
  }
  const LayerReport& cache = watch(Layer::fs_cache).report;
  json::object status = {
      {"name", self().name},
      {"state", to_string(failing_over_ || taking_over_ > 0 ? NodeState::takeover : state_)},
      {"addresses", addresses},
      {"stands_by", stands_by},
      {"owns", owned},
      {"luns", luns},
      {"mirroring", mirroring()},
      {"degraded", !mirroring()},
      {"interconnect", interconnect_up()},
      {"operations_unwritten", cache.operations},
      {"bytes_unwritten", cache.bytes},
      {"operations_mirrored", watch(Layer::mirror_server).report.operations},
      {"storage_errors", cache.errors},
      {"connections", watch(Layer::netstack).report.opens},
      {"opens", cache.opens},
      {"partner", to_string(membership_.peer())},
      {"incarnation", incarnation_},
      {"processes", processes}};
  const std::string awaiting = awaited();
  if (!awaiting.empty()) status["awaiting"] = awaiting;
  const std::string trouble = warning();
  if (!trouble.empty()) status["warning"] = trouble;
  if (last_takeover_) {
    status["last_takeover"] = {{"from", last_takeover_->from},
                               {"by", last_takeover_->by},
                               {"operations_replayed", last_takeover_->operations_replayed},
                               {"milliseconds", last_takeover_->milliseconds},
                               {"time", last_takeover_->time}};
  }
  return status;
}

}  // namespace understudy
