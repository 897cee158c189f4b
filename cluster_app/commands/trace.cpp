// cluster_app trace: the STEPs of the running nodes of this machine as they happen, with the
// process that took each.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <iomanip>
#include <memory>
#include <ostream>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/commands/commands.h"
#include "iomgr/host/trace_tap.h"
#include "iomgr/json_fields.h"

namespace understudy {
namespace {

// A ring of memory rings no bell: it is looked at so often. What is younger than one pause waits
// for the next look, so that entries of all processes come out in the order of time.
constexpr int kPauseMs = 50;
constexpr std::int64_t kPauseNs = std::int64_t{kPauseMs} * 1'000'000;

struct Options {
  std::vector<std::string> nodes;
  std::uint32_t seconds = 0;  // 0: until Ctrl-C
  std::uint64_t lsn = 0;      // 0: all
  bool hops = false;
  bool as_json = false;
};

struct Seen {
  std::string node;
  TraceEntry entry;
};

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

std::string_view direction(Hop hop) {
  switch (hop) {
    case Hop::request_out:
      return "asks";
    case Hop::request_in:
      return "is asked by";
    case Hop::completion_out:
      return "answers";
    case Hop::completion_in:
      return "is answered by";
    case Hop::message_out:
      return "sends to the partner's";
    case Hop::message_in:
      return "hears from the partner's";
    case Hop::none:
      break;
  }
  return "";
}

void print_json(std::ostream& out, const Seen& seen) {
  const TraceEntry& entry = seen.entry;
  json::object line = {{"time_ns", entry.time_ns},
                       {"node", seen.node},
                       {"layer", to_string(entry.layer)},
                       {"irp", entry.irp},
                       {"lun", entry.lun},
                       {"lsn", entry.lsn},
                       {"major", to_string(entry.major)},
                       {"minor", entry.minor},
                       {"status", to_string(entry.status)}};
  if (entry.hop == Hop::none) {
    line["step"] = static_cast<int>(entry.step);
    line["text"] = describe(entry.step);
  } else {
    line["hop"] = direction(entry.hop);
    line["neighbour"] = to_string(entry.neighbour);
  }
  out << json::serialize(line) << "\n";
}

void print_text(std::ostream& out, const Seen& seen, std::int64_t begin_ns) {
  const TraceEntry& entry = seen.entry;
  std::string what;
  if (entry.hop == Hop::none) {
    what = std::to_string(static_cast<int>(entry.step)) + " " + std::string(describe(entry.step));
  } else {
    what = std::string(direction(entry.hop)) + " " + std::string(to_string(entry.neighbour));
  }
  const double seconds = static_cast<double>(entry.time_ns - begin_ns) / 1e9;
  out << std::fixed << std::setprecision(6) << std::setw(11) << seconds << "  " << std::left
      << std::setw(18) << seen.node + "." + std::string(to_string(entry.layer)) << std::setw(52)
      << what << to_string(entry.major) << " lun " << entry.lun;
  if (entry.lsn != 0) out << " lsn " << entry.lsn;
  out << std::right << "\n";
}

/// Ctrl-C and termination as something to poll: the points must be turned off on the way out.
UniqueFd stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGPIPE);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC));
}

class Tracer {
 public:
  Tracer(Console& console, const Options& options, const std::string& key)
      : console_(console), options_(options) {
    for (const std::string& node : options.nodes)
      taps_.emplace_back(node,
                         std::make_unique<TraceTap>(cluster_directory::memory_path(key, node)));
  }

  void look() {
    for (const auto& [node, tap] : taps_) {
      for (const TraceEntry& entry : tap->take()) waiting_.push_back({node, entry});
    }
    std::ranges::stable_sort(waiting_, {}, [](const Seen& seen) { return seen.entry.time_ns; });
  }

  /// Prints what is older than `limit_ns`.
  void print(std::int64_t limit_ns) {
    const auto young = std::ranges::find_if(
        waiting_, [&](const Seen& seen) { return seen.entry.time_ns >= limit_ns; });
    for (auto at = waiting_.begin(); at != young; ++at) {
      if (at->entry.hop != Hop::none && !options_.hops) continue;
      if (options_.lsn != 0 && at->entry.lsn != options_.lsn) continue;
      if (options_.as_json) {
        print_json(console_.out, *at);
      } else {
        print_text(console_.out, *at, begin_ns_);
      }
    }
    waiting_.erase(waiting_.begin(), young);
    console_.out.flush();
  }

 private:
  Console& console_;
  const Options& options_;
  const std::int64_t begin_ns_ = now_ns();
  std::vector<std::pair<std::string, std::unique_ptr<TraceTap>>> taps_;
  std::vector<Seen> waiting_;
};

int run(CommandLine& line, const ClusterConfig& config, Options options) {
  for (const std::string& name : options.nodes) {
    if (!line.node(config, name)) return kFailed;
  }
  if (options.nodes.empty()) {
    for (const NodeConfig& node : config.nodes) options.nodes.push_back(node.name);
  }
  std::string error;
  const auto key = cluster_directory::read_key(error);
  if (!key) return complain(line.console, error);
  const UniqueFd stop = stop_signals();
  Tracer tracer(line.console, options, *key);
  const std::int64_t end_ns =
      options.seconds == 0 ? INT64_MAX : now_ns() + std::int64_t{options.seconds} * 1'000'000'000;
  pollfd asked{stop.get(), POLLIN, 0};
  tracer.look();
  while (now_ns() < end_ns && line.console.out && poll(&asked, 1, kPauseMs) == 0) {
    tracer.look();
    tracer.print(now_ns() - kPauseNs);
  }
  tracer.look();
  tracer.print(INT64_MAX);
  return kDone;
}

}  // namespace

void commands::trace(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand(
      "trace", "The STEPs of the patents' figures as the nodes of this machine take them");
  command->add_option("NODE", options->nodes, "The nodes to look at; default: all of them")
      ->type_name("");
  command->add_option("--seconds", options->seconds, "End after so long; default: at Ctrl-C")
      ->type_name("N");
  command->add_option("--lsn", options->lsn, "Only what tells of this LSN")->type_name("LSN");
  command->add_flag("--hops", options->hops, "Also every IRP and message on its way");
  command->add_flag("--json", options->as_json, "For programs: one JSON object a line");
  command->callback([&line, options] {
    line.run = [&line, options] {
      return line.in_cluster(
          [&line, options](const ClusterConfig& config) { return run(line, config, *options); });
    };
  });
}

}  // namespace understudy
