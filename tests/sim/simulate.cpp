// simulate: runs histories of the simulated cluster and says which rule broke (docs/simulator.md).
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <numeric>
#include <thread>

#include "iomgr/mutant.h"
#include "tests/sim/recorder.h"
#include "tests/sim/report.h"
#include "tests/sim/shrink.h"

namespace understudy::sim {
namespace {

// So many histories must have met every "sometimes" point.
constexpr std::uint64_t kAllMarksIn = 20'000;
constexpr std::uint64_t kMostForAMutant = 20'000;

struct Wishes {
  std::uint64_t seeds = 1000;
  std::uint64_t first = 1;
  std::string fresh;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  std::uint64_t seed = 0;
  std::string replay;
  std::string trace;
  std::string record;
  std::string save;
  bool shrink = false;
  bool json = false;
  std::string mutant;
  bool mutants = false;
};

/// FNV-1a: a number out of a text.
std::uint64_t number_of(const std::string& text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3;
  return hash & 0xFFFF'FFFF'FFFF;
}

std::vector<std::uint64_t> seeds_of(const Wishes& wishes) {
  std::vector<std::uint64_t> seeds(wishes.seeds);
  const std::uint64_t known = wishes.fresh.empty() ? wishes.seeds : wishes.seeds / 2;
  const auto middle = seeds.begin() + static_cast<std::ptrdiff_t>(known);
  std::iota(seeds.begin(), middle, wishes.first);
  if (middle != seeds.end()) {
    std::iota(middle, seeds.end(), number_of(wishes.fresh));
    std::cout << "Fresh seeds from " << *middle << " on, of '" << wishes.fresh << "'\n";
  }
  return seeds;
}

int run_one(const Wishes& wishes, Plan plan) {
  std::ofstream trace;
  if (!wishes.trace.empty()) trace.open(wishes.trace);
  std::string wrong;
  const auto run = [&](const Plan& what) {
    std::unique_ptr<Recorder> recorder;
    World world(what, [&](const Event& event) {
      if (trace.is_open()) trace << event_to_json(event) << '\n';
      if (recorder) recorder->take(event);
    });
    if (!wishes.record.empty()) recorder = Recorder::start(world, wishes.record, wrong);
    Outcome outcome = world.run();
    if (recorder) wrong = recorder->wrong();
    return outcome;
  };
  Outcome outcome = run(plan);
  if (wishes.shrink && !outcome.findings.empty()) {
    Shrunk shrunk = shrink(std::move(plan), outcome.findings.front().rule);
    std::cout << "Cut down in " << shrunk.runs << " runs.\n";
    plan = std::move(shrunk.plan);
    if (trace.is_open()) {
      trace.close();
      trace.open(wishes.trace);
    }
    outcome = run(plan);
  }
  if (!wishes.save.empty()) std::ofstream(wishes.save) << to_json(plan) << '\n';
  print_history(std::cout, plan, outcome);
  std::cout << "Hash of everything that happened: " << outcome.hash << '\n';
  if (!wrong.empty()) {
    std::cerr << "simulate: " << wrong << '\n';
    return 2;
  }
  return outcome.findings.empty() ? 0 : 1;
}

int run_many(const Wishes& wishes) {
  const Batch batch = run_batch(seeds_of(wishes), wishes.jobs);
  const bool all_marks = batch.histories >= kAllMarksIn && wishes.mutant.empty();
  if (wishes.json) {
    std::cout << batch_to_json(batch) << '\n';
  } else {
    print_batch(std::cout, batch, all_marks);
  }
  const bool missed = all_marks && !missed_marks(batch).empty();
  if (missed) std::cerr << "simulate: some situations never arose, see NEVER above\n";
  return batch.failures.empty() && !missed ? 0 : 1;
}

int run_mutants(const Wishes& wishes) {
  std::vector<std::string> names;
  for (const MutantFacts& facts : all_mutants()) names.emplace_back(facts.name);
  const std::uint64_t most = std::min(wishes.seeds, kMostForAMutant);
  const auto caught = catch_mutants(names, wishes.first, most, wishes.jobs);
  print_mutants(std::cout, caught);
  const bool all = std::all_of(caught.begin(), caught.end(),
                               [](const auto& each) { return each.second.named_seeds != 0; });
  return all ? 0 : 1;
}

int run(const Wishes& wishes) {
  if (wishes.mutants) return run_mutants(wishes);
  if (!wishes.mutant.empty()) {
    const auto mutant = mutant_named(wishes.mutant);
    if (!mutant) {
      std::cerr << "simulate: there is no mutant '" << wishes.mutant << "'\n";
      return 2;
    }
    plant(*mutant);
  }
  if (!wishes.replay.empty()) {
    std::ifstream file(wishes.replay);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    std::string error;
    auto plan = plan_from_json(text, error);
    if (!plan) {
      std::cerr << "simulate: " << wishes.replay << " is no plan: " << error << '\n';
      return 2;
    }
    return run_one(wishes, std::move(*plan));
  }
  return wishes.seed != 0 ? run_one(wishes, draw_plan(wishes.seed)) : run_many(wishes);
}

}  // namespace
}  // namespace understudy::sim

int main(int argc, char** argv) {
  understudy::sim::Wishes wishes;
  CLI::App app(
      "Runs histories of a simulated cluster: the real layers of two nodes, with clients, "
      "faults and virtual time, and checks the twelve rules of docs/design.md. Exit code 1 "
      "if a rule broke.");
  app.add_option("--seeds", wishes.seeds, "how many histories")->capture_default_str();
  app.add_option("--first", wishes.first, "the first seed")->capture_default_str();
  app.add_option("--fresh", wishes.fresh, "take half of the seeds from this text instead");
  app.add_option("--jobs", wishes.jobs, "processes")
      ->check(CLI::Range(1U, 1024U))
      ->capture_default_str();
  app.add_option("--seed", wishes.seed, "run one history and tell it");
  app.add_option("--replay", wishes.replay, "run the plan in this file and tell it");
  app.add_flag("--shrink", wishes.shrink, "cut a history that breaks a rule down first");
  app.add_option("--save", wishes.save, "write the plan to this file, for --replay");
  app.add_option("--trace", wishes.trace,
                 "write what happened to this file, one JSON object a line");
  app.add_option("--record", wishes.record,
                 "write every trace point of --seed or --replay to this file, for stepper --open");
  app.add_flag("--json", wishes.json, "the sum as JSON");
  app.add_option("--mutant", wishes.mutant, "plant this bug first");
  app.add_flag(
      "--mutants", wishes.mutants,
      "plant each bug in turn and print which rule caught it, in at most --seeds histories");
  CLI11_PARSE(app, argc, argv);
  return understudy::sim::run(wishes);
}
