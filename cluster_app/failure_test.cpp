// What counts as a failure of the partner (claim 10) and what does not, what must be proven first,
// and when the operator decides: whole clusters of two in virtual time. The table is in README.md.
#include <gtest/gtest.h>

#include "cluster_app/cluster_test_world.h"

namespace understudy::testing_world {
namespace {

using Journal = std::vector<std::string>;
constexpr std::uint32_t a = 0;
constexpr std::uint32_t b = 1;
const Journal kTakenOver = {"fence a", "mount 0", "replay 0", "attach 0",
                            "serve 127.0.0.11:4450 share0"};

std::string awaiting(World& world, std::uint32_t node) {
  return text_of(world.status(node), "awaiting");
}
std::string warning(World& world, std::uint32_t node) {
  return text_of(world.status(node), "warning");
}
json::object order_takeover(World& world, bool fenced) {
  return world.ask(b, {{"verb", "takeover"}, {"fenced", fenced}});
}
bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Both nodes mirror, nothing has happened yet; every test in several orders of events.
class Failures : public testing::TestWithParam<std::uint64_t> {
 protected:
  void start() {
    world.start_both();
    world.run_for_ms(2000);  // both have seen each other in the mailboxes
    world.take_journal(a);
    world.take_journal(b);
  }
  void expect_no_takeover() {
    EXPECT_EQ(world.take_journal(a), Journal{});
    EXPECT_EQ(world.take_journal(b), Journal{});
    EXPECT_TRUE(world.serves(a, 0));
    EXPECT_TRUE(world.serves(b, 1));
  }

