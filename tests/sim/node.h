// A node of the simulated cluster: the real objects of all six layers on one virtual loop. What is
// a process elsewhere is an object here; when one dies the node dies as a whole.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "cluster_app/cluster_app.h"
#include "iomgr/local/local_host.h"

namespace understudy::sim {

class World;

/// What cluster_app can do to the other node: the world does it to the simulated processes.
class SimFence : public Fence {
 public:
  SimFence(World& world, std::uint32_t node) : world_(world), node_(node) {}

  std::string machine() const override;
  bool proven_dead(const std::string& node) override;
  bool memory_survives(const std::string& node) override;
  void watch(const NodeIncarnation& node, std::function<void()> died) override;
  void unwatch() override { died_ = nullptr; }
  Task<FenceResult> fence(NodeIncarnation node) override;

  /// The watched node's processes have died.
  std::function<void()> take_watch() { return std::exchange(died_, nullptr); }

 private:
  World& world_;
  const std::uint32_t node_;
  std::function<void()> died_;
};

class Node {
 public:
  Node(World& world, std::uint32_t index, std::uint32_t life, std::shared_ptr<LocalMemory> memory);
  ~Node();

  std::uint32_t index() const { return index_; }
  /// Counts all starts of all nodes from 1.
  std::uint32_t life() const { return life_; }
  LocalHost& host() { return host_; }
  ClusterApp& app() { return *app_; }
  SimFence& fence() { return fence_; }

  void start();
  void kill_layer(Layer layer);
  /// SIGSTOP and SIGCONT.
  void stop(Layer layer) { host_.executor(layer).stop(); }
  void wake(Layer layer) { host_.executor(layer).wake(); }
  /// Nothing leaves the node any more: it is about to die.
  void silence();

  static constexpr std::array kAll = {Layer::netstack,  Layer::ff_driver,     Layer::fs_cache,
                                      Layer::rd_driver, Layer::mirror_server, Layer::cluster_app};

 private:
  NodeSettings settings() const;
  Driver& layer(Layer which) { return *layers_.at(static_cast<std::size_t>(which)); }

  World& world_;
  const std::uint32_t index_;
  const std::uint32_t life_;
  LocalHost host_;
  SimFence fence_;
  std::array<std::unique_ptr<Driver>, kLayers> layers_;
  ClusterApp* app_ = nullptr;
};

}  // namespace understudy::sim
