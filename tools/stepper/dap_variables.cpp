#include "tools/stepper/dap_variables.h"

#include "tools/stepper/dap_frames.h"
#include "tools/stepper/ledger.h"

namespace understudy::stepper {
namespace {

constexpr std::size_t kMaxShown = 1'000;
constexpr std::size_t kMaxText = 200;
constexpr std::size_t kMaxRoots = 500;

bool has_parts(const json::value& value) {
  return (value.is_object() && !value.get_object().empty()) ||
         (value.is_array() && !value.get_array().empty());
}

std::string text_of(const json::value& value) {
  // What has an own description is best told by it.
  const json::value* const what =
      value.is_object() ? value.get_object().if_contains("what") : nullptr;
  if (what != nullptr && what->is_string()) return text_of(*what);
  return shortened(value.is_string() ? std::string(value.get_string()) : json::serialize(value),
                   kMaxText);
}

/// "b: lun 0 lsn 17" to "write of 512 bytes at 0 in object 2.3".
void take_records(const std::string& node, const std::vector<StoredRecord>& records,
                  json::object& out) {
  for (const StoredRecord& each : records) {
    const std::string place = node + ": lun " + std::to_string(each.header.lun) + " lsn " +
                              std::to_string(each.header.lsn);
    out[place] = {{"what", each.what},
                  {"lun", each.header.lun},
                  {"epoch", each.header.epoch},
                  {"lsn", each.header.lsn}};
  }
}

}  // namespace

bool is_stored(Target& target, const RecordPlace& place) {
  for (const std::string& node : target.nodes()) {
    for (const auto& records : {target.cached(node), target.mirrored(node)}) {
      for (const StoredRecord& each : records) {
        if (each.header.lun == place.lun && each.header.lsn == place.lsn) return true;
      }
    }
  }
  return false;
}

void DapVariables::clear() {
  roots_.clear();
  numbers_.clear();
  irps_.clear();
  numbered_.assign(kLedger + 1, nullptr);
}

json::array DapVariables::scopes(std::uint64_t frame, const std::function<json::object()>& irp) {
  const auto [of, is_new] = irps_.try_emplace(frame, 0);
  if (is_new) of->second = number_of(roots_.emplace_back(irp()));
  const auto scope = [](const char* name, std::uint64_t number, bool expensive) {
    return json::object{{"name", name}, {"variablesReference", number}, {"expensive", expensive}};
  };
  json::array all;
  all.emplace_back(scope("IRP", of->second, false));
  all.emplace_back(scope("Cache", kCache, true));
  all.emplace_back(scope("Mirror", kMirror, true));
  all.emplace_back(scope("Ledger", kLedger, true));
  return all;
}

json::object DapVariables::read(std::uint64_t scope) {
  json::object all;
  if (replay_ != nullptr) {
    const auto number = replay_->shown_at();
    all["as_of"] = number ? "point " + std::to_string(*number) : "nothing was shown before";
    if (!number) return all;
  }
  if (scope == kLedger) {
    for (const auto& [key, value] : to_json(target_.ledger(), target_.nodes())) all[key] = value;
    return all;
  }
  for (const std::string& node : target_.nodes()) {
    take_records(node, scope == kCache ? target_.cached(node) : target_.mirrored(node), all);
  }
  return all;
}

std::uint64_t DapVariables::number_of(const json::value& value) {
  if (!has_parts(value)) return 0;
  const auto [at, is_new] = numbers_.try_emplace(&value, numbered_.size());
  if (is_new) numbered_.push_back(&value);
  return at->second;
}

std::optional<std::uint64_t> DapVariables::frame_of(std::uint64_t number) const {
  for (const auto& [frame, irp] : irps_) {
    if (number != 0 && irp == number) return frame;
  }
  return std::nullopt;
}

void DapVariables::change(std::uint64_t frame, const json::object& irp) {
  for (json::value& root : roots_) {
    if (&root != numbered_.at(irps_.at(frame))) continue;
    for (const auto& [key, value] : irp) root.as_object()[key] = value;
  }
}

std::uint64_t DapVariables::hold(json::object value) {
  return roots_.size() < kMaxRoots ? number_of(roots_.emplace_back(std::move(value))) : 0;
}

std::optional<json::array> DapVariables::open(std::uint64_t number) {
  if (number == 0 || number >= numbered_.size()) return std::nullopt;
  if (numbered_[number] == nullptr) numbered_[number] = &roots_.emplace_back(read(number));
  const json::value& of = *numbered_[number];
  json::array shown;
  const auto show = [&](std::string_view name, const json::value& value) {
    if (shown.size() == kMaxShown) return;
    shown.push_back(
        {{"name", name}, {"value", text_of(value)}, {"variablesReference", number_of(value)}});
  };
  if (of.is_object()) {
    for (const auto& [key, value] : of.get_object()) show({key.data(), key.size()}, value);
  } else {
    for (std::size_t i = 0; i < of.get_array().size(); ++i)
      show("[" + std::to_string(i) + "]", of.get_array()[i]);
  }
  return shown;
}

std::optional<RecordPlace> DapVariables::record(std::uint64_t number, std::string_view name) const {
  if ((number != kCache && number != kMirror) || numbered_[number] == nullptr) return std::nullopt;
  const json::object& all = numbered_[number]->get_object();
  const json::value* const found = all.if_contains({name.data(), name.size()});
  if (found == nullptr || !found->is_object()) return std::nullopt;
  const json::object& of = found->get_object();
  return RecordPlace{static_cast<std::uint32_t>(understudy::number_of(of, "lun")),
                     understudy::number_of(of, "lsn")};
}

}  // namespace understudy::stepper
