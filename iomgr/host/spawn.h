// Starting one program with exactly the descriptors that it is meant to have.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "iomgr/host/unique_fd.h"

namespace understudy {

/// The first descriptor that a spawned program gets beside stdin (/dev/null), stdout and stderr.
inline constexpr int kFirstPassedFd = 3;

struct SpawnOptions {
  std::vector<std::string> environment;  // "NAME=value", beside ours
  bool own_group = false;  // leads a process group: it and all that it starts can be killed as one
};

/// Starts `program`. It sees passed[i] as descriptor kFirstPassedFd + i and nothing else of ours,
/// has no signal blocked, and default actions. Gives its id, or minus the error number. Safe
/// whatever other threads do.
pid_t spawn(const std::string& program, const std::vector<std::string>& arguments,
            const std::vector<int>& passed, const SpawnOptions& options = {});

}  // namespace understudy
