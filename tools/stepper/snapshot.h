// What a debugger can see of a pair that stands, beside the points: what each layer does, and where
// the copies are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/stepper/ledger.h"

namespace understudy::stepper {

inline constexpr std::string_view kDoesNotRun = "does not run";

struct LayerState {
  std::string place;  // "a.ff_driver"
  std::int32_t pid = 0;
  std::string does;
};

using Stores = std::map<std::string, std::vector<StoredRecord>>;  // by node

struct Snapshot {
  Snapshot() = default;
  Snapshot(const std::vector<NodeStores>& nodes, Ledger read);

  std::vector<LayerState> layers;
  Stores cache;
  Stores mirror;
  Ledger ledger;
};

/// What a recording keeps of it.
json::object to_json(const Snapshot& snapshot);
json::array to_json(const std::vector<LayerState>& layers);
json::object to_json(const Stores& stores);
/// What those made; what is missing in it is empty.
Snapshot snapshot_of(const json::object& object);
std::vector<LayerState> layers_of(const json::array& layers);
Stores stores_of(const json::object& stores);

}  // namespace understudy::stepper
