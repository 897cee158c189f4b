#include "tests/real/smb_shell.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <regex>

namespace understudy {

bool SmbShell::start() {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) return false;
  const std::string share = "//" + server_.host + "/" + server_.share;
  const std::string port = std::to_string(server_.port);
  const std::string login = server_.user + "%" + server_.password;
  pid_ = fork();
  if (pid_ < 0) return false;
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(out[1], 2);
    // Unbuffered: a second line in its input buffer would wait for a third, and what it says of a
    // command would come after the mark behind that command.
    execlp("stdbuf", "stdbuf", "-i0", "-o0", "smbclient", share.c_str(), "-p", port.c_str(), "-U",
           login.c_str(), nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  input_.reset(in[1]);
  output_.reset(out[0]);
  unread_.clear();
  return true;
}

void SmbShell::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
  input_.reset();
  output_.reset();
}

std::string SmbShell::ask(const std::string& command, bool& alive) {
  // The mark behind the answer comes from a command that smbclient leaves to the system's shell.
  const std::string mark = "@@" + std::to_string(++asked_) + "\n";
  const std::string text = command + "\n!echo '@@'" + std::to_string(asked_) + "\n";
  alive = write(input_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  while (alive) {
    if (const std::size_t end = unread_.find(mark); end != std::string::npos) {
      const std::string printed = unread_.substr(0, end);
      unread_.erase(0, end + mark.size());
      return printed;
    }
    std::array<char, 4096> buffer{};
    const ssize_t count = read(output_.get(), buffer.data(), buffer.size());
    alive = count > 0;
    if (alive) unread_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return unread_;
}

SmbAnswer SmbShell::rename(const std::string& from, const std::string& to, bool replace) {
  using Outcome = SmbAnswer::Outcome;
  bool alive = true;
  if (pid_ == 0) {
    if (!start()) return {Outcome::not_sent, "smbclient cannot be started", {}};
    const std::string greeting = ask("", alive);
    if (!alive) {
      end();
      return {Outcome::not_sent, greeting, {}};
    }
  }
  const std::string printed =
      ask("rename \"" + from + "\" \"" + to + "\"" + (replace ? " -f" : ""), alive);
  if (!alive) end();
  if (alive && printed.empty()) return {Outcome::done, {}, {}};
  static const std::regex kAnswers(
      "NT_STATUS_(OBJECT_|ACCESS_DENIED|SHARING_VIOLATION|DELETE_PENDING|INVALID_PARAMETER)");
  const bool answered = alive && std::regex_search(printed, kAnswers);
  return {answered ? Outcome::refused : Outcome::unanswered, printed, {}};
}

}  // namespace understudy
