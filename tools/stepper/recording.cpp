#include "tools/stepper/recording.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <tuple>

#include "iomgr/host/fault_text.h"
#include "tools/stepper/causality.h"

namespace understudy::stepper {
namespace {

constexpr std::size_t kMaxLine = 256 * bounds::kMiB;
constexpr std::size_t kMaxFirstLine = 64 * bounds::kKiB;
constexpr std::size_t kMaxPoints = 2'000'000;
constexpr std::size_t kMaxNodes = 16;
constexpr std::size_t kMaxNodeName = 15;
constexpr std::int64_t kMaxTime = std::int64_t{1} << 61;

bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNodeName && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
}

/// The value of an enumeration, whose values go up to `last`, by its name.
template <typename Enum>
std::optional<Enum> value_named(std::string_view name, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <typename Int>
bool take_number(const json::object& from, std::string_view key, Int& number) {
  const json::value* const value = from.if_contains({key.data(), key.size()});
  if (value == nullptr) return true;
  json::error_code error;
  const auto read = value->to_number<Int>(error);
  if (!error) number = read;
  return !error;
}

/// Texts are shown in a terminal, which would obey what is hidden in them.
void make_plain(json::value& value) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; };
  if (value.is_string()) std::ranges::replace_if(value.as_string(), is_control, '?');
  if (value.is_array()) std::ranges::for_each(value.as_array(), make_plain);
  if (!value.is_object()) return;
  for (auto& [key, part] : value.as_object()) make_plain(part);
}

json::object place_of(const Point& point) {
  return {{"node", point.node},
          {"layer", to_string(point.entry.layer)},
          {"sequence", point.entry.sequence}};
}

json::object whole(const Point& point) {
  json::object out = to_json(point);
  out.erase("title");
  out["sequence"] = point.entry.sequence;
  out["session"] = point.entry.session;
  out["code"] = static_cast<std::uint32_t>(point.entry.status);
  if (point.is_shown) out["irp_shown"] = irp_of(point);
  return out;
}

enum class Line { whole, cut, too_long };

/// The next line, of at most `limit` bytes; nothing at the end of the file.
std::optional<Line> next_line(std::istream& in, std::size_t limit, std::string& line) {
  line.clear();
  std::streambuf& from = *in.rdbuf();
  constexpr int kEnd = std::char_traits<char>::eof();
  for (int c = from.sbumpc(); c != kEnd; c = from.sbumpc()) {
    if (c == '\n') return Line::whole;
    if (line.size() == limit) return Line::too_long;
    line += static_cast<char>(c);
  }
  return line.empty() ? std::nullopt : std::optional(Line::cut);
}

/// Puts the lines of a file together to a recording.
class Reader {
 public:
  explicit Reader(Recording& recording) : to_(recording) {}

  /// What is wrong with the first line, or nothing.
  std::string header(std::string_view line) {
    const auto from = parse(line);
    if (!from || text_of(*from, "recording") != "understudy") return "this is no recording";
    const std::uint64_t version = number_of(*from, "version");
    if (version != kRecordingVersion)
      return "version " + std::to_string(version) + " of the format is not known here";
    for (const json::value& node : array_of(*from, "nodes")) {
      if (!node.is_string() || !is_node_name(std::string_view(node.as_string())) ||
          to_.nodes.size() == kMaxNodes)
        return "its nodes are not named as nodes are";
      to_.nodes.emplace_back(node.as_string());
    }
    if (to_.nodes.empty()) return "it names no nodes";
    static_cast<void>(take_number(*from, "started_ns", to_.started_ns));
    to_.started_ns = std::clamp(to_.started_ns, std::int64_t{0}, kMaxTime);
    to_.by = text_of(*from, "by");
    return {};
  }

