#include "cluster_app/heartbeat.h"

#include <algorithm>
#include <array>

namespace understudy {
namespace {

constexpr std::array<std::string_view, 4> kStates = {"starting", "up", "takeover", "stopping"};
constexpr std::array<std::string_view, 4> kPhases = {"none", "taking", "serving", "releasing"};

template <typename Enum, std::size_t count>
std::optional<Enum> named(const std::array<std::string_view, count>& names, std::string_view name) {
  for (std::size_t index = 0; index < count; ++index) {
    if (names[index] == name) return static_cast<Enum>(index);
  }
  return std::nullopt;
}

std::int64_t in_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// A time that somebody else measured; more than a day is a day.
Duration duration_of(const json::object& object, std::string_view key) {
  constexpr std::uint64_t kDayMs = 86'400'000;
  return std::chrono::milliseconds(std::min(number_of(object, key), kDayMs));
}

json::object health_json(const Health& health) {
  return {{"layer_silent_ms", in_ms(health.layer_silent)},
          {"storage_oldest_ms", in_ms(health.storage_oldest)},
          {"storage_failing", health.storage_failing}};
}

Health read_health(const json::object& health) {
  return {duration_of(health, "layer_silent_ms"), duration_of(health, "storage_oldest_ms"),
          flag_of(health, "storage_failing")};
}

json::array processes_json(const std::vector<NodeProcess>& processes) {
  json::array all;
  for (const NodeProcess& each : processes) {
    all.push_back({{"layer", static_cast<unsigned>(each.layer)},
                   {"pid", each.pid},
                   {"start", each.start_time}});
  }
  return all;
}

bool read_processes(const json::array& all, std::vector<NodeProcess>& out) {
  if (all.size() > kLayers) return false;
  for (const json::value& value : all) {
    if (!value.is_object()) return false;
    const json::object& each = value.as_object();
    const std::uint64_t layer = number_of(each, "layer");
    const std::uint64_t pid = number_of(each, "pid");
    if (layer == 0 || layer >= kLayers || pid <= 1 || pid > 0x7fffffff) return false;
    out.push_back(
        {static_cast<Layer>(layer), static_cast<std::int64_t>(pid), number_of(each, "start")});
  }
  return true;
}

}  // namespace

std::string_view to_string(NodeState state) {
  return kStates.at(static_cast<std::size_t>(state));
}
std::string_view to_string(LunPhase phase) {
  return kPhases.at(static_cast<std::size_t>(phase));
}

json::object to_json(const Heartbeat& heartbeat) {
  json::array luns;
  for (const LunState& lun : heartbeat.luns) {
    luns.push_back({{"phase", to_string(lun.phase)}, {"epoch", lun.epoch}});
  }
  return {{"type", "heartbeat"},
          {"machine", heartbeat.who.machine},
          {"state", to_string(heartbeat.state)},
          {"health", health_json(heartbeat.health)},
          {"luns", luns},
          {"listens", heartbeat.listens},
          {"processes", processes_json(heartbeat.who.processes)}};
}

std::optional<Heartbeat> heartbeat_from(const json::object& message, std::size_t luns) {
  Heartbeat heartbeat;
  heartbeat.who.machine = text_of(message, "machine");
  heartbeat.health = read_health(object_of(message, "health"));
  const auto state = named<NodeState>(kStates, text_of(message, "state"));
  const json::array& each_lun = array_of(message, "luns");
  if (!state || each_lun.size() != luns) return std::nullopt;
  heartbeat.state = *state;
  heartbeat.listens = number_of(message, "listens");
  for (const json::value& value : each_lun) {
    if (!value.is_object()) return std::nullopt;
    const json::object& each = value.as_object();
    const auto phase = named<LunPhase>(kPhases, text_of(each, "phase"));
    if (!phase) return std::nullopt;
    heartbeat.luns.push_back({*phase, number_of(each, "epoch")});
  }
  if (!read_processes(array_of(message, "processes"), heartbeat.who.processes)) return std::nullopt;
  return heartbeat;
}

}  // namespace understudy
