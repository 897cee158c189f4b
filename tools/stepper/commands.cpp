#include "tools/stepper/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <sstream>
#include <thread>

#include "iomgr/host/fault_text.h"

namespace understudy::stepper {
namespace {

constexpr auto kOrderLimit = std::chrono::milliseconds(200);
constexpr std::size_t kShown = 30;

Reply refused(std::string why) {
  return {false, std::move(why), {}};
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Step> step_of(std::string_view text) {
  for (const std::string_view prefix : {"STEP", "step", "s"}) {
    if (text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
      break;
    }
  }
  const auto number = number_of(text);
  if (!number || *number > 0xFFFF) return std::nullopt;
  const auto step = static_cast<Step>(*number);
  return describe(step).empty() ? std::nullopt : std::optional(step);
}

constexpr std::array<std::pair<std::string_view, Hop>, 6> kHops = {
    {{"request_out", Hop::request_out},
     {"request_in", Hop::request_in},
     {"completion_out", Hop::completion_out},
     {"completion_in", Hop::completion_in},
     {"message_out", Hop::message_out},
     {"message_in", Hop::message_in}}};

/// A STEP, a hop, "takeover" (STEPs 304 to 318), "any".
bool take_what(const std::string& word, Breakpoint& breakpoint) {
  if (const auto step = step_of(word)) {
    breakpoint.steps |= step_bit(*step);
    return true;
  }
  for (const auto& [name, hop] : kHops) {
    if (word == name) {
      breakpoint.hops |= 1U << static_cast<unsigned>(hop);
      return true;
    }
  }
  if (word == "takeover") {
    for (const Step step : {Step::s304, Step::s310, Step::s312, Step::s314, Step::s316, Step::s318})
      breakpoint.steps |= step_bit(step);
    return true;
  }
  if (word != "any") return false;
  breakpoint.steps = ~std::uint64_t{0};
  breakpoint.hops = ~0U;
  return true;
}

/// "a", "ff_driver" or "a.ff_driver"; what is wrong, or nothing.
std::string take_place(const std::string& word, const std::vector<std::string>& nodes,
                       std::string& node, Layer& layer) {
  const std::size_t dot = word.find('.');
  const std::string first = word.substr(0, dot);
  if (std::ranges::find(nodes, first) != nodes.end()) {
    node = first;
    if (dot == std::string::npos) return {};
    layer = parse_layer(word.substr(dot + 1));
  } else if (dot == std::string::npos) {
    layer = parse_layer(first);
  }
  if (layer == Layer::none) return "'" + word + "' is no node, layer, or node.layer";
  return {};
}

/// Whether that process is one of a node's: ids come from memory that others can write.
bool is_layer(pid_t pid, Layer layer) {
  std::error_code error;
  const auto program =
      std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
  return !error && program.filename() == std::string(to_string(layer));
}

}  // namespace

Commands::Commands(Session& session, std::chrono::seconds patience, std::string directory)
    : target_(session), session_(&session), patience_(patience), directory_(std::move(directory)) {}

const std::vector<Commands::Command>& Commands::table() {
  static const std::vector<Command> kTable = {
      {"help", "h", "[COMMAND]", "What there is, or more of one command", &Commands::help},
      {"break", "b", "WHAT... [on PLACE] [if CONDITION]",
       "Stop where this comes by\n"
       "WHAT: a STEP of the patent (408), a hop (request_in, completion_out, message_in, ...), "
       "takeover, any.\n"
       "PLACE: a, ff_driver, a.ff_driver. CONDITION: fields step hop node layer neighbour major "
       "minor lun lsn\n"
       "epoch irp session status name, compared by == != < <= > >= and joined by && || ! ( ).\n"
       "    break 408 on a\n    break any if lsn == 17\n    break 400 if major == write && lun == "
       "0",
       &Commands::set_breakpoint},
      {"tbreak", "tb", "WHAT... [on PLACE] [if CONDITION]", "The same, once",
       &Commands::set_temporary},
      {"delete", "d", "NUMBER", "Remove a breakpoint", &Commands::remove_breakpoint},
      {"breakpoints", "bl", "", "Those that are set", &Commands::breakpoints},
      {"continue", "c", "", "Go on to the next breakpoint", &Commands::go_on},
      {"step", "s", "", "Go on to this operation's next STEP, wherever it is taken",
       &Commands::step},
      {"into", "i", "",
       "Follow this operation to where it comes next\n"
       "The next layer or, over the interconnect, the other node. What is not this operation goes "
       "on meanwhile.",
       &Commands::into},
      {"out", "o", "", "Go on until this operation is back in a layer where it was before",
       &Commands::out},
      {"back", "", "[step|break]",
       "Go back by one point, to this operation's STEP before, or to where a breakpoint is",
       &Commands::back, recording},
      {"goto", "g", "NUMBER", "Go to a point", &Commands::go_to, recording},
      {"search", "", "CONDITION",
       "The points at which a condition holds (help break), and their numbers\n"
       "    search step == 412 && lun == 0",
       &Commands::search, recording},
      {"stops", "", "", "Where the pair stood while it was recorded", &Commands::stops, recording},
      {"pause", "p", "", "Stop everything where it is", &Commands::pause, live},
      {"where", "w", "", "Where everything stands, and the operation that is followed",
       &Commands::where},
      {"irp", "", "", "The IRP at this point", &Commands::irp},
      {"layers", "", "", "The processes and what each does", &Commands::layers},
      {"parked", "", "", "All that wait at a point", &Commands::parked, live},
      {"history", "hi", "[COUNT]", "The last points that were passed", &Commands::history},
      {"cache", "", "[NODE]", "What lies in the unwritten-data caches", &Commands::cache},
      {"mirror", "m", "[NODE]", "What lies in the mirror stores", &Commands::mirror},
      {"ledger", "l", "",
       "Where the copies of each operation are, and what a failure would lose\n"
       "For every operation that the medium does not have: whose cache, whose mirror store, "
       "acknowledged or not;\n"
       "and which acknowledged ones would be lost with the machine of either node. One failure: "
       "nothing (rule 1).",
       &Commands::ledger},
      {"record", "", "FILE|off",
       "Write all that is passed and every stop to a file, for stepper --open\n"
       "What the layers pass is read while a command waits for a stop, and at stops.",
       &Commands::record, live},
      {"kill", "", "PLACE", "kill -9 to a layer or to all of a node", &Commands::kill, live},
      {"hang", "", "PLACE", "SIGSTOP to a layer or to all of a node", &Commands::hang, live},
      {"wake", "", "PLACE", "SIGCONT", &Commands::wake, live},
      {"fail", "", "NODE.LAYER POINT=ACTION[@n][+]",
       "Arm a fault point\n"
       "ACTION: error, stall, hang, kill; @n at the n-th pass, + at every later one. Points: "
       "iomgr/fault_points.h.\n"
       "    fail a.fs_cache medium.flush.objects=error",
       &Commands::fail, live},
      {"cut", "", "NODE",
       "Cut the interconnect on which this node sends its copies, once; it is joined again by "
       "itself",
       &Commands::cut, live},
      {"timers", "", "NODE.LAYER", "When its timers expire, by the clock that stands",
       &Commands::timers, live},
      {"expire", "", "NODE.LAYER NUMBER", "Let one of them expire whatever the clock says",
       &Commands::expire, live},
      {"pending", "pe", "", "The messages that wait between the layers", &Commands::pending, live},
      {"next", "", "NUMBER", "Let a pending message go before the others of its link",
       &Commands::next, live},
      {"later", "", "NUMBER", "Let it go after the others of its link", &Commands::later, live},
      {"edit", "", "NUMBER FIELD VALUE",
       "Change a pending message\n"
       "FIELD: lun, lsn, epoch, open, status; offset of a read or write, length of a read. Layers "
       "take nothing on\n"
       "trust: see what they make of it.\n"
       "    edit 0 offset 8192",
       &Commands::edit, live},
      {"start", "!", "COMMAND", "Start a command of the shell and do not wait for it",
       &Commands::start, live},
      {"hold", "", "SECONDS", "Stand still for so long", &Commands::hold, live},
      {"expect", "", "TEXT", "Fail unless the last answer contains this: for scripts",
       &Commands::expect},
      {"quit", "q", "", "Let everything go and end", &Commands::quit}};
  return kTable;
}

Reply Commands::run(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos || line[begin] == '#') return {};
  std::string rest = line.substr(begin);
  if (rest[0] == '!') rest = "! " + rest.substr(1);
  const std::size_t space = rest.find_first_of(" \t");
  const std::string name = rest.substr(0, space);
  const std::size_t argument =
      space == std::string::npos ? space : rest.find_first_not_of(" \t", space);
  const std::string arguments = argument == std::string::npos ? "" : rest.substr(argument);
  for (const Command& each : table()) {
    if (name != each.name && name != each.alias) continue;
    if (!is_for_us(each)) {
      return refused(each.of == live ? "a recording only shows what was: '" + each.name +
                                           "' needs a pair that runs"
                                     : "'" + each.name + "' is for recordings (stepper --open)");
    }
    Reply reply = (this->*each.run)(arguments);
    if (recorder_ && !recorder_->wrong().empty()) {
      reply.text = "The recording ends: " + recorder_->wrong() + "\n" + reply.text;
      recorder_.reset();
    }
    if (each.run != &Commands::expect) last_ = reply;
    return reply;
  }
  return refused("no command '" + name + "'; see help");
}

bool Commands::is_for_us(const Command& command) const {
  return command.of == both || (command.of == live) == (session_ != nullptr);
}

bool Commands::idle(std::chrono::milliseconds limit) {
  if (session_ == nullptr || session_->stands()) return false;
  if (session_->wait(limit)) untold_ = true;
  return true;
}

std::vector<std::string> Commands::complete(const std::string& line) const {
  std::vector<std::string> ends;
  const std::size_t space = line.rfind(' ');
  if (space == std::string::npos) {
    for (const Command& each : table()) {
      if (is_for_us(each) && each.name.starts_with(line)) ends.push_back(each.name);
    }
    return ends;
  }
  const std::string word = line.substr(space + 1);
  std::vector<std::string> known = {"on", "if", "takeover", "any"};
  for (const auto& [name, hop] : kHops) known.emplace_back(name);
  for (const std::string& node : target_.nodes()) {
    known.push_back(node);
    for (std::size_t index = 1; index < kLayers; ++index)
      known.push_back(node + "." + std::string(to_string(static_cast<Layer>(index))));
  }
  for (const std::string& each : known) {
    if (each.starts_with(word)) ends.push_back(each);
  }
  return ends;
}

Reply Commands::help(const std::string& arguments) {
  std::string text;
  json::array all;
  for (const Command& each : table()) {
    if (!is_for_us(each)) continue;
    const std::string head = each.name + (each.alias.empty() ? "" : ", " + each.alias) +
                             (each.arguments.empty() ? "" : " " + each.arguments);
    const std::size_t first = each.help.find('\n');
    all.push_back({{"name", each.name}, {"alias", each.alias}, {"help", each.help}});
    if (arguments.empty()) {
      text += "  " + head + std::string(head.size() < 44 ? 44 - head.size() : 1, ' ') +
              each.help.substr(0, first) + "\n";
    } else if (arguments == each.name || arguments == each.alias) {
      return {true, head + "\n" + each.help + "\n", {{"help", each.help}}};
    }
  }
  if (!arguments.empty()) return refused("no command '" + arguments + "'");
  if (session_ == nullptr) return {true, text, {{"commands", all}}};
  text +=
      "A first walk: break 400 on a; !smbclient ... -c 'put FILE'; continue; step; ledger; into; "
      "out.\n";
  return {true, text, {{"commands", all}}};
}

Reply Commands::set_breakpoint(const std::string& arguments) {
  return add_breakpoint(arguments, false);
}

Reply Commands::set_temporary(const std::string& arguments) {
  return add_breakpoint(arguments, true);
}

Reply Commands::add_breakpoint(const std::string& arguments, bool once) {
  Breakpoint breakpoint;
  breakpoint.once = once;
  breakpoint.text = arguments;
  std::string place = arguments;
  if (const std::size_t at = arguments.find(" if "); at != std::string::npos) {
    std::string error;
    breakpoint.condition = Condition::parse(arguments.substr(at + 4), is_field, error);
    if (!breakpoint.condition) return refused(error);
    place = arguments.substr(0, at);
  }
  const std::vector<std::string> words = words_of(place);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "on" && i + 1 < words.size()) {
      const std::string wrong =
          take_place(words[++i], target_.nodes(), breakpoint.node, breakpoint.layer);
      if (!wrong.empty()) return refused(wrong);
    } else if (!take_what(words[i], breakpoint)) {
      return refused("'" + words[i] + "' is no STEP and no hop; see help break");
    }
  }
  if (breakpoint.steps == 0 && breakpoint.hops == 0) return refused("break where? See help break");
  const int number = target_.add(std::move(breakpoint));
  return {true,
          "Breakpoint " + std::to_string(number) + ": " + arguments + "\n",
          {{"breakpoint", number}}};
}

