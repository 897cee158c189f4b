// Plans as JSON, for --replay and for reports of failures.
#include <array>

#include "tests/sim/plan.h"

namespace understudy::sim {
namespace {

namespace json = boost::json;

constexpr std::array kOperationNames = {
#define UNDERSTUDY_SIM_NAME(name) std::string_view(#name),
    UNDERSTUDY_SIM_OPERATIONS(UNDERSTUDY_SIM_NAME)
#undef UNDERSTUDY_SIM_NAME
};
constexpr std::array kFaultNames = {
#define UNDERSTUDY_SIM_NAME(name) std::string_view(#name),
    UNDERSTUDY_SIM_FAULTS(UNDERSTUDY_SIM_NAME)
#undef UNDERSTUDY_SIM_NAME
};

/// One member after the other, in one list for writing and reading, so that the two cannot differ.
/// When writing, members with their default value are left out.
class Writer {
 public:
  template <typename T>
  void member(const char* name, const T& value, const T& otherwise = {}) {
    if (value != otherwise) object_[name] = value;
  }
  template <typename T>
  void name(const char* member_name, T value, const auto& names) {
    const std::string_view text = names.at(static_cast<std::size_t>(value));
    object_[member_name] = json::string(text.data(), text.size());
  }
  json::object take() { return std::move(object_); }

 private:
  json::object object_;
};

class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  template <typename T>
  void member(const char* name, T& value, const T& otherwise = {}) {
    const json::value* const found = object_.if_contains(name);
    value = found == nullptr ? otherwise : json::value_to<T>(*found);
  }
  template <typename T>
  void name(const char* member_name, T& value, const auto& names) {
    const json::string& text = object_.at(member_name).as_string();
    const auto found = std::find(names.begin(), names.end(), std::string_view(text));
    if (found == names.end()) throw std::invalid_argument("unknown: " + std::string(text));
    value = static_cast<T>(found - names.begin());
  }

 private:
  const json::object& object_;
};

constexpr std::array kTriggerNames = {std::string_view("time"), std::string_view("point"),
                                      std::string_view("step")};
constexpr std::array kLayerNames = {
    std::string_view("none"),       std::string_view("netstack"),
    std::string_view("ff_driver"),  std::string_view("fs_cache"),
    std::string_view("rd_driver"),  std::string_view("mirror_server"),
    std::string_view("cluster_app")};

void describe(auto& each, auto& operation) {
  each.name("do", operation.what, kOperationNames);
  each.member("after_ms", operation.after_ms);
  each.member("path", operation.path);
  each.member("target", operation.target);
  each.member("offset", operation.offset);
  each.member("length", operation.length);
  each.member("replace", operation.replace);
  each.member("keep_open", operation.keep_open);
  each.member("write_through", operation.write_through);
}

void describe_fault(auto& each, auto& fault) {
  each.name("fault", fault.kind, kFaultNames);
  each.name("when", fault.trigger.kind, kTriggerNames);
  each.member("after_ms", fault.trigger.after_ms);
  each.member("at_point", fault.trigger.point);
  each.member("at_step", fault.trigger.step);
  each.member("nth", fault.trigger.nth, std::uint32_t{1});
  each.member("node", fault.node);
  each.name("layer", fault.layer, kLayerNames);
  each.member("link", fault.link);
  each.member("lun", fault.lun);
  each.member("ms", fault.ms);
  each.member("amount", fault.amount);
  each.member("point", fault.point);
  each.member("seed", fault.seed);
}

void describe_settings(auto& each, auto& settings) {
  const Settings usual;
  each.member("heartbeat_ms", settings.heartbeat_ms, usual.heartbeat_ms);
  each.member("failure_after_ms", settings.failure_after_ms, usual.failure_after_ms);
  each.member("flush_interval_ms", settings.flush_interval_ms, usual.flush_interval_ms);
  each.member("storage_hang_ms", settings.storage_hang_ms, usual.storage_hang_ms);
  each.member("lazy_writer_runs", settings.lazy_writer_runs, usual.lazy_writer_runs);
  each.member("auto_giveback", settings.auto_giveback, usual.auto_giveback);
  each.member("medium_locks", settings.medium_locks, usual.medium_locks);
  each.member("unwritten_kib", settings.unwritten_kib, usual.unwritten_kib);
  each.member("mirror_kib", settings.mirror_kib, usual.mirror_kib);
  each.member("restart_after_ms", settings.restart_after_ms, usual.restart_after_ms);
  each.member("heal_at_ms", settings.heal_at_ms, usual.heal_at_ms);
}

json::object client_to_json(const PlannedClient& client) {
  Writer writer;
  writer.member("lun", client.lun);
  writer.member("start_ms", client.start_ms);
  json::object object = writer.take();
  json::array operations;
  for (const PlannedOperation& operation : client.operations) {
    Writer each;
    describe(each, operation);
    operations.push_back(each.take());
  }
  object["operations"] = std::move(operations);
  return object;
}

PlannedClient client_from_json(const json::object& object) {
  PlannedClient client;
  Reader reader(object);
  reader.member("lun", client.lun);
  reader.member("start_ms", client.start_ms);
  for (const json::value& value : object.at("operations").as_array()) {
    Reader each(value.as_object());
    describe(each, client.operations.emplace_back());
  }
  return client;
}

}  // namespace

std::string_view to_string(Do what) {
  return kOperationNames.at(static_cast<std::size_t>(what));
}

std::string_view to_string(FaultKind kind) {
  return kFaultNames.at(static_cast<std::size_t>(kind));
}

std::size_t Plan::operations() const {
  std::size_t count = 0;
  for (const PlannedClient& client : clients) count += client.operations.size();
  return count;
}

json::object to_json(const Plan& plan) {
  Writer settings;
  describe_settings(settings, plan.settings);
  json::array clients;
  for (const PlannedClient& client : plan.clients) clients.push_back(client_to_json(client));
  json::array faults;
  for (const PlannedFault& fault : plan.faults) {
    Writer each;
    describe_fault(each, fault);
    faults.push_back(each.take());
  }
  return {{"seed", plan.seed},
          {"schedule", plan.schedule},
          {"settings", settings.take()},
          {"clients", std::move(clients)},
          {"faults", std::move(faults)}};
}

std::optional<Plan> plan_from_json(std::string_view text, std::string& error) {
  try {
    const json::value value = json::parse({text.data(), text.size()});
    const json::object& object = value.as_object();
    Plan plan;
    plan.seed = object.at("seed").to_number<std::uint64_t>();
    plan.schedule = object.at("schedule").to_number<std::uint64_t>();
    Reader settings(object.at("settings").as_object());
    describe_settings(settings, plan.settings);
    for (const json::value& client : object.at("clients").as_array())
      plan.clients.push_back(client_from_json(client.as_object()));
    for (const json::value& fault : object.at("faults").as_array()) {
      Reader each(fault.as_object());
      describe_fault(each, plan.faults.emplace_back());
    }
    return plan;
  } catch (const std::exception& wrong) {
    error = wrong.what();
    return std::nullopt;
  }
}

}  // namespace understudy::sim
