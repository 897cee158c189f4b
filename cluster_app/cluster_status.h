// The state of the whole cluster as a person asks for it: put together from what each node says of
// itself, also when one or both do not run.
#pragma once

#include <string>
#include <vector>

#include "cluster_app/config.h"
#include "iomgr/json_fields.h"

namespace understudy {

/// {"nodes": [{name, state, ...}], "last_takeover": {...}, "awaiting": "..."}; see README.md for
/// every key.
json::object cluster_status(const ClusterConfig& config, int limit_ms);

/// The same as a small table and plain sentences, one string a line.
std::vector<std::string> render_status(const json::object& status);

/// One line for one node of it: what changes when something happens to the node.
std::string describe_node(const json::object& node);

}  // namespace understudy
