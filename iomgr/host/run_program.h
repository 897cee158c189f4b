// Running a program of somebody else's to its end, without blocking the layer's thread.
#pragma once

#include <string>
#include <vector>

#include "iomgr/host/asio_executor.h"
#include "iomgr/task.h"

namespace understudy {

struct ProgramEnd {
  enum class How : std::uint8_t { exited, signalled, not_started, timed_out };
  How how = How::not_started;
  int code = 0;  // exit code, signal, or error number
};

/// "exit code 1", "killed by signal 9", "no answer within its time limit" and the like.
std::string describe(const ProgramEnd& end);

/// Starts `program` with `environment` ("NAME=value") beside ours, and waits until it has ended;
/// after `limit` it is killed, with all that it has started and that is still in its process group.
/// Its output is ours.
Task<ProgramEnd> run_program(AsioExecutor& executor, std::string program,
                             std::vector<std::string> arguments,
                             std::vector<std::string> environment, Duration limit);

}  // namespace understudy