  /// The same of any other.
  std::string line(std::string_view text) {
    const auto from = parse(text);
    if (!from) return "no JSON object";
    if (const json::value* const point = from->if_contains("point"))
      return point->is_object() ? take_point(point->as_object()) : "no point";
    if (from->contains("shown")) return take_shown(object_of(*from, "shown"));
    if (from->contains("stop")) return take_stop(object_of(*from, "stop"));
    if (from->contains("snapshot")) {
      const bool of_stop = !to_.stops.empty() && to_.stops.size() != stops_with_snapshot_;
      const std::size_t key =
          of_stop ? to_.stops.back().point : std::max<std::size_t>(to_.points.size(), 1) - 1;
      stops_with_snapshot_ = to_.stops.size();
      to_.snapshots[key] = snapshot_of(object_of(*from, "snapshot"));
    }
    return {};
  }

  /// Sorts the points, when all lines are read.
  void finish() {
    const std::vector<std::size_t> senders = senders_of(to_.points);
    const std::vector<std::size_t> order = causal_order(to_.points, senders);
    std::vector<std::size_t> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    std::vector<Point> points;
    points.reserve(order.size());
    for (const std::size_t old : order) {
      points.push_back(std::move(to_.points[old]));
      to_.senders.push_back(senders[old] == kNobody ? kNobody : place[senders[old]]);
    }
    to_.points = std::move(points);
    std::map<std::size_t, json::object> irps;
    for (auto& [old, irp] : to_.irps) irps[place[old]] = std::move(irp);
    to_.irps = std::move(irps);
    for (Recording::Stood& stood : to_.stops) {
      stood.point = place[stood.point];
      stood.stop.point = to_.points[stood.point];
    }
    std::map<std::size_t, Snapshot> snapshots;
    for (auto& [old, snapshot] : to_.snapshots)
      snapshots[order.empty() ? 0 : place[old]] = std::move(snapshot);
    to_.snapshots = std::move(snapshots);
  }

 private:
  static std::optional<json::object> parse(std::string_view line) {
    json::parse_options options;
    options.allow_invalid_utf8 = true;  // names are what clients made them
    json::error_code error;
    json::value value = json::parse({line.data(), line.size()}, error, {}, options);
    if (error || !value.is_object()) return std::nullopt;
    make_plain(value);
    return std::move(value.as_object());
  }

  bool take_place(const json::object& from, std::string& node, Layer& layer,
                  std::uint64_t& sequence) const {
    node = text_of(from, "node");
    layer = parse_layer(text_of(from, "layer"));
    return std::ranges::find(to_.nodes, node) != to_.nodes.end() && layer != Layer::none &&
           take_number(from, "sequence", sequence);
  }

  std::string take_point(const json::object& from) {
    if (to_.points.size() == kMaxPoints)
      return "more than " + std::to_string(kMaxPoints) + " points";
    Point point;
    TraceEntry& entry = point.entry;
    if (!take_place(from, point.node, entry.layer, entry.sequence))
      return "a point of no known layer";
    std::uint32_t code = 0;
    std::uint16_t step = 0;
    const bool numbers =
        take_number(from, "time_ns", entry.time_ns) && take_number(from, "irp", entry.irp) &&
        take_number(from, "lun", entry.lun) && take_number(from, "lsn", entry.lsn) &&
        take_number(from, "epoch", entry.epoch) && take_number(from, "session", entry.session) &&
        take_number(from, "minor", entry.minor) && take_number(from, "code", code) &&
        take_number(from, "step", step);
    if (!numbers || entry.time_ns < -kMaxTime || entry.time_ns > kMaxTime)
      return "a number of a point is out of its bounds";
    entry.status = static_cast<Status>(code);
    const auto major = value_named(text_of(from, "major"), static_cast<Major>(kMajors - 1));
    if (!major) return "a point of no known function";
    entry.major = *major;
    entry.step = static_cast<Step>(step);
    if (from.contains("hop")) {
      const auto hop = value_named(text_of(from, "hop"), Hop::message_in);
      entry.neighbour = parse_layer(text_of(from, "neighbour"));
      if (!hop || *hop == Hop::none || step != 0 || entry.neighbour == Layer::none)
        return "a point of no known hop";
      entry.hop = *hop;
    } else if (understudy::describe(entry.step).empty()) {
      return "a point of no known STEP";
    }
    point.name = text_of(from, "name");
    std::uint64_t& last = last_[point.node].at(static_cast<std::size_t>(entry.layer));
    if (last != 0 && entry.sequence > last + 1) to_.missing += entry.sequence - last - 1;
    last = entry.sequence;
    const json::object& irp = object_of(from, "irp_shown");
    if (!irp.empty()) to_.irps[to_.points.size()] = irp;
    places_[{point.node, entry.layer, entry.sequence}] = to_.points.size();
    to_.points.push_back(std::move(point));
    return {};
  }

