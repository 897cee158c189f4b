// Cutting a plan that breaks a rule down to a short one that still breaks the same rule.
#pragma once

#include "tests/sim/world.h"

namespace understudy::sim {

struct Shrunk {
  Plan plan;
  Outcome outcome;       // of that plan
  std::size_t runs = 0;  // that it took
};

/// `plan` breaks `rule`. Drops clients, faults and operations as long as it still does, and makes
/// what is left simpler; at most `most_runs` histories are tried.
Shrunk shrink(Plan plan, int rule, std::size_t most_runs = 3000);

bool breaks(const Outcome& outcome, int rule);

}  // namespace understudy::sim
