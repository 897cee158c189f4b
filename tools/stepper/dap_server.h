// `stepper --dap PORT`: serves IDEs over the Debug Adapter Protocol, on loopback alone, one at a
// time. While none is attached the pair runs untouched. With --open each walks through the
// recording from where it opens.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/stepper/recording.h"
#include "tools/stepper/session.h"

namespace understudy::stepper {

struct DapSettings {
  std::vector<Session::NodeName> nodes;
  std::shared_ptr<const Recording> recording;  // instead of them
  std::uint16_t port = 0;                      // 0: any
  bool with_token = true;                      // who attaches must know the token that is printed
  std::filesystem::path source;
};

/// Prints a line with the port and the token, and serves until SIGINT or SIGTERM. The exit code.
int serve_dap(const DapSettings& settings);

}  // namespace understudy::stepper
