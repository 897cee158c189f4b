// Scenarios of failure with real processes and real clients: a layer, a node, both; dead, hung,
// woken again; while a node comes back, while LUNs are given back. In each what was acknowledged is
// there afterwards, and what was refused is not.
#include "tests/real/scenario.h"

#include <signal.h>

namespace understudy {
namespace {

const std::vector<std::string> kLayers = {"netstack",  "ff_driver",     "fs_cache",
                                          "rd_driver", "mirror_server", "cluster_app"};

class OneLayer : public Scenario, public ::testing::WithParamInterface<std::string> {};

TEST_P(OneLayer, KilledTakesItsNodeDownAndThePartnerServes) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto processes = pair.processes("a");
  work_during([&] { ::kill(processes.at(GetParam()), SIGKILL); });
  ASSERT_TRUE(pair.wait_for_end("a", 10));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  expect_service("b");
}

TEST_P(OneLayer, OfThePartnerKilledIsNotNoticedByClients) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto processes = pair.processes("b");
  work_during([&] { ::kill(processes.at(GetParam()), SIGKILL); });
  EXPECT_EQ(load->unanswered(), 0U) << load->history();
  ASSERT_TRUE(pair.wait_for_end("b", 10));
  ASSERT_TRUE(degraded("a"));
  expect_nothing_lost("a");
}

INSTANTIATE_TEST_SUITE_P(Each, OneLayer, ::testing::ValuesIn(kLayers), name_of);

/// cluster_app is not among them: while the interconnect carries copies a node that only does not
/// talk is not a failed one.
class HungLayer : public Scenario, public ::testing::WithParamInterface<std::string> {};

TEST_P(HungLayer, TakesItsNodeDownAndThePartnerServes) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto processes = pair.processes("a");
  work_during([&] { ::kill(processes.at(GetParam()), SIGSTOP); });
  ASSERT_TRUE(pair.wait_for_end("a", 15));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  expect_service("b");
}

INSTANTIATE_TEST_SUITE_P(Each, HungLayer,
                         ::testing::Values("netstack", "ff_driver", "fs_cache", "rd_driver",
                                           "mirror_server"),
                         name_of);

class Nodes : public Scenario {};

TEST_F(Nodes, StoppedAsAWholeAreTakenOverAndDoNothingWhenTheyWake) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto processes = pair.processes("a");
  work_during([&] { pair.signal("a", SIGSTOP); });
  ASSERT_TRUE(owned_by("b"));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  ASSERT_NO_FATAL_FAILURE(expect_service("b"));
  for (const auto& [layer, pid] : processes) ::kill(pid, SIGCONT);
  ASSERT_TRUE(pair.wait_for_end("a", 10));
  expect_service("b");
}

TEST_F(Nodes, StoppedForAMomentAreNotTakenOver) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto processes = pair.processes("a");
  work_during([&] {
    pair.signal("a", SIGSTOP);
    pair.signal("a", SIGCONT);
  });
  EXPECT_EQ(load->unanswered(), 0U) << load->history();
  EXPECT_EQ(pair.processes("a"), processes);
  EXPECT_TRUE(pair.owns("a", "lun0"));
  expect_nothing_lost("a");
}

TEST_F(Nodes, BothKilledUnderLoadLoseNothing) {
  ASSERT_NO_FATAL_FAILURE(begin());
  work_during([&] {
    pair.kill("a");
    pair.kill("b");
  });
  pair.start("b");
  pair.start("a");
  expect_nothing_lost(owner());
}

TEST_F(Nodes, BothKilledWhereThePartnerDiesFirstLoseNothing) {
  ASSERT_NO_FATAL_FAILURE(begin());
  work_during([&] {
    pair.kill("b");
    pair.kill("a");
  });
  pair.start("a");
  pair.start("b");
  expect_nothing_lost(owner(), true);
}

TEST_F(Nodes, ThatComeBackUnderLoadMirrorAgainAndTheSurvivorMayDie) {
  ASSERT_NO_FATAL_FAILURE(begin());
  work_during([&] { pair.kill("a"); });
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  load->reconnect();
  pair.start("a");
  work_during([&] { EXPECT_TRUE(mirrored_at("b")); });
  EXPECT_EQ(load->unanswered(), 0U) << load->history();
  work_during([&] { pair.kill("b"); });
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("a"));
  expect_service("a");
}

TEST_F(Nodes, GetTheirLunsBackUnderLoad) {
  ASSERT_NO_FATAL_FAILURE(begin());
  work_during([&] { pair.kill("a"); });
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  pair.start("a");
  ASSERT_TRUE(mirrored_at("b"));
  load->reconnect();
  work_during([&] { EXPECT_EQ(pair.cluster_app("giveback a").exit_code, 0); });
  ASSERT_TRUE(owned_by("a"));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("a"));
  ASSERT_TRUE(mirrored_at("a"));
  expect_service("a");
}

TEST_F(Nodes, GiveTheirLunsUpByCommandUnderLoad) {
  ASSERT_NO_FATAL_FAILURE(begin());
  work_during([&] { EXPECT_EQ(pair.cluster_app("takeover a").exit_code, 0); });
  ASSERT_TRUE(owned_by("b"));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  expect_service("b");
}

TEST_F(Nodes, StoppedInOrderUnderLoadAreTakenOver) {
  ASSERT_NO_FATAL_FAILURE(begin());
  work_during([&] { EXPECT_EQ(pair.cluster_app("stop a").exit_code, 0); });
  ASSERT_TRUE(owned_by("b"));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  expect_service("b");
}

/// The second failure comes while the first one's victim returns, at a place of its start.
class KilledAgain : public Scenario, public ::testing::WithParamInterface<std::string> {};

TEST_P(KilledAgain, WhileItReturnsOrTakesItsLunBackLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(begin());
  work_during([&] { pair.kill("a"); });
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  pair.start("a", "a." + GetParam() + "=kill");
  load->reconnect();
  // The first record that it stores, or its first mount: it owns nothing before the giveback.
  std::string given_back = "not tried";
  work_during([&] {
    if (mirrored_at("b", 5)) given_back = pair.cluster_app("giveback a").output;
  });
  ASSERT_TRUE(pair.wait_for_end("a", 10)) << "the place was not passed; giveback: " << given_back;
  ASSERT_TRUE(owned_by("b"));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost("b"));
  expect_service("b");
}

INSTANTIATE_TEST_SUITE_P(Returning, KilledAgain,
                         ::testing::Values("mirror_server:mirror.append.before_ack",
                                           "mirror_server:mirror.purge",
                                           "fs_cache:medium.mount.lock",
                                           "fs_cache:medium.mount.claim.link",
                                           "mirror_server:replay.begin"),
                         name_of);

}  // namespace
}  // namespace understudy
