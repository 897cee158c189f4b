// All that a layer knows of the world outside its own logic. A host (a process, a test, the
// simulator) makes one for each layer.
#pragma once

#include "iomgr/arena.h"
#include "iomgr/executor.h"
#include "iomgr/fault.h"
#include "iomgr/log.h"
#include "iomgr/network.h"
#include "iomgr/random.h"
#include "iomgr/trace.h"

namespace understudy {

struct Seams {
  Executor& executor;
  Network& network;
  Random& random;
  Arena& arena;
  Trace& trace;
  FaultPoints& faults;
  Log& log;
};

}  // namespace understudy
