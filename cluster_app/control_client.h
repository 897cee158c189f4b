// How the command line asks a node: one JSON line over its Unix socket, blocking, with a limit.
#pragma once

#include <optional>
#include <string>

#include "iomgr/json_fields.h"

namespace understudy {

/// The answer of `node` in the cluster of the current directory; nothing, with the reason in
/// `error`, when it does not run or does not answer within `limit_ms`.
std::optional<json::object> ask_node(const std::string& node, const json::object& command,
                                     int limit_ms, std::string& error);

}  // namespace understudy