  World world{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Orders, Failures, testing::Values(0, 1, 2, 3, 4, 5));

TEST(Membership, ANewIncarnationLivesThoughItsLinkIsDownWhenTheOldOneIsFenced) {
  Membership membership({});
  ASSERT_TRUE(membership.connected({"a", 1}));
  membership.heard({});
  ASSERT_TRUE(membership.connected({"a", 2}));
  ASSERT_EQ(membership.peer(), Membership::Peer::failed) << "the old one must have died";
  membership.disconnected();
  membership.fenced();
  EXPECT_EQ(membership.peer(), Membership::Peer::up);
}

TEST(Membership, ANewIncarnationThatSaidGoodbyeBeforeTheOldOneIsFencedIsGone) {
  Membership membership({});
  ASSERT_TRUE(membership.connected({"a", 1}));
  membership.heard({});
  ASSERT_TRUE(membership.connected({"a", 2}));
  membership.said_goodbye();
  membership.disconnected();
  membership.fenced();
  EXPECT_EQ(membership.peer(), Membership::Peer::gone);
  EXPECT_TRUE(membership.connected({"a", 3}));
  EXPECT_EQ(membership.peer(), Membership::Peer::up);
}

/// Whose answer got lost is said again.
TEST(Membership, ASecondGoodbyeChangesNothing) {
  Membership membership({});
  ASSERT_TRUE(membership.connected({"a", 1}));
  membership.heard({});
  for (int time = 0; time < 2; ++time) {
    membership.said_goodbye();
    EXPECT_EQ(membership.peer(), Membership::Peer::gone);
    EXPECT_FALSE(membership.connected({"a", 1}));
  }
  EXPECT_TRUE(membership.connected({"a", 2}));
  EXPECT_EQ(membership.peer(), Membership::Peer::up);
}

// Losses that are no failures.

TEST_P(Failures, OnlyTheInterconnectIsLost) {
  start();
  world.cut_interconnect();
  world.run_for_ms(60'000);
  expect_no_takeover();
  for (const std::uint32_t node : {a, b}) {
    EXPECT_TRUE(flag_of(world.status(node), "degraded"));
    EXPECT_EQ(awaiting(world, node), "");
  }
}

TEST_P(Failures, OnlyTheNetworkIsLost) {
  start();
  world.cut_network();
  world.run_for_ms(60'000);
  world.restore_network();  // for the person
  EXPECT_TRUE(contains(warning(world, b), "its interconnect lives: not a failure"))
      << warning(world, b);
  expect_no_takeover();
  EXPECT_FALSE(flag_of(world.status(b), "degraded"));
}

TEST_P(Failures, OnlyTheMailboxesAreLost) {
  start();
  world.state[a].lost_mailboxes = world.state[b].lost_mailboxes = {0, 1};
  world.run_for_ms(60'000);
  expect_no_takeover();
  for (const std::uint32_t node : {a, b}) {
    EXPECT_TRUE(contains(warning(world, node), "the mailbox on lun0 does not answer"));
    EXPECT_EQ(awaiting(world, node), "");
    EXPECT_FALSE(flag_of(world.status(node), "degraded"));
  }
}

TEST_P(Failures, BothNetworksAreLostAndTheMailboxIsNot) {
  start();
  world.cut_network();
  world.cut_interconnect();
  world.run_for_ms(60'000);
  world.restore_network();
  EXPECT_TRUE(contains(warning(world, b), "writes its mailbox: not a failure"))
      << warning(world, b);
  expect_no_takeover();
  EXPECT_TRUE(flag_of(world.status(a), "degraded"));
  EXPECT_TRUE(flag_of(world.status(b), "degraded"));
}

TEST_P(Failures, BothNetworksAndOneOfTwoMailboxesAreLost) {
  start();
  world.cut_network();
  world.cut_interconnect();
  world.state[a].lost_mailboxes = world.state[b].lost_mailboxes = {0};
  world.run_for_ms(60'000);
  world.restore_network();
  expect_no_takeover();
}

TEST_P(Failures, NeitherNodeReachesTheMedium) {
  start();
  for (LayerState& state : world.state) {
    state.medium_hangs = true;
    state.storage_oldest_ms = 60'000;
  }
  world.run_for_ms(60'000);
  expect_no_takeover();
  EXPECT_TRUE(contains(awaiting(world, b), "this node cannot reach lun0 either"))
      << awaiting(world, b);
}

/// To b everything is silent, but it cannot say whose fault that is; to a, which reaches the
/// medium, b is silent.
TEST_P(Failures, OfTwoCutOffNodesOnlyTheOneThatReachesTheMediumTakesOver) {
  start();
  world.cut_network();
  world.cut_interconnect();
  world.state[b].medium_hangs = true;
  world.run_for_ms(60'000);
  EXPECT_EQ(world.take_journal(b), Journal{});
  EXPECT_EQ(world.take_journal(a), (Journal{"fence b", "mount 1", "replay 1", "attach 1",
                                            "serve 127.0.0.12:4450 share1"}));
}

TEST_P(Failures, NobodyTakesOverWhenBothAreCutOffFromEverything) {
  start();
  world.cut_network();
  world.cut_interconnect();
  world.state[a].medium_hangs = world.state[b].medium_hangs = true;
  world.run_for_ms(60'000);
  world.restore_network();
  EXPECT_TRUE(contains(warning(world, b), "cannot reach a mailbox")) << warning(world, b);
  expect_no_takeover();
}

// Kind (a): the server.

TEST_P(Failures, ANodeThatIsSilentOnEveryPathIsFencedAndTakenOver) {
  start();
  world.silence(a);
  world.run_for_ms(2800);
  EXPECT_EQ(world.take_journal(b), Journal{}) << "failure_after_ms is 3000";
  world.run_for_ms(2200);
  EXPECT_EQ(world.take_journal(b), kTakenOver);
}

TEST_P(Failures, ASilenceThatEndsInTimeIsForgotten) {
  start();
  for (int round = 0; round < 5; ++round) {
    world.silence(a);
    world.run_for_ms(2500);
    world.restore_network();
    world.state[a].medium_hangs = false;
    world.run_for_ms(1500);
  }
  expect_no_takeover();
}

// Kind (b): the operating system.

TEST_P(Failures, AClusterAppThatHangsIsFoundByItsSilentMailboxThoughTheInterconnectLives) {
  start();
  world.cut_network();
  world.state[a].medium_hangs = true;  // nobody writes a's word any more
  world.run_for_ms(5000);
  EXPECT_EQ(world.take_journal(b), Journal{});
  world.run_for_ms(3000);
  EXPECT_EQ(world.take_journal(b), kTakenOver);
}

// Kind (c): its I/O.

TEST_P(Failures, ANodeWhoseStorageHangsIsTakenOverByOneThatReachesIt) {
  start();
  world.state[a].storage_oldest_ms = 9000;
  world.run_for_ms(3000);
  EXPECT_EQ(world.take_journal(b), Journal{}) << "storage_hang_ms is 10000";
  world.state[a].storage_oldest_ms = 10'100;
  world.run_for_ms(1500);
  EXPECT_EQ(world.take_journal(b), kTakenOver);
}

TEST_P(Failures, ANodeWhoseMediumRefusesWritesIsTakenOver) {
  start();
  world.state[b].records = 4;
  world.state[a].storage_failing = 1;
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  EXPECT_EQ(world.take_journal(b), kTakenOver);
  const json::object said = world.status(b);
  EXPECT_EQ(number_of(object_of(said, "last_takeover"), "operations_replayed"), 4U);
}

TEST_P(Failures, TheSignalOfFailureAloneIsEnoughWhenTheNetworkIsLost) {
  start();
  world.cut_network();
  world.run_for_ms(1000);
  world.tell_storage_error(b, 0, Status::io_device_error);
  world.run_for_ms(1500);
  EXPECT_EQ(world.take_journal(b), kTakenOver);
}

TEST_P(Failures, AFullMediumIsNoReasonToTakeOver) {
  start();
  world.cut_network();
  world.run_for_ms(1000);
  world.tell_storage_error(b, 0, Status::disk_full);
  world.run_for_ms(20'000);
  world.restore_network();
  expect_no_takeover();
}

TEST_P(Failures, AnErrorThatIsOverBeforeItHasHeldIsForgotten) {
  start();
  for (int round = 0; round < 5; ++round) {
    world.state[a].storage_failing = 1;
    world.run_for_ms(250);
    world.state[a].storage_failing = 0;
    world.run_for_ms(1000);
  }
  // Reports come every 250 ms, so one round in a row may have held for 250 ms, which is too short.
  expect_no_takeover();
}

TEST_P(Failures, StorageIsTakenOverWhenTheOtherNodeReachesItAgain) {
  start();
  world.state[b].lost_mailboxes = {0};
  world.state[a].storage_failing = 1;
  world.run_for_ms(20'000);
  EXPECT_EQ(world.take_journal(b), Journal{});
  EXPECT_TRUE(contains(awaiting(world, b), "cannot reach lun0"));
  world.state[b].lost_mailboxes.clear();
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  EXPECT_EQ(awaiting(world, b), "");
}

TEST_P(Failures, WhatSpokeAgainstATakeoverIsForgottenWhenTheFailureIsCertain) {
  start();
  world.state[b].lost_mailboxes = {0};
  world.state[a].storage_failing = 1;
  ASSERT_TRUE(world.eventually([&] { return contains(awaiting(world, b), "cannot reach lun0"); }));
  world.state[b].replay_status = Status::io_device_error;
  world.kill(a);
  world.run_for_ms(5000);
  EXPECT_TRUE(contains(awaiting(world, b), "replay fails")) << awaiting(world, b);
}

TEST_P(Failures, AnIllNodeThatCannotBeFencedAndGetsWellIsLeftInPeace) {
  start();
  world.fence_works = false;
  world.state[a].storage_failing = 1;
  world.run_for_ms(5000);
  EXPECT_TRUE(contains(awaiting(world, b), "its death cannot be confirmed (the test says so)"));
  EXPECT_FALSE(world.serves(b, 0));
  world.state[a].storage_failing = 0;
  ASSERT_TRUE(world.eventually([&] { return world.up(b); }));
  world.take_journal(b);
  expect_no_takeover();
  EXPECT_EQ(awaiting(world, b), "");
}

// The fence.

TEST_P(Failures, AFenceThatFailsIsTriedAgain) {
  start();
  world.fence_works = false;
  world.silence(a);
  world.run_for_ms(8000);
  EXPECT_EQ(world.take_journal(b), Journal{"fence a"});
  world.fence_works = true;
  world.run_for_ms(10'000);
  EXPECT_EQ(world.take_journal(b), kTakenOver);
}

TEST_P(Failures, ANodeThatDiedBeforeItsFirstHeartbeatAndIsBackKeepsNobodyWaiting) {
  world.state[b].interconnect = false;
  world.start(b);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 1) && world.serves(b, 0); }));
  world.connect_as_mute(a, b, 4711);
  world.run_for_ms(500);
  ASSERT_EQ(text_of(world.status(b), "partner"), "up");
  // The next incarnation of a is there before the first one is missed, but not heard at once.
  world.cut_network();
  world.state[a].lost_mailboxes = {0, 1};
  world.start(a);
  world.run_for_ms(8000);
  world.restore_network();
  EXPECT_TRUE(world.eventually([&] { return world.up(a) && world.up(b); }));
  EXPECT_EQ(awaiting(world, b), "");
}

// A takeover that is itself disturbed.

TEST_P(Failures, EveryStepOfATakeoverThatFailsIsTriedAgain) {
  start();
  FaultPoints& faults = world.nodes[b]->host.faults(Layer::cluster_app);
  faults.arm("take.mount", {.action = FaultAction::error});
  faults.arm("take.replay", {.action = FaultAction::error});
  faults.arm("take.serve", {.action = FaultAction::error});
  world.kill(a);
  world.run_for_ms(10'000);
  EXPECT_TRUE(world.serves(b, 0));
  EXPECT_EQ(world.take_journal(b), kTakenOver);
}

/// b is asked to stop after a has died, and before that is proven.
class StoppedInATakeover : public Failures {
 protected:
  void stop_b_before_it_takes_over() {
    start();
    world.fence_works = world.deaths_are_provable = false;
    world.state[b].records = 4;
    world.kill(a);
    ASSERT_TRUE(world.eventually([&] { return !world.journal[b].empty(); }));
    EXPECT_EQ(world.take_journal(b), Journal{"fence a"});
    world.ask(b, {{"verb", "stop"}, {"cluster", true}});
    world.run_for_ms(100);
    EXPECT_FALSE(world.exit_code[b].has_value());
  }
  int exit_code_of_b() {
    EXPECT_TRUE(world.eventually([&] { return world.exit_code[b].has_value(); }));
    return world.exit_code[b].value_or(-1);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, StoppedInATakeover, testing::Values(0, 1, 2, 3, 4, 5));

TEST_P(StoppedInATakeover, WritesWhatOnlyItsMemoryHasBeforeItEnds) {
  stop_b_before_it_takes_over();
  world.deaths_are_provable = true;
  EXPECT_EQ(exit_code_of_b(), 0);
  const Journal done = world.take_journal(b);
  const auto replayed = std::ranges::find(done, "replay 0");
  ASSERT_NE(replayed, done.end());
  EXPECT_NE(std::find(replayed, done.end(), "dismount 0"), done.end());
  EXPECT_NE(std::ranges::find(done, "dismount 1"), done.end());
}

TEST_P(StoppedInATakeover, FailsIfTheMediumDoesNotLetIt) {
  stop_b_before_it_takes_over();
  world.state[b].mount_status = Status::io_device_error;
  world.deaths_are_provable = true;
  EXPECT_EQ(exit_code_of_b(), 1);
  EXPECT_TRUE(contains(world.exit_reason[b], "lun0")) << world.exit_reason[b];
}

TEST_P(StoppedInATakeover, FailsIfThePartnersDeathCannotBeProven) {
  stop_b_before_it_takes_over();
  EXPECT_EQ(exit_code_of_b(), 1);
}

/// Exit code 0 says that nobody needs b's memory any more.
class Stopped : public Failures {
 protected:
  void stop_b_with_copies(bool whole_cluster = false) {
    start();
    world.state[b].records = 4;
    world.ask(b, {{"verb", "stop"}, {"cluster", whole_cluster}});
  }
  int exit_code_of_b() {
    EXPECT_TRUE(world.eventually([&] { return world.exit_code[b].has_value(); }));
    return world.exit_code[b].value_or(-1);
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, Stopped, testing::Values(0, 1, 2, 3, 4, 5));

TEST_P(Stopped, EndsInOrderWhenThePartnerHasWrittenWhatItHadMirrored) {
  world.state[a].degrades = false;  // at once
  stop_b_with_copies();
  world.run_for_ms(5000);
  EXPECT_FALSE(world.exit_code[b].has_value());
  for (auto& [number, lun] : world.medium.luns) lun.mirror = 0;
  EXPECT_EQ(exit_code_of_b(), 0);
}

TEST_P(Stopped, TakesOverFromAPartnerThatDiesBeforeItHasWritten) {
  world.state[a].degrades = false;
  stop_b_with_copies();
  world.run_for_ms(2000);
  ASSERT_FALSE(world.exit_code[b].has_value());
  world.take_journal(b);
  world.kill(a);
  EXPECT_EQ(exit_code_of_b(), 0);
  const Journal done = world.take_journal(b);
  EXPECT_NE(std::ranges::find(done, "replay 0"), done.end());
  EXPECT_NE(std::ranges::find(done, "dismount 0"), done.end());
}

TEST_P(Stopped, CountsItsCopiesWhenNoMoreCanComeThoughThePartnerHasFailed) {
  start();
  world.state[a].degrades = false;
  world.state[b].detaches = false;
  world.fence_works = world.deaths_are_provable = false;
  world.nodes[b]->app->stop(false);
  world.run_for_ms(100);
  world.nodes[b]->fence.tell_death();  // of one process; others go on for a moment
  ASSERT_TRUE(world.eventually([&] { return !world.journal[b].empty(); }));
  world.run_for_ms(100);
  if (world.state[b].lets_copies_in) world.state[b].records = 4;
  world.kill(a);
  world.deaths_are_provable = true;
  world.run_for_ms(2000);
  world.state[b].detaches = true;
  EXPECT_EQ(exit_code_of_b(), 0);
}

TEST_P(Stopped, TakesWhatItsMemoryIsNeededForIfNobodyElseIsLeftToTakeIt) {
  start();
  world.state[b].records = 4;
  world.state[b].mount_status = Status::io_device_error;
  world.kill(a);
  world.run_for_ms(3000);  // the takeover is over, and has not come about
  world.state[b].mount_status = Status::success;
  world.nodes[b]->app->stop(false);
  EXPECT_EQ(exit_code_of_b(), 0);
  const Journal done = world.take_journal(b);
  EXPECT_NE(std::ranges::find(done, "replay 0"), done.end());
}

/// Started again alone, the partner would wait for the memory that the medium names.
TEST_P(Stopped, LeavesNoLunThatNamesItsMemoryThoughThatIsEmpty) {
  for (const int stops_after_ms : {0, 3000}) {
    SCOPED_TRACE(stops_after_ms);
    World stopped(GetParam());
    stopped.start_both();
    stopped.run_for_ms(2000);
    stopped.state[b].mount_status = Status::io_device_error;
    stopped.kill(a);
    stopped.run_for_ms(stops_after_ms);
    stopped.state[b].mount_status = Status::success;
    stopped.nodes[b]->app->stop(false);
    EXPECT_TRUE(stopped.eventually([&] { return stopped.exit_code[b].has_value(); }));
    EXPECT_EQ(stopped.exit_code[b], 0);
    EXPECT_EQ(stopped.medium.luns[0].mirror, 0U);
  }
}

TEST_P(Stopped, FailsIfThePartnerCannotWriteWhatItHadMirrored) {
  world.state[a].degrades = false;
  stop_b_with_copies();
  EXPECT_EQ(exit_code_of_b(), 1);
  EXPECT_TRUE(contains(world.exit_reason[b], "in this node's memory alone"));
}

TEST_P(Stopped, FailsIfThePartnerIsSilentAndHasNotWritten) {
  start();
  world.state[b].records = 4;
  world.cut_network();
  world.state[a].degrades = false;
  world.nodes[b]->app->stop(false);
  EXPECT_EQ(exit_code_of_b(), 1);
}

TEST_P(Stopped, SaysGoodbyeWhenTheLinkIsThereAgain) {
  start();
  world.state[b].records = 4;
  world.state[a].degrades = false;
  world.cut_network();
  world.nodes[b]->app->stop(false);
  world.run_for_ms(1000);
  world.restore_network();
  EXPECT_TRUE(world.eventually([&] { return world.serves(a, 1); }));
  const Journal done = world.take_journal(a);
  EXPECT_EQ(std::ranges::find(done, "fence b"), done.end());
  EXPECT_FALSE(world.exit_code[b].has_value());
}

TEST_P(Stopped, FailsWhereTheTakeoverThatItsMemoryIsNeededForWaitsForTheOperator) {
  world.config.takes_over_for_software = false;
  start();
  world.state[b].records = 4;
  world.kill(a);
  world.run_for_ms(3000);
  world.ask(b, {{"verb", "stop"}, {"cluster", true}});
  EXPECT_EQ(exit_code_of_b(), 1);
  EXPECT_TRUE(contains(world.exit_reason[b], "in this node's memory alone"));
}

TEST_P(Stopped, FailsIfTheMediumDoesNotLetItGiveUpItsLunInTime) {
  world.state[b].detaches = false;
  stop_b_with_copies();
  world.run_for_ms(29'000);
  EXPECT_FALSE(world.exit_code[b].has_value());
  EXPECT_EQ(exit_code_of_b(), 1);
  EXPECT_TRUE(contains(world.exit_reason[b], "still being taken or given up"))
      << world.exit_reason[b];
}

TEST_P(Stopped, FailsIfItCannotAskTheMedium) {
  world.state[b].lost_mailboxes = {0, 1};
  stop_b_with_copies();
  EXPECT_EQ(exit_code_of_b(), 1);
}

TEST_P(Stopped, WithItsClusterItLetsThePartnerGiveUpItsLunsBeforeItHangsUp) {
  stop_b_with_copies(true);
  world.run_for_ms(1000);
  EXPECT_NE(world.medium.luns[0].mirror, 0U) << "a is still mirrored";
  EXPECT_FALSE(world.exit_code[b].has_value());
  world.ask(a, {{"verb", "stop"}, {"cluster", true}});
  EXPECT_EQ(exit_code_of_b(), 0);
  EXPECT_TRUE(world.eventually([&] { return world.exit_code[a].has_value(); }));
  EXPECT_EQ(world.exit_code[a], 0);
}

TEST_P(Stopped, WithItsClusterItTakesNobodyForFailed) {
  start();
  ASSERT_TRUE(flag_of(world.ask(a, {{"verb", "takeover"}}), "ok"));
  world.ask(b, {{"verb", "stop"}, {"cluster", true}});  // it holds nothing, and says goodbye first
  world.run_for_ms(50);
  world.ask(a, {{"verb", "stop"}, {"cluster", true}});
  ASSERT_TRUE(world.eventually([&] { return world.exit_code[a].has_value(); }));
  EXPECT_EQ(world.exit_code[a], 0);
  world.kill(a);
  EXPECT_EQ(exit_code_of_b(), 0);
  const Journal done = world.take_journal(b);
  EXPECT_EQ(std::ranges::find(done, "fence a"), done.end());
}

TEST_P(Failures, AnAddressThatIsTakenForAMomentIsServedWhenItIsFree) {
  start();
  world.state[b].serve_status = Status::sharing_violation;
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.run_for_ms(10'000);
  EXPECT_EQ(world.take_journal(b), Journal(kTakenOver.begin(), kTakenOver.end() - 1));
  world.state[b].serve_status = Status::success;
  world.run_for_ms(3000);
  EXPECT_EQ(world.take_journal(b), Journal{kTakenOver.back()});
}

TEST_P(Failures, ANodeThatCannotAttachWhatItHasTakenEnds) {
  start();
  world.nodes[b]
      ->host.faults(Layer::cluster_app)
      .arm("take.attach", {.action = FaultAction::error});
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.exit_code[b].has_value(); }));
  EXPECT_EQ(*world.exit_code[b], 1);
}

TEST_P(Failures, APartnerThatFailsAgainInATakeoverServesNothingBeforeTheNext) {
  start();
  ASSERT_TRUE(flag_of(world.ask(a, {{"verb", "takeover"}}), "ok"));
  FaultPoints& faults = world.nodes[b]->host.faults(Layer::cluster_app);
  faults.arm("take.replay", {.action = FaultAction::error, .countdown = 2, .repeats = true});
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.start(a);
  ASSERT_TRUE(flag_of(world.ask(a, question("giveback")), "ok"));
  ASSERT_FALSE(world.serves(b, 1)) << "the takeover goes on";
  world.death_is_seen = false;
  world.kill(a);
  world.start(a);
  world.run_for_ms(3000);
  EXPECT_FALSE(world.serves(a, 0)) << "b has still to take it";
  faults.arm("take.replay", {});
  EXPECT_TRUE(world.eventually([&] { return world.serves(b, 0) && world.serves(b, 1); }));
}

TEST_P(Failures, ATakeoverThatEndsBetweenReplayAndServiceIsDoneByTheNextIncarnation) {
  start();
  bool killed = false;
  FaultPoints& faults = world.nodes[b]->host.faults(Layer::cluster_app);
  faults.arm("take.serve", {.action = FaultAction::kill});
  faults.act = [&](FaultAction) { killed = true; };
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return killed; }));
  world.kill(b);
  world.take_journal(b);
  world.start(b);
  EXPECT_TRUE(world.eventually([&] { return world.serves(b, 0) && world.serves(b, 1); }));
}

// Whose decision.

TEST_P(Failures, AFailureOfSoftwareIsLeftToTheOperatorWhereTheSettingSaysSo) {
  world.config.takes_over_for_software = false;
  start();
  world.kill(a);
  world.run_for_ms(30'000);
  EXPECT_EQ(world.take_journal(b), Journal{});
  EXPECT_TRUE(contains(awaiting(world, b), "takeover_for leaves failures of software to you"));
  const json::object answer = order_takeover(world, false);
  EXPECT_TRUE(flag_of(answer, "ok")) << text_of(answer, "text");
  EXPECT_TRUE(world.serves(b, 0));
  EXPECT_EQ(awaiting(world, b), "");
}

TEST_P(Failures, AFailureOfSoftwareEndsWithTheNodesReturnWhereTheSettingSaysSo) {
  world.config.takes_over_for_software = false;
  start();
  world.kill(a);
  world.run_for_ms(5000);
  world.take_journal(a);
  world.start(a);
  ASSERT_TRUE(world.eventually([&] { return world.up(a) && world.up(b); }));
  EXPECT_TRUE(world.serves(a, 0) || world.serves(b, 0))
      << "b, if it holds the last operations: a asks it to write them";
  EXPECT_EQ(awaiting(world, b), "");
}

TEST_P(Failures, AFailureOfHardwareIsTakenOverWhateverTheSettingSays) {
  world.config.takes_over_for_software = false;
  start();
  world.silence(a);
  world.run_for_ms(6000);
  EXPECT_EQ(world.take_journal(b), kTakenOver);
}

TEST_P(Failures, TooManyTakeoversWithinAnHourAreLeftToTheOperator) {
  world.config.takeovers_per_hour = 2;
  start();
  const auto die_and_return = [&] {
    world.kill(a);
    ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
    world.start(a);
    ASSERT_TRUE(world.eventually([&] { return world.up(a); }));
    ASSERT_TRUE(flag_of(world.ask(a, question("giveback")), "ok"));
  };
  die_and_return();
  die_and_return();
  world.take_journal(b);
  world.kill(a);
  world.run_for_ms(60'000);
  EXPECT_EQ(world.take_journal(b), Journal{});
  EXPECT_TRUE(contains(awaiting(world, b), "after 2 takeovers within an hour"))
      << awaiting(world, b);
  EXPECT_TRUE(flag_of(order_takeover(world, false), "ok"));
  EXPECT_TRUE(world.serves(b, 0));
}

TEST_P(Failures, AnHourLaterTakeoversAreAllowedAgain) {
  world.config.takeovers_per_hour = 1;
  start();
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.start(a);
  ASSERT_TRUE(world.eventually([&] { return world.up(a); }));
  ASSERT_TRUE(flag_of(world.ask(a, question("giveback")), "ok"));
  world.run_for_ms(3'600'000);
  world.kill(a);
  EXPECT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
}

TEST_P(Failures, ANodeWithoutProofThatItsPartnerIsOffStartsOnTheOperatorsWord) {
  world.config.one_machine = false;
  world.deaths_are_provable = false;
  world.start(b);
  world.run_for_ms(60'000);
  EXPECT_EQ(world.take_journal(b), Journal{});
  EXPECT_TRUE(contains(awaiting(world, b), "has not been heard of yet")) << awaiting(world, b);
  EXPECT_TRUE(flag_of(order_takeover(world, true), "ok"));
  EXPECT_TRUE(world.eventually([&] { return world.serves(b, 0) && world.serves(b, 1); }));
}

}  // namespace
}  // namespace understudy::testing_world
