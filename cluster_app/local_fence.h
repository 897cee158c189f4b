// Fence for two nodes on one machine: pidfds, and the locks that nodes hold. A node is here only if
// cluster.toml says that all are, or its own heartbeats have named this machine: of any other one
// it knows and confirms nothing, whatever files are missing here.
#pragma once

#include <memory>
#include <set>

#include "cluster_app/fence.h"
#include "iomgr/host/asio_executor.h"
#include "iomgr/log.h"

namespace understudy {

class LocalFence : public Fence {
 public:
  LocalFence(AsioExecutor& executor, Log& log, bool one_machine, std::string cluster_key);
  ~LocalFence() override;

  std::string machine() const override { return machine_; }
  bool proven_dead(const std::string& node) override;
  bool memory_survives(const std::string& node) override;
  void watch(const NodeIncarnation& node, std::function<void()> died) override;
  void unwatch() override;
  Task<FenceResult> fence(NodeIncarnation node) override;

  bool is_here(const std::string& node) const { return one_machine_ || here_.contains(node); }

 private:
  struct Watch;

  AsioExecutor& executor_;
  Log& log_;
  const std::string machine_;
  const bool one_machine_;
  const std::string cluster_key_;  // the file may be gone when it is needed
  std::set<std::string> here_;     // nodes whose last incarnation named this machine
  std::shared_ptr<Watch> watch_;
};

}  // namespace understudy
