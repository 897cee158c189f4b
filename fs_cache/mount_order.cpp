#include "fs_cache/mount_order.h"

#include <boost/json.hpp>

namespace understudy {
namespace {

constexpr std::int64_t kMaxIntervalMs = 3'600'000;

bool read_path(const boost::json::object& order, MountOrder& out) {
  const boost::json::value* path = order.if_contains("path");
  if (path == nullptr || !path->is_string() || path->get_string().empty()) return false;
  out.path = std::string(path->get_string());
  return true;
}

bool read_lazy_writer(const boost::json::object& order, MountOrder& out) {
  const boost::json::value* mode = order.if_contains("lazy_writer");
  if (mode == nullptr) return true;
  if (!mode->is_string()) return false;
  out.lazy_writer.hold = mode->get_string() == "hold";
  return out.lazy_writer.hold || mode->get_string() == "run";
}

bool read_interval(const boost::json::object& order, MountOrder& out) {
  const boost::json::value* interval = order.if_contains("flush_interval_ms");
  if (interval == nullptr) return true;
  if (!interval->is_int64()) return false;
  const std::int64_t milliseconds = interval->get_int64();
  out.lazy_writer.interval = std::chrono::milliseconds(milliseconds);
  return milliseconds >= 1 && milliseconds <= kMaxIntervalMs;
}

}  // namespace

Result<MountOrder> parse_mount_order(std::string_view json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({json.data(), json.size()}, error);
  const boost::json::object* order = error ? nullptr : value.if_object();
  MountOrder out;
  if (order == nullptr || !read_path(*order, out) || !read_lazy_writer(*order, out) ||
      !read_interval(*order, out)) {
    return Status::invalid_parameter;
  }
  return out;
}

}  // namespace understudy
