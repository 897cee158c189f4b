#include "cluster_app/child_node.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/program_path.h"
#include "iomgr/host/unique_fd.h"

namespace understudy {
namespace {

std::string output_path(const std::string& node) {
  return std::string(cluster_directory::kLog) + "/" + node + ".out";
}

/// Between fork and exec: only what POSIX allows there.
[[noreturn]] void become_node(const char* program, const char* node, const sigset_t& mask,
                              int output, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C is for `up`, which stops the nodes in order
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  execl(program, "cluster_app", "node", node, static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

std::optional<ChildNode> ChildNode::start(const std::string& node, const sigset_t& mask,
                                          std::string& error) {
  std::error_code failure;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", failure).string();
  const UniqueFd output(
      open(output_path(node).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (failure || !output) {
    error = output_path(node) + ": " +
            (failure ? failure.message() : std::string(std::strerror(errno)));
    return std::nullopt;
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become_node(program.c_str(), node.c_str(), mask, output.get(), parent);
  if (pid < 0) {
    error = std::string("cannot start a process: ") + std::strerror(errno);
    return std::nullopt;
  }
  return ChildNode(node, pid);
}

/// The last line that it wrote: mostly the reason.
std::string ChildNode::last_words() const {
  std::ifstream file(output_path(name_));
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

std::string ChildNode::reap() {
  int status = 0;
  if (pid_ <= 0 || waitpid(pid_, &status, WNOHANG) != pid_) return {};
  pid_ = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "Node " + name_ + " has stopped.";
  failed_ = true;
  std::string text = "Node " + name_ + " died";
  text += WIFSIGNALED(status) ? std::string(" (") + strsignal(WTERMSIG(status)) + ")"
                              : " (exit code " + std::to_string(WEXITSTATUS(status)) + ")";
  const std::string words = last_words();
  if (!words.empty()) text += ": " + words;
  return text + "\nStart it again from a second terminal: " + program_path() + " -C " +
         std::filesystem::current_path().string() + " node " + name_;
}

void ChildNode::end() {
  if (pid_ <= 0) return;
  if (waitpid(pid_, nullptr, WNOHANG) != pid_) {
    // It has let its lock go and is about to end, or it does not listen: both end here.
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_ = 0;
}

}  // namespace understudy
