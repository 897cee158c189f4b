#include "tests/real/export_checks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include "iomgr/json_fields.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

struct Slice {
  double begin = 0;
  double end = 0;
};

double number_in(const json::object& object, const char* key) {
  json::error_code error;
  const json::value* const value = object.if_contains(key);
  const double number = value == nullptr ? std::nan("") : value->to_number<double>(error);
  return error ? std::nan("") : number;
}

/// Of the slices of one thread.
bool overlap(std::vector<Slice> slices) {
  constexpr double kRounding = 1e-6;
  std::ranges::sort(slices, [](const Slice& one, const Slice& other) {
    return one.begin != other.begin ? one.begin < other.begin : one.end > other.end;
  });
  std::vector<double> open;
  for (const Slice& each : slices) {
    while (!open.empty() && open.back() <= each.begin + kRounding) open.pop_back();
    if (!open.empty() && each.end > open.back() + kRounding) return true;
    open.push_back(each.end);
  }
  return false;
}

}  // namespace

std::string wrong_in_chrome(const std::string& text) {
  const auto trace = parse_object(text);
  if (!trace || !trace->contains("traceEvents")) return "no JSON with traceEvents";
  std::map<std::pair<double, double>, std::vector<Slice>> threads;
  std::set<std::pair<double, double>> named;
  std::map<double, double> begun;
  for (const json::value& value : array_of(*trace, "traceEvents")) {
    if (!value.is_object()) return "an event is no object";
    const json::object& event = value.as_object();
    const std::string kind = text_of(event, "ph");
    const std::pair thread = {number_in(event, "pid"), number_in(event, "tid")};
    const double at = number_in(event, "ts");
    if (kind == "M") {
      if (text_of(event, "name") == "thread_name") named.insert(thread);
      continue;
    }
    if (std::isnan(at) || std::isnan(thread.second)) return "an event without time or thread";
    threads[thread];
    if (kind == "X") threads[thread].push_back({at, at + number_in(event, "dur")});
    if (kind == "s" && !begun.emplace(number_in(event, "id"), at).second)
      return "an arrow begins twice";
    if (kind == "f" && begun.erase(number_in(event, "id")) == 0)
      return "an arrow ends that has not begun";
  }
  for (const auto& [thread, slices] : threads) {
    if (overlap(slices)) return "slices overlap";
    if (!named.contains(thread)) return "a thread without a name";
  }
  return {};
}

std::string wrong_in_mermaid(const std::string& text) {
  std::istringstream in(text);
  std::string line;
  if (!std::getline(in, line) || line != "sequenceDiagram") return "no sequence diagram";
  std::set<std::string> known;
  static const std::regex kParticipant("  participant (\\w+) as [\\w.-]+");
  static const std::regex kArrow("  (\\w+)(->>|-->>|-\\))(\\w+): [^;#]+");
  static const std::regex kNote("  Note over (\\w+): [^;#]+");
  while (std::getline(in, line)) {
    std::smatch match;
    if (std::regex_match(line, match, kParticipant)) {
      known.insert(match[1]);
    } else if (std::regex_match(line, match, kArrow)) {
      if (!known.contains(match[1]) || !known.contains(match[3])) return "unknown in: " + line;
    } else if (std::regex_match(line, match, kNote)) {
      if (!known.contains(match[1])) return "unknown in: " + line;
    } else {
      return "no line of a diagram: " + line;
    }
  }
  return {};
}

std::string wrong_in_shiviz(const std::string& text) {
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  if (line != "(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)") return "no expression";
  std::getline(in, line);
  if (!line.empty()) return "no empty line behind the expression";
  std::map<std::string, std::map<std::string, std::uint64_t>> clocks;
  std::string event;
  while (std::getline(in, line)) {
    if (!std::getline(in, event) || event.empty()) return "no event behind: " + line;
    const std::size_t space = line.find(' ');
    const std::string host = line.substr(0, space);
    const auto clock = space == std::string::npos
                           ? std::nullopt
                           : parse_object(std::string_view(line).substr(space));
    if (!clock) return "no clock: " + line;
    auto& mine = clocks[host];
    if (number_of(*clock, host) != mine[host] + 1) return "counts wrongly: " + line;
    for (const auto& [other, before] : mine) {
      if (number_of(*clock, other) < before) return "forgets: " + line;
    }
    for (const auto& [other, count] : *clock) {
      mine[other] = number_of(*clock, other);
      if (other != host && clocks[other][other] < mine[other]) return "foresees: " + line;
    }
  }
  return {};
}

std::string wrong_in_pcap(const std::string& bytes, std::size_t& packets) {
  WireReader reader(as_bytes(bytes));
  packets = 0;
  if (reader.u32() != 0xA1B23C4D || reader.u16() != 2) return "no pcap with nanoseconds";
  reader.skip(14);
  if (reader.u32() != 147) return "not of USER0";
  for (; reader.ok() && reader.remaining() != 0; ++packets) {
    reader.skip(4);
    if (reader.u32() >= 1'000'000'000) return "more nanoseconds than a second has";
    const std::uint32_t length = reader.u32();
    if (reader.u32() != length) return "a packet that is cut";
    reader.skip(length);
  }
  return reader.ok() ? "" : "it ends within a packet";
}

}  // namespace understudy
