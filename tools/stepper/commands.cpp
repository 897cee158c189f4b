#include "tools/stepper/commands.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <thread>

#include "tools/stepper/command_words.h"

namespace understudy::stepper {

Commands::Commands(Session& session, std::chrono::seconds patience, std::string directory)
    : target_(session), session_(&session), patience_(patience), directory_(std::move(directory)) {}

const std::vector<Commands::Command>& Commands::table() {
  static const std::vector<Command> kTable = {
      {"help", "h", "[COMMAND]", "What there is, or more of one command", &Commands::help},
      {"break", "b", "WHAT... [on PLACE] [if CONDITION]",
       "Stop where this comes by\n"
       "WHAT: a STEP of the patent (408), a hop (request_in, completion_out, message_in, ...), "
       "takeover, any;\n"
       "rule: an acknowledged operation would be lost with one node (see ledger), while both run.\n"
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
      {"drop", "", "NODE.LAYER",
       "Lose the next message that rd_driver or mirror_server of a node sends to the other node\n"
       "The partner notices by the number of the one after it, and ends the connection; it is "
       "joined again by\n"
       "itself. At a point message_out the next message is that point's.\n"
       "    break message_out on a.rd_driver if lsn == 17\n    drop a.rd_driver",
       &Commands::drop, live},
      {"duplicate", "", "NODE.LAYER",
       "Send that message twice\nThe partner takes the first, and ends the connection at the "
       "other.",
       &Commands::duplicate, live},
      {"delay", "", "NODE.LAYER MS",
       "Send that message so much later, and all behind it\n"
       "MS: milliseconds of the clock that stands with everything, 60000 at most. After 2 s of "
       "silence either side\n"
       "ends the connection.",
       &Commands::delay, live},
      {"timers", "", "NODE.LAYER", "When its timers expire, by the clock that stands",
       &Commands::timers, live},
      {"expire", "", "NODE.LAYER NUMBER", "Let one of them expire whatever the clock says",
       &Commands::expire, live},
      {"pending", "pe", "", "The messages that wait between the layers", &Commands::pending, live},
      {"next", "", "NUMBER", "Let a pending message go before the others of its link",
       &Commands::next, live},
      {"later", "", "NUMBER", "Let it go after the others of its link", &Commands::later, live},
      {"edit", "", "NUMBER|NODE.LAYER FIELD VALUE",
       "Change a pending message, or the IRP of a layer that waits at a hop\n"
       "FIELD: lun, lsn, epoch, open, status; offset of a read or write, length of a read. VALUE: "
       "a "
       "number, 0x for hex.\n"
       "A layer trusts nothing that comes from another: see what it makes of it. At a STEP and at "
       "a message it has\n"
       "checked already what it goes on with, so there nothing can be changed.\n"
       "    edit 0 offset 8192\n    edit a.fs_cache offset 8192",
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
  std::vector<std::string> known = {"on", "if", "takeover", "rule", "any"};
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
