// A node that `up` runs as its child: `cluster_app node NAME`, out of the terminal's reach, dying
// with `up`.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>

namespace understudy {

class ChildNode {
 public:
  /// Starts it with the signals of `mask` blocked. What it says goes to log/<node>.out.
  static std::optional<ChildNode> start(const std::string& node, const sigset_t& mask,
                                        std::string& error);

  const std::string& name() const { return name_; }
  bool running() const { return pid_ > 0; }
  /// It ended otherwise than by being told to.
  bool failed() const { return failed_; }
  /// If it has ended since the last call: a line that says how.
  std::string reap();
  /// Kills it if it still runs, and reaps it.
  void end();

 private:
  ChildNode(std::string name, pid_t pid) : name_(std::move(name)), pid_(pid) {}
  std::string last_words() const;

  std::string name_;
  pid_t pid_ = 0;  // 0: ended and reaped
  bool failed_ = false;
};

}  // namespace understudy
