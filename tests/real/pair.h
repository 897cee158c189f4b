// A real pair for tests: a cluster directory of its own, real processes on loopback addresses of
// its own, and smbclient as the client. Everything it started is killed by pid when it goes.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "tests/real/networks.h"
#include "tests/real/smb_shell.h"
#include "tests/tree_model.h"

namespace understudy {

struct CommandResult {
  int exit_code = -1;
  std::string output;  // standard output and error
};

/// Runs a shell command, at most `seconds` long.
CommandResult run_command(const std::string& command, int seconds = 120);

/// The state of a process as /proc shows it: 'T' stopped, 'Z' dead and not yet reaped; 0: gone.
char process_state(pid_t pid);

class Pair {
 public:
  using Settings = std::map<std::string, std::string>;  // keys of cluster.toml to set

  /// In memory, for a test whose detectors of hung storage are quicker than a disk may be: what
  /// other programs write makes every sync of its file system take long.
  static std::filesystem::path memory() { return "/dev/shm"; }

  /// `networks`: where its nodes live and what connects them; without, loopback addresses.
  /// `parent`: where its directory is made.
  explicit Pair(const Settings& settings = {}, const Networks* networks = nullptr,
                const std::filesystem::path& parent = std::filesystem::temp_directory_path());
  /// If the test has failed, it says first what its nodes logged.
  ~Pair();
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  /// Starts a node's processes; `faults` as in UNDERSTUDY_FAULTS. Returns at once.
  void start(const std::string& node, const std::string& faults = "");
  /// Starts both and waits until they mirror; false if they do not.
  [[nodiscard]] bool start_mirrored(const std::string& faults = "");
  /// kill -9 to every process of the node at once.
  void kill(const std::string& node);
  /// Whether the node's cluster_app has ended by itself.
  bool ended(const std::string& node);
  /// Waits for that.
  bool wait_for_end(const std::string& node, double seconds);
  /// The node's processes by layer, cluster_app with them; whether they answer or not.
  std::map<std::string, pid_t> processes(const std::string& node) const;
  /// Sends a signal to all of them.
  void signal(const std::string& node, int signal) const;

  boost::json::object status() const;
  /// The status of one node; empty while it is down.
  boost::json::object node(const std::string& name) const;
  /// Waits until `condition` holds of the cluster's status; false after `seconds`.
  bool wait_until(const std::function<bool(const Pair&)>& condition, double seconds) const;
  /// It has the LUN, or is taking it or giving it up.
  bool owns(const std::string& node, const std::string& lun) const;
  /// Clients reach the LUN through it.
  bool serves(const std::string& node, const std::string& lun) const;
  bool mirroring(const std::string& node) const;
  std::int64_t number(const std::string& node, const std::string& key) const;
  /// A key of the node's status that is true or false; false while the node does not answer.
  bool flag(const std::string& node, const std::string& key) const;

  /// Nothing unwritten is left at `node`: what it serves is what lies in the LUN's tree.
  bool flushed(const std::string& node) const { return number(node, "operations_unwritten") == 0; }

  /// A share at a node's address, for a client.
  SmbServer server(const std::string& node, const std::string& share) const;
  /// smbclient commands on a share at a node's address.
  CommandResult smb(const std::string& node, const std::string& share, const std::string& commands,
                    int seconds = 120) const;
  CommandResult cluster_app(const std::string& arguments, int seconds = 60) const;

  const std::filesystem::path& directory() const { return directory_; }
  /// The directory stays, with the logs in it. UNDERSTUDY_KEEP in the environment does it too.
  void keep() { keep_ = true; }
  /// The LUN's files as a person sees them on the host.
  std::filesystem::path tree(const std::string& lun) const {
    return directory_ / "cluster" / lun / "tree";
  }
  /// The same read: what any program on the host sees in it.
  Tree host_tree(const std::string& lun) const;
  std::string address(const std::string& node) const;

 private:
  std::filesystem::path directory_;
  bool keep_ = false;
  const Networks* networks_;
  std::string prefix_;                  // of the pair's addresses: "127.x.y.1"
  std::map<std::string, pid_t> nodes_;  // cluster_app of each that runs
};

}  // namespace understudy
