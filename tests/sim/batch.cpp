#include "tests/sim/batch.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdio>

#include "iomgr/check.h"
#include "iomgr/mutant.h"
#include "tests/sim/world.h"

namespace understudy::sim {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kRepeatOneIn = 100;
constexpr std::size_t kMostFailures = 50;

struct Progress {
  std::uint64_t item = 0;   // index of what it is busy with, plus 1
  std::uint64_t seeds = 0;  // of this item
};

/// A process that does a share of the work and says what came of it, one JSON object a line. It
/// writes down how far it is where its parent can read it when it has died.
struct Worker {
  pid_t pid = 0;
  FILE* answers = nullptr;
  volatile Progress* progress = nullptr;
};

using Share = std::function<void(Progress from, volatile Progress& progress, FILE* answers)>;

Worker start_worker(const Share& share, Progress from) {
  Worker worker;
  void* const shared =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  UNDERSTUDY_CHECK(shared != MAP_FAILED);
  worker.progress = static_cast<volatile Progress*>(shared);
  std::array<int, 2> ends{};
  UNDERSTUDY_CHECK(pipe(ends.data()) == 0);
  std::fflush(nullptr);
  worker.pid = fork();
  UNDERSTUDY_CHECK(worker.pid >= 0);
  if (worker.pid == 0) {
    close(ends[0]);
    FILE* const out = fdopen(ends[1], "w");
    share(from, *worker.progress, out);
    std::fclose(out);
    _exit(0);
  }
  close(ends[1]);
  worker.answers = fdopen(ends[0], "r");
  return worker;
}

void say(FILE* answers, const json::object& object) {
  std::fprintf(answers, "%s\n", json::serialize(object).c_str());
  std::fflush(answers);
}

/// Reads a worker's answers to their end. True if it ended as it should.
bool finish(Worker& worker, const std::function<void(const json::object&)>& take) {
  char* line = nullptr;
  std::size_t room = 0;
  while (getline(&line, &room, worker.answers) > 0) take(json::parse(line).as_object());
  std::free(line);
  std::fclose(worker.answers);
  int status = 0;
  waitpid(worker.pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

json::object failure_of(std::uint64_t seed, int rule, const std::string& text) {
  return {{"failure", {{"seed", seed}, {"rule", rule}, {"text", text}}}};
}

/// One history, added to `sum`; what is wrong with it goes to `answers`.
void run_one(std::uint64_t seed, Batch& sum, FILE* answers) {
  const Outcome outcome = World(draw_plan(seed)).run();
  ++sum.histories;
  sum.operations += outcome.operations;
  sum.faults += outcome.faults;
  sum.takeovers += outcome.took_over ? 1 : 0;
  for (const auto& [name, count] : outcome.marks) sum.marks[name] += count;
  if (!outcome.findings.empty())
    say(answers, failure_of(seed, outcome.findings.front().rule, outcome.findings.front().text));
  if (seed % kRepeatOneIn != 0) return;
  ++sum.repeated;
  if (World(draw_plan(seed)).run().hash != outcome.hash)
    say(answers, failure_of(seed, kNotRepeatable, "a second run of it went another way"));
}

json::object to_json(const Batch& sum) {
  json::object marks;
  for (const auto& [name, count] : sum.marks) marks[name] = count;
  return {{"histories", sum.histories}, {"operations", sum.operations},
          {"faults", sum.faults},       {"takeovers", sum.takeovers},
          {"repeated", sum.repeated},   {"marks", std::move(marks)}};
}

void add(Batch& sum, const json::object& answer) {
  if (const json::value* const failure = answer.if_contains("failure")) {
    const json::object& what = failure->as_object();
    if (sum.failures.size() < kMostFailures)
      sum.failures.push_back({what.at("seed").to_number<std::uint64_t>(),
                              what.at("rule").to_number<int>(),
                              std::string(what.at("text").as_string())});
    return;
  }
  sum.histories += answer.at("histories").to_number<std::uint64_t>();
  sum.operations += answer.at("operations").to_number<std::uint64_t>();
  sum.faults += answer.at("faults").to_number<std::uint64_t>();
  sum.takeovers += answer.at("takeovers").to_number<std::uint64_t>();
  sum.repeated += answer.at("repeated").to_number<std::uint64_t>();
  for (const auto& [name, count] : answer.at("marks").as_object())
    sum.marks[std::string(name)] += count.to_number<std::uint64_t>();
}

double cpu_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Batch run_batch(const std::vector<std::uint64_t>& seeds, unsigned jobs) {
  const double cpu_before = cpu_of_children();
  Batch sum;
  const Share share = [&](Progress from, volatile Progress& progress, FILE* answers) {
    // Told every now and then, so that the death of the process loses no more.
    constexpr std::uint64_t kTellEvery = 200;
    Batch part;
    for (std::uint64_t i = from.item; i < seeds.size(); i += jobs) {
      progress.item = i + 1;
      run_one(seeds[i], part, answers);
      if (part.histories < kTellEvery) continue;
      say(answers, to_json(part));
      part = {};
    }
    say(answers, to_json(part));
  };
  std::vector<Worker> workers;
  for (unsigned job = 0; job < jobs; ++job) workers.push_back(start_worker(share, {job, 0}));
  for (unsigned job = 0; job < jobs; ++job) {
    Worker& worker = workers[job];
    while (!finish(worker, [&](const json::object& answer) { add(sum, answer); })) {
      const std::uint64_t died_at = worker.progress->item;
      UNDERSTUDY_CHECK(died_at > 0);
      sum.failures.push_back(
          {seeds.at(died_at - 1), kCrash, "the process died: a bugcheck or worse"});
      worker = start_worker(share, {died_at - 1 + jobs, 0});
    }
  }
  sum.cpu_seconds = cpu_of_children() - cpu_before;
  return sum;
}

namespace {

/// `done` seeds have been looked at before; the last of them ended the process.
Catch catch_one(const MutantFacts& facts, std::uint64_t first, std::uint64_t done,
                std::uint64_t most, volatile Progress& progress) {
  plant(facts.mutant);
  Catch caught;
  for (++done; done <= most; ++done) {
    progress.seeds = done;
    const Outcome outcome = World(draw_plan(first + done - 1)).run();
    if (outcome.findings.empty()) continue;
    if (caught.seeds == 0) {
      caught.seeds = done;
      caught.rule = outcome.findings.front().rule;
    }
    for (const Finding& finding : outcome.findings) {
      if (finding.rule == facts.rule) caught.named_seeds = done;
    }
    if (caught.named_seeds != 0) break;
  }
  return caught;
}

}  // namespace

std::map<std::string, Catch> catch_mutants(const std::vector<std::string>& names,
                                           std::uint64_t first, std::uint64_t most, unsigned jobs) {
  std::map<std::string, Catch> caught;
  const Share share = [&](Progress from, volatile Progress& progress, FILE* answers) {
    for (std::uint64_t i = from.item; i < names.size(); i += jobs) {
      const std::uint64_t done = i == from.item ? from.seeds : 0;
      progress.item = i + 1;
      for (const MutantFacts& facts : all_mutants()) {
        if (facts.name != names[i]) continue;
        const Catch one = catch_one(facts, first, done, most, progress);
        say(answers, {{"name", names[i]},
                      {"seeds", one.seeds},
                      {"rule", one.rule},
                      {"named_seeds", one.named_seeds}});
      }
    }
  };
  std::vector<Worker> workers;
  for (unsigned job = 0; job < jobs; ++job) workers.push_back(start_worker(share, {job, 0}));
  for (Worker& worker : workers) {
    const auto take = [&](const json::object& answer) {
      Catch& one = caught[std::string(answer.at("name").as_string())];
      if (one.seeds == 0) {  // else a bugcheck came first
        one.seeds = answer.at("seeds").to_number<std::uint64_t>();
        one.rule = answer.at("rule").to_number<int>();
      }
      one.named_seeds = answer.at("named_seeds").to_number<std::uint64_t>();
    };
    while (!finish(worker, take)) {
      const std::uint64_t died_at = worker.progress->item;
      UNDERSTUDY_CHECK(died_at > 0);
      // A bugcheck catches it, too; the rule that it is named for is still looked for.
      Catch& one = caught[names.at(died_at - 1)];
      if (one.seeds == 0) one = {worker.progress->seeds, kCrash, 0};
      worker = start_worker(share, {died_at - 1, worker.progress->seeds});
    }
  }
  return caught;
}

}  // namespace understudy::sim
