// Fence for two nodes on one machine: pidfds, and the locks that nodes hold. Of a node on another
// machine it confirms nothing.
#pragma once

#include <memory>

#include "cluster_app/fence.h"
#include "iomgr/host/asio_executor.h"
#include "iomgr/log.h"

namespace understudy {

class LocalFence : public Fence {
 public:
  LocalFence(AsioExecutor& executor, Log& log);
  ~LocalFence() override;

  std::string machine() const override { return machine_; }
  bool proven_dead(const std::string& node) override;
  bool memory_survives(const std::string& node) override;
  void watch(const NodeIncarnation& node, std::function<void()> died) override;
  void unwatch() override;
  Task<bool> fence(NodeIncarnation node) override;

 private:
  struct Watch;

  AsioExecutor& executor_;
  Log& log_;
  const std::string machine_;
  std::shared_ptr<Watch> watch_;
};

}  // namespace understudy
