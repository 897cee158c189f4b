// Whole clusters of two nodes in virtual time: who owns what after everything that can happen to a
// node.
#include <gtest/gtest.h>

#include "cluster_app/cluster_test_world.h"

namespace understudy::testing_world {
namespace {

using Journal = std::vector<std::string>;
constexpr std::uint32_t a = 0;
constexpr std::uint32_t b = 1;

json::object takeover_seen_by(World& world, std::uint32_t node) {
  const json::object said = world.status(node);
  return object_of(said, "last_takeover");
}

TEST(ClusterApp, BothNodesStartAndServeWhatIsAtHomeThere) {
  World world;
  world.start_both();
  EXPECT_EQ(world.take_journal(a),
            (Journal{"mount 0", "replay 0", "attach 0", "serve 127.0.0.11:4450 share0"}));
  EXPECT_EQ(world.take_journal(b),
            (Journal{"mount 1", "replay 1", "attach 1", "serve 127.0.0.12:4450 share1"}));
}

TEST(ClusterApp, SaysThatAnAddressIsTakenAndServesOnItWhenItIsFree) {
  World world;
  world.state[a].serve_status = Status::object_name_collision;
  world.start(a);
  world.start(b);
  ASSERT_TRUE(world.eventually([&] { return world.up(a); }));
  const std::string awaiting = text_of(world.status(a), "awaiting");
  EXPECT_NE(awaiting.find("127.0.0.11:4450"), std::string::npos) << awaiting;
  EXPECT_NE(awaiting.find("STATUS_OBJECT_NAME_COLLISION"), std::string::npos) << awaiting;
  world.take_journal(a);
  world.state[a].serve_status = Status::success;
  EXPECT_TRUE(world.eventually([&] {
    const json::object said = world.status(a);
    return array_of(said, "addresses").size() == 1;
  }));
  EXPECT_EQ(world.take_journal(a), Journal{"serve 127.0.0.11:4450 share0"});
  EXPECT_EQ(text_of(world.status(a), "awaiting"), "");
}

TEST(ClusterApp, TakesOverFromADeadNodeInTheOrderOfFig3) {
  World world;
  world.start_both();
  world.take_journal(b);
  world.state[b].records = 7;
  const Time death = world.loop.now();
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  EXPECT_EQ(world.take_journal(b), (Journal{"fence a", "mount 0", "replay 0", "attach 0",
                                            "serve 127.0.0.11:4450 share0"}));
  EXPECT_LT(world.loop.now() - death, std::chrono::seconds(1))
      << "a death that is seen needs no time-out";
  const json::object takeover = takeover_seen_by(world, b);
  EXPECT_EQ(text_of(takeover, "from"), "a");
  EXPECT_EQ(text_of(takeover, "by"), "b");
  EXPECT_EQ(number_of(takeover, "operations_replayed"), 7U);
  EXPECT_TRUE(world.serves(b, 1));
}

TEST(ClusterApp, StandsByWhereThePartnerServesUntilItServesThereItself) {
  using Addresses = std::set<std::string>;
  World world;
  world.start_both();
  world.run_for_ms(1000);
  EXPECT_EQ(world.state[a].stands_by, Addresses{"127.0.0.12:4450"});
  EXPECT_EQ(world.state[b].stands_by, Addresses{"127.0.0.11:4450"});
  world.state[b].replay_status = Status::io_device_error;
  world.kill(a);
  world.state[a] = {};
  world.run_for_ms(1);
  EXPECT_EQ(world.state[b].stands_by, Addresses{"127.0.0.11:4450"});
  world.run_for_ms(1000);
  EXPECT_EQ(world.state[b].stands_by, Addresses{}) << "nobody waits for a medium to be repaired";
  world.state[b].replay_status = Status::success;
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  EXPECT_EQ(world.state[b].stands_by, Addresses{});
  world.start(a);
  ASSERT_TRUE(world.eventually([&] { return world.up(a); }));
  world.run_for_ms(1000);
  EXPECT_EQ(world.state[a].stands_by, (Addresses{"127.0.0.11:4450", "127.0.0.12:4450"}));
  EXPECT_TRUE(flag_of(world.ask(a, {{"verb", "giveback"}}), "ok"));
  world.run_for_ms(1000);
  EXPECT_EQ(world.state[a].stands_by, Addresses{"127.0.0.12:4450"});
  EXPECT_EQ(world.state[b].stands_by, Addresses{"127.0.0.11:4450"});
}

TEST(ClusterApp, StandsByOnlyWhereThePartnerListensAlready) {
  World world;
  world.state[a].serve_status = Status::object_name_collision;
  world.start_both();
  ASSERT_TRUE(world.serves(a, 0));
  world.run_for_ms(1000);
  EXPECT_TRUE(world.state[b].stands_by.empty());
  world.state[a].serve_status = Status::success;
  EXPECT_TRUE(world.eventually([&] { return !world.state[b].stands_by.empty(); }));
}

TEST(ClusterApp, LetsNobodyWaitForATakeoverThatTheOperatorMustOrder) {
  World world;
  world.config.takeovers_per_hour = 0;
  world.start_both();
  world.run_for_ms(1000);
  ASSERT_FALSE(world.state[b].stands_by.empty());
  world.kill(a);
  world.run_for_ms(1000);
  EXPECT_TRUE(world.state[b].stands_by.empty());
  EXPECT_FALSE(world.serves(b, 0));
}

TEST(ClusterApp, TakesOverAfterSilenceWhenNobodySeesTheDeath) {
  World world;
  world.start_both();
  world.take_journal(b);
  world.death_is_seen = false;
  world.kill(a);
  world.state[b].interconnect = false;
  world.run_for_ms(2500);
  EXPECT_TRUE(world.take_journal(b).empty()) << "failure_after_ms is 3000";
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  EXPECT_EQ(world.take_journal(b).front(), "fence a");
}

TEST(ClusterApp, RefusesToTakeOverBeforeTheFenceIsConfirmed) {
  World world;
  world.start_both();
  world.take_journal(b);
  world.fence_works = false;
  world.silence(a);
  world.run_for_ms(10'000);
  EXPECT_TRUE(world.state[b].stands_by.empty()) << "nobody waits for a person";
  // For the person; the two nodes hear each other again in a moment, so ask at once.
  world.restore_network();
  const json::object refused = world.ask(b, {{"verb", "takeover"}, {"fenced", false}});
  EXPECT_FALSE(flag_of(refused, "ok"));
  EXPECT_NE(text_of(refused, "text").find("--fenced"), std::string::npos);
  EXPECT_EQ(world.take_journal(b), (Journal{"fence a"}));
}

TEST(ClusterApp, GoesOnAsBeforeWhenTheSilentPartnerIsHeardAgainBeforeItsFence) {
  World world;
  world.start_both();
  world.take_journal(a);
  world.take_journal(b);
  world.fence_works = false;
  world.silence(a);
  world.run_for_ms(10'000);
  world.restore_network();
  EXPECT_EQ(world.take_journal(b), (Journal{"fence a"}));
  ASSERT_TRUE(world.eventually([&] { return world.up(a) && world.up(b); }));
  EXPECT_TRUE(world.serves(a, 0));
  EXPECT_TRUE(world.serves(b, 1));
  EXPECT_FALSE(world.serves(b, 0));
  EXPECT_EQ(world.take_journal(b), Journal{});
}

TEST(ClusterApp, TakesOverOnTheOperatorsWordWhenTheFenceCannotBeConfirmed) {
  World world;
  world.start_both();
  world.take_journal(b);
  world.fence_works = false;
  world.nodes[b]->fence.tell_death();  // it lives on where nobody can reach it
  world.run_for_ms(1);
  world.cut_network();
  world.run_for_ms(5000);
  world.kill(a);  // the operator pulls the plug
  world.restore_network();
  const json::object answer = world.ask(b, {{"verb", "takeover"}, {"fenced", true}});
  EXPECT_TRUE(flag_of(answer, "ok")) << text_of(answer, "text");
  EXPECT_TRUE(world.serves(b, 0));
}

TEST(ClusterApp, RejoinsAsThePartnerAndStealsNothing) {
  World world;
  world.start_both();
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.take_journal(a);
  world.take_journal(b);
  world.start(a);
  ASSERT_TRUE(world.eventually([&] { return world.up(a); }));
  world.run_for_ms(10'000);
  EXPECT_TRUE(world.take_journal(a).empty());
  EXPECT_TRUE(world.take_journal(b).empty());
  EXPECT_TRUE(world.serves(b, 0));
}

TEST(ClusterApp, TakesOverFromANodeThatStartedAnewBeforeAnybodyNoticed) {
  World world;
  world.start_both();
  world.state[b].records = 3;
  world.death_is_seen = false;
  world.kill(a);
  world.take_journal(a);
  world.start(a);
  ASSERT_TRUE(world.eventually([&] { return world.up(a) && world.serves(b, 0); }));
  EXPECT_TRUE(world.take_journal(a).empty())
      << "its operations are in b's memory: b must write them first";
  EXPECT_EQ(number_of(takeover_seen_by(world, b), "operations_replayed"), 3U);
}

TEST(ClusterApp, GivesBackByCommand) {
  World world;
  world.start_both();
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.start(a);
  ASSERT_TRUE(world.eventually([&] { return world.up(a); }));
  world.take_journal(a);
  world.take_journal(b);
  const json::object answer = world.ask(a, question("giveback"));
  EXPECT_TRUE(flag_of(answer, "ok")) << text_of(answer, "text");
  EXPECT_EQ(world.take_journal(b), (Journal{"unserve 127.0.0.11:4450", "detach 0", "dismount 0"}));
  EXPECT_EQ(world.take_journal(a),
            (Journal{"mount 0", "replay 0", "attach 0", "serve 127.0.0.11:4450 share0"}));
  world.run_for_ms(20'000);
  EXPECT_TRUE(world.serves(a, 0));
  EXPECT_FALSE(world.serves(b, 0));
  EXPECT_TRUE(takeover_seen_by(world, a).empty()) << "a giveback is no takeover";
}

TEST(ClusterApp, GivesBackToANodeThatHasNotHeardOfItsPartnerYet) {
  World world;
  world.start_both();
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.start(a);
  const json::object answer = world.ask(a, question("giveback"));
  EXPECT_TRUE(flag_of(answer, "ok")) << text_of(answer, "text");
  EXPECT_TRUE(world.serves(a, 0));
}

TEST(ClusterApp, GivesBackByItselfWhenItIsToldTo) {
  World world;
  world.config.auto_giveback = true;
  world.start_both();
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.start(a);
  EXPECT_TRUE(world.eventually([&] { return world.serves(a, 0) && !world.serves(b, 0); }));
}

TEST(ClusterApp, TakesOverByPlanAndLeavesTheOtherAsMirror) {
  World world;
  world.start_both();
  world.take_journal(a);
  world.take_journal(b);
  const json::object answer = world.ask(b, {{"verb", "takeover"}, {"fenced", false}});
  EXPECT_TRUE(flag_of(answer, "ok")) << text_of(answer, "text");
  EXPECT_EQ(world.take_journal(a), (Journal{"unserve 127.0.0.11:4450", "detach 0", "dismount 0"}));
  EXPECT_EQ(world.take_journal(b),
            (Journal{"mount 0", "replay 0", "attach 0", "serve 127.0.0.11:4450 share0"}));
  world.run_for_ms(30'000);
  EXPECT_TRUE(world.take_journal(a).empty()) << "it must not take back what it gave by plan";
  EXPECT_TRUE(world.up(a));
}

TEST(ClusterApp, StartsFromTheMediumAloneAfterBothDied) {
  World world;
  world.start_both();
  world.kill(a);
  world.death_is_seen = false;
  world.kill(b);
  world.medium.luns[0].mirror = b + 1;
  world.medium.luns[1].mirror = a + 1;
  world.take_journal(a);
  world.take_journal(b);
  world.start_both();
  EXPECT_EQ(world.take_journal(a),
            (Journal{"mount with loss 0", "replay 0", "attach 0", "serve 127.0.0.11:4450 share0"}));
  EXPECT_EQ(world.take_journal(b),
            (Journal{"mount with loss 1", "replay 1", "attach 1", "serve 127.0.0.12:4450 share1"}));
}

TEST(ClusterApp, LetsThePartnerTakeALunWhoseLastOperationsItHolds) {
  World world;
  world.medium.luns[0].mirror = b + 1;
  world.state[b].records = 5;
  world.start(a);
  world.start(b);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0) && world.up(a) && world.up(b); }));
  EXPECT_TRUE(world.take_journal(a).empty());
  EXPECT_EQ(number_of(takeover_seen_by(world, b), "operations_replayed"), 5U);
}

/// What a heartbeat could say of copies would be as old as the last ping of mirror_server.
TEST(ClusterApp, AsksThePartnerForItsCopiesBeforeItAcceptsALoss) {
  World world;
  world.medium.luns[1].mirror = a + 1;
  world.start(a);
  world.run_for_ms(20);
  world.state[a].records = 5;  // stored after the first ping, before the second
  world.start(b);
  ASSERT_TRUE(world.eventually([&] { return world.up(b) && world.serves(a, 1); }));
  EXPECT_TRUE(world.take_journal(b).empty()) << "its operations are in a's memory";
  EXPECT_EQ(number_of(takeover_seen_by(world, a), "operations_replayed"), 5U);
}

TEST(ClusterApp, TakesTheLunsOfAPartnerThatNeverComes) {
  World world;
  world.start(b);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 1); }));
  EXPECT_FALSE(world.serves(b, 0));
  world.run_for_ms(2000);
  EXPECT_FALSE(world.serves(b, 0)) << "failure_after_ms is its time to come";
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  world.take_journal(b);
  world.start(a);
  ASSERT_TRUE(world.eventually([&] { return world.up(a); }));
  EXPECT_TRUE(world.take_journal(a).empty());
}

