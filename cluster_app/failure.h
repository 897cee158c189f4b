// What can be wrong with the partner (claim 10), and what it must be proven by.
#pragma once

#include <cstdint>
#include <string>

namespace understudy {

enum class FailureKind : std::uint8_t {
  server,            // (a) it is silent on every path, or its processes died
  operating_system,  // (b) a layer of it makes no progress
  storage,           // (c) its storage hangs or refuses writes
};

struct Failure {
  FailureKind kind = FailureKind::server;
  /// A machine, a cable or a disk; else a program of ours, which may be started again where it was.
  bool hardware = false;
  std::string reason;  // "its processes died"
};

}  // namespace understudy
