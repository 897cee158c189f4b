// Which parts of a sparse file take room (MS-FSA 2.1.5.9.20): those of the medium, with what is
// unwritten laid over them. Between two ranges are zeros; a range may hold zeros, too.
#pragma once

#include <vector>

#include "fs_cache/extents.h"
#include "iomgr/irp.h"

namespace understudy {

/// `medium`: its ranges of [from, to), in order. The answer is in order, without overlaps.
std::vector<AllocatedRange> lay_over(const std::vector<AllocatedRange>& medium,
                                     const Extents& unwritten, std::uint64_t from,
                                     std::uint64_t to);

}  // namespace understudy
