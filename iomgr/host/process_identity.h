// Which process is meant, when process ids are used again: the id and the time of its start.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace understudy {

struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time =
      0;  // clock ticks since the machine's start, field 22 of /proc/<pid>/stat
};

/// Start time of the process that has this id now; nothing if there is none.
std::optional<std::uint64_t> start_time_of(pid_t pid);

/// What the main thread of a process does, as /proc shows it: 'R' runs, 'S' sleeps; 0: there is
/// none.
char state_of(pid_t pid);

/// This machine, this boot, this space of process ids. An identity means something only to those
/// for whom this text is the same; for others a process that they cannot see would look dead.
std::string machine_identity();

}  // namespace understudy
