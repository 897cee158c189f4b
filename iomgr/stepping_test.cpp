#include "iomgr/stepping.h"

#include <gtest/gtest.h>

namespace understudy {
namespace {

using std::chrono::seconds;

TEST(VirtualClock, StandsWhileItIsStoppedAndGoesOnWhereItStood) {
  VirtualClock clock{};
  Time real = seconds(100);
  const auto now = [&] { return clock.now([&] { return real; }); };
  EXPECT_EQ(now(), seconds(100));
  clock.stop(real);
  real = seconds(160);
  EXPECT_TRUE(clock.stopped());
  EXPECT_EQ(now(), seconds(100));
  clock.stop(real);  // it stands already
  clock.start(real);
  EXPECT_EQ(now(), seconds(100));
  real = seconds(165);
  EXPECT_EQ(now(), seconds(105));
  clock.start(real);  // it runs already
  clock.stop(real);
  real = seconds(170);
  clock.start(real);
  real = seconds(171);
  EXPECT_EQ(now(), seconds(106));
}

TEST(FieldsOfAnIrp, AreSetWhereItHasThemAndTheNumberFits) {
  Irp irp{};
  irp.major = Major::read;
  for (const char* const field : {"lun", "lsn", "epoch", "open", "status", "offset", "length"})
    EXPECT_EQ(set_field(irp, field, 17), "") << field;
  EXPECT_EQ(irp.lun, 17U);
  EXPECT_EQ(irp.read.length, 17U);
  EXPECT_EQ(set_field(irp, "lsn", UINT64_MAX), "");
  for (const char* const field : {"lun", "status", "length"})
    EXPECT_NE(set_field(irp, field, std::uint64_t{1} << 32), "") << field;
  for (const char* const field : {"id", "tag", "major", "payload_bytes", "issuer", ""})
    EXPECT_NE(set_field(irp, field, 1), "") << field;
  irp.major = Major::write;
  EXPECT_EQ(set_field(irp, "offset", 4096), "");
  EXPECT_EQ(irp.write.offset, 4096U);
  EXPECT_NE(set_field(irp, "length", 1), "");
  irp.major = Major::close;
  EXPECT_NE(set_field(irp, "offset", 1), "");
}

TEST(StepFilter, WantsStepsHopsAndAnOperationWhereverItIs) {
  StepFilter filter{};
  TraceEntry step{};
  step.step = Step::s408;
  step.irp = 7;
  step.lun = 1;
  step.lsn = 5;
  TraceEntry hop{};
  hop.hop = Hop::message_in;
  EXPECT_FALSE(filter.wants(step));
  filter.steps = step_bit(Step::s408);
  EXPECT_TRUE(filter.wants(step));
  EXPECT_FALSE(filter.wants(hop)) << "its step is none";
  filter.steps = step_bit(Step::s410);
  EXPECT_FALSE(filter.wants(step));
  filter.hops = 1U << static_cast<unsigned>(Hop::message_in);
  EXPECT_TRUE(filter.wants(hop));
  filter.follow_irp = 7;
  EXPECT_TRUE(filter.wants(step));
  filter.follow_irp = 8;
  filter.follow_lsn = 5;
  EXPECT_FALSE(filter.wants(step)) << "another LUN's";
  filter.lun = 1;
  EXPECT_TRUE(filter.wants(step));
}

TEST(StepBit, IsAnotherOneForEveryStep) {
  std::uint64_t all = 0;
#define UNDERSTUDY_ONE_BIT(number, text)               \
  EXPECT_EQ(all& step_bit(Step::s##number), 0U);       \
  EXPECT_NE(step_bit(Step::s##number), 0U) << #number; \
  all |= step_bit(Step::s##number);
  UNDERSTUDY_STEP_TABLE(UNDERSTUDY_ONE_BIT)
#undef UNDERSTUDY_ONE_BIT
  EXPECT_EQ(step_bit(Step{}), 0U);
}

}  // namespace
}  // namespace understudy
