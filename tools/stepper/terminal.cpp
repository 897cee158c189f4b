// stepper: a debugger for a running pair. See docs/stepping.md.
#include <editline/readline.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "cluster_app/cluster_directory.h"
#include "tools/stepper/commands.h"
#include "tools/stepper/dap_server.h"
#include "tools/stepper/export.h"
#include "tools/stepper/page.h"

namespace understudy::stepper {
namespace {

constexpr int kFailed = 1;
constexpr int kBadArguments = 2;
constexpr auto kIdle = std::chrono::milliseconds(50);

struct Options {
  std::string directory = ".";
  std::string script;
  std::string record;
  std::string open;
  std::vector<std::string> exported;  // format, file
  Operation operation;
  bool as_json = false;
  unsigned patience_s = 0;
  std::optional<std::uint16_t> dap_port;
  std::string source = UNDERSTUDY_SOURCE;
  bool no_token = false;
  std::optional<std::uint16_t> page;
};

Session* interrupted_session = nullptr;
const Commands* completing = nullptr;
Commands* idling = nullptr;

char* next_completion(const char* text, int state) {
  static std::vector<std::string> ends;
  static std::size_t at = 0;
  if (state == 0) {
    ends = completing->complete(std::string(rl_line_buffer, static_cast<std::size_t>(rl_point)));
    at = 0;
  }
  static_cast<void>(text);
  return at < ends.size() ? strdup(ends[at++].c_str()) : nullptr;
}

char** completions(const char* text, int, int) {
  rl_attempted_completion_over = 1;
  return rl_completion_matches(text, next_completion);
}

/// Names come from clients, and recordings from anybody: nothing of them is for the terminal.
std::string plain(std::string text) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool control = (byte(i) < ' ' && text[i] != '\n') || byte(i) == 0x7F;
    // U+0080 to U+009F, in UTF-8 or as bytes that are none.
    const bool in_utf8 = i > 0 && byte(i - 1) >= 0x80 && byte(i - 1) != 0xC2;
    const bool late_control = byte(i) >= 0x80 && byte(i) <= 0x9F && !in_utf8;
    if (control || late_control) text[i] = '?';
    if (late_control && i > 0 && byte(i - 1) == 0xC2) text[i - 1] = '?';
  }
  return text;
}

void print(const Reply& reply, const std::string& line, bool as_json) {
  if (as_json) {
    json::object out = reply.data;
    out["command"] = line;
    out["ok"] = reply.ok;
    if (!reply.ok) out["error"] = reply.text;
    std::cout << json::serialize(out) << std::endl;
    return;
  }
  std::cout << plain(reply.text);
  if (!reply.text.empty() && reply.text.back() != '\n') std::cout << "\n";
  std::cout.flush();
}

bool is_interactive(const Options& options) {
  return options.script.empty() && !options.as_json && isatty(STDIN_FILENO) != 0;
}

/// Until something is typed, or for a moment; layers that park meanwhile are judged.
bool typed_within_a_moment(Commands& commands) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const int limit_ms = commands.idle(kIdle) ? 0 : static_cast<int>(kIdle.count());
  return poll(&input, 1, limit_ms) != 0;
}

bool next_line(std::istream& in, Commands& commands, std::string& line) {
  while (&in == &std::cin && std::cin.rdbuf()->in_avail() <= 0) {
    if (typed_within_a_moment(commands)) break;
  }
  return static_cast<bool>(std::getline(in, line));
}

/// A command a line. Stops at the first that fails, if it is a script.
int run_lines(std::istream& in, Commands& commands, const Options& options) {
  std::ios::sync_with_stdio(false);  // so that it is known what has been read ahead
  std::string line;
  while (!commands.over() && next_line(in, commands, line)) {
    if (!options.as_json && !line.empty()) std::cout << "(stepper) " << line << "\n";
    const Reply reply = commands.run(line);
    print(reply, line, options.as_json);
    if (!reply.ok && !options.script.empty()) return kFailed;
  }
  return 0;
}

