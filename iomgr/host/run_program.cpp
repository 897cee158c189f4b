#include "iomgr/host/run_program.h"

#include <signal.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "iomgr/host/asio_await.h"
#include "iomgr/host/pidfd.h"
#include "iomgr/host/spawn.h"

namespace understudy {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

/// Kills the program's group and reaps it, also when nobody waits for its end any more.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  int end() {
    if (pid_ <= 0) return 0;
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_;
};

}  // namespace

std::string describe(const ProgramEnd& end) {
  switch (end.how) {
    case ProgramEnd::How::exited:
      return "exit code " + std::to_string(end.code);
    case ProgramEnd::How::signalled:
      return "killed by signal " + std::to_string(end.code);
    case ProgramEnd::How::not_started:
      return std::string("cannot be started: ") + std::strerror(end.code);
    case ProgramEnd::How::timed_out:
      return "no end within its time limit";
  }
  return "?";
}

Task<ProgramEnd> run_program(AsioExecutor& executor, std::string program,
                             std::vector<std::string> arguments,
                             std::vector<std::string> environment, Duration limit) {
  const pid_t pid = spawn(program, arguments, {}, {std::move(environment), true});
  if (pid < 0) co_return ProgramEnd{ProgramEnd::How::not_started, -pid};
  Child child(pid);
  UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd) co_return ProgramEnd{ProgramEnd::How::not_started, errno};
  const auto process = std::make_shared<Descriptor>(executor.context(), pidfd.release());
  const auto cancel = [process] {
    boost::system::error_code ignored;
    process->cancel(ignored);
  };
  const auto deadline = executor.start_timer(executor.now() + limit, cancel);
  auto ending = await_asio(
      [&](auto done) { process->async_wait(Descriptor::wait_read, std::move(done)); }, cancel);
  co_await ending;
  executor.cancel_timer(deadline);
  const bool in_time = has_ended(process->native_handle());
  const int status = child.end();  // what it left behind in its group goes too
  if (!in_time) co_return ProgramEnd{ProgramEnd::How::timed_out, 0};
  if (WIFEXITED(status)) co_return ProgramEnd{ProgramEnd::How::exited, WEXITSTATUS(status)};
  co_return ProgramEnd{ProgramEnd::How::signalled, WTERMSIG(status)};
}

}  // namespace understudy
