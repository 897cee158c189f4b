#include "fs_cache/mount_order.h"

#include "iomgr/json_fields.h"

namespace understudy {
namespace {

constexpr std::int64_t kMaxIntervalMs = 3'600'000;

bool read_lazy_writer(const json::object& order, MountOrder& out) {
  if (!order.contains("lazy_writer")) return true;
  const std::string mode = text_of(order, "lazy_writer");
  out.lazy_writer.hold = mode == "hold";
  return out.lazy_writer.hold || mode == "run";
}

bool read_interval(const json::object& order, MountOrder& out) {
  const json::value* interval = order.if_contains("flush_interval_ms");
  if (interval == nullptr) return true;
  if (!interval->is_int64()) return false;
  const std::int64_t milliseconds = interval->get_int64();
  out.lazy_writer.interval = std::chrono::milliseconds(milliseconds);
  return milliseconds >= 1 && milliseconds <= kMaxIntervalMs;
}

}  // namespace

Result<MountOrder> parse_mount_order(std::string_view text) {
  const std::optional<json::object> order = parse_object(text);
  if (!order) return Status::invalid_parameter;
  MountOrder out;
  out.path = text_of(*order, "path");
  if (out.path.empty() || !read_lazy_writer(*order, out) || !read_interval(*order, out) ||
      !read_flag(*order, "late_write_times", out.late_write_times)) {
    return Status::invalid_parameter;
  }
  return out;
}

}  // namespace understudy
