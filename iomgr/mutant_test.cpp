#include "iomgr/mutant.h"

#include <gtest/gtest.h>

#include <set>

namespace understudy {
namespace {

TEST(Mutants, NoneIsPlantedInANode) {
  EXPECT_TRUE(planted(Mutant::none));
}

TEST(Mutants, AreFortyAndMoreEachWithItsNameARuleAndASentence) {
  std::set<std::string_view> names;
  for (const MutantFacts& facts : all_mutants()) {
    names.insert(facts.name);
    EXPECT_EQ(mutant_named(facts.name), facts.mutant);
    EXPECT_GE(facts.rule, 1) << facts.name;
    EXPECT_LE(facts.rule, 12) << facts.name;
    EXPECT_FALSE(facts.text.empty()) << facts.name;
    EXPECT_FALSE(planted(facts.mutant)) << facts.name;
  }
  EXPECT_EQ(names.size(), all_mutants().size());
  EXPECT_GE(names.size(), 40U);
  EXPECT_EQ(mutant_named("no such bug"), std::nullopt);
}

}  // namespace
}  // namespace understudy
