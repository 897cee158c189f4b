#include "tests/real/rounds.h"

#include <signal.h>

#include <random>

#include "iomgr/fault_points.h"

namespace understudy {
namespace {

constexpr int kClients = 3;
constexpr std::size_t kOperations = 400;  // of a round in which the place is not passed
constexpr auto kTakeoverPatience = std::chrono::seconds(20);

/// The lazy writer never rests, and a stopped node counts as failed soon: a round is to be short.
Pair::Settings quick(bool write_behind) {
  return {{"flush_interval_ms", "10"},
          {"lazy_writer", write_behind ? "\"run\"" : "\"hold\""},
          {"failure_after_ms", "700"}};
}

bool counts_parts(const std::string& point) {
  return point.ends_with(".each");
}

std::string armed(const std::string& node, const std::string& point, const char* action,
                  std::uint64_t pass) {
  return node + "." + point + "=" + action + "@" + std::to_string(pass);
}

/// How often a node passes `point` before it has anything to replay: it takes its own LUN, replays
/// nothing, and when its partner mirrors claims an epoch once more and writes that down.
std::uint64_t passes_of_a_start(const std::string& point) {
  if (point.find("medium.mount.claim") != std::string::npos) return 2;
  if (counts_parts(point)) return 0;
  for (const char* once : {":take.mount", ":take.replay", ":take.attach", "medium.mount.",
                           "medium.flush.applied", ":replay."}) {
    if (point.find(once) != std::string::npos) return 1;
  }
  return 0;
}

/// The clients of a round ask for nothing that is kept as a property; PosixCrash kills there.
bool needs_properties(const FaultPoint& point) {
  return point.name.starts_with("medium.flush.properties");
}

bool is_in_a_flush(const FaultPoint& point) {
  const bool flush = point.name.starts_with("flush.") || point.name.starts_with("medium.flush.");
  return flush && !needs_properties(point);
}

/// An intent is written for a client's operation that has no copy elsewhere.
bool needs_no_mirror(const FaultPoint& point) {
  return point.name.starts_with("medium.flush.intent");
}

std::vector<std::string> points(bool (*wanted)(const FaultPoint&)) {
  std::vector<std::string> names;
  for (const FaultPoint& point : fault_points()) {
    if (wanted(point))
      names.push_back(std::string(to_string(point.layer)) + ":" + std::string(point.name));
  }
  return names;
}

void count(Round& round, const Load& load) {
  round.acknowledged = load.acknowledged();
  round.refused = load.refused();
  round.unanswered = load.unanswered();
  round.waited_ms = load.longest_wait().count();
}

void keep_logs(Round& round, Pair& pair) {
  pair.keep();
  round.wrong += "logs: " + (pair.directory() / "cluster" / "log").string() + "\n";
}

/// False, and the round is over, when the pair does not come up.
bool start(Round& round, Pair& pair) {
  if (pair.start_mirrored(round.what)) return true;
  round.wrong = "the pair does not start\n";
  keep_logs(round, pair);
  return false;
}

/// Clients work until a dies at its place; when that is not passed, it is killed anywhere.
void work_until_killed(Round& round, Pair& pair, Load& load) {
  load.run([&] { return load.all_broken() || load.acknowledged() >= kOperations; });
  // What its clients hear of its end may precede the end of its processes.
  round.happened = pair.ended("a") || (load.all_broken() && pair.wait_for_end("a", 10));
  if (!round.happened) pair.kill("a");
  count(round, load);
}

/// The end of a round: what is there is right, and the survivor serves.
void finish(Round& round, Pair& pair, Load& load, const std::string& survivor,
            bool unmirrored = false) {
  if (round.wrong.empty()) round.wrong = load.contradictions();
  if (round.wrong.empty()) round.wrong = check_share(pair, load, survivor, unmirrored);
  if (round.wrong.empty()) {
    load.reconnect();
    load.run_operations(20);
    if (load.all_broken()) round.wrong = "the survivor does not serve\n";
    if (round.wrong.empty()) round.wrong = load.contradictions();
    if (round.wrong.empty()) round.wrong = check_share(pair, load, survivor);
  }
  const boost::json::object about = pair.node(survivor);
  if (const boost::json::value* last = about.if_contains("last_takeover")) {
    round.replayed = last->at("operations_replayed").to_number<std::int64_t>();
    round.takeover_ms = last->at("milliseconds").to_number<std::int64_t>();
  }
  if (round.wrong.empty()) return;
  round.wrong += load.history();
  keep_logs(round, pair);
}

}  // namespace

const std::vector<std::string>& lone_flush_points() {
  static const std::vector<std::string> kPoints = points(is_in_a_flush);
  return kPoints;
}

const std::vector<std::string>& flush_points() {
  static const std::vector<std::string> kPoints = points(
      [](const FaultPoint& point) { return is_in_a_flush(point) && !needs_no_mirror(point); });
  return kPoints;
}

const std::vector<std::string>& takeover_points() {
  static const std::vector<std::string> kPoints = points([](const FaultPoint& point) {
    // What is removed is removed behind the replay's end, if at all.
    if (is_in_a_flush(point))
      return !needs_no_mirror(point) && point.name.find("remove") == std::string_view::npos;
    return point.name.starts_with("medium.mount.") || point.name.starts_with("replay.") ||
           point.name.starts_with("take.");
  });
  return kPoints;
}

std::string check_share(const Pair& pair, Load& load, const std::string& flushed_at,
                        bool unmirrored) {
  std::string error;
  const auto served = read_share(pair.server("a", "share0"), kTakeoverPatience, error);
  if (!served) return "share0 is not served at a's address: " + error + "\n";
  const std::string wrong = load.judge(*served, unmirrored);
  if (!wrong.empty()) return "served:\n" + wrong;
  load.settle(*served);
  if (!pair.wait_until([&](const Pair& p) { return p.flushed(flushed_at); }, 20))
    return "node " + flushed_at + " never writes everything to the medium\n";
  const std::string on_medium = differences(*served, pair.host_tree("lun0"));
  return on_medium.empty() ? "" : "on the medium is not what is served:\n" + on_medium;
}

Round kill_in_flush(const std::string& point, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Round round;
  // The first pass of some places is that of the start.
  const std::uint64_t pass = 2 + random() % (counts_parts(point) ? 12 : 8);
  round.what = armed("a", point, "kill", pass);
  Pair pair(quick(true));
  if (!start(round, pair)) return round;
  Load load(pair.server("a", "share0"), kClients, seed);
  work_until_killed(round, pair, load);
  finish(round, pair, load, "b");
  return round;
}

Round kill_alone(const std::string& point, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Round round;
  // Every operation is flushed before it is answered, so places are passed often; some times before
  // the first one, too, when it is still the partner that has what is missing. Few objects go.
  const bool seldom = point.find(".remove") != std::string::npos;
  round.what = armed("a", point, "kill", seldom ? 1 + random() % 3 : 8 + random() % 5);
  Pair pair(quick(true));
  if (!start(round, pair)) return round;
  pair.kill("b");
  Load load(pair.server("a", "share0"), kClients, seed);
  work_until_killed(round, pair, load);
  pair.start("a");
  finish(round, pair, load, "a", true);
  return round;
}

Round kill_in_replay(const std::string& point, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Round round;
  const std::uint64_t parts = counts_parts(point) ? random() % 3 : 0;
  round.what = armed("b", point, "kill", 1 + passes_of_a_start(point) + parts);
  Pair pair(quick(random() % 2 == 0));
  if (!start(round, pair)) return round;
  Load load(pair.server("a", "share0"), kClients, seed);
  const std::size_t operations = 40 + random() % 60;
  load.run([&] {
    if (load.acknowledged() < operations) return load.all_broken();
    pair.kill("a");  // while clients wait for it
    return true;
  });
  pair.wait_until([&](const Pair&) { return pair.ended("b") || pair.serves("b", "lun0"); }, 20);
  round.happened = pair.ended("b");
  if (!round.happened) pair.kill("b");
  pair.start("b");
  count(round, load);
  finish(round, pair, load, "b");
  return round;
}

Round wake_old_owner(const std::string& point, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Round round;
  round.what = armed("a", point, "hang", 2 + random() % (counts_parts(point) ? 12 : 8));
  Pair pair(quick(true));
  if (!start(round, pair)) return round;
  const auto old_owner = pair.processes("a");
  Load load(pair.server("a", "share0"), kClients, seed);
  load.run([&] {
    round.happened = process_state(old_owner.at("fs_cache")) == 'T';
    if (!round.happened && load.acknowledged() < kOperations) return load.all_broken();
    pair.signal("a", SIGSTOP);
    return true;
  });
  count(round, load);
  if (!pair.wait_until([](const Pair& p) { return p.owns("b", "lun0"); }, 20))
    round.wrong = "the survivor does not take over\n";
  if (round.wrong.empty()) round.wrong = load.contradictions();
  if (round.wrong.empty()) round.wrong = check_share(pair, load, "b");
  if (round.wrong.empty()) {
    load.reconnect();
    load.run_operations(40);  // over what the old owner was writing
  }
  for (const auto& [layer, pid] : old_owner) ::kill(pid, SIGCONT);
  if (!pair.wait_for_end("a", 10)) round.wrong += "the old owner lives\n";
  finish(round, pair, load, "b");
  return round;
}

}  // namespace understudy
