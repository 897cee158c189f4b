// Every fault point of the house, by the layer that passes it: so that a name that does not exist
// is refused where it is armed from text, instead of arming nothing. A layer's README says what its
// points are for; tools/check-style compares this table with the code.
#pragma once

#include <span>
#include <string_view>

#include "iomgr/irp.h"

namespace understudy {

struct FaultPoint {
  Layer layer;
  std::string_view name;
  bool stalls = false;  // FaultAction::stall works here
};

std::span<const FaultPoint> fault_points();
/// Null when `layer` passes no point of that name.
const FaultPoint* find_fault_point(Layer layer, std::string_view name);

}  // namespace understudy
