// Fencing on one machine: making sure that the processes of another node are dead (design: section
// 6, rule 7). A process that is gone has closed its files and can neither write nor acknowledge.
#pragma once

#include <vector>

#include "iomgr/host/asio_executor.h"
#include "iomgr/host/process_identity.h"
#include "iomgr/task.h"

namespace understudy {

struct FenceReport {
  /// Every process named is gone. Only then may a takeover go on.
  bool confirmed = false;
  int killed = 0;       // ended by us
  int gone_before = 0;  // there was no such process, or it had ended
  int not_the_same =
      0;  // the id belongs to another process now, which was left alone: the one named is gone
  int not_confirmed =
      0;  // not gone before the deadline, or not ours to kill, or the system would not say
};

/// Kills (SIGKILL by pidfd) all of `processes`, then waits until they are gone, at most `limit`.
/// The identities must be of this machine: compare machine_identity() first.
Task<FenceReport> fence(AsioExecutor& executor, std::vector<ProcessIdentity> processes,
                        Duration limit);

}  // namespace understudy