  /// The last point of that place and number, by index.
  std::optional<std::size_t> point_at(const json::object& from) const {
    std::string node;
    Layer layer = Layer::none;
    std::uint64_t sequence = 0;
    if (!take_place(from, node, layer, sequence)) return std::nullopt;
    const auto found = places_.find({node, layer, sequence});
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }

  std::string take_shown(const json::object& from) {
    const auto point = point_at(from);
    if (!point) return "an IRP at a point that is not there";
    to_.points[*point].name = text_of(from, "name");
    to_.irps[*point] = object_of(from, "irp_shown");
    return {};
  }

  std::string take_stop(const json::object& from) {
    Recording::Stood stood;
    const auto why = value_named(text_of(from, "why"), Stop::Why::end);
    if (!why) return "a stop for no known reason";
    stood.stop.why = *why;
    stood.stop.text = text_of(from, "text");
    std::uint64_t number = 0;
    if (!take_number(from, "breakpoint", number) || number > INT32_MAX)
      return "a stop at no breakpoint";
    stood.stop.breakpoint = static_cast<int>(number);
    if (to_.points.empty()) return "a stop before all points";
    stood.point = to_.points.size() - 1;
    if (const json::object& at = object_of(from, "at"); !at.empty()) {
      const auto found = point_at(at);
      if (!found) return "a stop at a point that is not there";
      stood.point = *found;
    }
    if (const json::object& of = object_of(from, "followed"); !of.empty()) {
      Followed followed;
      followed.node = text_of(of, "node");
      if (!take_number(of, "irp", followed.irp) || !take_number(of, "lun", followed.lun) ||
          !take_number(of, "epoch", followed.epoch) || !take_number(of, "lsn", followed.lsn))
        return "a stop at no operation";
      stood.followed = std::move(followed);
    }
    to_.stops.push_back(std::move(stood));
    return {};
  }

  Recording& to_;
  std::size_t stops_with_snapshot_ = 0;
  std::map<std::string, std::array<std::uint64_t, kLayers>> last_;
  std::map<std::tuple<std::string, Layer, std::uint64_t>, std::size_t> places_;  // of points
};

}  // namespace

std::unique_ptr<RecordingWriter> RecordingWriter::create(const std::string& file, bool replace,
                                                         const RecordingHeader& header,
                                                         std::string& wrong) {
  const int how = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
  UniqueFd descriptor(open(file.c_str(), how, 0600));
  if (!descriptor) {
    wrong = file + ": " + std::strerror(errno);
    return nullptr;
  }
  std::unique_ptr<RecordingWriter> writer(new RecordingWriter(file, std::move(descriptor)));
  writer->write(json::object{{"recording", "understudy"},
                             {"version", kRecordingVersion},
                             {"nodes", json::value_from(header.nodes)},
                             {"started_ns", header.started_ns},
                             {"by", header.by}});
  wrong = writer->wrong();
  if (!wrong.empty()) return nullptr;
  return writer;
}

