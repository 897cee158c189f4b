// A person's terminal as the commands see it, so that tests can stand in for the person. Exit codes
// of all commands.
#pragma once

#include <iosfwd>
#include <string>

namespace understudy {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadArguments = 2;

struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

/// One line on `err` that says what is wrong and what to do; gives `exit_code` back.
int complain(Console& console, const std::string& what, int exit_code = kFailed);

}  // namespace understudy
