// Paths below a share: UTF-8 components divided by '\', none leading; empty means the root of the
// LUN.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "iomgr/result.h"

namespace understudy {

struct Path {
  std::vector<std::string> components;
  bool directory_only = false;  // it ended with '\': whatever it names must be a directory
};

/// STATUS_OBJECT_NAME_INVALID for what no file can be called: an empty component, `.` and `..`,
/// control characters, one of " * / : < > ? |, more than 255 UTF-16 units, or what is not UTF-8
/// (MS-FSCC 2.1.5).
Result<Path> parse_path(std::string_view text);

}  // namespace understudy
