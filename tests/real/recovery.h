// How long a client waits when something of the node that serves it fails: from the failure to the
// first answer at the same address, which must show what was acknowledged before.
#pragma once

#include <string>
#include <vector>

namespace understudy {

enum class Failure {
  node_killed,   // kill -9 to every process at once
  layer_hung,    // SIGSTOP to one layer, another one each time
  node_hung,     // SIGSTOP to every process
  storage_hung,  // a flush never comes back: clients are answered from memory until the takeover
};

struct Recovery {
  double seconds = 0;
  std::string wrong;  // empty, or why there is no figure
};

/// One failure of a pair with the settings of `init`. `number` chooses what differs between runs.
Recovery measure_recovery(Failure failure, int number);

/// The value below which `fraction` of all lie (nearest rank).
double quantile(std::vector<double> values, double fraction);

}  // namespace understudy
