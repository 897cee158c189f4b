#include "cluster_app/agent_fence.h"

#include "iomgr/host/run_program.h"

namespace understudy {

Task<FenceResult> AgentFence::fence(NodeIncarnation node, std::string control) {
  log_.warning("the fence agent is called", {{"agent", program_}, {"node", node.node}});
  std::vector<std::string> arguments(1, "off");
  arguments.push_back(node.node);
  std::vector<std::string> environment(1, "UNDERSTUDY_NODE=" + node.node);
  environment.push_back("UNDERSTUDY_CONTROL=" + control);
  environment.push_back("UNDERSTUDY_MACHINE=" + node.machine);
  const ProgramEnd end = co_await run_program(executor_, program_, std::move(arguments),
                                              std::move(environment), limit_);
  FenceResult result;
  result.confirmed = end.how == ProgramEnd::How::exited && end.code == 0;
  if (!result.confirmed) {
    result.why = "the fence agent " + program_ + ": " + describe(end);
    log_.error("the fence agent confirms nothing",
               {{"agent", program_}, {"node", node.node}, {"why", describe(end)}});
  }
  co_return result;
}

}  // namespace understudy
