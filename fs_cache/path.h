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
  std::string stream;           // of the last component; empty: the file itself
  bool names_data = false;      // it ended with "::$DATA": the file itself, and no directory

  bool has_stream() const { return !stream.empty(); }
};

/// STATUS_OBJECT_NAME_INVALID for what no file can be called: an empty component, `.` and `..`,
/// control characters, one of " * / : < > ? |, more than 255 UTF-16 units, or what is not UTF-8
/// (MS-FSCC 2.1.5). The last component may end with ":stream", ":stream:$DATA" or "::$DATA"
/// (MS-FSCC 2.1.5.3); no other type of stream can be named.
Result<Path> parse_path(std::string_view text);

/// What a stream can be called: anything without / \ : and NUL, but for `.` and `..`, which the
/// medium could not hold.
bool is_stream_name(std::string_view name);

}  // namespace understudy
