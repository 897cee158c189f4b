#include "iomgr/host/fault_text.h"

#include "iomgr/fault_points.h"

namespace understudy {

Layer parse_layer(std::string_view name) {
  for (std::size_t i = 1; i < kLayers; ++i) {
    if (to_string(static_cast<Layer>(i)) == name) return static_cast<Layer>(i);
  }
  return Layer::none;
}

std::string check_point(Layer layer, std::string_view fault) {
  const std::size_t equals = fault.find('=');
  const std::string name(fault.substr(0, equals));
  const FaultPoint* const point = find_fault_point(layer, name);
  if (point == nullptr)
    return "there is no fault point '" + name + "' in " + std::string(to_string(layer));
  if (!point->stalls && fault.substr(equals).starts_with("=stall"))
    return "fault point '" + name + "' cannot stall";
  return {};
}

std::string arm_faults(FaultPoints& faults, std::string_view text, std::string_view node,
                       Layer layer) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view entry = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    const std::size_t colon = entry.find(':');
    const std::size_t dot = entry.substr(0, colon).rfind('.');
    if (colon == std::string_view::npos || dot == std::string_view::npos || dot == 0)
      return "cannot read '" + std::string(entry) + "'";
    const Layer meant = parse_layer(entry.substr(dot + 1, colon - dot - 1));
    FaultPoints others;
    const bool ours = meant == layer && entry.substr(0, dot) == node;
    const std::string_view fault = entry.substr(colon + 1);
    if (meant == Layer::none || fault.empty() || !(ours ? faults : others).parse(fault))
      return "cannot read '" + std::string(entry) + "'";
    const std::string wrong = check_point(meant, fault);
    if (!wrong.empty()) return "'" + std::string(entry) + "': " + wrong;
  }
  return {};
}

}  // namespace understudy
