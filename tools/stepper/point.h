// A trace point that a layer is parked at, as people and programs see it.
#pragma once

#include <optional>
#include <string>

#include "iomgr/arena.h"
#include "iomgr/json_fields.h"
#include "iomgr/record.h"
#include "iomgr/trace.h"
#include "tools/stepper/condition.h"

namespace understudy::stepper {

struct Point {
  std::string node;
  TraceEntry entry{};
  Irp irp = {};
  std::string name;         // what a CREATE, a rename, or the operation's record names; else empty
  std::string record = {};  // what the operation's record says, if it has one yet
  bool is_shown = false;    // the layer was parked, and showed the last three

  std::string where() const { return node + "." + std::string(to_string(entry.layer)); }
};

/// Reads what the IRP points to in its node's arena.
Point point_of(const std::string& node, const Arena& arena, const TraceEntry& entry,
               const Irp& irp);

/// As of a breakpoint: "408", "request_in".
std::string what_of(const TraceEntry& entry);
/// "STEP 408: write a copy to the partner's mirror store", or what hops where.
std::string title(const TraceEntry& entry);
/// One line: place, title, operation.
std::string line_of(const Point& point);
/// All that the IRP says.
json::object irp_of(const Point& point);
/// A STEP or a hop, its operation, its name.
json::object to_json(const Point& point);
std::string_view to_string(Hop hop);

bool is_field(std::string_view name);
std::optional<Value> field_of(const Point& point, std::string_view name);

/// "write of 512 bytes at 0 in object 2.3"
std::string describe(const Record& record);

}  // namespace understudy::stepper
