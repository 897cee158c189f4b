// What cluster_app tells its layers (docs/contracts.md, "cluster_app's orders").
#include <algorithm>
#include <cctype>
#include <cstring>

#include "cluster_app/cluster_app.h"

namespace understudy {
namespace {

constexpr Duration kOfferAgain = std::chrono::seconds(2);

std::string mount_order(const ClusterConfig& config, std::uint32_t lun) {
  return json::serialize(json::object{{"path", config.luns.at(lun).directory},
                                      {"lazy_writer", config.lazy_writer_runs ? "run" : "hold"},
                                      {"flush_interval_ms", config.flush_interval_ms},
                                      {"late_write_times", config.luns.at(lun).like_samba}});
}

}  // namespace

Task<Status> ClusterApp::order(Layer layer, Irp& irp, std::string payload) {
  if (!payload.empty()) {
    const auto buffer = payload_.allocate(payload.size());
    if (!buffer) co_return Status::insufficient_resources;
    irp.payload = *buffer;
    irp.payload.length = static_cast<std::uint32_t>(payload.size());
    std::memcpy(arena().bytes(irp.payload)->data(), payload.data(), payload.size());
    const Status status = co_await call(layer, irp);
    payload_.free(*buffer);
    co_return status;
  }
  const Status status = co_await call(layer, irp);
  co_return status;
}

Task<Status> ClusterApp::order_lun(Layer layer, ClusterMinor minor, std::uint32_t lun) {
  Irp irp = make_irp(Major::cluster, minor);
  irp.lun = lun;
  irp.epoch = luns_.at(lun).epoch;
  const Status status = co_await order(layer, irp, {});
  co_return status;
}

Task<Status> ClusterApp::mount(std::uint32_t lun, bool accept_loss, Irp& mounted) {
  mounted = make_irp(Major::cluster, ClusterMinor::mount);
  mounted.lun = lun;
  mounted.mount.node = settings_.self;
  mounted.mount.accept_loss = accept_loss ? 1 : 0;
  const Status status = co_await order(Layer::fs_cache, mounted, mount_order(config_, lun));
  co_return status;
}

/// The LUNs of that home that are served here, as JSON for `serve`; empty if there are none.
std::string ClusterApp::offer_at(std::uint32_t home) const {
  const NodeConfig& node = config_.nodes.at(home);
  json::array shares;
  for (const std::uint32_t lun : config_.luns_of(home)) {
    if (luns_.at(lun).phase == LunPhase::serving)
      shares.push_back({{"name", config_.luns.at(lun).share},
                        {"lun", lun},
                        {"encrypted", config_.luns.at(lun).encrypted},
                        {"continuously_available", config_.luns.at(lun).continuously_available},
                        {"slash_divides", config_.luns.at(lun).like_samba}});
  }
  if (shares.empty()) return {};
  std::string name = node.name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return static_cast<char>(std::toupper(c)); });
  return json::serialize(json::object{{"address", node.address},
                                      {"server", name},
                                      {"shares", shares},
                                      {"accounts", accounts_},
                                      {"signing_required", config_.signing_required},
                                      {"encryption", std::string(config_.encryption)}});
}

/// Clients that lose the partner are not refused, but wait until its LUNs are served here: from
/// when it listens (who came before that would wait for nothing) until it is known that they will
/// not be. Nobody waits for an operator's decision.
bool ClusterApp::should_stand_by(std::uint32_t home) const {
  if (state_ == NodeState::stopping || cluster_stops_ || !held_back_.empty()) return false;
  if (failing_over_ && !fence_problem_.empty()) return false;
  const std::vector<std::uint32_t> luns = config_.luns_of(home);
  const auto is_in_trouble = [this](std::uint32_t lun) { return !luns_.at(lun).problem.empty(); };
  if (std::any_of(luns.begin(), luns.end(), is_in_trouble)) return false;
  const auto& heartbeat = membership_.heartbeat();
  return standing_by_.at(home) || (heartbeat && (heartbeat->listens >> home & 1) != 0);
}

/// Makes netstack offer exactly the LUNs that are served here, each on its home node's address.
Task<Status> ClusterApp::offer() {
  co_await offer_turn_.acquire();
  const CreditGuard turn(offer_turn_);
  Status result = Status::success;
  for (std::uint32_t home = 0; home < ClusterConfig::kNodes; ++home) {
    const std::string& address = config_.nodes.at(home).address;
    const std::string text = offer_at(home);
    if (text == offered_.at(home)) continue;
    const bool wanted = !text.empty();
    Irp irp = make_irp(Major::cluster, wanted ? ClusterMinor::serve : ClusterMinor::unserve);
    const std::string payload = wanted ? text : json::serialize(json::object{{"address", address}});
    const Status status = co_await order(Layer::netstack, irp, payload);
    if (failed(status)) {
      log().error(wanted ? "netstack cannot serve" : "netstack cannot stop serving",
                  {{"address", address}, {"status", status}});
      result = status;
      offer_problem_ = (wanted ? "netstack cannot serve " : "netstack cannot stop serving ") +
                       address + ": " + std::string(to_string(status));
    } else {
      offered_.at(home) = text;
      standing_by_.at(home) = false;
    }
  }
  if (ok(result)) offer_problem_.clear();
  if (failed(result)) offer_later();
  co_return result;
}

/// Without it takeovers work all the same, so nothing depends on its success.
Task<void> ClusterApp::stand_by() {
  co_await offer_turn_.acquire();
  const CreditGuard turn(offer_turn_);
  for (std::uint32_t home = 0; home < ClusterConfig::kNodes; ++home) {
    const bool wanted = should_stand_by(home);
    if (!offered_.at(home).empty() || wanted == standing_by_.at(home)) continue;
    standing_by_.at(home) = wanted;
    json::object text = {{"address", config_.nodes.at(home).address}};
    if (wanted) text["standby"] = true;
    Irp irp = make_irp(Major::cluster, wanted ? ClusterMinor::serve : ClusterMinor::unserve);
    static_cast<void>(co_await order(Layer::netstack, irp, json::serialize(text)));
  }
}

/// An address that is still somebody else's for a moment must not stay without service.
void ClusterApp::offer_later() {
  offer_again_at_ = executor().now() + kOfferAgain;
}

Task<void> ClusterApp::offer_again() {
  static_cast<void>(co_await offer());
}

}  // namespace understudy
