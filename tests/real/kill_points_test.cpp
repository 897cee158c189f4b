// Every place of a flush and of a takeover where a node can die, died at once, with real processes,
// real clients and kill -9. The long run over the same places is tools/torture.
#include "tests/real/scenario.h"

namespace understudy {
namespace {

/// Some places are passed only now and then (an object is removed, say): another seed then.
constexpr int kAttempts = 12;

class OwnerKilledAt : public ::testing::TestWithParam<std::string> {};
class SurvivorKilledAt : public ::testing::TestWithParam<std::string> {};
class LoneOwnerKilledAt : public ::testing::TestWithParam<std::string> {};
class OwnerStoppedAt : public ::testing::TestWithParam<std::string> {};

void play(Round (*round_at)(const std::string&, std::uint64_t), const std::string& point) {
  for (std::uint64_t seed = 1; seed <= kAttempts; ++seed) {
    const Round round = round_at(point, seed);
    ASSERT_EQ(round.wrong, "") << round.what << " seed " << seed;
    if (round.happened) return;
  }
  FAIL() << point << " is never passed";
}

TEST_P(OwnerKilledAt, LosesNothingAcknowledgedAndKeepsNothingRefused) {
  play(kill_in_flush, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Flush, OwnerKilledAt, ::testing::ValuesIn(flush_points()), name_of);

TEST_P(SurvivorKilledAt, LosesNothingAcknowledgedAndKeepsNothingRefused) {
  play(kill_in_replay, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Takeover, SurvivorKilledAt, ::testing::ValuesIn(takeover_points()),
                         name_of);

TEST_P(LoneOwnerKilledAt, HasEverythingAcknowledgedOnTheMedium) {
  play(kill_alone, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Flush, LoneOwnerKilledAt, ::testing::ValuesIn(lone_flush_points()),
                         name_of);

TEST_P(OwnerStoppedAt, AndWokenAfterTheTakeoverChangesAndAcknowledgesNothing) {
  play(wake_old_owner, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Flush, OwnerStoppedAt,
                         ::testing::Values("fs_cache:medium.flush.objects.done",
                                           "fs_cache:medium.flush.entries",
                                           "fs_cache:medium.flush.applied"),
                         name_of);

}  // namespace
}  // namespace understudy
