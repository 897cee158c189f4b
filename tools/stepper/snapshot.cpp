#include "tools/stepper/snapshot.h"

#include "tools/stepper/target.h"

namespace understudy::stepper {

json::array to_json(const std::vector<LayerState>& layers) {
  json::array all;
  for (const LayerState& each : layers)
    all.push_back({{"place", each.place}, {"pid", each.pid}, {"does", each.does}});
  return all;
}

json::object to_json(const Stores& stores) {
  json::object all;
  for (const auto& [node, records] : stores) all[node] = to_json(records);
  return all;
}

json::object to_json(const Snapshot& snapshot) {
  std::vector<std::string> nodes;
  for (const auto& [node, records] : snapshot.cache) nodes.push_back(node);
  return {{"layers", to_json(snapshot.layers)},
          {"cache", to_json(snapshot.cache)},
          {"mirror", to_json(snapshot.mirror)},
          {"ledger", to_json(snapshot.ledger, nodes)}};
}

std::vector<LayerState> layers_of(const json::array& layers) {
  std::vector<LayerState> all;
  for (const json::value& each : layers) {
    if (!each.is_object()) continue;
    const json::object& from = each.as_object();
    all.push_back({text_of(from, "place"), static_cast<std::int32_t>(number_of(from, "pid")),
                   text_of(from, "does")});
  }
  return all;
}

Stores stores_of(const json::object& stores) {
  Stores all;
  for (const auto& [node, records] : stores) {
    if (records.is_array()) all[std::string(node)] = records_of(records.as_array());
  }
  return all;
}

Snapshot read_snapshot(Target& target) {
  Snapshot snapshot{target.layers(), {}, {}, target.ledger()};
  for (const std::string& node : target.nodes()) {
    snapshot.cache[node] = target.cached(node);
    snapshot.mirror[node] = target.mirrored(node);
  }
  return snapshot;
}

Snapshot snapshot_of(const json::object& object) {
  return {layers_of(array_of(object, "layers")), stores_of(object_of(object, "cache")),
          stores_of(object_of(object, "mirror")), ledger_of(object_of(object, "ledger"))};
}

}  // namespace understudy::stepper