TEST(ClusterApp, StopsANodeInOrderAndThePartnerTakesOverWithoutAFence) {
  World world;
  world.start_both();
  world.take_journal(a);
  world.take_journal(b);
  EXPECT_TRUE(flag_of(world.ask(a, {{"verb", "stop"}, {"cluster", false}}), "ok"));
  ASSERT_TRUE(world.eventually([&] { return world.exit_code[a].has_value(); }));
  EXPECT_EQ(*world.exit_code[a], 0);
  world.kill(a);
  ASSERT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
  EXPECT_EQ(world.take_journal(a), (Journal{"unserve 127.0.0.11:4450", "detach 0", "dismount 0"}));
  EXPECT_EQ(world.take_journal(b),
            (Journal{"mount 0", "replay 0", "attach 0", "serve 127.0.0.11:4450 share0"}));
}

TEST(ClusterApp, StopsTheWholeClusterWithoutTakeovers) {
  World world;
  world.start_both();
  world.take_journal(a);
  world.take_journal(b);
  world.ask(a, {{"verb", "stop"}, {"cluster", true}});
  ASSERT_TRUE(world.eventually([&] { return world.exit_code[a].has_value(); }));
  world.kill(a);
  world.run_for_ms(10'000);
  EXPECT_TRUE(world.take_journal(b).empty());
  world.ask(b, {{"verb", "stop"}, {"cluster", true}});
  ASSERT_TRUE(world.eventually([&] { return world.exit_code[b].has_value(); }));
  EXPECT_EQ(*world.exit_code[b], 0);
}

TEST(ClusterApp, TakesOverFromAClusterThatStopsIfItIsNotToldToStopItself) {
  World world;
  world.start_both();
  world.ask(a, {{"verb", "stop"}, {"cluster", true}});
  ASSERT_TRUE(world.eventually([&] { return world.exit_code[a].has_value(); }));
  world.kill(a);
  EXPECT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
}

TEST(ClusterApp, FailsAsAWholeWhenALayerDies) {
  World world;
  world.start_both();
  world.nodes[a]->layers[Layer::rd_driver].reset();
  world.loop.run_ready();
  ASSERT_TRUE(world.exit_code[a].has_value());
  EXPECT_EQ(*world.exit_code[a], 1);
  EXPECT_NE(world.exit_reason[a].find("rd_driver"), std::string::npos);
}

TEST(ClusterApp, FailsAsAWholeWhenALayerMakesNoProgress) {
  World world;
  world.start_both();
  world.state[a].answers_pings = false;
  world.run_for_ms(2400);
  EXPECT_FALSE(world.exit_code[a].has_value()) << "layer_hang_ms is 2500";
  world.run_for_ms(1000);
  ASSERT_TRUE(world.exit_code[a].has_value());
  EXPECT_EQ(*world.exit_code[a], 1);
  EXPECT_NE(world.exit_reason[a].find("fs_cache"), std::string::npos);
}

TEST(ClusterApp, TriesAReplayAgainAndServesNothingBeforeItIsDurable) {
  World world;
  world.start_both();
  world.state[b].replay_status = Status::io_device_error;
  world.kill(a);
  world.run_for_ms(10'000);
  EXPECT_FALSE(world.serves(b, 0));
  EXPECT_NE(text_of(world.status(b), "awaiting").find("replay"), std::string::npos);
  world.state[b].replay_status = Status::success;
  EXPECT_TRUE(world.eventually([&] { return world.serves(b, 0); }));
}

TEST(ClusterApp, TriesAMountAgainThatFailed) {
  World world;
  world.state[a].mount_status = Status::io_device_error;
  world.start(a);
  world.start(b);
  ASSERT_TRUE(world.eventually([&] { return world.up(b); }));
  EXPECT_NE(text_of(world.status(a), "awaiting").find("lun0"), std::string::npos);
  world.state[a].mount_status = Status::success;
  EXPECT_TRUE(world.eventually([&] { return world.serves(a, 0); }));
}

TEST(ClusterApp, SaysHowItsLayersAreNowAndNotAMomentAgo) {
  World world;
  world.start_both();
  world.state[b].records = 9;
  EXPECT_EQ(number_of(world.status(b), "operations_mirrored"), 9U);
}

TEST(ClusterApp, StillAnswersWhileALayerHangs) {
  World world;
  world.start_both();
  world.state[a].answers_pings = false;
  world.run_for_ms(1000);
  EXPECT_EQ(text_of(world.status(a), "state"), "up");
}

TEST(ClusterApp, HandsNewAccountsToNetstack) {
  World world;
  world.start_both();
  world.take_journal(a);
  world.nodes[a]->app->set_accounts("me:0123\nyou:4567");
  world.run_for_ms(10);
  EXPECT_EQ(world.take_journal(a), (Journal{"serve 127.0.0.11:4450 share0"}));
}

TEST(ClusterApp, DoesNotListenToANodeWithAnotherKey) {
  World world;
  world.keys[b] = std::string(64, 'x');
  world.start(a);
  world.start(b);
  world.run_for_ms(20'000);
  EXPECT_TRUE(world.take_journal(a).empty());
  EXPECT_TRUE(world.take_journal(b).empty());
  EXPECT_NE(text_of(world.status(a), "awaiting").find("node b runs"), std::string::npos);
}

TEST(ClusterApp, RefusesCommandsThatMakeNoSense) {
  World world;
  world.start_both();
  EXPECT_FALSE(flag_of(world.ask(a, question("giveback")), "ok")) << "nothing of a is at b";
  EXPECT_FALSE(flag_of(world.ask(a, {{"verb", "takeover"}, {"fenced", true}}), "ok"))
      << "nothing awaits that";
  EXPECT_FALSE(flag_of(world.ask(a, question("dance")), "ok"));
  EXPECT_FALSE(flag_of(world.ask(a, {}), "ok"));
}

/// Nodes die and start in any order, under many orders of events: never do two own one LUN, and in
/// the end all is served.
TEST(ClusterAppUnderSeeds, OwnsEveryLunOnceWhateverDies) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 12; ++round) {
      const std::uint32_t node = random() % 2;
      world.death_is_seen = random() % 2 == 0;
      world.state[node].records = random() % 3;
      world.state[1 - node].interconnect = world.nodes[node] == nullptr;
      if (world.nodes[node]) {
        world.kill(node);
      } else {
        world.start(node);
      }
      world.run_for_ms(static_cast<int>(random() % 6000));
    }
    for (const std::uint32_t node : {a, b}) {
      world.state[node].interconnect = true;
      if (!world.nodes[node]) world.start(node);
    }
    EXPECT_TRUE(world.eventually([&] {
      return world.up(a) && world.up(b) && (world.serves(a, 0) || world.serves(b, 0)) &&
             (world.serves(a, 1) || world.serves(b, 1));
    }));
    EXPECT_FALSE(world.serves(a, 0) && world.serves(b, 0));
    EXPECT_FALSE(world.serves(a, 1) && world.serves(b, 1));
    EXPECT_FALSE(world.exit_code[a] || world.exit_code[b])
        << world.exit_reason[a] << world.exit_reason[b];
  }
}

}  // namespace
}  // namespace understudy::testing_world
