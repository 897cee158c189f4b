#include "iomgr/irp.h"

#include <array>

namespace understudy {

std::string_view to_string(Layer layer) {
  static constexpr std::array<std::string_view, kLayers> kNames = {
      "none", "netstack", "ff_driver", "fs_cache", "rd_driver", "mirror_server", "cluster_app"};
  const auto index = static_cast<std::size_t>(layer);
  return index < kNames.size() ? kNames[index] : "?";
}

std::string_view to_string(Major major) {
  static constexpr std::array<std::string_view, kMajors> kNames = {"create",
                                                                   "close",
                                                                   "read",
                                                                   "write",
                                                                   "query_information",
                                                                   "set_information",
                                                                   "flush_buffers",
                                                                   "query_directory",
                                                                   "query_volume",
                                                                   "lazy_write",
                                                                   "mirror",
                                                                   "cluster",
                                                                   "lock_control",
                                                                   "notify_change",
                                                                   "oplock",
                                                                   "cancel",
                                                                   "reclaim"};
  const auto index = static_cast<std::size_t>(major);
  return index < kNames.size() ? kNames[index] : "?";
}

}  // namespace understudy
