// Port: one end of a link between two layers. Rings in shared memory between processes, plain
// queues inside one. IRPs come out in the order in which they went in.
#pragma once

#include <functional>

#include "iomgr/irp.h"

namespace understudy {

enum class Send {
  sent,
  full,    // the neighbour does not keep up beyond every bound: a bug of its, see Driver
  broken,  // the neighbour is gone
};

class Port {
 public:
  virtual ~Port() = default;
  /// Never blocks.
  virtual Send send(const Irp& irp) = 0;
  /// Calls `receive` for every IRP that arrives, `broken` once when the neighbour is gone.
  virtual void open(std::function<void(const Irp&)> receive, std::function<void()> broken) = 0;
};

}  // namespace understudy
