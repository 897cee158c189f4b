#include "tools/stepper/dap_breakpoints.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace understudy::stepper {
namespace {

constexpr std::size_t kMaxOfAKind = 200;

struct Filter {
  const char* name;
  const char* label;
  const char* description;
  const char* text;
};
constexpr std::array<Filter, 3> kFilters = {
    {{"takeover", "Takeover", "A node begins to take over from its partner: STEP 304",
      "304 on cluster_app"},
     {"storage_error", "Storage error", "The storage medium refused a write: STEP 422",
      "422 on ff_driver"},
     {"ruleBroken", "Rule broken",
      "An acknowledged operation would be lost with one node, while both run (rule 1)", "rule"}}};

json::object unverified(const std::string& why) {
  return {{"verified", false}, {"message", why}};
}

/// As in to_data_id().
std::optional<RecordPlace> parse_data_id(std::string_view id) {
  RecordPlace place;
  const char* const end = id.data() + id.size();
  const auto lun = std::from_chars(id.data(), end, place.lun);
  if (lun.ec != std::errc() || lun.ptr == end || *lun.ptr != '/') return std::nullopt;
  const auto lsn = std::from_chars(lun.ptr + 1, end, place.lsn);
  if (lsn.ec != std::errc() || lsn.ptr != end) return std::nullopt;
  return place;
}

/// "STEP 408" and "408 on a" are both as of the command `break`.
std::string without_step(std::string name) {
  for (const std::string_view prefix : {"STEP ", "step "}) {
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  }
  return name;
}

/// Calls `set` for each object of the array; the body of the answer.
template <typename Set>
json::object set_each(const json::object& arguments, std::string_view key, const Set& set) {
  json::array all;
  for (const json::value& each : array_of(arguments, key)) {
    static const json::object nothing;
    const json::object& wanted = each.is_object() ? each.get_object() : nothing;
    all.emplace_back(all.size() < kMaxOfAKind ? set(wanted) : unverified("too many"));
  }
  return {{"breakpoints", std::move(all)}};
}

}  // namespace

std::string to_data_id(const RecordPlace& place) {
  return std::to_string(place.lun) + "/" + std::to_string(place.lsn);
}

json::array DapBreakpoints::exception_filters() {
  json::array all;
  for (const Filter& each : kFilters) {
    all.push_back({{"filter", each.name},
                   {"label", each.label},
                   {"description", each.description},
                   {"supportsCondition", true}});
  }
  return all;
}

json::object DapBreakpoints::set_lines(const json::object& arguments, std::uint64_t line_base) {
  const std::string path = text_of(object_of(arguments, "source"), "path");
  const auto lines = source_.in(path);
  const std::string file = lines.empty() ? std::string() : lines.front().file;
  const std::string group = "line " + file;
  remove_all(group);
  return set_each(arguments, "breakpoints", [&](const json::object& wanted) {
    const std::uint64_t line = understudy::number_of(wanted, "line") + 1 - line_base;
    const auto at =
        std::ranges::find_if(lines, [line](const SourceLine& each) { return each.line >= line; });
    if (at == lines.end()) return unverified("no trace point from here to the end of the file");
    const std::string place =
        at->layer == Layer::none ? "" : " on " + std::string(to_string(at->layer));
    json::object made =
        add(group, {Kind::line, {}}, at->what + place, text_of(wanted, "condition"));
    made["line"] = at->line - 1 + line_base;
    made["source"] = {{"name", file}, {"path", path}};
    return made;
  });
}

json::object DapBreakpoints::set_functions(const json::object& arguments) {
  remove_all("function");
  return set_each(arguments, "breakpoints", [this](const json::object& wanted) {
    return add("function", {Kind::function, {}}, without_step(text_of(wanted, "name")),
               text_of(wanted, "condition"));
  });
}

json::object DapBreakpoints::set_exceptions(const json::object& arguments) {
  remove_all("exception");
  const auto set = [this](const std::string& name, const std::string& condition) {
    const auto filter = std::ranges::find(kFilters, name, &Filter::name);
    if (filter == kFilters.end()) return unverified("there is no filter '" + name + "'");
    return add("exception", {Kind::exception, name}, filter->text, condition);
  };
  json::array all;
  for (const json::value& each : array_of(arguments, "filters")) {
    if (each.is_string() && all.size() < kMaxOfAKind)
      all.emplace_back(set(std::string(each.get_string()), {}));
  }
  json::object with_options = set_each(arguments, "filterOptions", [&](const json::object& wanted) {
    return set(text_of(wanted, "filterId"), text_of(wanted, "condition"));
  });
  for (json::value& each : with_options["breakpoints"].as_array()) all.push_back(std::move(each));
  return {{"breakpoints", std::move(all)}};
}

json::object DapBreakpoints::set_data(const json::object& arguments) {
  remove_all("data");
  return set_each(arguments, "breakpoints", [this](const json::object& wanted) {
    const auto place = parse_data_id(text_of(wanted, "dataId"));
    if (!place) return unverified("no such record");
    const std::string lsn = std::to_string(place->lsn);
    // A flush and a purge carry the last LSN of all that they take.
    std::string condition = "lun == " + std::to_string(place->lun) + " && (lsn == " + lsn +
                            " || (lsn > " + lsn + " && (step == 414 || step == 418)))";
    const std::string own = text_of(wanted, "condition");
    if (!own.empty()) condition += " && (" + own + ")";
    return add("data", {Kind::data, {}, place}, "any", condition);
  });
}

json::object DapBreakpoints::add(const std::string& group, const Hit& hit, const std::string& text,
                                 const std::string& condition) {
  const Reply reply =
      commands_.run("break " + text + (condition.empty() ? "" : " if " + condition));
  if (!reply.ok) return unverified(reply.text);
  const int number = static_cast<int>(understudy::number_of(reply.data, "breakpoint"));
  made_[number] = {group, hit};
  return {{"id", number}, {"verified", true}};
}

void DapBreakpoints::remove_all(const std::string& group) {
  std::erase_if(made_, [&](const auto& each) {
    if (each.second.group != group) return false;
    target_.remove(each.first);
    return true;
  });
}

void DapBreakpoints::remove(int number) {
  target_.remove(number);
  made_.erase(number);
}

std::optional<DapBreakpoints::Hit> DapBreakpoints::hit(int number) const {
  const auto found = made_.find(number);
  if (found == made_.end()) return std::nullopt;
  return found->second.hit;
}

}  // namespace understudy::stepper
