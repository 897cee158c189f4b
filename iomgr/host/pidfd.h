// The three system calls about a process that cannot be mistaken for a later one with the same id.
#pragma once

#include <sys/types.h>

#include "iomgr/host/unique_fd.h"

namespace understudy {

/// Empty, with errno, if there is no such process.
UniqueFd open_pidfd(pid_t pid);
/// False, with errno, if the process is gone (ESRCH) or not ours (EPERM).
bool kill_by_pidfd(int pidfd);
/// True once the process has ended, reaped or not. Waits for that at most `timeout_ms`.
bool has_ended(int pidfd, int timeout_ms = 0);

}  // namespace understudy
