// torture: the long run. Kills and stops nodes of real pairs at named places while real clients
// work, and says of every round whether something was lost. tools/torture builds and runs it.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <iostream>

#include "tests/real/recovery.h"
#include "tests/real/rounds.h"

namespace understudy {
namespace {

namespace json = boost::json;

struct Options {
  int flush = 50;
  int replay = 50;
  int alone = 0;
  int stopped = 0;
  int recovery = 0;
  std::uint64_t seed = 1;
  std::string only;
  bool json = false;
};

struct Kind {
  const char* name;
  const std::vector<std::string>& points;
  Round (*play)(const std::string& point, std::uint64_t seed);
  int wanted;
};

struct Sum {
  int rounds = 0;
  int happened = 0;
  int lost = 0;
  std::size_t acknowledged = 0;
  std::size_t refused = 0;
  std::size_t unanswered = 0;
  std::int64_t replayed = 0;
};

void print(const char* kind, std::uint64_t seed, const Round& round, double seconds) {
  std::cout << kind << " seed " << seed << "  " << round.what << "  "
            << (round.happened ? "" : "(place not passed, killed anyway)  ") << round.acknowledged
            << " acknowledged, " << round.refused << " refused, " << round.unanswered
            << " unanswered, " << round.replayed << " replayed in " << round.takeover_ms
            << " ms, waited " << round.waited_ms << " ms  " << std::fixed << std::setprecision(1)
            << seconds << " s  " << (round.wrong.empty() ? "ok" : "WRONG\n" + round.wrong)
            << std::endl;
}

void add(Sum& sum, const Round& round) {
  ++sum.rounds;
  sum.happened += round.happened ? 1 : 0;
  sum.lost += round.wrong.empty() ? 0 : 1;
  sum.acknowledged += round.acknowledged;
  sum.refused += round.refused;
  sum.unanswered += round.unanswered;
  sum.replayed += round.replayed;
}

/// Rounds until so many hit their place. A place that is passed too rarely does not stop it.
Sum play(const Kind& kind, std::uint64_t seed, const std::string& only) {
  Sum sum;
  std::vector<std::string> points;
  for (const std::string& point : kind.points) {
    if (point.find(only) != std::string::npos) points.push_back(point);
  }
  if (points.empty()) return sum;
  for (; sum.happened < kind.wanted && sum.rounds < 2 * kind.wanted; ++seed) {
    const auto begun = std::chrono::steady_clock::now();
    const Round round = kind.play(points.at(seed % points.size()), seed);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    print(kind.name, seed, round, took.count());
    add(sum, round);
  }
  return sum;
}

std::string describe(const Sum& sum) {
  return std::to_string(sum.rounds) + " rounds, " + std::to_string(sum.happened) +
         " at their place, " + std::to_string(sum.acknowledged) + " operations acknowledged, " +
         std::to_string(sum.refused) + " refused, " + std::to_string(sum.unanswered) +
         " unanswered, " + std::to_string(sum.replayed) + " replayed; " + std::to_string(sum.lost) +
         " rounds with a loss";
}

json::object figures(const Sum& sum) {
  return {{"rounds", sum.rounds},
          {"at_their_place", sum.happened},
          {"acknowledged", sum.acknowledged},
          {"refused", sum.refused},
          {"unanswered", sum.unanswered},
          {"replayed", sum.replayed},
          {"lost", sum.lost}};
}

/// Failures one after the other. False if one was not recovered from.
bool recover(const char* name, Failure failure, int runs, json::object& summary) {
  std::vector<double> milliseconds;
  bool all = true;
  for (int number = 0; number < runs; ++number) {
    const Recovery recovery = measure_recovery(failure, number);
    all &= recovery.wrong.empty();
    std::cout << name << " " << number << "  "
              << (recovery.wrong.empty() ? std::to_string(recovery.seconds) + " s"
                                         : "WRONG " + recovery.wrong)
              << std::endl;
    if (recovery.wrong.empty()) milliseconds.push_back(recovery.seconds * 1000);
  }
  if (milliseconds.empty()) return all;
  summary[name] = json::object{{"runs", milliseconds.size()},
                               {"median_ms", std::lround(quantile(milliseconds, 0.5))},
                               {"p99_ms", std::lround(quantile(milliseconds, 0.99))},
                               {"max_ms", std::lround(quantile(milliseconds, 1))}};
  return all;
}

int run(const Options& options) {
  const Kind kinds[] = {{"flush", flush_points(), kill_in_flush, options.flush},
                        {"replay", takeover_points(), kill_in_replay, options.replay},
                        {"alone", lone_flush_points(), kill_alone, options.alone},
                        {"stopped", flush_points(), wake_old_owner, options.stopped}};
  bool right = true;
  json::object summary;
  std::string text;
  for (const Kind& kind : kinds) {
    const Sum sum = play(kind, options.seed, options.only);
    right &= sum.lost == 0;
    if (sum.rounds == 0) continue;
    text += std::string(kind.name) + ": " + describe(sum) + "\n";
    summary[kind.name] = figures(sum);
  }
  json::object recovery;
  right &= recover("node_killed", Failure::node_killed, options.recovery, recovery);
  right &= recover("layer_hung", Failure::layer_hung, options.recovery, recovery);
  right &= recover("node_hung", Failure::node_hung, options.recovery, recovery);
  right &= recover("storage_hung", Failure::storage_hung, options.recovery, recovery);
  for (const auto& [name, times] : recovery)
    text += std::string(name) + ": " + json::serialize(times) + "\n";
  if (!recovery.empty()) summary["recovery"] = recovery;
  std::cout << text;
  if (options.json) std::cout << json::serialize(summary) << std::endl;
  return right ? 0 : 1;
}

}  // namespace
}  // namespace understudy

int main(int count, char** arguments) {
  understudy::Options options;
  CLI::App app(
      "Kills and stops nodes of real pairs while real SMB clients work, and checks what is there "
      "afterwards.");
  app.add_option("--flush", options.flush, "Kills of the owner in the middle of a flush")
      ->capture_default_str();
  app.add_option("--replay", options.replay, "Kills of the survivor in the middle of its takeover")
      ->capture_default_str();
  app.add_option("--alone", options.alone, "Kills of an owner in a flush that has no partner")
      ->capture_default_str();
  app.add_option("--stopped", options.stopped,
                 "Owners stopped in a flush, and woken after the takeover")
      ->capture_default_str();
  app.add_option("--recovery", options.recovery,
                 "Measures the time to the first answer, so often for each kind of failure")
      ->capture_default_str();
  app.add_flag("--json", options.json, "The summary as JSON on the last line");
  app.add_option("--seed", options.seed, "Of the first round of each kind; the next has one more")
      ->capture_default_str();
  app.add_option("--only", options.only, "Only places with this in their name");
  CLI11_PARSE(app, count, arguments);
  return understudy::run(options);
}
