#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <tuple>

#include "iomgr/interconnect.h"
#include "tools/stepper/causality.h"
#include "tools/stepper/export.h"

namespace understudy::stepper {
namespace {

// Slices of one thread must lie within each other, but a layer works on many IRPs at once: it has
// as many threads as it ever had IRPs, and one more for its messages.
constexpr int kThreads = 10'000;
constexpr int kMessages = kThreads - 1;
constexpr std::int64_t kMessage_ns = 1000;

class ChromeTrace {
 public:
  ChromeTrace(const Recording& recording, std::ostream& out) : from_(recording), out_(out) {
    out_ << "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [";
    for (const Point& point : from_.points) {
      begin_ns_ = std::min(begin_ns_, point.entry.time_ns);
      end_ns_ = std::max(end_ns_, point.entry.time_ns);
    }
    if (from_.points.empty()) begin_ns_ = 0;
    std::map<std::pair<std::string, Layer>, std::int64_t> next;
    lengths_ns_.resize(from_.points.size());
    for (std::size_t i = from_.points.size(); i-- > 0;) {
      const TraceEntry& entry = from_.points[i].entry;
      if (entry.hop != Hop::message_out && entry.hop != Hop::message_in) continue;
      const auto [at, is_last] =
          next.try_emplace({from_.points[i].node, entry.layer}, end_ns_ + kMessage_ns);
      lengths_ns_[i] = std::clamp(std::exchange(at->second, entry.time_ns) - entry.time_ns,
                                  std::int64_t{0}, kMessage_ns);
    }
  }

  void write() {
    const std::vector<std::uint32_t> lives = lives_of(from_.points);
    for (std::size_t i = 0; i < from_.points.size(); ++i) take(i, lives[i]);
    for (const auto& [key, slice] : open_) end(slice, end_ns_, nullptr);
    name_threads();
    out_ << "\n]}\n";
  }

 private:
  // Node, its life, layer, who asked, the IRP.
  using Key = std::tuple<std::string, std::uint32_t, Layer, Layer, std::uint64_t>;
  struct Slice {
    std::size_t point = 0;
    int lane = 0;
  };

  int process(const std::string& node) const {
    const auto at = std::ranges::find(from_.nodes, node) - from_.nodes.begin();
    return static_cast<int>(at) + 1;
  }
  static int thread(Layer layer, int lane) { return static_cast<int>(layer) * kThreads + lane; }
  double us(std::int64_t time_ns) const { return static_cast<double>(time_ns - begin_ns_) / 1000; }

  void event(json::object event, const Point& point, int lane, std::int64_t time_ns) {
    event["pid"] = process(point.node);
    event["tid"] = thread(point.entry.layer, lane);
    event["ts"] = us(time_ns);
    event["cat"] = "understudy";
    put(event);
  }
  void put(const json::object& event) {
    out_ << (std::exchange(is_first_, false) ? "\n" : ",\n") << json::serialize(event);
  }

  static json::object arguments(const TraceEntry& entry) {
    return {{"irp", entry.irp},         {"lun", entry.lun},
            {"lsn", entry.lsn},         {"epoch", entry.epoch},
            {"session", entry.session}, {"status", to_string(entry.status)}};
  }
  static std::string named(std::string name, const TraceEntry& entry) {
    if (entry.lsn != 0) name += " lsn " + std::to_string(entry.lsn);
    return name;
  }

  /// The lowest thread of the layer that is free.
  int take_lane(const Point& point) {
    std::vector<bool>& lanes = lanes_[{point.node, point.entry.layer}];
    const auto free = std::ranges::find(lanes, false);
    const auto lane = static_cast<std::size_t>(free - lanes.begin());
    if (free == lanes.end()) lanes.push_back(false);
    lanes[lane] = true;
    return std::min(static_cast<int>(lane), kMessages - 1);
  }

