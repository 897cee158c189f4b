// What happens in a history, as the checkers see it: from the clients' side, from the trace points
// of production code, from the medium, and from the world. Nothing in it is asked of the code under
// test for the checkers' sake; the trace points are those that a debugger sees.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "iomgr/executor.h"
#include "iomgr/irp.h"
#include "tests/sim/model.h"

namespace understudy::sim {

// clang-format off
#define UNDERSTUDY_SIM_EVENTS(X)                                                          \
  /* clients */                                                                           \
  X(sent)           /* a request leaves its client */                                     \
  X(answered)       /* its answer is there */                                             \
  X(unanswered)     /* the connection is over, and no answer will come */                 \
  /* netstack */                                                                          \
  X(issued)         /* an IRP for a request goes to ff_driver */                          \
  /* ff_driver */                                                                         \
  X(acknowledged)   /* STEP 412: the completion goes up */                                \
  X(mirroring_on)   /* STEP 334 */                                                        \
  X(mirroring_off)  /* the partner is gone, or has refused a copy */                      \
  X(failure_told)   /* the signal of unsuccessful completion, to the redirect filter */   \
  /* fs_cache */                                                                          \
  X(begun)          /* an IRP of a client has come */                                     \
  X(logged)         /* an operation has its place and its record */                       \
  X(completed)      /* an IRP of a client goes back up */                                 \
  X(flush_failed)   /* the medium refused */                                              \
  X(flush_asked)    /* STEP 414: write up to place.lsn */                                 \
  X(replayed)       /* STEP 314: a mirrored record comes in */                            \
  /* mirror_server */                                                                     \
  X(stored)         /* acknowledges copies up to place.lsn */                             \
  X(replay_over)    /* says that everything it had is on the medium */                    \
  X(purged)         /* STEP 418: drops copies up to place.lsn */                          \
  /* the medium */                                                                        \
  X(locked)                                                                               \
  X(unlocked)                                                                             \
  X(claimed)        /* place.epoch */                                                     \
  X(written)                                                                              \
  X(sync_failed)                                                                          \
  X(applied)        /* the slot says place, durably */                                    \
  /* the world */                                                                         \
  X(node_started)                                                                         \
  X(node_died)                                                                            \
  X(memory_lost)    /* the node's machine had no power */                                 \
  X(serving)        /* the first operation of a new owner: found by the ledger */         \
  X(ended)          /* the cluster has stopped in order; the medium is final */
// clang-format on

enum class What : std::uint8_t {
#define UNDERSTUDY_SIM_ENUM(name) name,
  UNDERSTUDY_SIM_EVENTS(UNDERSTUDY_SIM_ENUM)
#undef UNDERSTUDY_SIM_ENUM
};
std::string_view to_string(What what);

struct Event {
  What what{};
  Time time{};
  std::uint32_t node = 0;
  std::uint32_t life = 0;  // of the node: counts its starts, over all nodes
  std::uint32_t lun = 0;
  Place place{};
  std::uint64_t shows = 0;
  std::uint64_t irp = 0;      // unique over all lives; 0: none
  std::uint64_t request = 0;  // a client's; 0: none
  std::uint64_t open = 0;
  std::uint64_t object = 0;  // completed create
  Major major{};
  Status status = Status::success;
  const Effects* effects = nullptr;  // logged, replayed
  const std::vector<Place>* copies =
      nullptr;  // stored, purged, locked, flush_asked: what the node's mirror store holds
  const std::vector<std::uint8_t>* bytes = nullptr;  // answered read or listing
};

/// One line, for people and for the trace file.
std::string describe(const Event& event);

}  // namespace understudy::sim
