#include "iomgr/host/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>

namespace understudy {
namespace {

class Actions {
 public:
  Actions() { posix_spawn_file_actions_init(&actions_); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  explicit Attributes(bool own_group) {
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    const int group = own_group ? POSIX_SPAWN_SETPGROUP : 0;
    posix_spawnattr_setflags(
        &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

pid_t spawn(const std::string& program, const std::vector<std::string>& arguments,
            const std::vector<int>& passed, const SpawnOptions& options) {
  const int end = kFirstPassedFd + static_cast<int>(passed.size());
  Actions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  // In two steps, so that no descriptor is overwritten before it has been passed.
  std::vector<UniqueFd> sources;
  for (const int fd : passed) {
    sources.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, end));
    if (!sources.back()) return -errno;
  }
  for (int to = kFirstPassedFd; to < end; ++to) {
    const int from = sources[static_cast<std::size_t>(to - kFirstPassedFd)].get();
    posix_spawn_file_actions_adddup2(actions.get(), from, to);
  }
  posix_spawn_file_actions_addclosefrom_np(actions.get(), end);

  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (const std::string& each : options.environment)
    envp.push_back(const_cast<char*>(each.c_str()));
  for (char** each = environ; *each != nullptr; ++each) envp.push_back(*each);
  envp.push_back(nullptr);
  Attributes attributes(options.own_group);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, program.c_str(), actions.get(), attributes.get(), argv.data(), envp.data());
  return error == 0 ? pid : -error;
}

}  // namespace understudy
