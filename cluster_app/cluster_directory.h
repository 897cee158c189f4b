// The directory of a cluster and what lies in it. A command that works on a cluster enters its
// directory first, so all paths are relative (and short enough for sockets, wherever the directory
// is).
//
//     cluster.toml   users   cluster.key        written by init; the last two with mode 0600
//     lun0/  lun1/                              the LUNs' media
//     run/<node>.lock  run/<node>.sock          held while the node lives, then with its exit code;
//                                               where it takes commands
//     log/<node>.log  log/<node>.<layer>.log
//
// Outside of it: /dev/shm/understudy-<digest of the key>-<node>, the node's memory. It outlives
// kill -9, and goes when the cluster is stopped in order. The key is random, so no other cluster's
// memory can be taken for it.
#pragma once

#include <optional>
#include <string>

#include "cluster_app/config.h"
#include "iomgr/accounts.h"

namespace understudy::cluster_directory {

inline constexpr const char* kConfig = "cluster.toml";
inline constexpr const char* kUsers = "users";
inline constexpr const char* kKey = "cluster.key";
inline constexpr const char* kRun = "run";
inline constexpr const char* kLog = "log";

std::string lock_path(const std::string& node);
std::string socket_path(const std::string& node);
/// Name of the node's memory, from the cluster's key. It is there while the node runs, and after an
/// end that was not in order: it may hold what no medium has, for the next start.
std::string memory_path(const std::string& key, const std::string& node);

/// Makes `directory` the current one and reads its cluster.toml; LUN directories come out absolute.
/// Nothing, and what to do in `error`, if it is no cluster's.
std::optional<ClusterConfig> enter(const std::string& directory, std::string& error);

/// The cluster's key as hexadecimal text. Refuses a file that others may read.
std::optional<std::string> read_key(std::string& error);
/// Whole text of a small file; nothing, with the reason, if it cannot be read.
std::optional<std::string> read_file(const std::string& path, std::string& error);
/// Creates a file that must not be there yet, durable when it returns. The reason, or nothing.
std::string create_file(const std::string& path, const std::string& text, unsigned mode);

}  // namespace understudy::cluster_directory
