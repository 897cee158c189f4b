// A sample of histories, and that the simulator itself can be trusted: it repeats itself, plans
// survive being written down, and what breaks is found and cut down.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "iomgr/mutant.h"
#include "tests/sim/report.h"
#include "tests/sim/shrink.h"

namespace understudy::sim {
namespace {

std::string told(const Plan& plan, const Outcome& outcome) {
  std::ostringstream text;
  print_history(text, plan, outcome);
  return text.str();
}

class Planted {
 public:
  explicit Planted(Mutant mutant) { plant(mutant); }
  ~Planted() { plant(Mutant::none); }
};

TEST(Simulator, HistoriesKeepAllRules) {
  std::uint64_t takeovers = 0;
  constexpr std::uint64_t kHistories = 200;
  for (std::uint64_t seed = 1; seed <= kHistories; ++seed) {
    const Plan plan = draw_plan(seed);
    const Outcome outcome = World(plan).run();
    EXPECT_TRUE(outcome.findings.empty()) << told(plan, outcome);
    takeovers += outcome.took_over ? 1 : 0;
  }
  EXPECT_GT(takeovers, kHistories / 2);
}

/// Histories that have broken a rule once, cut down, and must not again.
TEST(Simulator, PlansThatOnceBrokeARuleKeepThemAll) {
  std::size_t plans = 0;
  for (const auto& entry : std::filesystem::directory_iterator(UNDERSTUDY_SIM_PLANS)) {
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    std::string error;
    const auto plan = plan_from_json(text, error);
    ASSERT_TRUE(plan.has_value()) << entry.path() << ": " << error;
    const Outcome outcome = World(*plan).run();
    EXPECT_TRUE(outcome.findings.empty()) << entry.path() << ": " << told(*plan, outcome);
    ++plans;
  }
  EXPECT_GT(plans, 0U);
}

TEST(Simulator, TheSameSeedIsTheSameHistory) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::uint64_t hash = World(draw_plan(seed)).run().hash;
    EXPECT_EQ(World(draw_plan(seed)).run().hash, hash) << seed;
    Plan other = draw_plan(seed);
    other.schedule += 2;
    EXPECT_NE(World(other).run().hash, hash) << seed;
  }
}

TEST(Simulator, APlanThatWasWrittenDownIsTheSamePlan) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Plan plan = draw_plan(seed);
    const std::string text = boost::json::serialize(to_json(plan));
    std::string error;
    const auto read = plan_from_json(text, error);
    ASSERT_TRUE(read.has_value()) << error;
    EXPECT_EQ(boost::json::serialize(to_json(*read)), text);
    if (seed <= 5) {
      EXPECT_EQ(World(*read).run().hash, World(plan).run().hash);
    }
  }
}

TEST(Simulator, WhatIsNoPlanIsRefusedWithAReason) {
  for (const char* text : {"", "{}", "[1]", R"({"seed": 1, "schedule": 1, "settings": {},
       "clients": [{"operations": [{"do": "dance"}]}], "faults": []})"}) {
    std::string error;
    EXPECT_FALSE(plan_from_json(text, error).has_value()) << text;
    EXPECT_FALSE(error.empty()) << text;
  }
}

TEST(Simulator, APlantedBugIsCaughtAndCutDown) {
  const Planted bug(Mutant::acknowledge_before_mirrored);
  std::uint64_t seed = 1;
  while (World(draw_plan(seed)).run().findings.empty()) ASSERT_LT(++seed, 100U);
  const Plan plan = draw_plan(seed);
  const int rule = World(plan).run().findings.front().rule;
  const Shrunk shrunk = shrink(plan, rule);
  EXPECT_TRUE(breaks(shrunk.outcome, rule));
  EXPECT_LE(shrunk.plan.operations(), 12U) << told(shrunk.plan, shrunk.outcome);
  EXPECT_LE(shrunk.plan.faults.size(), 3U) << told(shrunk.plan, shrunk.outcome);
}

}  // namespace
}  // namespace understudy::sim
