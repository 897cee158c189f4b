#include "cluster_app/cluster_test_world.h"

#include <gtest/gtest.h>

namespace understudy::testing_world {

FakeLayer::FakeLayer(Layer layer, Seams seams, World& world, std::uint32_t node)
    : Driver(layer, seams), world_(world), node_(node) {
  on(Major::cluster, [this](Irp& irp) { return cluster(irp); });
}

LayerState& FakeLayer::state() const {
  return world_.state.at(node_);
}
void FakeLayer::note(const std::string& what) const {
  world_.journal.at(node_).push_back(what);
}

Task<Status> FakeLayer::cluster(Irp& irp) {
  if (static_cast<ClusterMinor>(irp.minor) == ClusterMinor::ping) {
    Event never(executor());
    if (!state().answers_pings && layer() == Layer::fs_cache) co_await never.wait();
    report(irp);
    co_return Status::success;
  }
  switch (layer()) {
    case Layer::fs_cache:
      if (static_cast<ClusterMinor>(irp.minor) == ClusterMinor::mailbox) {
        const Status exchanged = co_await mailbox(irp);
        co_return exchanged;
      }
      co_return fs_cache(irp);
    case Layer::ff_driver: {
      const Status done = co_await ff_driver(irp);
      co_return done;
    }
    case Layer::mirror_server:
      co_return mirror_server(irp);
    case Layer::netstack:
      co_return netstack(irp);
    default:
      co_return Status::success;
  }
}

void FakeLayer::report(Irp& irp) const {
  irp.report = {};
  if (layer() == Layer::rd_driver) irp.report.mirroring = state().interconnect ? 1 : 0;
  if (layer() == Layer::ff_driver) irp.report.mirroring = state().interconnect ? 1 : 0;
  if (layer() == Layer::mirror_server) irp.report.operations = state().records;
  if (layer() == Layer::fs_cache) {
    irp.report.oldest_ms = state().storage_oldest_ms;
    irp.report.failing = state().storage_failing;
  }
}

Task<Status> FakeLayer::mailbox(Irp& irp) {
  Event never_comes(executor());
  if (state().medium_hangs) co_await never_comes.wait();
  if (state().lost_mailboxes.contains(irp.lun)) co_return Status::io_device_error;
  auto& slots = world_.medium.mailbox;
  slots[{irp.lun, irp.mailbox.area, irp.mailbox.own.node}] = irp.mailbox.own;
  const auto found = slots.find({irp.lun, irp.mailbox.area, irp.mailbox.peer});
  irp.mailbox.found = found == slots.end() ? 0 : 1;
  if (found != slots.end()) irp.mailbox.partner = found->second;
  if (irp.mailbox.durable != 0) irp.mailbox.mirror = world_.medium.luns[irp.lun].mirror;
  co_return Status::success;
}

Status FakeLayer::fs_cache(Irp& irp) {
  FakeMedium::Lun& lun = world_.medium.luns[irp.lun];
  if (static_cast<ClusterMinor>(irp.minor) == ClusterMinor::dismount) {
    note("dismount " + std::to_string(irp.lun));
    lun.holder.reset();
    lun.mirror = 0;
    return Status::success;
  }
  if (failed(state().mount_status)) return state().mount_status;
  if (lun.holder) return Status::sharing_violation;
  if (lun.mirror != 0 && lun.mirror != node_ + 1 && irp.mount.accept_loss == 0)
    return Status::device_not_ready;
  note((irp.mount.accept_loss != 0 ? "mount with loss " : "mount ") + std::to_string(irp.lun));
  lun.holder = node_;
  irp.mount.mirror = lun.mirror;
  irp.epoch = ++lun.epoch;
  return Status::success;
}

Task<Status> FakeLayer::ff_driver(Irp& irp) {
  const bool attach = static_cast<ClusterMinor>(irp.minor) == ClusterMinor::attach;
  while (!attach && !state().detaches)
    co_await sleep_for(executor(), std::chrono::milliseconds(20));
  note((attach ? "attach " : "detach ") + std::to_string(irp.lun));
  if (attach) world_.medium.luns[irp.lun].mirror = irp.mount.mirror;
  co_return Status::success;
}

Status FakeLayer::mirror_server(Irp& irp) {
  if (static_cast<ClusterMinor>(irp.minor) == ClusterMinor::partner) take_partner(irp);
  if (static_cast<ClusterMinor>(irp.minor) != ClusterMinor::replay) return Status::success;
  note("replay " + std::to_string(irp.lun));
  if (failed(state().replay_status)) return state().replay_status;
  const bool partners = world_.config.luns.at(irp.lun).owner != node_;
  irp.replay.operations = partners ? std::exchange(state().records, 0) : 0;
  return Status::success;
}

/// Without an address to listen on the partner loses its mirror, and writes down what it had there.
void FakeLayer::take_partner(const Irp& irp) {
  const auto order = parse_object(as_text(*arena().bytes(irp.payload)));
  const std::uint32_t partner = 1 - node_;
  state().lets_copies_in = !text_of(*order, "listen").empty();
  if (state().lets_copies_in || !world_.state.at(partner).degrades) return;
  for (auto& [number, lun] : world_.medium.luns) {
    if (lun.holder == partner) lun.mirror = 0;
  }
}

void FakeLayer::tell_storage_error(std::uint32_t lun, Status status) {
  spawn([](FakeLayer& self, std::uint32_t of, Status why) -> Task<void> {
    Irp event = self.make_irp(Major::cluster, ClusterMinor::event);
    event.lun = of;
    event.status = why;
    event.event.kind = EventKind::partner_storage_error;
    static_cast<void>(co_await self.call(Layer::cluster_app, event));
  }(*this, lun, status));
}

Status FakeLayer::netstack(const Irp& irp) {
  const auto order = parse_object(as_text(*arena().bytes(irp.payload)));
  EXPECT_TRUE(order.has_value());
  std::string shares;
  for (const json::value& share : array_of(*order, "shares"))
    shares += " " + text_of(share.as_object(), "name");
  const bool serve = static_cast<ClusterMinor>(irp.minor) == ClusterMinor::serve;
  const std::string address = text_of(*order, "address");
  if (serve && flag_of(*order, "standby")) {
    state().stands_by.insert(address);
    return Status::success;
  }
  if (state().stands_by.erase(address) > 0 && !serve) return Status::success;
  if (serve && failed(state().serve_status)) return state().serve_status;
  note((serve ? "serve " : "unserve ") + address + shares);
  return Status::success;
}

bool FakeFence::proven_dead(const std::string& node) {
  return world_.deaths_are_provable && world_.nodes.at(*world_.config.node_index(node)) == nullptr;
}

bool FakeFence::memory_survives(const std::string&) {
  return world_.memory_survives;
}

void FakeFence::watch(const NodeIncarnation& node, std::function<void()> died) {
  EXPECT_EQ(node.processes.size(), 6U);
  died_ = std::move(died);
}

Task<FenceResult> FakeFence::fence(NodeIncarnation node) {
  world_.journal.at(node_).push_back("fence " + node.node);
  if (node.processes.empty()) {
    FenceResult by_lock{proven_dead(node.node), "its processes are not known"};
    co_return by_lock;
  }
  // Kills that incarnation, if it is still the one that runs; a later one is another set of
  // processes.
  const std::uint32_t victim = 1 - node_;
  if (world_.fence_works && world_.nodes.at(victim) &&
      world_.incarnation(victim) == node.incarnation)
    world_.kill(victim);
  FenceResult result{world_.fence_works, world_.fence_works ? "" : "the test says so"};
  co_return result;
}

Node::Node(World& world, std::uint32_t index)
    : host(world.loop, world.wire, world.config.nodes.at(index).name), fence(world, index) {
  // The loop's randomness starts alike in every node: each start needs its own.
  for (int start = world.starts++; start > 0; --start)
    static_cast<void>(host.seams(Layer::cluster_app).random.next());
  NodeSettings settings;
  settings.config = world.config;
  settings.self = index;
  settings.cluster_key = world.keys.at(index);
  settings.accounts = "me:0123";
  settings.command_endpoint = "unix:" + world.config.nodes.at(index).name;
  for (std::int64_t layer = 1; layer <= 6; ++layer)
    settings.processes.push_back({static_cast<Layer>(layer), 100 + layer, 1});
  app = make_cluster_app(host.seams(Layer::cluster_app), settings, fence);
  for (const Layer layer : {Layer::netstack, Layer::ff_driver, Layer::fs_cache, Layer::rd_driver,
                            Layer::mirror_server}) {
    layers[layer] = std::make_unique<FakeLayer>(layer, host.seams(layer), world, index);
    host.link(*layers[layer], *app);
  }
  app->on_end = [&world, index](int code, const std::string& why) {
    world.exit_code.at(index) = code;
    world.exit_reason.at(index) = why;
  };
  app->start();
}

World::World(std::uint64_t seed)
    : loop(seed), person(loop.make_executor()), persons_network(wire, *person) {
  std::string error;
  config = *parse_config(default_config_text(), "cluster.toml", error);
}

void World::start_both() {
  start(0);
  start(1);
  ASSERT_TRUE(eventually([this] { return up(0) && up(1); }));
}

void World::cut_network() {
  wire.refuse = true;
  wire.cut();
}

void World::silence(std::uint32_t node) {
  cut_network();
  cut_interconnect();
  state.at(node).medium_hangs = true;
}

void World::connect_as_mute(std::uint32_t node, std::uint32_t other, std::uint64_t incarnation) {
  const PeerIdentity mute{config.nodes.at(node).name, incarnation};
  mutes.spawn([](World& world, PeerIdentity self, NodeConfig peer, std::string key) -> Task<void> {
    const auto stream = co_await world.persons_network.connect(peer.control);
    UNDERSTUDY_CHECK(stream);
    SecureLines lines(*world.person, *stream, std::move(key));
    SeededRandom random(self.incarnation);
    const Status proven = co_await lines.dial(self, peer.name, random);
    EXPECT_TRUE(ok(proven));
    while (true) {
      const Result<std::string> line = co_await lines.read();
      if (!line) co_return;
    }
  }(*this, mute, config.nodes.at(other), keys.at(node)));
}

void World::tell_storage_error(std::uint32_t node, std::uint32_t lun, Status status) {
  nodes.at(node)->layers.at(Layer::mirror_server)->tell_storage_error(lun, status);
}

bool World::eventually(const std::function<bool()>& done) {
  for (int round = 0; round < 3000; ++round) {
    if (done()) return true;
    run_for_ms(20);
  }
  return false;
}

void World::kill(std::uint32_t node) {
  nodes.at(node).reset();
  for (auto& [number, lun] : medium.luns) {
    if (lun.holder == node) lun.holder.reset();
  }
  if (death_is_seen && nodes.at(1 - node)) nodes.at(1 - node)->fence.tell_death();
}

json::object World::ask(std::uint32_t node, json::object command) {
  std::optional<json::object> answer;
  TaskScope scope;
  scope.spawn([](World& world, std::string endpoint, json::object what,
                 std::optional<json::object>& out) -> Task<void> {
    const Result<std::shared_ptr<Stream>> stream = co_await world.persons_network.connect(endpoint);
    if (!stream) {
      out.emplace();
      co_return;
    }
    LineStream lines(*world.person, *stream);
    static_cast<void>(co_await lines.write(json::serialize(what)));
    const Result<std::string> line = co_await lines.read(bounds::kMaxControlLine);
    out = line ? parse_object(*line).value_or(json::object()) : json::object();
  }(*this, "unix:" + config.nodes.at(node).name, std::move(command), answer));
  loop.run_until([&] { return answer.has_value(); }, std::chrono::seconds(60));
  return answer.value_or(json::object());
}

json::object World::status(std::uint32_t node) {
  const json::object answer = ask(node, question("status"));
  return object_of(answer, "status");
}

bool World::serves(std::uint32_t node, std::uint32_t lun) {
  const json::object said = status(node);
  for (const json::value& each : array_of(said, "luns")) {
    if (text_of(each.as_object(), "name") == config.luns.at(lun).name)
      return text_of(each.as_object(), "phase") == "serving";
  }
  return false;
}

}  // namespace understudy::testing_world
