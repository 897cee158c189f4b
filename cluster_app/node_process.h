// A node as a process: its lock, its log, the five layers, and cluster_app itself as the sixth.
#pragma once

#include <string>

#include "cluster_app/config.h"
#include "cluster_app/console.h"

namespace understudy {

/// Runs node `self` of the cluster whose directory is the current one until it is stopped (SIGINT,
/// SIGTERM, `stop`) or fails. Gives the exit code.
int run_node(const ClusterConfig& config, std::uint32_t self, Console& console);

}  // namespace understudy
