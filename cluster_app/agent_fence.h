// Fence by a program of the operator's: a power switch, a hypervisor, a script. What it must do:
//
//     AGENT off NODE      turn the node off: when this ends with exit code 0, no process of that
//                         node runs any more and none of its storage requests is still on its way
//
// Environment: UNDERSTUDY_NODE (its name), UNDERSTUDY_CONTROL (its control address, HOST:PORT),
// UNDERSTUDY_MACHINE (what its last heartbeat called its machine; empty if there was none).
// Any other end, or none within the time limit (it is killed then), confirms nothing. It is called
// again while the node stays silent, so it must be able to turn off what is off.
#pragma once

#include <string>

#include "cluster_app/fence.h"
#include "iomgr/host/asio_executor.h"
#include "iomgr/log.h"

namespace understudy {

class AgentFence {
 public:
  AgentFence(AsioExecutor& executor, Log& log, std::string program, Duration limit)
      : executor_(executor), log_(log), program_(std::move(program)), limit_(limit) {}

  Task<FenceResult> fence(NodeIncarnation node, std::string control);

 private:
  AsioExecutor& executor_;
  Log& log_;
  const std::string program_;
  const Duration limit_;
};

}  // namespace understudy
