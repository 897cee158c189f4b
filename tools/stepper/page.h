// `stepper --page`: a live picture of the pair in a browser. Binds a director to the page's server.
#pragma once

#include <cstdint>

#include "cluster_app/config.h"
#include "tools/stepper/session.h"

namespace understudy::stepper {

/// Prints the address, and serves until SIGINT or SIGTERM. In the cluster's directory. What is
/// wrong, or nothing.
std::string serve_page(Session& session, const ClusterConfig& config, std::uint16_t port);

}  // namespace understudy::stepper
