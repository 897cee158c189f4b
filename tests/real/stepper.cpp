#include "tests/real/stepper.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "iomgr/check.h"

namespace understudy {

Stepper::Stepper(const Pair& pair, unsigned patience_s) {
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  UNDERSTUDY_CHECK(pipe2(to.data(), O_CLOEXEC) == 0 && pipe2(from.data(), O_CLOEXEC) == 0);
  const std::string cluster = (pair.directory() / "cluster").string();
  const std::string patience = std::to_string(patience_s);
  std::signal(SIGPIPE, SIG_IGN);
  process_ = fork();
  UNDERSTUDY_CHECK(process_ >= 0);
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    execl(UNDERSTUDY_BIN "/stepper", "stepper", "-C", cluster.c_str(), "--json", "--patience",
          patience.c_str(), nullptr);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  to_ = fdopen(to[1], "w");
  from_ = fdopen(from[0], "r");
}

Stepper::~Stepper() {
  fclose(to_);  // it ends as at Ctrl-D
  fclose(from_);
  if (process_ != 0) waitpid(process_, nullptr, 0);
}

boost::json::object Stepper::ask(const std::string& command) {
  if (std::fprintf(to_, "%s\n", command.c_str()) < 0 || std::fflush(to_) != 0) return {};
  char* line = nullptr;
  std::size_t room = 0;
  const ssize_t length = getline(&line, &room, from_);
  std::string text(line == nullptr || length < 0 ? "" : line);
  std::free(line);
  boost::json::error_code error;
  const auto answer = boost::json::parse(text, error);
  return error || !answer.is_object() ? boost::json::object() : answer.as_object();
}

void Stepper::kill() {
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = 0;
}

}  // namespace understudy
