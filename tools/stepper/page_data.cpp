#include "tools/stepper/page_data.h"

#include <boost/json/value_from.hpp>

#include "tools/stepper/export.h"

namespace understudy::stepper {
namespace {

constexpr std::size_t kMaxRecords = 60;  // of each list

/// The newest of a long list, and how long it is.
json::object newest(json::array all) {
  const std::size_t count = all.size();
  if (count > kMaxRecords)
    all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(kMaxRecords));
  return {{"count", count}, {"newest", std::move(all)}};
}

json::object snapshot_for_page(const Recording& recording, std::size_t point,
                               const Snapshot& snapshot) {
  Stores mirror;
  for (const std::string& node : recording.nodes) {
    const auto found = snapshot.mirror.find(node);
    mirror[node] = found == snapshot.mirror.end() ? std::vector<StoredRecord>() : found->second;
  }
  return {{"number", point + 1},
          {"layers", to_json(snapshot.layers)},
          {"stores", page_stores(to_json(snapshot.ledger, recording.nodes), to_json(mirror))}};
}

std::string about(const Recording& recording, std::size_t left_out,
                  std::size_t snapshots_left_out) {
  std::string text = "Recorded by " + recording.by + ": " +
                     std::to_string(recording.points.size()) + " points, " +
                     std::to_string(recording.stops.size()) + " stops.";
  const auto add = [&text](std::uint64_t count, const std::string& what) {
    if (count != 0) text += " " + std::to_string(count) + " " + what + ".";
  };
  add(left_out, "points at its beginning are left out here, but counted");
  add(snapshots_left_out, "of its older snapshots are left out here");
  add(recording.missing, "points were overwritten before they were read");
  add(recording.damaged, "lines are damaged and left out");
  return text;
}

}  // namespace

bool is_heartbeat(const TraceEntry& entry) {
  if (entry.hop == Hop::none) return entry.step == Step::s302;
  if (entry.major == Major::mirror) return entry.irp == 0 && entry.lsn == 0;
  const auto minor = static_cast<ClusterMinor>(entry.minor);
  return entry.major == Major::cluster &&
         (minor == ClusterMinor::ping || minor == ClusterMinor::mailbox);
}

json::object page_point(const Point& point) {
  json::object object = to_json(point);
  if (is_heartbeat(point.entry)) object["heartbeat"] = true;
  return object;
}

json::object page_stores(json::object ledger, json::object mirror) {
  for (json::value& lun : ledger.at("luns").as_array()) {
    json::value& operations = lun.at("operations");
    operations = newest(std::move(operations.as_array()));
  }
  for (auto& each : ledger.at("lost_with").as_object())
    each.value() = newest(std::move(each.value().as_array()));
  for (auto& each : mirror) each.value() = newest(std::move(each.value().as_array()));
  return {{"ledger", std::move(ledger)}, {"mirror", std::move(mirror)}};
}

json::object page_recording(const Recording& recording) {
  const std::size_t count = recording.points.size();
  const std::size_t left_out = count - std::min(count, kMaxPagePoints);
  std::map<std::string, std::uint64_t> steps_before;  // "a 408"
  for (const Point& each : std::span(recording.points).first(left_out)) {
    if (each.entry.hop == Hop::none)
      ++steps_before[each.node + " " + std::to_string(static_cast<int>(each.entry.step))];
  }
  json::array points;
  json::object irps;
  for (std::size_t i = left_out; i < count; ++i) {
    points.push_back(page_point(recording.points[i]));
    const auto shown = recording.irps.find(i);
    if (shown != recording.irps.end()) irps[std::to_string(i + 1)] = shown->second;
  }
  json::array stops;
  for (const Recording::Stood& each : recording.stops) {
    if (each.point < left_out) continue;
    stops.push_back(
        {{"number", each.point + 1}, {"why", to_string(each.stop.why)}, {"text", each.stop.text}});
  }
  // From the one that was the last at the first point on.
  auto from = recording.snapshots.upper_bound(left_out);
  if (from != recording.snapshots.begin()) --from;
  auto snapshots_left_out =
      static_cast<std::size_t>(std::distance(recording.snapshots.begin(), from));
  for (; recording.snapshots.size() - snapshots_left_out > kMaxPageSnapshots; ++from)
    ++snapshots_left_out;
  json::array snapshots;
  for (; from != recording.snapshots.end(); ++from)
    snapshots.push_back(snapshot_for_page(recording, from->first, from->second));
  return {{"about", about(recording, left_out, snapshots_left_out)},
          {"nodes", json::value_from(recording.nodes)},
          {"count", count},
          {"left_out", left_out},
          {"steps_before", json::value_from(steps_before)},
          {"points", std::move(points)},
          {"irps", std::move(irps)},
          {"stops", std::move(stops)},
          {"snapshots", std::move(snapshots)}};
}

}  // namespace understudy::stepper
