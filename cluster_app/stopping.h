// Asking nodes to stop and seeing that they have: `stop`, and the end of `up`.
#pragma once

#include <string>
#include <vector>

#include "cluster_app/config.h"

namespace understudy {

/// Asks `nodes` to stop; `whole_cluster`: no takeovers. Those that do not run or do not
/// answer are passed over. Gives the names of those that were asked.
std::vector<std::string> ask_to_stop(const std::vector<std::string>& nodes, bool whole_cluster);

/// Waits until no process holds the node's lock any more. False if it still does after `limit_ms`.
bool wait_until_stopped(const std::string& node, int limit_ms);

/// Of a node that has stopped: nobody needs its memory (leaving.cpp).
bool ended_in_order(const std::string& node);

/// Of one that has not ended in order: its next start finds its memory.
bool memory_is_kept(const std::string& node);

}  // namespace understudy
