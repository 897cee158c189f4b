// The payload of cluster_app's order `mount`: where the LUN is, and how its lazy writer works.
//
//     {"path": "/lun0", "lazy_writer": "run", "flush_interval_ms": 1000, "late_write_times": false}
//
// `lazy_writer` "hold": write only for want of room and when somebody flushes, for tests and the
// debugger. `late_write_times`: see late_write_time.h.
#pragma once

#include <string>
#include <string_view>

#include "fs_cache/lazy_writer.h"
#include "iomgr/result.h"

namespace understudy {

struct MountOrder {
  std::string path;
  LazyWriterOptions lazy_writer;
  bool late_write_times = false;
};

/// STATUS_INVALID_PARAMETER for what is no such object. All but `path` may be left out.
Result<MountOrder> parse_mount_order(std::string_view text);

}  // namespace understudy
