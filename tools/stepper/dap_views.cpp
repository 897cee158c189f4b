// What the adapter shows: threads, stacks, scopes, sources. See dap_adapter.h.
#include <algorithm>
#include <fstream>

#include "tools/stepper/dap_adapter.h"

namespace understudy::stepper {
namespace {

constexpr std::size_t kMaxFrames = 100;  // of a thread
constexpr std::size_t kMaxSource = std::size_t{256} << 10;

bool same(const Point& one, const Point& other) {
  const TraceEntry& a = one.entry;
  const TraceEntry& b = other.entry;
  return one.node == other.node && a.layer == b.layer && a.time_ns == b.time_ns &&
         a.step == b.step && a.hop == b.hop && a.irp == b.irp && a.lsn == b.lsn;
}

/// The layers that one gives operations to, or gets them back from: on its node, on the other.
struct Neighbours {
  std::vector<Layer> here;
  Layer there = Layer::none;
};
Neighbours neighbours(Layer layer) {
  switch (layer) {
    case Layer::ff_driver:
      return {{Layer::fs_cache, Layer::rd_driver, Layer::netstack}};
    case Layer::rd_driver:
      return {{Layer::ff_driver}, Layer::mirror_server};
    case Layer::mirror_server:
      return {{Layer::ff_driver}, Layer::rd_driver};
    case Layer::netstack:
    case Layer::fs_cache:
      return {{Layer::ff_driver}};
    case Layer::cluster_app:
      return {{Layer::netstack, Layer::ff_driver, Layer::fs_cache, Layer::rd_driver,
               Layer::mirror_server}};
    case Layer::none:
      break;
  }
  return {};
}

}  // namespace

std::uint64_t DapAdapter::id_of(std::string_view node, Layer layer) const {
  const auto found = std::ranges::find_if(
      threads_, [&](const Thread& each) { return each.node == node && each.layer == layer; });
  return static_cast<std::uint64_t>(found - threads_.begin()) + 1;
}

const DapAdapter::Thread* DapAdapter::thread(std::uint64_t id) const {
  return id >= 1 && id <= threads_.size() ? &threads_[id - 1] : nullptr;
}

DapAnswer DapAdapter::threads(const json::object&) {
  json::array all;
  for (std::size_t i = 0; i < threads_.size(); ++i)
    all.push_back({{"id", i + 1}, {"name", threads_[i].name()}});
  return {true, {}, {{"threads", std::move(all)}}};
}

/// Where the layer is parked; below it, for the one at which all stopped, where that operation has
/// been, newest first.
const std::vector<DapAdapter::Frame>& DapAdapter::stack_of(std::uint64_t id) {
  const auto [at, is_new] = stacks_.try_emplace(id);
  std::vector<Frame>& stack = at->second;
  if (!is_new) return stack;
  const Thread& of = *thread(id);
  const auto is_here = [&of](const Point& point) {
    return point.node == of.node && point.entry.layer == of.layer;
  };
  const std::optional<Point>& stopped = target_.stop()->point;
  const bool is_followed = stopped && is_here(*stopped);
  for (const Point& each : session_ != nullptr ? session_->parked() : std::vector<Point>()) {
    if (is_here(each) && session_->tap(of.node)->runs(of.layer)) stack.push_back({each});
  }
  if (!is_followed) return stack;
  const std::span<const Point> passed = target_.passed();
  if (stack.empty()) stack.push_back({*stopped, true, passed.size()});  // recorded, or killed there
  const TraceEntry& entry = stopped->entry;
  Followed followed{stopped->node, entry.irp, entry.lun, entry.epoch, entry.lsn, {}};
  if (target_.followed() && target_.followed()->is(stopped->node, entry))
    followed = *target_.followed();
  for (std::size_t i = passed.size(); i-- > 0 && stack.size() < kMaxFrames;) {
    if (followed.is(passed[i].node, passed[i].entry) && !same(passed[i], *stopped))
      stack.push_back({passed[i], false, i + 1});
  }
  return stack;
}

/// Numbered by thread and place in its stack.
const DapAdapter::Frame* DapAdapter::frame(std::uint64_t id) {
  const std::uint64_t of = id / kMaxFrames;
  if (!target_.stands() || thread(of) == nullptr) return nullptr;
  const std::vector<Frame>& stack = stack_of(of);
  return id % kMaxFrames < stack.size() ? &stack[id % kMaxFrames] : nullptr;
}

json::object DapAdapter::source_of(const std::string& file) const {
  return {{"name", std::filesystem::path(file).filename().string()},
          {"path", source_.path_of(file)}};
}

json::object DapAdapter::to_json(std::uint64_t id, const Frame& frame) const {
  json::object out = {{"id", id},
                      {"name", frame.point.where() + "  " + title(frame.point.entry)},
                      {"line", 0},
                      {"column", 0}};
  if (const SourceLine* const at = source_.find(frame.point.entry)) {
    out["source"] = source_of(at->file);
    out["line"] = at->line - 1 + settings_.line_base;
    out["column"] = 1;
  }
  return out;
}

/// Of a layer that is at no point: what it does.
json::object DapAdapter::idle_frame(std::uint64_t id) {
  const Reply layers = commands_.run("layers");
  std::string does = layers.ok ? "not shown" : layers.text;
  std::string as_of;
  if (const json::value* const number = layers.data.if_contains("as_of"))
    as_of = " (at point " + json::serialize(*number) + ")";
  for (const json::value& each : array_of(layers.data, "layers")) {
    if (understudy::text_of(each.get_object(), "place") == thread(id)->name())
      does = understudy::text_of(each.get_object(), "does");
  }
  return {{"id", id * kMaxFrames},
          {"name", thread(id)->name() + "  " + does + as_of},
          {"line", 0},
          {"column", 0},
          {"presentationHint", "label"}};
}

DapAnswer DapAdapter::stack_trace(const json::object& arguments) {
  const std::uint64_t id = understudy::number_of(arguments, "threadId");
  if (thread(id) == nullptr) return refused("there is no such thread");
  if (!target_.stands()) return refused("it runs");
  const std::vector<Frame>& stack = stack_of(id);
  const std::uint64_t first = understudy::number_of(arguments, "startFrame");
  std::uint64_t levels = understudy::number_of(arguments, "levels");
  if (levels == 0) levels = kMaxFrames;
  json::array frames;
  if (stack.empty() && first == 0) frames.emplace_back(idle_frame(id));
  for (std::uint64_t i = first; i < stack.size() && frames.size() < levels; ++i)
    frames.emplace_back(to_json(id * kMaxFrames + i, stack[i]));
  const std::uint64_t total = std::max<std::uint64_t>(stack.size(), 1);
  return {true, {}, {{"stackFrames", std::move(frames)}, {"totalFrames", total}}};
}

json::object DapAdapter::irp_of_frame(const Frame& frame) const {
  if (replay_ == nullptr)
    return frame.is_there ? irp_of(frame.point) : stepper::to_json(frame.point);
  json::object out = {{"as_of", "point " + std::to_string(frame.number)}};
  json::object shown = replay_->irp_at(frame.number);
  if (shown.empty()) {
    out["not_shown"] = "no layer was parked here: what it passed, not its IRP";
    shown = stepper::to_json(frame.point);
  }
  for (const auto& [key, value] : shown) out[key] = value;
  return out;
}

DapAnswer DapAdapter::scopes(const json::object& arguments) {
  const std::uint64_t id = understudy::number_of(arguments, "frameId");
  if (!target_.stands() || thread(id / kMaxFrames) == nullptr)
    return refused("there is no such frame");
  const Frame* const of = frame(id);
  const auto irp = [this, of] { return of == nullptr ? json::object() : irp_of_frame(*of); };
  return {true, {}, {{"scopes", variables_.scopes(id, irp)}}};
}

DapAnswer DapAdapter::variables(const json::object& arguments) {
  if (!target_.stands()) return refused("it runs");
  auto all = variables_.open(understudy::number_of(arguments, "variablesReference"));
  if (!all) return refused("there are no such variables any more");
  return {true, {}, {{"variables", std::move(*all)}}};
}

DapAnswer DapAdapter::data_breakpoint_info(const json::object& arguments) {
  const std::string name = understudy::text_of(arguments, "name");
  const auto place =
      variables_.record(understudy::number_of(arguments, "variablesReference"), name);
  if (!place) {
    return {true,
            {},
            {{"dataId", nullptr}, {"description", "only a record of the cache or the mirror"}}};
  }
  return {true,
          {},
          {{"dataId", to_data_id(*place)},
           {"description", "lun " + std::to_string(place->lun) + " lsn " +
                               std::to_string(place->lsn) + ", wherever it comes by"},
           {"accessTypes", json::array{"readWrite"}}}};
}

DapAnswer DapAdapter::breakpoint_locations(const json::object& arguments) {
  const std::uint64_t skew = 1 - settings_.line_base;
  const std::uint64_t first = understudy::number_of(arguments, "line") + skew;
  const std::uint64_t last = std::max(first, understudy::number_of(arguments, "endLine") + skew);
  json::array all;
  for (const SourceLine& each :
       source_.in(understudy::text_of(object_of(arguments, "source"), "path"))) {
    if (each.line >= first && each.line <= last)
      all.push_back(json::object{{"line", each.line - skew}});
  }
  return {true, {}, {{"breakpoints", std::move(all)}}};
}

DapAnswer DapAdapter::exception_info(const json::object&) {
  const std::optional<Stop>& stop = target_.stop();
  const auto what = hit();
  const bool is_filter = what && what->kind == DapBreakpoints::Kind::exception;
  const bool is_rule = stop && stop->why == Stop::Why::rule;
  if (!is_filter && !is_rule) return refused("it did not stop at an exception");
  return {true,
          {},
          {{"exceptionId", is_filter ? what->name : "rule"},
           {"description", is_rule ? stop->text : line_of(*stop->point)},
           {"breakMode", "always"}}};
}

DapAnswer DapAdapter::step_in_targets(const json::object& arguments) {
  const Frame* const from = frame(understudy::number_of(arguments, "frameId"));
  if (from == nullptr) return refused("there is no such frame");
  const Point& at = from->point;
  json::array targets;
  const auto add = [&](const std::string& node, Layer layer) {
    const std::uint64_t id = id_of(node, layer);
    std::string label = thread(id)->name();
    const std::vector<Frame>& stack = stack_of(id);
    if (!stack.empty()) label += " (waits: " + title(stack.front().point.entry) + ")";
    targets.push_back({{"id", id}, {"label", label}});
  };
  const Neighbours next = neighbours(at.entry.layer);
  for (const Layer layer : next.here) add(at.node, layer);
  for (const std::string& node : target_.nodes()) {
    if (node != at.node && next.there != Layer::none) add(node, next.there);
  }
  // The messages that wait for this layer: the one that is chosen goes before the others.
  const std::vector<DebugTap::Pending> waiting = pending_at(at.node);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const auto& [sender, to, place, irp] = waiting[i];
    if (to != at.entry.layer || irp.completion != 0) continue;
    const std::string label = "message " + std::to_string(place + 1) + " from " +
                              std::string(to_string(sender)) + ": " +
                              std::string(to_string(irp.major)) + " lun " + std::to_string(irp.lun);
    targets.push_back({{"id", kMessages + i}, {"label", label}});
  }
  return {true, {}, {{"targets", std::move(targets)}}};
}

std::vector<DebugTap::Pending> DapAdapter::pending_at(const std::string& node) const {
  const DebugTap* const tap = session_ == nullptr ? nullptr : session_->tap(node);
  return tap == nullptr || !tap->attached() || !session_->stands()
             ? std::vector<DebugTap::Pending>()
             : tap->pending();
}

/// For an IDE that has no clone: the files that it has heard of, and no others.
DapAnswer DapAdapter::source(const json::object& arguments) {
  const auto lines = source_.in(understudy::text_of(object_of(arguments, "source"), "path"));
  if (lines.empty()) return refused("no file with trace points");
  std::ifstream in(source_.path_of(lines.front().file));
  std::string text(kMaxSource, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return {true, {}, {{"content", text}}};
}

DapAnswer DapAdapter::loaded_sources(const json::object&) {
  json::array all;
  for (const std::string& file : source_.files()) all.emplace_back(source_of(file));
  return {true, {}, {{"sources", std::move(all)}}};
}

}  // namespace understudy::stepper
