// The unwritten bytes of one file: which record of the log holds each byte that the medium does not
// have yet. A later write covers an earlier one.
//
// Invariant: extents do not overlap, and their bytes are records that the log still holds.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "fs_cache/content.h"
#include "iomgr/bytes.h"

namespace understudy {

using Lsn = std::uint64_t;

class Extents {
 public:
  struct Extent {
    Content content;
    Lsn lsn;
  };
  struct Hole {
    std::uint64_t offset;
    std::uint64_t length;
  };

  bool empty() const { return map_.empty(); }
  const std::map<std::uint64_t, Extent>& all() const { return map_; }

  void write(std::uint64_t offset, Content content, Lsn lsn);
  /// Forgets the bytes behind `size`.
  void cut(std::uint64_t size);
  /// Forgets the extents of records up to `lsn`: the medium has them.
  void drop(Lsn lsn);

  /// Copies what is here of the range into `out` and says which parts of it are not.
  std::vector<Hole> read(std::uint64_t offset, Bytes out) const;

 private:
  void clear_range(std::uint64_t begin, std::uint64_t end);

  std::map<std::uint64_t, Extent> map_;  // by offset
};

}  // namespace understudy
