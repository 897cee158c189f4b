// `cluster_app`: the command line a person uses.
#pragma once

#include "cluster_app/console.h"

namespace understudy {

/// Parses the arguments and runs the subcommand. Gives the exit code: 0 done, 1 failed, 2 bad
/// arguments.
int run_command_line(int argc, const char* const* argv, Console& console);

}  // namespace understudy