  void take(std::size_t i, std::uint32_t life) {
    const Point& point = from_.points[i];
    const TraceEntry& entry = point.entry;
    const Key key{point.node, life, entry.layer, entry.neighbour, entry.irp};
    switch (entry.hop) {
      case Hop::request_in:
        if (!open_.contains(key)) open_.emplace(key, Slice{i, take_lane(point)});
        break;
      case Hop::completion_out: {
        const auto begun = open_.find(key);
        if (begun == open_.end()) break;
        end(begun->second, entry.time_ns, &entry);
        lanes_[{point.node, entry.layer}].at(static_cast<std::size_t>(begun->second.lane)) = false;
        open_.erase(begun);
        break;
      }
      case Hop::message_out:
      case Hop::message_in:
        message(i);
        break;
      case Hop::none:
        step(point);
        break;
      default:
        break;
    }
  }

  void end(const Slice& slice, std::int64_t time_ns, const TraceEntry* completion) {
    const Point& request = from_.points[slice.point];
    // The LSN is given on the way.
    const TraceEntry& entry = completion != nullptr ? *completion : request.entry;
    json::object shown = arguments(entry);
    if (completion == nullptr) shown["unfinished"] = true;
    event({{"ph", "X"},
           {"name", named(std::string(to_string(entry.major)), entry)},
           {"dur", static_cast<double>(time_ns - request.entry.time_ns) / 1000},
           {"args", shown}},
          request, slice.lane, request.entry.time_ns);
  }

  void step(const Point& point) {
    const TraceEntry& entry = point.entry;
    int lane = 0;
    for (const auto& [key, slice] : open_) {
      if (std::get<0>(key) == point.node && std::get<2>(key) == entry.layer &&
          std::get<4>(key) == entry.irp)
        lane = slice.lane;
    }
    event({{"ph", "i"}, {"s", "t"}, {"name", title(entry)}, {"args", arguments(entry)}}, point,
          lane, entry.time_ns);
  }

  void message(std::size_t i) {
    const Point& point = from_.points[i];
    const TraceEntry& entry = point.entry;
    with_messages_.insert({point.node, entry.layer});
    const auto type = static_cast<interconnect::Message>(entry.minor);
    const bool is_sent = entry.hop == Hop::message_out;
    event({{"ph", "X"},
           {"name", named(std::string(interconnect::to_string(type)), entry)},
           {"dur", static_cast<double>(lengths_ns_[i]) / 1000},
           {"args", arguments(entry)}},
          point, kMessages, entry.time_ns);
    const std::size_t id = is_sent ? i : from_.senders[i];
    if (id == kNobody) return;
    json::object arrow = {{"ph", is_sent ? "s" : "f"}, {"name", "message"}, {"id", id}};
    if (!is_sent) arrow["bp"] = "e";
    event(std::move(arrow), point, kMessages, entry.time_ns);
  }

  void name_threads() {
    for (const std::string& node : from_.nodes) {
      put({{"ph", "M"},
           {"name", "process_name"},
           {"pid", process(node)},
           {"args", {{"name", "node " + node}}}});
      for (std::size_t index = 1; index < kLayers; ++index) {
        const auto layer = static_cast<Layer>(index);
        const std::size_t count = std::max<std::size_t>(lanes_[{node, layer}].size(), 1);
        for (std::size_t lane = 0; lane < count; ++lane)
          name_thread(node, layer, static_cast<int>(lane), "");
        if (with_messages_.contains({node, layer}))
          name_thread(node, layer, kMessages, " messages");
      }
    }
  }
  void name_thread(const std::string& node, Layer layer, int lane, const std::string& what) {
    const json::object place = {{"ph", "M"}, {"pid", process(node)}, {"tid", thread(layer, lane)}};
    json::object name = place;
    name["name"] = "thread_name";
    name["args"] = {{"name", std::string(to_string(layer)) + what}};
    put(name);
    json::object order = place;
    order["name"] = "thread_sort_index";
    order["args"] = {{"sort_index", thread(layer, lane)}};
    put(order);
  }

  const Recording& from_;
  std::ostream& out_;
  std::int64_t begin_ns_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t end_ns_ = std::numeric_limits<std::int64_t>::min();
  std::vector<std::int64_t> lengths_ns_;  // of messages: so long that they do not overlap
  bool is_first_ = true;
  std::map<Key, Slice> open_;
  std::map<std::pair<std::string, Layer>, std::vector<bool>> lanes_;
  std::set<std::pair<std::string, Layer>> with_messages_;
};

}  // namespace

void export_chrome(const Recording& recording, std::ostream& out) {
  ChromeTrace(recording, out).write();
}

}  // namespace understudy::stepper
