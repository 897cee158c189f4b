// A real pair for tests: a cluster directory of its own, real processes on loopback addresses of
// its own, and smbclient as the client. Everything it started is killed by pid when it goes.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace understudy {

struct CommandResult {
  int exit_code = -1;
  std::string output;  // standard output and error
};

/// Runs a shell command, at most `seconds` long.
CommandResult run_command(const std::string& command, int seconds = 120);

class Pair {
 public:
  using Settings = std::map<std::string, std::string>;  // keys of cluster.toml to set

  explicit Pair(const Settings& settings = {});
  ~Pair();
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  /// Starts a node's processes; `faults` as in UNDERSTUDY_FAULTS. Returns at once.
  void start(const std::string& node, const std::string& faults = "");
  /// Starts both and waits until they mirror.
  void start_mirrored(const std::string& faults = "");
  /// kill -9 to every process of the node at once.
  void kill(const std::string& node);
  /// Waits for the node's cluster_app to end by itself.
  bool wait_for_end(const std::string& node, int seconds);

  boost::json::object status() const;
  /// The status of one node; empty while it is down.
  boost::json::object node(const std::string& name) const;
  /// Waits until `condition` holds of the cluster's status; false after `seconds`.
  bool wait_until(const std::function<bool(const Pair&)>& condition, double seconds) const;
  bool owns(const std::string& node, const std::string& lun) const;
  bool mirroring(const std::string& node) const;
  std::int64_t number(const std::string& node, const std::string& key) const;

  /// smbclient commands on a share at a node's address.
  CommandResult smb(const std::string& node, const std::string& share, const std::string& commands,
                    int seconds = 120) const;
  CommandResult cluster_app(const std::string& arguments, int seconds = 60) const;

  const std::filesystem::path& directory() const { return directory_; }
  /// The LUN's files as a person sees them on the host.
  std::filesystem::path tree(const std::string& lun) const {
    return directory_ / "cluster" / lun / "tree";
  }
  std::string address(const std::string& node) const;

 private:
  struct Process {
    pid_t pid = -1;
  };
  std::filesystem::path directory_;
  std::string prefix_;  // of the pair's addresses: "127.x.y.1"
  std::map<std::string, Process> processes_;
};

}  // namespace understudy