Reply Commands::remove_breakpoint(const std::string& arguments) {
  const auto number = number_of(arguments);
  if (!number || *number > 1'000'000 || !target_.remove(static_cast<int>(*number)))
    return refused("there is no breakpoint '" + arguments + "'");
  return {true, "Removed.\n", {}};
}

Reply Commands::breakpoints(const std::string&) {
  std::vector<std::string> lines;
  json::array all;
  for (const Breakpoint& each : target_.breakpoints()) {
    lines.push_back(std::to_string(each.number) + ": " + each.text + "  (" +
                    std::to_string(each.hits) + " hits)");
    all.push_back({{"number", each.number}, {"text", each.text}, {"hits", each.hits}});
  }
  return {true, lines.empty() ? "None.\n" : joined(lines), {{"breakpoints", all}}};
}

Reply Commands::told(const Stop& stop) {
  untold_ = false;
  json::object data = {{"stopped", to_string(stop.why)}};
  if (!stop.point) return {true, "Everything stands.\n", data};
  if (stop.breakpoint != 0) data["breakpoint"] = stop.breakpoint;
  data["at"] = to_json(*stop.point);
  std::string head =
      stop.breakpoint != 0 ? "Breakpoint " + std::to_string(stop.breakpoint) + ": " : "";
  if (!stop.text.empty()) {
    head = stop.text + "\n";
    data["text"] = stop.text;
  }
  if (replay_ != nullptr) {
    data["number"] = replay_->number();
    head += std::to_string(replay_->number()) + ": ";
  }
  return {true, head + line_of(*stop.point) + "\n", data};
}

