#include "tools/stepper/condition.h"

#include <gtest/gtest.h>

namespace understudy::stepper {
namespace {

std::optional<Value> field(std::string_view name) {
  if (name == "lun") return std::uint64_t{1};
  if (name == "lsn") return std::uint64_t{17};
  if (name == "major") return std::string("write");
  return std::nullopt;
}

std::optional<Condition> parse(std::string_view text, std::string& error) {
  return Condition::parse(
      text, [](std::string_view name) { return field(name).has_value(); }, error);
}

bool holds(std::string_view text) {
  std::string error;
  const auto condition = parse(text, error);
  EXPECT_TRUE(condition.has_value()) << text << ": " << error;
  return condition && condition->holds(field);
}

TEST(StepperCondition, ComparesFieldsAndJoinsWhatItFinds) {
  EXPECT_TRUE(holds("lun == 1"));
  EXPECT_TRUE(holds("lsn>=17"));
  EXPECT_TRUE(holds("lsn == 0x11"));
  EXPECT_FALSE(holds("lsn < 17"));
  EXPECT_TRUE(holds("major == write && lun != 0"));
  EXPECT_TRUE(holds("major == \"write\""));
  EXPECT_TRUE(holds("lun == 2 || lsn > 16"));
  EXPECT_TRUE(holds("lun == 1 || lun == 2 && lsn == 0")) << "&& binds closer";
  EXPECT_FALSE(holds("(lun == 1 || lun == 2) && lsn == 0"));
  EXPECT_TRUE(holds("!(major == read)"));
  EXPECT_FALSE(holds("major == 5")) << "a name is no number";
  EXPECT_TRUE(holds("major != \"5\"")) << "what is quoted is a name";
}

TEST(StepperCondition, SaysWhatIsWrong) {
  for (const char* const text : {"", "lun", "lun ==", "lun = 1", "moon == 1", "(lun == 1",
                                 "lun == 1 &&", "lun == 1 lsn", "|| lun == 1", "lun == 1 ) "}) {
    std::string error;
    EXPECT_FALSE(parse(text, error).has_value()) << text;
    EXPECT_NE(error, "") << text;
  }
  std::string error;
  EXPECT_FALSE(parse(std::string(100'000, '('), error).has_value());
  EXPECT_FALSE(parse(std::string(100'000, '!'), error).has_value());
  std::string chain = "lun == 1";
  for (int i = 0; i < 100'000; ++i) chain += "&&lun == 1";
  EXPECT_FALSE(parse(chain, error).has_value());
}

}  // namespace
}  // namespace understudy::stepper
