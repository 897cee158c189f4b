// Fault points of a whole node, or of several, from one text: the environment variable
// UNDERSTUDY_FAULTS. Every process gets the same text and takes what is meant for it.
//
//     UNDERSTUDY_FAULTS="a.fs_cache:medium.flush.applied=kill@3,b.rd_driver:rd.send=error+"
#pragma once

#include <string>
#include <string_view>

#include "iomgr/fault.h"
#include "iomgr/irp.h"

namespace understudy {

inline constexpr const char* kFaultVariable = "UNDERSTUDY_FAULTS";

/// Arms in `faults` the entries of `text` for `layer` of `node`. An entry is "node.layer:" and what
/// FaultPoints::parse reads, with a point of fault_points.h. Gives what is wrong with the first
/// entry that cannot be, empty when all can; what is meant for others is checked too, so that a
/// typing error is not taken for a fault that never fired.
std::string arm_faults(FaultPoints& faults, std::string_view text, std::string_view node,
                       Layer layer);

/// What is wrong with a fault of that layer, "point=action[@n][+]", beside its form; or nothing.
std::string check_point(Layer layer, std::string_view fault);

/// The layer of that name; Layer::none if there is none.
Layer parse_layer(std::string_view name);

}  // namespace understudy
