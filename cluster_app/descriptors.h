// How many files, sockets and links a node's processes may have open.
#pragma once

#include <string>

namespace understudy {

/// Raises this process's limit to what the system allows at most; the processes that it starts
/// inherit it. Nothing, or why that is not enough for a node (bounds::kMinDescriptors).
std::string raise_descriptor_limit();

}  // namespace understudy
