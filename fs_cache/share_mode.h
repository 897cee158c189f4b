// Share modes: who may open a file that others have open (MS-FSA 2.1.5.1.2.2).
#pragma once

#include <vector>

#include "fs_cache/node.h"
#include "iomgr/status.h"

namespace understudy {

/// STATUS_SHARING_VIOLATION when one of `opens` does not share what `access` wants, or has what
/// `share` does not allow. An open that neither reads, writes nor deletes (say, one that asks for
/// attributes only) takes no part.
Status check_sharing(const std::vector<Open*>& opens, std::uint32_t access, std::uint32_t share);

}  // namespace understudy