Reply Commands::go(Session::Go how) {
  if (untold_ && target_.stop()) return told(*target_.stop());
  if (how != Session::Go::on && (!target_.stop() || !target_.stop()->point))
    return refused("there is no operation to follow; stop at a breakpoint first");
  target_.go(how);
  if (session_ != nullptr && patience_.count() == 0)
    return {true, "It goes on.\n", {{"stopped", nullptr}}};
  const std::optional<Stop> stop = target_.wait(patience_);
  if (stop) return told(*stop);
  return {false, "Nothing came by; it goes on.\n", {{"stopped", nullptr}}};
}

Reply Commands::go_on(const std::string&) {
  return go(Session::Go::on);
}
Reply Commands::step(const std::string&) {
  return go(Session::Go::step);
}
Reply Commands::into(const std::string&) {
  return go(Session::Go::into);
}
Reply Commands::out(const std::string&) {
  return go(Session::Go::out);
}

Reply Commands::pause(const std::string&) {
  return told(session_->pause());
}

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

Reply Commands::back(const std::string& arguments) {
  if (!arguments.empty() && arguments != "step" && arguments != "break")
    return refused("back, back step or back break");
  const bool found = arguments.empty()     ? replay_->back()
                     : arguments == "step" ? replay_->back_to_step()
                                           : replay_->back_to_breakpoint();
  if (!found) return refused("there is nothing of that before");
  return told(*replay_->stop());
}

