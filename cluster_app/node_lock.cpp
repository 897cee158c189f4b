#include "cluster_app/node_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace understudy {
namespace {

/// All of the file, for the open file and not the process (F_OFD_*), so that it falls with the last
/// descriptor and look() cannot release it.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

std::optional<NodeLock> NodeLock::take(const std::string& path, std::string& error) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) {
    error = path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  struct flock lock = whole_file();
  if (fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    error = errno == EAGAIN || errno == EACCES
                ? "runs already: " + path + " is locked by another process"
                : path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  if (ftruncate(file.get(), 0) != 0) {  // what an earlier life has left
    error = path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  return NodeLock(std::move(file));
}

NodeLock::State NodeLock::look(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return errno == ENOENT ? State::free : State::unknown;
  struct flock lock = whole_file();
  if (fcntl(file.get(), F_OFD_GETLK, &lock) != 0) return State::unknown;
  return lock.l_type == F_UNLCK ? State::free : State::held;
}

std::optional<int> NodeLock::exit_code(const std::string& path) {
  std::ifstream file(path);
  int code = 0;
  return file >> code ? std::optional(code) : std::nullopt;
}

/// Where that cannot be written it counts as killed.
void NodeLock::leave(int exit_code) const {
  const std::string text = std::to_string(exit_code) + "\n";
  [[maybe_unused]] const ssize_t written = pwrite(file_.get(), text.data(), text.size(), 0);
}

}  // namespace understudy
