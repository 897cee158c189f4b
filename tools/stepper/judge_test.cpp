#include "tools/stepper/judge.h"

#include <gtest/gtest.h>

#include "tools/stepper/ledger.h"

namespace understudy::stepper {
namespace {

Point at(Step step) {
  Point point;
  point.node = "a";
  point.entry.layer = Layer::ff_driver;
  point.entry.step = step;
  point.entry.lsn = 5;
  return point;
}

/// One acknowledged operation with its copies at these nodes.
Ledger ledger_with(const std::vector<std::string>& cached, const std::vector<std::string>& mirrored,
                   bool acknowledged = true) {
  LedgerLun lun;
  lun.entries.push_back({2, 5, "write", cached, mirrored, acknowledged});
  return {{lun}};
}

TEST(BrokenRule, IsAnAcknowledgedOperationThatOneFailureWouldLose) {
  const std::vector<std::string> nodes = {"a", "b"};
  EXPECT_EQ(broken_rule(ledger_with({"a"}, {"b"}), nodes), "");
  EXPECT_EQ(broken_rule(ledger_with({"a"}, {}, false), nodes), "");
  EXPECT_EQ(broken_rule({}, nodes), "");
  EXPECT_EQ(broken_rule(ledger_with({"a"}, {}), nodes),
            "rule 1: lun 0 lsn 5 is acknowledged and would be lost with the machine of a");
  Ledger two = ledger_with({}, {"b"});
  two.luns.push_back(two.luns.front());
  two.luns.back().lun = 1;
  EXPECT_EQ(broken_rule(two, nodes),
            "rule 1: lun 0 lsn 5 and 1 more are acknowledged and would be lost with the machine "
            "of b");
}

TEST(BrokenRule, StopsWhereTheLedgerTellsOfItAndIsAskedForOnlyWhereItMayHaveBroken) {
  Judge judge;
  int asked = 0;
  Ledger ledger = ledger_with({"a"}, {"b"});
  judge.broken_rule = [&] {
    ++asked;
    return broken_rule(ledger, {"a", "b"});
  };
  EXPECT_FALSE(judge.judge(at(Step::s412)));
  EXPECT_EQ(asked, 0) << "there is no breakpoint on it";
  Breakpoint breakpoint;
  breakpoint.rule = true;
  breakpoint.steps = kRuleSteps;
  judge.add(breakpoint);
  const int number = judge.add(breakpoint);
  EXPECT_FALSE(judge.judge(at(Step::s408)));
  EXPECT_EQ(asked, 0);
  EXPECT_FALSE(judge.judge(at(Step::s412)));
  EXPECT_EQ(asked, 1) << "once for both";
  ledger = ledger_with({"a"}, {});
  const auto stop = judge.judge(at(Step::s412));
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->why, Stop::Why::rule);
  EXPECT_EQ(stop->breakpoint, 1);
  EXPECT_TRUE(stop->text.starts_with("rule 1: lun 0 lsn 5 ")) << stop->text;
  EXPECT_TRUE(judge.remove(1));
  EXPECT_TRUE(judge.remove(number));
  EXPECT_FALSE(judge.judge(at(Step::s412)));
}

TEST(BrokenRule, IsToldThoughAnotherBreakpointStopsThereToo) {
  Judge judge;
  judge.broken_rule = [] { return std::string("rule 1"); };
  Breakpoint step;
  step.steps = step_bit(Step::s412);
  judge.add(step);
  Breakpoint rule;
  rule.rule = true;
  rule.steps = kRuleSteps;
  judge.add(rule);
  const auto stop = judge.judge(at(Step::s412));
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->why, Stop::Why::rule);
  EXPECT_EQ(stop->breakpoint, 2);
}

}  // namespace
}  // namespace understudy::stepper
