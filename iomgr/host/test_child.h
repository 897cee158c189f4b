// For tests: a child process that runs a function. It dies with the test.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iomgr/check.h"

namespace understudy {

class TestChild {
 public:
  /// Runs `body` in a child; what it returns is the exit code.
  template <typename Body>
  explicit TestChild(Body body) : pid_(fork()) {
    UNDERSTUDY_CHECK(pid_ >= 0);
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(body());
  }
  ~TestChild() {
    if (pid_ <= 0) return;
    kill(SIGKILL);
    wait();
  }
  TestChild(const TestChild&) = delete;
  TestChild& operator=(const TestChild&) = delete;

  pid_t pid() const { return pid_; }
  void kill(int signal) const { ::kill(pid_, signal); }
  /// Waits for its end: the exit code, or minus the signal.
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

}  // namespace understudy
