#include "tools/stepper/commands.h"

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

Commands::Commands(Session& session, std::chrono::seconds patience)
    : session_(session), patience_(patience) {}

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
      {"pause", "p", "", "Stop everything where it is", &Commands::pause},
      {"where", "w", "", "Where everything stands, and the operation that is followed",
       &Commands::where},
      {"irp", "", "", "The IRP at this point", &Commands::irp},
      {"layers", "", "", "The processes and what each does", &Commands::layers},
      {"parked", "", "", "All that wait at a point", &Commands::parked},
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
      {"kill", "", "PLACE", "kill -9 to a layer or to all of a node", &Commands::kill},
      {"hang", "", "PLACE", "SIGSTOP to a layer or to all of a node", &Commands::hang},
      {"wake", "", "PLACE", "SIGCONT", &Commands::wake},
      {"fail", "", "NODE.LAYER POINT=ACTION[@n][+]",
       "Arm a fault point\n"
       "ACTION: error, stall, hang, kill; @n at the n-th pass, + at every later one. Points: "
       "iomgr/fault_points.h.\n"
       "    fail a.fs_cache medium.flush.objects=error",
       &Commands::fail},
      {"start", "!", "COMMAND", "Start a command of the shell and do not wait for it",
       &Commands::start},
      {"hold", "", "SECONDS", "Stand still for so long", &Commands::hold},
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
    Reply reply = (this->*each.run)(arguments);
    if (each.run != &Commands::expect) last_ = reply;
    return reply;
  }
  return refused("no command '" + name + "'; see help");
}

std::vector<std::string> Commands::complete(const std::string& line) const {
  std::vector<std::string> ends;
  const std::size_t space = line.rfind(' ');
  if (space == std::string::npos) {
    for (const Command& each : table()) {
      if (each.name.starts_with(line)) ends.push_back(each.name);
    }
    return ends;
  }
  const std::string word = line.substr(space + 1);
  std::vector<std::string> known = {"on", "if", "takeover", "any"};
  for (const auto& [name, hop] : kHops) known.emplace_back(name);
  for (const std::string& node : session_.nodes()) {
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
          take_place(words[++i], session_.nodes(), breakpoint.node, breakpoint.layer);
      if (!wrong.empty()) return refused(wrong);
    } else if (!take_what(words[i], breakpoint)) {
      return refused("'" + words[i] + "' is no STEP and no hop; see help break");
    }
  }
  if (breakpoint.steps == 0 && breakpoint.hops == 0) return refused("break where? See help break");
  const int number = session_.add(std::move(breakpoint));
  return {true,
          "Breakpoint " + std::to_string(number) + ": " + arguments + "\n",
          {{"breakpoint", number}}};
}

Reply Commands::remove_breakpoint(const std::string& arguments) {
  const auto number = number_of(arguments);
  if (!number || *number > 1'000'000 || !session_.remove(static_cast<int>(*number)))
    return refused("there is no breakpoint '" + arguments + "'");
  return {true, "Removed.\n", {}};
}

Reply Commands::breakpoints(const std::string&) {
  std::vector<std::string> lines;
  json::array all;
  for (const Breakpoint& each : session_.breakpoints()) {
    lines.push_back(std::to_string(each.number) + ": " + each.text + "  (" +
                    std::to_string(each.hits) + " hits)");
    all.push_back({{"number", each.number}, {"text", each.text}, {"hits", each.hits}});
  }
  return {true, lines.empty() ? "None.\n" : joined(lines), {{"breakpoints", all}}};
}

Reply Commands::told(const Stop& stop) {
  json::object data = {{"stopped", stop.why == Stop::Why::breakpoint ? "breakpoint"
                                   : stop.why == Stop::Why::step     ? "step"
                                                                     : "pause"}};
  if (!stop.point) return {true, "Everything stands.\n", data};
  if (stop.breakpoint != 0) data["breakpoint"] = stop.breakpoint;
  data["at"] = to_json(*stop.point);
  const std::string head =
      stop.breakpoint != 0 ? "Breakpoint " + std::to_string(stop.breakpoint) + ": " : "";
  return {true, head + line_of(*stop.point) + "\n", data};
}

Reply Commands::go(Session::Go how) {
  if (how != Session::Go::on && (!session_.stop() || !session_.stop()->point))
    return refused("there is no operation to follow; stop at a breakpoint first");
  session_.go(how);
  if (patience_.count() == 0) return {true, "It goes on.\n", {{"stopped", nullptr}}};
  const std::optional<Stop> stop = session_.wait(patience_);
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
  return told(session_.pause());
}

Reply Commands::where(const std::string&) {
  if (!session_.stop()) return {true, "It runs.\n", {{"stopped", nullptr}}};
  Reply reply = told(*session_.stop());
  if (const auto& of = session_.followed()) {
    std::string visited;
    for (const std::string& each : of->visited) visited += (visited.empty() ? "" : ", ") + each;
    reply.text += "Follows lun " + std::to_string(of->lun) + " lsn " + std::to_string(of->lsn) +
                  "; it was in " + visited + "\n";
    reply.data["followed"] = {{"lun", of->lun}, {"lsn", of->lsn}, {"irp", of->irp}};
  }
  return reply;
}

Reply Commands::irp(const std::string&) {
  if (!session_.stop() || !session_.stop()->point) return refused("no layer is at a point");
  const Point& point = *session_.stop()->point;
  const json::object irp = irp_of(point, session_.tap(point.node)->arena());
  std::string text;
  for (const auto& [key, value] : irp)
    text += "  " + std::string(key) + ": " + json::serialize(value) + "\n";
  return {true, text, {{"irp", irp}}};
}

