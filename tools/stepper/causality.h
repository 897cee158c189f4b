// Who heard what from whom: the points at which something is received, and those at which it was
// sent. The clocks of two nodes differ a little, and their rings are read one after the other; what
// was sent before it was received is known better than what was earlier by a clock.
#pragma once

#include <vector>

#include "tools/stepper/point.h"

namespace understudy::stepper {

inline constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

/// For each point the index of the one that sent what it receives, or kNobody: it receives nothing,
/// or that point is not there. `points`: those of each layer in their order.
std::vector<std::size_t> senders_of(const std::vector<Point>& points);

/// An order of the same points, by index, in which every sender comes before its receiver and each
/// layer's points in their order; else as they are.
std::vector<std::size_t> causal_order(const std::vector<Point>& points,
                                      const std::vector<std::size_t>& senders);

/// How often each point's node had begun a new life before it, by the numbers of its rings.
std::vector<std::uint32_t> lives_of(const std::vector<Point>& points);

}  // namespace understudy::stepper
