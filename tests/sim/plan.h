// A plan: everything that happens in one simulated history, as plain data. It is drawn from a seed
// before anything runs, so it can be printed, stored, cut down and run again; what runs takes no
// decision of its own. The order of events has a seed of its own (`schedule`).
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "iomgr/irp.h"

namespace understudy::sim {

/// What a client does; each is one or more SMB requests (open, act, close).
// clang-format off
#define UNDERSTUDY_SIM_OPERATIONS(X)                                              \
  X(create)          /* a new file; an error if the name is taken */              \
  X(overwrite)       /* a new file, or an old one emptied */                      \
  X(write)           /* `length` bytes at `offset`; makes the file if need be */  \
  X(append)          /* `length` bytes at the end, wherever that is by then */    \
  X(truncate)        /* the size becomes `length` */                              \
  X(rename)          /* to `target`, over what is there if `replace` */           \
  X(link)            /* `target` becomes a second name */                         \
  X(remove)          /* set for deletion, and closed */                           \
  X(remove_on_close) /* opened with FILE_DELETE_ON_CLOSE */                       \
  X(make_directory)                                                               \
  X(remove_directory)                                                             \
  X(set_attributes)  /* read-only or not, by `offset` */                          \
  X(set_times)       /* the write time */                                         \
  X(read)                                                                         \
  X(list)                                                                         \
  X(flush)
// clang-format on

enum class Do : std::uint8_t {
#define UNDERSTUDY_SIM_ENUM(name) name,
  UNDERSTUDY_SIM_OPERATIONS(UNDERSTUDY_SIM_ENUM)
#undef UNDERSTUDY_SIM_ENUM
};

struct PlannedOperation {
  Do what = Do::read;
  std::uint32_t after_ms = 0;  // since the one before was finished
  std::string path;            // below the share, '\' between components
  std::string target;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool replace = false;
  bool keep_open = false;      // the next operation on this path uses the same open
  bool write_through = false;  // of a write
};

struct PlannedClient {
  std::uint32_t lun = 0;
  std::uint32_t start_ms = 0;
  std::vector<PlannedOperation> operations;
};

// clang-format off
#define UNDERSTUDY_SIM_FAULTS(X)                                                              \
  X(kill_node)      /* kill -9 of all its processes */                                        \
  X(kill_layer)     /* of one; the node then fails as a whole */                              \
  X(hang_layer)     /* one process makes no progress for `ms` */                              \
  X(slow_layer)     /* everything in it takes `amount` ms longer, for `ms` */                 \
  X(stop_node)      /* SIGSTOP to all its processes, SIGCONT after `ms` */                    \
  X(power_loss)     /* of the node's machine, disk included if it is the owner's */           \
  X(power_loss_all) /* of both nodes and of the medium */                                     \
  X(reset)          /* the connections of `link` break, and can be made anew */               \
  X(hold)           /* nothing passes on `link` for `ms`, then what waited arrives */         \
  X(hold_one_way)   /* the same for what `node` sends */                                      \
  X(delay)          /* everything on `link` takes `amount` ms, for `ms` */                    \
  X(disk_slow)      /* requests to `lun` take `amount` ms longer, for `ms` */                 \
  X(disk_hang)      /* requests to `lun` wait for `ms` */                                     \
  X(disk_error)     /* requests at a point fail with `status` for `ms` */                     \
  X(disk_full)      /* no room on `lun` for `ms` */                                           \
  X(sync_error)     /* a sync on `lun` fails, and its pages count as clean */                 \
  X(fence_fails)    /* no fence can be confirmed for `ms` */                                  \
  X(wall_jump)      /* the wall clock of `node` jumps by `amount` s */                        \
  X(takeover)       /* the command, at `node` */                                              \
  X(giveback)       /* the command, at `node` */                                              \
  X(stop_in_order)  /* `node` ends as by cluster_app stop */
// clang-format on

enum class FaultKind : std::uint8_t {
#define UNDERSTUDY_SIM_ENUM(name) name,
  UNDERSTUDY_SIM_FAULTS(UNDERSTUDY_SIM_ENUM)
#undef UNDERSTUDY_SIM_ENUM
};

/// When a fault happens: at a time; at the n-th pass of a fault point of production code; at the
/// n-th time that a node takes a STEP of the patent's figures. The last two only count after
/// `after_ms`; if the place is not met within two seconds, the fault happens all the same.
struct Trigger {
  enum class Kind : std::uint8_t { time, point, step };
  Kind kind = Kind::time;
  std::uint32_t after_ms = 0;
  std::string point;
  std::uint32_t step = 0;
  std::uint32_t nth = 1;
};

struct PlannedFault {
  FaultKind kind = FaultKind::kill_node;
  Trigger trigger;
  std::uint32_t node = 0;
  Layer layer = Layer::fs_cache;
  std::string link;  // "interconnect", "control" or "clients"
  std::uint32_t lun = 0;
  std::uint32_t ms = 0;
  std::uint32_t amount = 0;
  std::string point;       // disk_error: which requests
  std::uint64_t seed = 0;  // of a power failure's choice of what is kept
};

struct Settings {
  std::uint32_t heartbeat_ms = 100;
  std::uint32_t failure_after_ms = 1000;
  std::uint32_t flush_interval_ms = 100;
  std::uint32_t storage_hang_ms = 10'000;
  bool lazy_writer_runs = true;
  bool auto_giveback = false;
  bool medium_locks = true;  // false: a medium that only the fence protects
  std::uint32_t unwritten_kib = 256;
  std::uint32_t mirror_kib = 256;
  std::uint32_t restart_after_ms = 1000;  // a dead node is started again
  std::uint32_t heal_at_ms = 8000;        // from then on nothing fails any more
};

struct Plan {
  std::uint64_t seed = 0;
  std::uint64_t schedule = 1;
  Settings settings;
  std::vector<PlannedClient> clients;
  std::vector<PlannedFault> faults;

  std::size_t operations() const;
};

std::string_view to_string(Do what);
std::string_view to_string(FaultKind kind);

/// The plan of a seed.
Plan draw_plan(std::uint64_t seed);

boost::json::object to_json(const Plan& plan);
/// Nothing, and why in `error`, for what is no plan.
std::optional<Plan> plan_from_json(std::string_view text, std::string& error);

}  // namespace understudy::sim
