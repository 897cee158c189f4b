// What people read of histories: a failure with the operations that it is about, the sum of a run,
// the table of mutants; and the trace file.
#pragma once

#include <iosfwd>

#include "tests/sim/batch.h"
#include "tests/sim/world.h"

namespace understudy::sim {

/// The plan's operations and faults, and which rule broke how.
void print_history(std::ostream& out, const Plan& plan, const Outcome& outcome);
void print_batch(std::ostream& out, const Batch& batch, bool must_hit_all_marks);
boost::json::object batch_to_json(const Batch& batch);
/// Marks that were never hit.
std::vector<std::string_view> missed_marks(const Batch& batch);
void print_mutants(std::ostream& out, const std::map<std::string, Catch>& caught);
/// One event as an object of the trace file (docs/simulator.md).
boost::json::object event_to_json(const Event& event);

std::string_view failure_name(int rule);

}  // namespace understudy::sim