void RecordingWriter::write(const json::object& line) {
  if (!wrong_.empty()) return;
  std::string text = json::serialize(line);
  text += '\n';
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(descriptor_.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      wrong_ = file_ + ": " + std::strerror(errno);
      return;
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void RecordingWriter::write(const Point& point) {
  if (++points_ > kMaxPoints && wrong_.empty())
    wrong_ = file_ + ": full, it has " + std::to_string(kMaxPoints) + " points";
  write(json::object{{"point", whole(point)}});
}

void RecordingWriter::write_shown(const Point& point) {
  json::object out = place_of(point);
  if (!point.name.empty()) out["name"] = point.name;
  out["irp_shown"] = irp_of(point);
  write(json::object{{"shown", std::move(out)}});
}

void RecordingWriter::write(const Stop& stop, const std::optional<Followed>& operation) {
  json::object out = {{"why", to_string(stop.why)}};
  if (stop.breakpoint != 0) out["breakpoint"] = stop.breakpoint;
  if (!stop.text.empty()) out["text"] = stop.text;
  if (stop.point) out["at"] = place_of(*stop.point);
  if (operation) {
    out["followed"] = {{"node", operation->node},
                       {"irp", operation->irp},
                       {"lun", operation->lun},
                       {"epoch", operation->epoch},
                       {"lsn", operation->lsn}};
  }
  write(json::object{{"stop", std::move(out)}});
}

void RecordingWriter::write(const Snapshot& snapshot) {
  write(json::object{{"snapshot", to_json(snapshot)}});
}

std::optional<Recording> read_recording(std::istream& in, std::string& wrong) {
  Recording recording;
  Reader reader(recording);
  std::string line;
  if (!next_line(in, kMaxFirstLine, line)) line.clear();
  wrong = reader.header(line);
  if (!wrong.empty()) return std::nullopt;
  for (std::uint64_t number = 2;; ++number) {
    const auto how = next_line(in, kMaxLine, line);
    recording.is_cut = how == Line::cut;
    if (!how || how == Line::cut) break;
    const std::string bad = how == Line::too_long ? "too long" : reader.line(line);
    if (!bad.empty() && recording.damaged++ == 0)
      recording.damage = "line " + std::to_string(number) + ": " + bad;
    if (how == Line::too_long) break;
  }
  reader.finish();
  return recording;
}

std::optional<Recording> read_recording(const std::string& file, std::string& wrong) {
  std::ifstream in(file);
  if (!in) {
    wrong = file + ": " + std::strerror(errno);
    return std::nullopt;
  }
  auto recording = read_recording(in, wrong);
  if (!recording) wrong = file + ": " + wrong;
  return recording;
}

std::vector<std::size_t> points_of(const Recording& recording, std::uint32_t lun,
                                   std::uint64_t lsn) {
  const auto names_it = [&](const Point& point) {
    return lsn != 0 && point.entry.lsn == lsn && point.entry.lun == lun;
  };
  std::optional<Followed> followed;
  const std::vector<std::uint32_t> lives = lives_of(recording.points);
  std::uint32_t life = 0;
  for (std::size_t i = 0; i < recording.points.size(); ++i) {
    const Point& point = recording.points[i];
    if (!names_it(point)) continue;
    if (!followed) followed = Followed{point.node, 0, lun, point.entry.epoch, lsn, {}};
    if (followed->irp != 0 || point.entry.irp == 0) continue;
    followed->node = point.node;
    followed->irp = point.entry.irp;
    life = lives[i];
  }
  std::vector<std::size_t> found;
  for (std::size_t i = 0; followed && i < recording.points.size(); ++i) {
    const Point& point = recording.points[i];
    const bool is_it = followed->is(point.node, point.entry);
    const bool by_irp_alone = is_it && !names_it(point);
    if (is_it && (!by_irp_alone || lives[i] == life)) found.push_back(i);
  }
  return found;
}

}  // namespace understudy::stepper
