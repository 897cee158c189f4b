#include "tools/stepper/snapshot.h"

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

Snapshot::Snapshot(const std::vector<NodeStores>& nodes, Ledger read) : ledger(std::move(read)) {
  for (const NodeStores& each : nodes) {
    cache[each.node] = each.cache;
    mirror[each.node] = each.mirror;
  }
}

Snapshot snapshot_of(const json::object& object) {
  Snapshot snapshot;
  snapshot.layers = layers_of(array_of(object, "layers"));
  snapshot.cache = stores_of(object_of(object, "cache"));
  snapshot.mirror = stores_of(object_of(object, "mirror"));
  snapshot.ledger = ledger_of(object_of(object, "ledger"));
  return snapshot;
}

}  // namespace understudy::stepper