Reply Commands::layers(const std::string&) {
  std::vector<std::string> lines;
  json::array all;
  for (const std::string& node : session_.nodes()) {
    const DebugTap& tap = *session_.tap(node);
    for (std::size_t index = 1; index < kLayers; ++index) {
      const auto layer = static_cast<Layer>(index);
      std::string does = "does not run";
      std::int32_t pid = 0;
      if (tap.attached() && tap.runs(layer)) {
        pid = tap.place(layer).pid;
        does = tap.place(layer).parked != 0  ? "parked: " + title(tap.place(layer).entry)
               : tap.place(layer).waits != 0 ? "held"
               : tap.is_held()               ? "idle, held before what comes next"
                                             : "runs";
      }
      const std::string place = node + "." + std::string(to_string(layer));
      lines.push_back(place + std::string(place.size() < 18 ? 18 - place.size() : 1, ' ') + does);
      all.push_back({{"place", place}, {"pid", pid}, {"does", does}});
    }
  }
  return {true, joined(lines), {{"layers", all}}};
}

Reply Commands::parked(const std::string&) {
  std::vector<std::string> lines;
  json::array all;
  for (const Point& point : session_.parked()) {
    lines.push_back(line_of(point));
    all.push_back(to_json(point));
  }
  return {true, lines.empty() ? "Nobody.\n" : joined(lines), {{"parked", all}}};
}

Reply Commands::history(const std::string& arguments) {
  const std::size_t count = number_of(arguments).value_or(kShown);
  const std::vector<Point>& all = session_.history();
  std::vector<std::string> lines;
  json::array points;
  for (std::size_t i = all.size() - std::min(count, all.size()); i < all.size(); ++i) {
    lines.push_back(line_of(all[i]));
    points.push_back(to_json(all[i]));
  }
  return {true, joined(lines), {{"history", points}}};
}

Reply Commands::records(const std::string& arguments, bool of_cache) {
  std::vector<std::string> lines;
  json::object all;
  for (const std::string& node : session_.nodes()) {
    if (!arguments.empty() && arguments != node) continue;
    const DebugTap& tap = *session_.tap(node);
    json::array records;
    lines.push_back(node + (of_cache ? ".fs_cache" : ".mirror_server"));
    if (tap.attached()) {
      for (const StoredRecord& each : of_cache ? cached_records(tap) : mirrored_records(tap)) {
        lines.push_back("  lun " + std::to_string(each.header.lun) + " epoch " +
                        std::to_string(each.header.epoch) + " lsn " +
                        std::to_string(each.header.lsn) + "  " + each.what);
        records.push_back({{"lun", each.header.lun},
                           {"epoch", each.header.epoch},
                           {"lsn", each.header.lsn},
                           {"what", each.what}});
      }
    }
    if (records.empty()) lines.back() += ": nothing";
    all[node] = records;
  }
  if (lines.empty()) return refused("there is no node '" + arguments + "'");
  return {true, joined(lines), {{of_cache ? "cache" : "mirror", all}}};
}

Reply Commands::cache(const std::string& arguments) {
  return records(arguments, true);
}
Reply Commands::mirror(const std::string& arguments) {
  return records(arguments, false);
}

Reply Commands::ledger(const std::string&) {
  const Ledger read = read_ledger(session_);
  return {true, to_text(read, session_.nodes()), {{"ledger", to_json(read, session_.nodes())}}};
}

Reply Commands::signal(const std::string& arguments, int number, const std::string& done) {
  std::string node;
  Layer only = Layer::none;
  const std::string wrong = take_place(arguments, session_.nodes(), node, only);
  if (!wrong.empty() || node.empty()) return refused("a node or node.layer: " + arguments);
  const DebugTap& tap = *session_.tap(node);
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

Reply Commands::fail(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  std::string node;
  Layer layer = Layer::none;
  if (words.size() != 2 || !take_place(words[0], session_.nodes(), node, layer).empty() ||
      node.empty() || layer == Layer::none)
    return refused("fail NODE.LAYER POINT=ACTION; see help fail");
  DebugTap& tap = *session_.tap(node);
  if (!tap.attached()) return refused("node " + node + " does not run");
  const std::string wrong = tap.order(layer, words[1], kOrderLimit);
  if (wrong.empty()) return {true, "Armed.\n", {}};
  return {wrong.starts_with("given"), wrong + "\n", {}};
}

Reply Commands::expect(const std::string& arguments) {
  if (last_.text.find(arguments) != std::string::npos) return {};
  return refused("expected '" + arguments + "' in: " + last_.text);
}

Reply Commands::start(const std::string& arguments) {
  const std::string command = arguments;
  std::array<const char*, 4> words = {"sh", "-c", command.c_str(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/bin/sh", nullptr, nullptr,
                                const_cast<char* const*>(words.data()), environ);
  if (error != 0) return refused("the shell cannot be started");
  std::thread([pid] { waitpid(pid, nullptr, 0); }).detach();
  return {true, "Started.\n", {{"pid", pid}}};
}

Reply Commands::hold(const std::string& arguments) {
  const auto seconds = number_of(arguments);
  if (!seconds || *seconds > 3600) return refused("how many seconds?");
  if (patience_.count() == 0) return refused("this is for scripts; `pause` stands still here");
  session_.pause();
  std::this_thread::sleep_for(std::chrono::seconds(*seconds));
  return {true, "Stood still for " + arguments + " s.\n", {}};
}

Reply Commands::quit(const std::string&) {
  over_ = true;
  return {};
}

}  // namespace understudy::stepper
