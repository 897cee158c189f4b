#include <algorithm>
#include <ostream>
#include <set>

#include "iomgr/interconnect.h"
#include "tools/stepper/causality.h"
#include "tools/stepper/export.h"

namespace understudy::stepper {
namespace {

/// '-' would begin an arrow.
std::string participant(const std::string& node, Layer layer) {
  std::string name = node + "_" + std::string(to_string(layer));
  std::ranges::replace(name, '-', '_');
  return name;
}

/// What ends a line or begins a comment or an entity in a diagram.
std::string plain(std::string text) {
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
  std::ranges::replace(text, ';', ',');
  std::ranges::replace(text, '#', '.');
  return text;
}

std::string said(const Point& point) {
  const TraceEntry& entry = point.entry;
  const bool is_message = entry.hop == Hop::message_out || entry.hop == Hop::message_in;
  std::string text(is_message
                       ? interconnect::to_string(static_cast<interconnect::Message>(entry.minor))
                       : to_string(entry.major));
  if (entry.lsn != 0) text += " lsn " + std::to_string(entry.lsn);
  if (!point.name.empty()) text += " '" + point.name + "'";
  if (failed(entry.status)) text += " " + std::string(to_string(entry.status));
  return plain(text);
}

std::string_view arrow_of(Hop received) {
  return received == Hop::request_in ? "->>" : received == Hop::completion_in ? "-->>" : "-)";
}

}  // namespace

void export_mermaid(const Recording& recording, const Operation& operation, std::ostream& out) {
  const std::vector<std::size_t> all = points_of(recording, operation.lun, operation.lsn);
  std::set<std::size_t> heard;  // points whose message or IRP comes to a point of the diagram
  std::set<std::pair<std::string, Layer>> places;
  for (const std::size_t i : all) {
    places.insert({recording.points[i].node, recording.points[i].entry.layer});
    const std::size_t sender = recording.senders[i];
    if (sender == kNobody) continue;
    heard.insert(sender);
    places.insert({recording.points[sender].node, recording.points[sender].entry.layer});
  }
  out << "sequenceDiagram\n";
  for (const auto& [node, layer] : places) {
    out << "  participant " << participant(node, layer) << " as " << node << "." << to_string(layer)
        << "\n";
  }
  std::size_t lines = 0;
  for (const std::size_t i : all) {
    const Point& point = recording.points[i];
    const TraceEntry& entry = point.entry;
    const std::string here = participant(point.node, entry.layer);
    const std::size_t sender = recording.senders[i];
    if (lines++ == kMaxMermaidLines) {
      out << "  Note over " << here << ": and more, which is left out\n";
      break;
    }
    if (entry.hop == Hop::none) {
      out << "  Note over " << here << ": " << plain(title(entry)) << "\n";
    } else if (sender != kNobody) {
      const Point& from = recording.points[sender];
      out << "  " << participant(from.node, from.entry.layer) << arrow_of(entry.hop) << here << ": "
          << said(point) << "\n";
    } else if (!heard.contains(i)) {
      out << "  Note over " << here << ": " << plain(title(entry)) << ", " << said(point) << "\n";
    }
  }
}

}  // namespace understudy::stepper