int run_terminal(Target& target, Commands& commands, const std::string& history) {
  using_history();
  if (!history.empty()) read_history(history.c_str());
  rl_attempted_completion_function = completions;
  idling = &commands;
  rl_event_hook = [] {
    typed_within_a_moment(*idling);
    return 0;
  };
  while (!commands.over()) {
    char* const typed = readline("(stepper) ");
    if (typed == nullptr) break;
    const std::string line(typed);
    std::free(typed);
    if (line.empty()) continue;
    add_history(line.c_str());
    Reply reply = commands.run(line);
    if (!reply.ok && !target.stands() && reply.data.contains("stopped"))
      reply = commands.run("pause");
    print(reply, line, false);
  }
  if (!history.empty()) write_history(history.c_str());
  return 0;
}

/// Lets the user, a script or a program command it. `script`: where that is by now.
int run_commands(Target& target, Commands& commands, const Options& options,
                 const std::string& script, const std::string& history) {
  completing = &commands;
  if (is_interactive(options)) return run_terminal(target, commands, history);
  if (script.empty() || script == "-") return run_lines(std::cin, commands, options);
  std::ifstream lines(script);
  if (!lines) {
    std::cerr << "stepper: cannot read " << script << "\n";
    return kFailed;
  }
  return run_lines(lines, commands, options);
}

std::string summary_of(const Recording& recording) {
  std::string text = "Recorded by " + recording.by + ": " +
                     std::to_string(recording.points.size()) + " points, " +
                     std::to_string(recording.stops.size()) + " stops.\n";
  if (recording.missing != 0) {
    text += std::to_string(recording.missing) +
            " points are missing: they were overwritten before they were read.\n";
  }
  if (recording.damaged != 0) {
    text += std::to_string(recording.damaged) + " lines are damaged and left out; " +
            recording.damage + ".\n";
  }
  if (recording.is_cut) text += "The last line is not whole and left out.\n";
  return text;
}

int run_recording(const Options& options) {
  std::string wrong;
  std::optional<Recording> recording = read_recording(options.open, wrong);
  std::error_code ignored;
  if (!options.exported.empty() &&
      std::filesystem::equivalent(options.open, options.exported[1], ignored))
    wrong = options.exported[1] + " is the recording itself";
  if (wrong.empty() && recording && !options.exported.empty())
    wrong = export_to(*recording, options.exported[0], options.exported[1], options.operation);
  if (!wrong.empty()) {
    std::cerr << "stepper: " << wrong << "\n";
    return kFailed;
  }
  (options.as_json || options.dap_port ? std::cerr : std::cout) << summary_of(*recording);
  if (!options.exported.empty()) return 0;
  if (options.dap_port) {
    return serve_dap({{},
                      std::make_shared<const Recording>(std::move(*recording)),
                      *options.dap_port,
                      !options.no_token,
                      std::filesystem::absolute(options.source).lexically_normal()});
  }
  Replay replay(std::move(*recording));
  Commands commands(replay);
  if (is_interactive(options)) {
    std::cout << "Type help. Ctrl-D ends.\n";
    print(commands.run("where"), "where", false);
  }
  return run_commands(replay, commands, options, options.script, "");
}

