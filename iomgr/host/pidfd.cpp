#include "iomgr/host/pidfd.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

namespace understudy {

UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));  // close-on-exec by itself
}

bool kill_by_pidfd(int pidfd) {
  return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) == 0;
}

bool has_ended(int pidfd, int timeout_ms) {
  pollfd end{pidfd, POLLIN, 0};
  return poll(&end, 1, timeout_ms) == 1;
}

}  // namespace understudy
