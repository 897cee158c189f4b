// The lock that a node holds for its whole life. It falls with the process, however that ends, so a
// free lock proves that no cluster_app of that node runs; it is close-on-exec, so no layer ever
// holds it. The file says, too, how the last node that held it has ended.
#pragma once

#include <optional>
#include <string>

#include "iomgr/host/unique_fd.h"

namespace understudy {

class NodeLock {
 public:
  enum class State { free, held, unknown };

  /// Nothing, with the reason in `error`, when the node runs already or the file cannot be made.
  static std::optional<NodeLock> take(const std::string& path, std::string& error);
  /// Whether somebody holds it now. A file that is not there is free: init made the directory it
  /// would be in.
  static State look(const std::string& path);
  /// The exit code with which the last to hold it ended; nothing when it was killed, or still runs.
  static std::optional<int> exit_code(const std::string& path);
  /// Leaves it, for those who see the lock fall.
  void leave(int exit_code) const;

 private:
  explicit NodeLock(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

}  // namespace understudy