int run(const Options& options) {
  std::string error;
  const std::string script = options.script.empty() || options.script == "-"
                                 ? options.script
                                 : std::filesystem::absolute(options.script).string();
  const std::string here = std::filesystem::current_path().string();
  const std::string record =
      options.record.empty() ? "" : std::filesystem::absolute(options.record).string();
  const auto source = std::filesystem::absolute(options.source).lexically_normal();
  const auto config = cluster_directory::enter(options.directory, error);
  const auto key = config ? cluster_directory::read_key(error) : std::nullopt;
  if (!key) {
    std::cerr << "stepper: " << error << "\n";
    return kFailed;
  }
  std::vector<Session::NodeName> nodes;
  for (const NodeConfig& node : config->nodes)
    nodes.push_back({node.name, cluster_directory::memory_path(*key, node.name)});
  if (options.dap_port)
    return serve_dap({nodes, nullptr, *options.dap_port, !options.no_token, source});
  Session session(nodes);
  const std::string wrong = session.attach();
  if (!wrong.empty()) {
    std::cerr << "stepper: " << wrong << "\n";
    return kFailed;
  }
  if (options.page) {
    const std::string failed = serve_page(session, *config, *options.page);
    if (!failed.empty()) std::cerr << "stepper: " << failed << "\n";
    return failed.empty() ? 0 : kFailed;
  }
  interrupted_session = &session;
  signal(SIGINT, [](int) { interrupted_session->interrupt(); });
  signal(SIGTSTP, SIG_IGN);  // asleep, it would judge nobody
  const bool interactive = is_interactive(options);
  const unsigned patience = options.patience_s != 0 ? options.patience_s
                            : interactive           ? 86'400
                                                    : 60;
  Commands commands(session, std::chrono::seconds(patience), here);
  if (!record.empty()) {
    const Reply reply = commands.run("record " + record);
    if (!reply.ok) {
      std::cerr << "stepper: " << reply.text << "\n";
      return kFailed;
    }
  }
  if (interactive) std::cout << "Type help. Ctrl-C stops everything, Ctrl-D lets it go and ends.\n";
  return run_commands(session, commands, options, script, "run/stepper.history");
}

}  // namespace
}  // namespace understudy::stepper

int main(int argc, char** argv) {
  using namespace understudy::stepper;
  CLI::App app(
      "Steps through a running pair: breakpoints on the STEPs of the patent, one operation "
      "followed from layer to layer "
      "and to the other node, what lies in cache and mirror store, and what a failure would lose.",
      "stepper");
  Options options;
  app.add_option("-C,--directory", options.directory, "The cluster's directory; default: this one")
      ->type_name("DIR");
  app.add_option("--script", options.script,
                 "Run the commands in this file, and end; -: standard input")
      ->type_name("FILE");
  app.add_flag("--json", options.as_json,
               "For programs: commands from standard input, one JSON object for each");
  app.add_option("--record", options.record,
                 "Write all that is passed and every stop to this file, for --open")
      ->type_name("FILE");
  CLI::Option* const open =
      app.add_option("--open", options.open, "Step through what was recorded, forward and back")
          ->type_name("FILE")
          ->excludes("--record");
  app.add_option(
         "--export", options.exported,
         "Write the recording in another format, and end: chrome, mermaid (of the operation "
         "--lsn of --lun), shiviz, pcap, page (one HTML file to step through in a browser)")
      ->type_name("FORMAT FILE")
      ->expected(2)
      ->needs(open);
  app.add_option("--lsn", options.operation.lsn, "The operation to export")->needs(open);
  app.add_option("--lun", options.operation.lun, "Its LUN; default: 0")->needs(open);
  app.add_option("--patience", options.patience_s,
                 "Seconds that a command waits for a stop; default: 60, in a terminal a day")
      ->type_name("SECONDS");
  app.add_option(
         "--dap", options.dap_port,
         "Serve IDEs (Debug Adapter Protocol) at this port of 127.0.0.1; 0: any that is free. With "
         "--open: the recording, forward and back")
      ->type_name("PORT");
  app.add_option("--source", options.source,
                 "For --dap: the source tree; default: the one that this was built from")
      ->type_name("DIR");
  app.add_flag("--no-token", options.no_token,
               "For --dap: any user of this machine may attach, and so run commands as this one");
  app.add_option("--page", options.page,
                 "A live picture for a browser of this machine, at the address that it prints; 0: "
                 "any port")
      ->type_name("PORT")
      ->excludes(open)
      ->excludes("--record")
      ->excludes("--dap");
  app.get_option("--dap")->excludes("--record");
  app.footer(
      "In the terminal, `help` tells of the commands. Without it nothing holds the nodes: if this "
      "program dies, they go on.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kBadArguments;
  }
  return options.open.empty() ? run(options) : run_recording(options);
}
