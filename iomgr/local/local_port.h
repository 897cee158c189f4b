// A link between two layers of one process: two queues that the layers' executors empty.
#pragma once

#include <memory>
#include <utility>

#include "iomgr/bounds.h"
#include "iomgr/executor.h"
#include "iomgr/port.h"

namespace understudy {

/// The two ends of a new link; each delivers on its own layer's executor, one IRP a step, in order.
/// When one end is destroyed the other becomes broken.
std::pair<std::unique_ptr<Port>, std::unique_ptr<Port>> make_local_link(Executor& one,
                                                                        Executor& other);

}  // namespace understudy
