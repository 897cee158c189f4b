// What one open of a directory wants to hear of, and what it has not heard yet (MS-FSA 2.1.1.4,
// ChangeNotifyEntry).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "fs_cache/medium/medium.h"

namespace understudy {

/// CompletionFilter, MS-SMB2 2.2.35.
namespace change {
inline constexpr std::uint32_t kFileName = 0x1;
inline constexpr std::uint32_t kDirectoryName = 0x2;
inline constexpr std::uint32_t kAttributes = 0x4;
inline constexpr std::uint32_t kSize = 0x8;
inline constexpr std::uint32_t kLastWrite = 0x10;
inline constexpr std::uint32_t kLastAccess = 0x20;
inline constexpr std::uint32_t kCreation = 0x40;
inline constexpr std::uint32_t kExtended = 0x80;
inline constexpr std::uint32_t kSecurity = 0x100;
inline constexpr std::uint32_t kStreamName = 0x200;
inline constexpr std::uint32_t kStreamSize = 0x400;
inline constexpr std::uint32_t kStreamWrite = 0x800;
}  // namespace change

/// FILE_ACTION_*, MS-FSCC 2.7.1.
enum class ChangeAction : std::uint32_t {
  added = 1,
  removed = 2,
  modified = 3,
  renamed_old_name = 4,
  renamed_new_name = 5,
  added_stream = 6,
  removed_stream = 7,
  modified_stream = 8,
};

struct Watch {
  struct Change {
    ChangeAction action;
    std::string path;  // below the directory
  };

  std::uint32_t filter;
  bool tree;
  std::size_t capacity;  // FILE_NOTIFY_INFORMATION bytes that are kept
  std::vector<Change> changes = {};
  std::size_t bytes = 0;  // that they take
  bool lost = false;      // there were more than are kept
  Lsn shows = 0;          // the latest change
  std::deque<std::uint64_t> waiters = {};

  bool has_news() const { return lost || !changes.empty(); }
  void add(ChangeAction action, const std::string& path, Lsn lsn);
  /// Nothing is left to tell.
  void clear();
};

}  // namespace understudy
