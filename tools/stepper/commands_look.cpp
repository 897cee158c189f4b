// The commands that look: at the point, at layers and stores, at what was passed.
#include <algorithm>

#include "tools/stepper/command_words.h"

namespace understudy::stepper {
namespace {

constexpr std::size_t kShown = 30;

}  // namespace

Reply Commands::where(const std::string&) {
  if (!target_.stop()) return {true, "It runs.\n", {{"stopped", nullptr}}};
  Reply reply = told(*target_.stop());
  if (const auto& of = target_.followed()) {
    std::string visited;
    for (const std::string& each : of->visited) visited += (visited.empty() ? "" : ", ") + each;
    reply.text += "Follows lun " + std::to_string(of->lun) + " lsn " + std::to_string(of->lsn) +
                  (visited.empty() ? "" : "; it was in " + visited) + "\n";
    reply.data["followed"] = {{"lun", of->lun}, {"lsn", of->lsn}, {"irp", of->irp}};
  }
  return reply;
}

Reply Commands::irp(const std::string&) {
  if (!target_.stop() || !target_.stop()->point) return refused("no layer is at a point");
  const json::object irp = target_.irp();
  if (irp.empty()) return refused("no layer was parked here, so its IRP was not shown");
  std::string text;
  for (const auto& [key, value] : irp)
    text += "  " + std::string(key) + ": " + json::serialize(value) + "\n";
  return {true, text, {{"irp", irp}}};
}

/// In a recording: what the last stop showed.
Reply Commands::as_known(Reply reply) const {
  if (replay_ == nullptr) return reply;
  const auto number = replay_->shown_at();
  if (!number) return refused("nothing was shown of that before this point; see stops");
  reply.text = "As it was at point " + std::to_string(*number) + ":\n" + reply.text;
  reply.data["as_of"] = *number;
  return reply;
}

Reply Commands::layers(const std::string&) {
  std::vector<std::string> lines;
  const std::vector<LayerState> all = target_.layers();
  for (const auto& [place, pid, does] : all)
    lines.push_back(place + std::string(place.size() < 18 ? 18 - place.size() : 1, ' ') + does);
  return as_known({true, joined(lines), {{"layers", to_json(all)}}});
}

Reply Commands::parked(const std::string&) {
  std::vector<std::string> lines;
  json::array all;
  for (const Point& point : session_->parked()) {
    lines.push_back(line_of(point));
    all.push_back(to_json(point));
  }
  return {true, lines.empty() ? "Nobody.\n" : joined(lines), {{"parked", all}}};
}

Reply Commands::history(const std::string& arguments) {
  const std::size_t count = number_of(arguments).value_or(kShown);
  const std::span<const Point> all = target_.passed();
  std::vector<std::string> lines;
  json::array points;
  for (std::size_t i = all.size() - std::min(count, all.size()); i < all.size(); ++i) {
    lines.push_back((replay_ != nullptr ? std::to_string(i + 1) + ": " : "") + line_of(all[i]));
    points.push_back(to_json(all[i]));
  }
  return {true, joined(lines), {{"history", points}}};
}

Reply Commands::records(const std::string& arguments, bool of_cache) {
  std::vector<std::string> lines;
  Stores all;
  for (const std::string& node : target_.nodes()) {
    if (!arguments.empty() && arguments != node) continue;
    lines.push_back(node + (of_cache ? ".fs_cache" : ".mirror_server"));
    std::vector<StoredRecord>& records = all[node];
    records = of_cache ? target_.cached(node) : target_.mirrored(node);
    for (const StoredRecord& each : records) {
      lines.push_back("  lun " + std::to_string(each.header.lun) + " epoch " +
                      std::to_string(each.header.epoch) + " lsn " +
                      std::to_string(each.header.lsn) + "  " + each.what);
    }
    if (records.empty()) lines.back() += ": nothing";
  }
  if (lines.empty()) return refused("there is no node '" + arguments + "'");
  return as_known({true, joined(lines), {{of_cache ? "cache" : "mirror", to_json(all)}}});
}

Reply Commands::cache(const std::string& arguments) {
  return records(arguments, true);
}
Reply Commands::mirror(const std::string& arguments) {
  return records(arguments, false);
}

Reply Commands::ledger(const std::string&) {
  const Ledger read = target_.ledger();
  const std::vector<std::string> nodes = target_.nodes();
  return as_known({true, to_text(read, nodes), {{"ledger", to_json(read, nodes)}}});
}

Reply Commands::record(const std::string& arguments) {
  if (arguments.empty()) {
    return {
        true, recorder_ ? "Records to " + recorder_->file() + ".\n" : "Nothing is recorded.\n", {}};
  }
  recorder_.reset();
  if (arguments == "off") return {true, "Nothing is recorded any more.\n", {}};
  std::string wrong;
  recorder_ = Recorder::start(*session_, arguments, wrong);
  if (!recorder_) return refused(wrong);
  return {true, "Records to " + arguments + ".\n", {{"file", arguments}}};
}

Reply Commands::search(const std::string& arguments) {
  std::string error;
  const auto condition = Condition::parse(arguments, is_field, error);
  if (!condition) return refused(error);
  const std::vector<std::size_t> numbers = replay_->search(*condition);
  std::vector<std::string> lines;
  for (const std::size_t number : std::span(numbers).first(std::min(kShown, numbers.size())))
    lines.push_back(std::to_string(number) + ": " + line_of(replay_->point(number)));
  if (numbers.size() > kShown) lines.push_back("... " + std::to_string(numbers.size()) + " in all");
  return {true,
          numbers.empty() ? "Nowhere.\n" : joined(lines),
          {{"points", json::value_from(numbers)}}};
}

Reply Commands::stops(const std::string&) {
  std::vector<std::string> lines;
  json::array all;
  for (const auto& [number, stop] : replay_->stops()) {
    lines.push_back(std::to_string(number) + ": " + std::string(to_string(stop.why)) +
                    (stop.text.empty() ? "" : ": " + stop.text));
    all.push_back({{"number", number}, {"why", to_string(stop.why)}, {"text", stop.text}});
  }
  return {true, lines.empty() ? "None.\n" : joined(lines), {{"stops", all}}};
}

}  // namespace understudy::stepper
