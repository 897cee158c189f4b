#include "tests/sim/node.h"

#include "ff_driver/ff_driver.h"
#include "fs_cache/fs_cache.h"
#include "mirror_server/mirror_server.h"
#include "netstack/netstack.h"
#include "rd_driver/rd_driver.h"
#include "tests/sim/smb_dialogue.h"
#include "tests/sim/world.h"

namespace understudy::sim {
namespace {

constexpr Duration kFenceTakes = std::chrono::milliseconds(5);
constexpr Duration kFenceLimit = std::chrono::milliseconds(500);

}  // namespace

std::string SimFence::machine() const {
  return "machine " + std::to_string(node_);
}

bool SimFence::proven_dead(const std::string& node) {
  return !world_.fence_fails() && world_.node(world_.index_of(node)) == nullptr;
}

bool SimFence::memory_survives(const std::string& node) {
  return world_.memory_survives(world_.index_of(node));
}

void SimFence::watch(const NodeIncarnation&, std::function<void()> died) {
  died_ = std::move(died);
}

Task<FenceResult> SimFence::fence(NodeIncarnation victim) {
  VirtualExecutor& executor = world_.node(node_)->host().executor(Layer::cluster_app);
  if (world_.fence_fails()) {
    world_.fence_refused();
    co_await sleep_for(executor, kFenceLimit);
    co_return FenceResult{false, "the fence does not answer"};
  }
  const std::uint32_t index = world_.index_of(victim.node);
  const auto runs = [&] {
    Node* const node = world_.node(index);
    return node != nullptr && node->app().incarnation() == victim.incarnation;
  };
  if (runs()) world_.will_kill(index);
  co_await sleep_for(executor, kFenceTakes);
  FenceResult result;
  result.confirmed = !runs();
  co_return result;
}

Node::Node(World& world, std::uint32_t index, std::uint32_t life,
           std::shared_ptr<LocalMemory> memory)
    : world_(world),
      index_(index),
      life_(life),
      host_(world.loop(), world.wire(), world.config().nodes.at(index).name, std::move(memory),
            world.plan().schedule * 1000 + life),
      fence_(world, index) {
  const auto put = [this](std::unique_ptr<Driver> made) {
    layers_.at(static_cast<std::size_t>(made->layer())) = std::move(made);
  };
  put(make_netstack(host_.seams(Layer::netstack)));
  put(make_ff_driver(host_.seams(Layer::ff_driver)));
  put(make_fs_cache(host_.seams(Layer::fs_cache), [&world, index](Seams& seams, std::string path) {
    return std::make_unique<MemoryMedium>(seams, world.disk_at(path), index);
  }));
  put(make_rd_driver(host_.seams(Layer::rd_driver)));
  put(make_mirror_server(host_.seams(Layer::mirror_server)));
  auto app = make_cluster_app(host_.seams(Layer::cluster_app), settings(), fence_);
  app_ = app.get();
  put(std::move(app));
  for (const LayerLink& link : house_links()) host_.link(layer(link.one), layer(link.other));
  for (const Layer each : kAll) {
    host_.trace(each).listener = [this](const TraceEntry& entry, const Irp& irp) {
      world_.observe(*this, entry, irp);
    };
    host_.faults(each).act = [this, each](FaultAction) { world_.point_passed(*this, each); };
    if (each != Layer::cluster_app)
      layer(each).on_broken = [this](Layer) { world_.will_kill(index_); };
  }
  app_->on_end = [this](int code, const std::string& why) { world_.node_ended(*this, code, why); };
  host_.arena().header().trace_mask = ~0U;
}

Node::~Node() = default;

NodeSettings Node::settings() const {
  NodeSettings settings;
  settings.config = world_.config();
  settings.self = index_;
  settings.cluster_key = std::string(64, 'c');
  settings.accounts = SmbDialogue::account();
  settings.command_endpoint = "unix:" + world_.config().nodes.at(index_).name;
  for (const Layer each : kAll)
    settings.processes.push_back({each, 100 * life_ + static_cast<std::int64_t>(each), 1});
  return settings;
}

void Node::start() {
  for (const Layer each : kAll) layer(each).start();
}

void Node::kill_layer(Layer which) {
  // cluster_app is the parent of the others: they go with it.
  if (which == Layer::cluster_app) {
    world_.will_kill(index_);
  } else {
    layers_.at(static_cast<std::size_t>(which)).reset();
    host_.executor(which).kill();
  }
}

void Node::silence() {
  for (const Layer each : kAll) host_.silence(each);
}

}  // namespace understudy::sim