Reply Commands::go_to(const std::string& arguments) {
  const auto number = number_of(arguments);
  if (!number || !replay_->go_to(*number))
    return refused("which point? 1 to " + std::to_string(replay_->points()));
  return told(*replay_->stop());
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

Reply Commands::signal(const std::string& arguments, int number, const std::string& done) {
  std::string node;
  Layer only = Layer::none;
  const std::string wrong = take_place(arguments, session_->nodes(), node, only);
  if (!wrong.empty() || node.empty()) return refused("a node or node.layer: " + arguments);
  const DebugTap& tap = *session_->tap(node);
  int count = 0;
  // cluster_app first: it would end the node in its own way when it sees a layer die.
  for (std::size_t index = kLayers; index-- > 1;) {
    const auto layer = static_cast<Layer>(index);
    if ((only != Layer::none && only != layer) || !tap.attached() || !tap.runs(layer)) continue;
    const pid_t pid = tap.place(layer).pid;
    if (is_layer(pid, layer) && ::kill(pid, number) == 0) ++count;
  }
  if (count == 0) return refused(arguments + " does not run");
  return {true, arguments + " " + done + ".\n", {{"processes", count}}};
}

Reply Commands::kill(const std::string& arguments) {
  return signal(arguments, SIGKILL, "is killed");
}
Reply Commands::hang(const std::string& arguments) {
  return signal(arguments, SIGSTOP, "hangs");
}
Reply Commands::wake(const std::string& arguments) {
  return signal(arguments, SIGCONT, "goes on");
}

Reply Commands::order(const std::string& place, const std::string& text, std::string& answer) {
  std::string node;
  Layer layer = Layer::none;
  const std::string wrong = take_place(place, session_->nodes(), node, layer);
  if (!wrong.empty() || node.empty() || layer == Layer::none)
    return refused("which layer? As in a.fs_cache");
  DebugTap& tap = *session_->tap(node);
  if (!tap.attached() || !tap.runs(layer)) return refused(place + " does not run");
  if (text.size() >= ParkingPlace::kMaxOrder) return refused("too long");
  if ((tap.place(layer).attention & ParkingPlace::kOrder) != 0)
    return refused(place + " has not obeyed its last order yet; let it go on first");
  const auto answered = tap.order(layer, text, kOrderLimit);
  if (!answered)
    return {true, place + " does nothing now; it obeys when it does.\n", {{"answered", false}}};
  answer = *answered;
  return {true, "", {{"answered", true}}};
}

Reply Commands::fail(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  if (words.size() != 2) return refused("fail NODE.LAYER POINT=ACTION; see help fail");
  std::string wrong;
  Reply reply = order(words[0], "fault " + words[1], wrong);
  if (!wrong.empty()) return refused(wrong);
  if (reply.ok && reply.text.empty()) reply.text = "Armed.\n";
  return reply;
}

Reply Commands::cut(const std::string& arguments) {
  return fail(arguments + ".rd_driver rd.send=error");
}

Reply Commands::timers(const std::string& arguments) {
  std::string answer;
  Reply reply = order(arguments, "timers", answer);
  if (!reply.ok || !reply.text.empty()) return reply;
  json::array left;
  std::string text;
  for (const std::string& each : words_of(answer)) {
    text += "  " + std::to_string(left.size()) + ": in " + each + " ms\n";
    left.push_back(json::value(std::strtoll(each.c_str(), nullptr, 10)));
  }
  return {true, text.empty() ? "None.\n" : text, {{"timers", left}}};
}

Reply Commands::expire(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  if (words.size() != 2 || !number_of(words[1])) return refused("expire NODE.LAYER NUMBER");
  std::string wrong;
  Reply reply = order(words[0], "expire " + words[1], wrong);
  if (!wrong.empty()) return refused(wrong);
  if (reply.ok && reply.text.empty()) reply.text = "It expires as soon as the layer goes on.\n";
  return reply;
}

std::vector<Commands::Waiting> Commands::waiting() const {
  std::vector<Waiting> all;
  if (!session_->stands()) return all;
  for (const std::string& node : session_->nodes()) {
    const DebugTap& tap = *session_->tap(node);
    if (!tap.attached()) continue;
    for (const DebugTap::Pending& message : tap.pending()) {
      if (tap.runs(message.to)) all.push_back({node, message});
    }
  }
  return all;
}

std::optional<Commands::Waiting> Commands::waiting_number(const std::string& text) const {
  const auto number = number_of(text);
  const std::vector<Waiting> all = waiting();
  if (!number || *number >= all.size()) return std::nullopt;
  return all[*number];
}

Reply Commands::pending(const std::string&) {
  if (!session_->stands()) return refused("it runs: nothing stays pending; stop it first");
  std::vector<std::string> lines;
  json::array all;
  for (const auto& [node, message] : waiting()) {
    const Irp& irp = message.irp;
    const std::string way = node + "." + std::string(to_string(message.from)) + " to " +
                            std::string(to_string(message.to));
    lines.push_back("  " + std::to_string(all.size()) + ": " + way + "  " +
                    (irp.completion != 0 ? "completion of " : "") +
                    std::string(to_string(irp.major)) + " lun " + std::to_string(irp.lun) +
                    (irp.lsn == 0 ? "" : " lsn " + std::to_string(irp.lsn)));
    all.push_back({{"node", node},
                   {"from", to_string(message.from)},
                   {"to", to_string(message.to)},
                   {"place", message.place},
                   {"irp", irp.id},
                   {"major", to_string(irp.major)},
                   {"completion", irp.completion != 0},
                   {"lun", irp.lun},
                   {"lsn", irp.lsn}});
  }
  return {true, lines.empty() ? "Nothing.\n" : joined(lines), {{"pending", all}}};
}

Reply Commands::next(const std::string& arguments) {
  const auto chosen = waiting_number(arguments);
  if (!chosen) return refused("no such message; see pending");
  session_->tap(chosen->node)->move_pending(chosen->message, 0);
  return {true, "It goes first.\n", {}};
}

Reply Commands::later(const std::string& arguments) {
  const auto chosen = waiting_number(arguments);
  if (!chosen) return refused("no such message; see pending");
  session_->tap(chosen->node)->move_pending(chosen->message, bounds::kRingSlots);
  return {true, "It goes last of those that wait there.\n", {}};
}

Reply Commands::edit(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  const auto value = words.size() == 3 ? number_of(words[2]) : std::nullopt;
  if (!value) return refused("edit NUMBER FIELD VALUE; see help edit");
  const auto chosen = waiting_number(words[0]);
  if (!chosen) return refused("no such message; see pending");
  Irp irp = chosen->message.irp;
  const bool writes = irp.major == Major::write;
  if (words[1] == "lun") {
    irp.lun = static_cast<std::uint32_t>(*value);
  } else if (words[1] == "lsn") {
    irp.lsn = *value;
  } else if (words[1] == "epoch") {
    irp.epoch = *value;
  } else if (words[1] == "open") {
    irp.open = *value;
  } else if (words[1] == "status") {
    irp.status = static_cast<Status>(*value);
  } else if (words[1] == "offset" && (writes || irp.major == Major::read)) {
    (writes ? irp.write.offset : irp.read.offset) = *value;
  } else if (words[1] == "length" && irp.major == Major::read) {
    irp.read.length = static_cast<std::uint32_t>(*value);
  } else {
    return refused("this message has no field '" + words[1] + "' that can be set");
  }
  session_->tap(chosen->node)->edit_pending(chosen->message, irp);
  return {true, "Set.\n", {}};
}

Reply Commands::expect(const std::string& arguments) {
  if (last_.text.find(arguments) != std::string::npos) return {};
  return refused("expected '" + arguments + "' in: " + last_.text);
}

Reply Commands::start(const std::string& arguments) {
  const std::string command = arguments;
  std::array<const char*, 4> words = {"sh", "-c", command.c_str(), nullptr};
  pid_t pid = 0;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, directory_.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  const int error = posix_spawn(&pid, "/bin/sh", &actions, nullptr,
                                const_cast<char* const*>(words.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return refused("the shell cannot be started");
  std::thread([pid] { waitpid(pid, nullptr, 0); }).detach();
  return {true, "Started.\n", {{"pid", pid}}};
}

Reply Commands::hold(const std::string& arguments) {
  double seconds = 0;
  const char* const end = arguments.data() + arguments.size();
  const auto [read, error] = std::from_chars(arguments.data(), end, seconds);
  if (error != std::errc() || read != end || !(seconds >= 0) || seconds > 3600)
    return refused("how many seconds?");
  if (patience_.count() == 0) return refused("this is for scripts; `pause` stands still here");
  session_->pause();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return {true, "Stood still for " + arguments + " s.\n", {}};
}

Reply Commands::quit(const std::string&) {
  over_ = true;
  return {};
}

}  // namespace understudy::stepper
