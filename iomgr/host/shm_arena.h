// The memory of a node's arena, which cluster_app makes and every layer maps. With a name (a file
// in /dev/shm) it outlives the node's processes: what the mirror store held is still there when the
// node is started again. Without one it is a sealed memfd that goes with the last process.
//
// Invariant: a named memory has one life at a time. Its lock hangs on the one open file that all
// processes of the node share, so it falls when the last of them is dead.
#pragma once

#include <memory>
#include <string>

#include "iomgr/arena.h"
#include "iomgr/host/unique_fd.h"
#include "iomgr/result.h"

namespace understudy {

class ShmArena {
 public:
  /// Makes and lays out an arena: nameless memory, or if `path` is given the memory of that name,
  /// with what an earlier life has left in it (Arena::format). Waits until no process of an earlier
  /// life is left. STATUS_INSUFFICIENT_RESOURCES when there is no room for it, STATUS_ACCESS_DENIED
  /// for a name that is somebody else's.
  static Result<std::unique_ptr<ShmArena>> create(const ArenaSizes& sizes, std::string_view node,
                                                  const std::string& path = {});
  /// Maps the arena behind `fd`. STATUS_INVALID_PARAMETER when it is none, or is a memfd that is
  /// not sealed.
  static Result<std::unique_ptr<ShmArena>> attach(UniqueFd fd);
  ~ShmArena();
  ShmArena(const ShmArena&) = delete;
  ShmArena& operator=(const ShmArena&) = delete;

  Arena& arena();
  /// For handing to another process; close-on-exec here.
  int fd() const;
  bool has_name() const;

 private:
  struct Mapping;
  explicit ShmArena(std::unique_ptr<Mapping> mapping);

  std::unique_ptr<Mapping> mapping_;
};

}  // namespace understudy
