#include "cluster_app/node_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

namespace understudy {

std::optional<NodeLock> NodeLock::take(const std::string& path, std::string& error) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) {
    error = path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  // look() of another process holds it shared for a moment, never longer.
  for (int attempt = 0; flock(file.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == 20) {
      error = "runs already: " + path + " is locked by another process";
      return std::nullopt;
    }
    usleep(10'000);
  }
  return NodeLock(std::move(file));
}

NodeLock::State NodeLock::look(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno == ENOENT ? State::free : State::unknown;
  if (flock(file.get(), LOCK_SH | LOCK_NB) == 0) return State::free;
  return errno == EWOULDBLOCK ? State::held : State::unknown;
}

}  // namespace understudy
