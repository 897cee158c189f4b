// The memory of a node's arena: a file in memory (memfd) that cluster_app makes and every layer
// maps. It has no name, so nothing is left behind when the last process of the node is gone. It is
// sealed: nobody can shrink it under the others, which would kill them at their next access.
#pragma once

#include <memory>

#include "iomgr/arena.h"
#include "iomgr/host/unique_fd.h"
#include "iomgr/result.h"

namespace understudy {

class ShmArena {
 public:
  /// Makes and lays out a new arena. STATUS_INSUFFICIENT_RESOURCES when the machine has no room for
  /// it.
  static Result<std::unique_ptr<ShmArena>> create(const ArenaSizes& sizes, std::string_view node);
  /// Maps the arena behind `fd`. STATUS_INVALID_PARAMETER when it is none, or is not sealed.
  static Result<std::unique_ptr<ShmArena>> attach(UniqueFd fd);
  ~ShmArena();
  ShmArena(const ShmArena&) = delete;
  ShmArena& operator=(const ShmArena&) = delete;

  Arena& arena();
  /// For handing to another process; close-on-exec here.
  int fd() const;

 private:
  struct Mapping;
  explicit ShmArena(std::unique_ptr<Mapping> mapping);

  std::unique_ptr<Mapping> mapping_;
};

}  // namespace understudy
