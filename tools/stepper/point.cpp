#include "tools/stepper/point.h"

#include <algorithm>
#include <array>

namespace understudy::stepper {
namespace {

std::string object_text(std::uint64_t object) {
  return std::to_string(object >> 40 & 0x7FFFFF) + "." + std::to_string(object & 0xFFFFFFFFFF);
}

std::string_view hop_text(Hop hop) {
  constexpr std::array<std::string_view, 7> kTexts = {"",
                                                      "asks",
                                                      "is asked by",
                                                      "answers",
                                                      "is answered by",
                                                      "sends to the partner's",
                                                      "hears from the partner's"};
  const auto index = static_cast<std::size_t>(hop);
  return index < kTexts.size() ? kTexts[index] : "?";
}

std::optional<Record> record_of(const Arena& arena, const Irp& irp) {
  if (irp.record.length == 0) return std::nullopt;
  const auto bytes = arena.bytes(irp.record);
  if (!bytes) return std::nullopt;
  Result<Record> record = decode_record(*bytes);
  if (!record) return std::nullopt;
  return std::move(*record);
}

bool is_path(Major major, std::uint8_t minor) {
  return major == Major::create ||
         (major == Major::set_information && minor == static_cast<std::uint8_t>(SetMinor::rename));
}

/// Of a CREATE or a rename: where the path is.
std::string path_of(const Arena& arena, const Irp& irp) {
  if (!is_path(irp.major, irp.minor)) return {};
  const auto bytes = arena.bytes(irp.payload);
  std::size_t length = bytes ? bytes->size() : 0;
  if (irp.major == Major::create)
    length -= std::min<std::size_t>(length, irp.create.properties_length);
  return length > 0 ? std::string(as_text(bytes->first(length))) : std::string();
}

constexpr std::array<std::string_view, 13> kFields = {
    "step", "hop", "node",  "layer", "neighbour", "major", "minor",
    "lun",  "lsn", "epoch", "irp",   "session",   "status"};

}  // namespace

std::string_view to_string(Hop hop) {
  constexpr std::array<std::string_view, 7> kNames = {
      "",          "request_out", "request_in", "completion_out", "completion_in", "message_out",
      "message_in"};
  const auto index = static_cast<std::size_t>(hop);
  return index < kNames.size() ? kNames[index] : "?";
}

std::string describe(const Record& record) {
  const RecordHeader& header = record.header;
  const std::string object = "object " + object_text(header.object);
  const std::string name = "'" + std::string(record.name) + "'";
  const std::string target = "'" + std::string(record.target_name) + "'";
  switch (header.effect) {
    case Effect::create:
      return "create " + name + " as " + object;
    case Effect::write:
      return "write of " + std::to_string(record.data.size()) + " bytes at " +
             std::to_string(header.offset) + " in " + object;
    case Effect::zero:
      return std::to_string(zeros_of(record)) + " zeros at " + std::to_string(header.offset) +
             " in " + object;
    case Effect::set:
      return "size " + std::to_string(header.size) + ", attributes and times of " + object;
    case Effect::unlink:
      return "unlink " + name + " of " + object;
    case Effect::rename:
      return "rename " + name + " to " + target + " of " + object;
    case Effect::link:
      return "link " + target + " to " + object;
    case Effect::note:
      return "properties, " + std::to_string(header.properties_length) + " bytes";
  }
  return "?";
}

Point point_of(const std::string& node, const Arena& arena, const TraceEntry& entry,
               const Irp& irp) {
  Point point{node, entry, irp, path_of(arena, irp)};
  point.is_shown = true;
  const auto record = record_of(arena, irp);
  if (!record) return point;
  point.record = describe(*record);
  if (point.name.empty()) point.name = record->name.empty() ? record->target_name : record->name;
  return point;
}

std::string what_of(const TraceEntry& entry) {
  return entry.hop == Hop::none ? std::to_string(static_cast<int>(entry.step))
                                : std::string(to_string(entry.hop));
}

std::string title(const TraceEntry& entry) {
  if (entry.hop == Hop::none) {
    return "STEP " + std::to_string(static_cast<int>(entry.step)) + ": " +
           std::string(understudy::describe(entry.step));
  }
  return std::string(hop_text(entry.hop)) + " " + std::string(to_string(entry.neighbour));
}

std::string line_of(const Point& point) {
  const TraceEntry& entry = point.entry;
  std::string text = point.where() + "  " + title(entry) + "  [" +
                     std::string(to_string(entry.major)) + " lun " + std::to_string(entry.lun);
  if (entry.lsn != 0) text += " lsn " + std::to_string(entry.lsn);
  if (!point.name.empty()) text += " '" + point.name + "'";
  if (failed(entry.status)) text += " " + std::string(to_string(entry.status));
  return text + "]";
}

json::object to_json(const Point& point) {
  const TraceEntry& entry = point.entry;
  json::object out = {{"node", point.node},
                      {"layer", to_string(entry.layer)},
                      {"title", title(entry)},
                      {"time_ns", entry.time_ns},
                      {"major", to_string(entry.major)},
                      {"minor", entry.minor},
                      {"lun", entry.lun},
                      {"lsn", entry.lsn},
                      {"epoch", entry.epoch},
                      {"irp", entry.irp},
                      {"status", to_string(entry.status)}};
  if (entry.hop == Hop::none) {
    out["step"] = static_cast<int>(entry.step);
  } else {
    out["hop"] = to_string(entry.hop);
    out["neighbour"] = to_string(entry.neighbour);
  }
  if (!point.name.empty()) out["name"] = point.name;
  return out;
}

json::object irp_of(const Point& point) {
  const Irp& irp = point.irp;
  json::object out = {{"id", irp.id},
                      {"major", to_string(irp.major)},
                      {"minor", irp.minor},
                      {"status", to_string(irp.status)},
                      {"lun", irp.lun},
                      {"epoch", irp.epoch},
                      {"lsn", irp.lsn},
                      {"shows", irp.shows},
                      {"open", irp.open},
                      {"session", irp.session},
                      {"information", irp.information},
                      {"payload_bytes", irp.payload.length}};
  if (!point.name.empty()) out["name"] = point.name;
  if (irp.major == Major::write || irp.major == Major::read) {
    out["offset"] = irp.major == Major::write ? irp.write.offset : irp.read.offset;
    if (irp.major == Major::read) out["length"] = irp.read.length;
  }
  if (!point.record.empty()) out["record"] = point.record;
  return out;
}

bool is_field(std::string_view name) {
  return name == "name" || std::ranges::find(kFields, name) != kFields.end();
}

std::optional<Value> field_of(const Point& point, std::string_view name) {
  const TraceEntry& entry = point.entry;
  if (name == "name") return point.name;
  if (name == "node") return point.node;
  if (name == "layer") return std::string(to_string(entry.layer));
  if (name == "neighbour") return std::string(to_string(entry.neighbour));
  if (name == "hop") return std::string(to_string(entry.hop));
  if (name == "major") return std::string(to_string(entry.major));
  if (name == "status") return std::string(to_string(entry.status));
  if (name == "step") return static_cast<std::uint64_t>(entry.step);
  if (name == "minor") return static_cast<std::uint64_t>(entry.minor);
  if (name == "lun") return static_cast<std::uint64_t>(entry.lun);
  if (name == "lsn") return entry.lsn;
  if (name == "epoch") return entry.epoch;
  if (name == "irp") return entry.irp;
  if (name == "session") return static_cast<std::uint64_t>(entry.session);
  return std::nullopt;
}

}  // namespace understudy::stepper
