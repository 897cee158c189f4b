#include "cluster_app/cluster_app.h"

#include <algorithm>
#include <chrono>

namespace understudy {
namespace {

PeerLink::Ends link_ends(const NodeSettings& settings, std::uint64_t incarnation) {
  const NodeConfig& self = settings.config.nodes.at(settings.self);
  const NodeConfig& partner = settings.config.partner_of(settings.self);
  return {{self.name, incarnation},
          partner.name,
          self.control,
          settings.self > 0 ? partner.control : Endpoint(),
          settings.cluster_key,
          std::chrono::milliseconds(settings.config.heartbeat_ms)};
}

/// A random name for this start of the node; 48 bits, so that every reader of JSON keeps all of
/// them.
std::uint64_t new_incarnation(Random& random) {
  return (random.next() & 0xffff'ffff'ffff) | 1;
}

/// A slot is as old as the pauses between two words and two looks, even if all is well.
Duration mailbox_limit(const ClusterConfig& config) {
  return std::chrono::milliseconds(std::max(config.failure_after_ms, 3 * config.mailbox_ms));
}

Membership::Limits membership_limits(const ClusterConfig& config) {
  using std::chrono::milliseconds;
  constexpr int kHeldBeats = 3;
  return {.silence = milliseconds(config.failure_after_ms),
          .mailbox_silence = mailbox_limit(config),
          .layer_hang = milliseconds(config.layer_hang_ms),
          .storage_hang = milliseconds(config.storage_hang_ms),
          .hold = kHeldBeats * milliseconds(config.heartbeat_ms)};
}

}  // namespace

ClusterApp::ClusterApp(Seams seams, NodeSettings settings, Fence& fence)
    : Driver(Layer::cluster_app, seams),
      settings_(std::move(settings)),
      fence_(fence),
      incarnation_(new_incarnation(seams.random)),
      accounts_(settings_.accounts),
      luns_(config_.luns.size()),
      membership_(membership_limits(config_)),
      mailbox_(mailbox_limit(config_)),
      payload_(seams.arena.region(Layer::cluster_app)),
      ping_now_(executor()),
      ping_answered_(executor()),
      joined_(executor()),
      wake_(executor()),
      operator_spoke_(executor()),
      fence_news_(executor()),
      failover_over_(executor()),
      phase_changed_(executor()),
      offer_turn_(executor(), 1),
      link_(
          seams, link_ends(settings_, incarnation_),
          {.connected = [this](const PeerIdentity& peer) { return peer_connected(peer); },
           .disconnected = [this] { peer_disconnected(); },
           .heartbeat = [this] { return to_json(own_heartbeat()); },
           .heard = [this](const json::object& message) { return peer_heard(message); },
           .asked = [this](json::object question) { return answer_partner(std::move(question)); }}),
      commands_(seams, settings_.command_endpoint,
                [this](json::object command) { return answer_command(std::move(command)); }) {
  on(Major::cluster, [this](Irp& irp) -> Task<Status> {
    if (static_cast<ClusterMinor>(irp.minor) != ClusterMinor::event)
      co_return Status::invalid_device_request;
    take_event(irp);
    co_return Status::success;
  });
  on_broken = [this](Layer layer) {
    end(1, "the link to " + std::string(to_string(layer)) + " broke");
  };
}

/// STEP 300.
void ClusterApp::start() {
  trace().step(Step::s300, make_irp(Major::cluster, ClusterMinor::event));
  log().info("node starts", {{"node", self().name}, {"incarnation", incarnation_}});
  const Status listening = commands_.start();
  if (failed(listening)) {
    end(1, "cannot listen on " + settings_.command_endpoint + ": " +
               std::string(to_string(listening)));
    return;
  }
  for (const Layer layer : {Layer::netstack, Layer::ff_driver, Layer::fs_cache, Layer::rd_driver,
                            Layer::mirror_server}) {
    spawn(ping_always(layer));
  }
  spawn(watchdog());
  for (std::size_t area = 0; area < MailboxWatch::kAreas; ++area) spawn(write_mailbox_always(area));
  spawn(join_cluster());
}

void ClusterApp::set_accounts(std::string text) {
  if (text == accounts_) return;
  accounts_ = std::move(text);
  log().info("the accounts file has changed");
  spawn([](ClusterApp& self) -> Task<void> { static_cast<void>(co_await self.offer()); }(*this));
}

void ClusterApp::stop(bool whole_cluster) {
  spawn(stop_in_order(whole_cluster));
}

/// Later, on an empty stack: whoever hears of the end may destroy this object.
void ClusterApp::end(int exit_code, const std::string& why) {
  if (std::exchange(ended_, true)) return;
  if (exit_code != 0) log().error("the node fails as a whole", {{"why", why}});
  executor().post([this, exit_code, why] {
    if (on_end) on_end(exit_code, why);
  });
}

std::unique_ptr<ClusterApp> make_cluster_app(Seams seams, NodeSettings settings, Fence& fence) {
  return std::make_unique<ClusterApp>(seams, std::move(settings), fence);
}

}  // namespace understudy
