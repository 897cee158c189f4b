// The stepper on a real pair with a real SMB client (docs/stepping.md).
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "iomgr/json_fields.h"
#include "tests/real/load.h"
#include "tests/real/stepper.h"

namespace understudy {
namespace {

/// "a.ff_driver 408", or "a.rd_driver request_in".
std::string place_of(const json::object& stop) {
  const json::value* const at = stop.if_contains("at");
  if (at == nullptr || !at->is_object()) return json::serialize(stop);
  const json::object& point = at->as_object();
  const std::uint64_t step = number_of(point, "step");
  return text_of(point, "node") + "." + text_of(point, "layer") + " " +
         (step != 0 ? std::to_string(step) : text_of(point, "hop"));
}

/// The operation of LUN 0 with that LSN in the ledger; empty if it is not there.
json::object entry_of(const json::object& answer, std::uint64_t lsn) {
  for (const json::value& lun : answer.at("ledger").at("luns").as_array()) {
    if (lun.at("lun").to_number<std::uint32_t>() != 0) continue;
    for (const json::value& entry : lun.at("operations").as_array()) {
      if (entry.at("lsn").to_number<std::uint64_t>() == lsn) return entry.as_object();
    }
  }
  return {};
}

/// Where the copies of it are, by the ledger: "cache a, mirror b, acknowledged".
std::string copies(Stepper& stepper, std::uint64_t lsn) {
  const json::object answer = stepper.ask("ledger");
  if (!answer.contains("ledger")) return json::serialize(answer);
  const json::object entry = entry_of(answer, lsn);
  if (entry.empty()) return "";
  std::string text;
  for (const char* const store : {"cache", "mirror"}) {
    for (const json::value& node : entry.at(store).as_array())
      text += (text.empty() ? "" : ", ") + std::string(store) + " " + std::string(node.as_string());
  }
  return text + (entry.at("acknowledged").as_bool() ? ", acknowledged" : "");
}

/// Whether the ledger says that no single failure would lose anything.
bool nothing_is_lost(Stepper& stepper) {
  const json::object answer = stepper.ask("ledger");
  if (!answer.contains("ledger")) return false;
  for (const auto& [node, lost] : answer.at("ledger").at("lost_with").as_object()) {
    if (!lost.as_array().empty()) return false;
  }
  return true;
}

bool in_store(Stepper& stepper, const std::string& store, const std::string& node,
              std::uint64_t lsn) {
  const json::object answer = stepper.ask(store + " " + node);
  if (!answer.contains(store)) return false;
  for (const json::value& record : answer.at(store).at(node).as_array()) {
    if (record.at("lun").to_number<std::uint32_t>() == 0 &&
        record.at("lsn").to_number<std::uint64_t>() == lsn)
      return true;
  }
  return false;
}

TEST(RealStepping, FollowsOneWriteFromStep408IntoThePartnersStoreAndOutToTheAcknowledgement) {
  const Pair::Settings held = {{"lazy_writer", "\"hold\""}};
  Pair pair(held);
  ASSERT_TRUE(pair.start_mirrored());
  std::ofstream(pair.directory() / "f") << "content";
  Stepper stepper(pair);
  ASSERT_TRUE(flag_of(stepper.ask("break 408 on a.ff_driver if lun == 0"), "ok"));
  auto client = std::async(std::launch::async, [&pair] {
    return pair.smb("a", "share0", "lcd " + pair.directory().string() + "; put f f");
  });

  json::object stop = stepper.ask("continue");
  ASSERT_EQ(place_of(stop), "a.ff_driver 408");
  const std::uint64_t lsn = number_of(stop.at("at").as_object(), "lsn");
  ASSERT_NE(lsn, 0U);
  EXPECT_EQ(copies(stepper, lsn), "cache a");
  EXPECT_TRUE(in_store(stepper, "cache", "a", lsn));
  EXPECT_FALSE(in_store(stepper, "mirror", "b", lsn));
  EXPECT_TRUE(nothing_is_lost(stepper));

  ASSERT_TRUE(flag_of(stepper.ask("delete 1"), "ok"));
  EXPECT_EQ(place_of(stepper.ask("into")), "a.rd_driver request_in");
  EXPECT_EQ(copies(stepper, lsn), "cache a");
  stop = stepper.ask("into");
  EXPECT_EQ(text_of(stop.at("at").as_object(), "node"), "b") << place_of(stop);
  EXPECT_EQ(text_of(stop.at("at").as_object(), "layer"), "mirror_server");
  stop = stepper.ask("step");
  EXPECT_EQ(place_of(stop), "b.mirror_server 408") << "the record has arrived";
  EXPECT_EQ(copies(stepper, lsn), "cache a, mirror b");
  EXPECT_TRUE(in_store(stepper, "mirror", "b", lsn));

  stop = stepper.ask("out");
  EXPECT_EQ(text_of(stop.at("at").as_object(), "node"), "a") << place_of(stop);
  EXPECT_EQ(place_of(stepper.ask("step")), "a.ff_driver 410");
  EXPECT_EQ(copies(stepper, lsn), "cache a, mirror b");
  EXPECT_EQ(place_of(stepper.ask("step")), "a.ff_driver 412");
  EXPECT_EQ(copies(stepper, lsn), "cache a, mirror b, acknowledged");
  EXPECT_TRUE(nothing_is_lost(stepper));

  EXPECT_TRUE(flag_of(stepper.ask("quit"), "ok"));
  EXPECT_EQ(client.get().exit_code, 0);
}

/// Clients that work on share0 at a's address.
class WorkingClients {
 public:
  explicit WorkingClients(const Pair& pair)
      : pair_(pair), load_(pair.server("a", "share0"), 4, 1) {}
  ~WorkingClients() { over_ = true; }

  void begin() {
    over_ = false;
    work_ = std::async(std::launch::async, [this] { load_.run([this] { return over_.load(); }); });
  }
  /// They end; what is there must be what they were told. Who gave up by its own clock begins anew.
  void end() {
    over_ = true;
    work_.wait();
    EXPECT_EQ(load_.contradictions(), "");
    std::string error;
    const auto found = read_share(pair_.server("a", "share0"), std::chrono::seconds(20), error);
    ASSERT_TRUE(found.has_value()) << error;
    ASSERT_EQ(load_.judge(*found), "") << load_.history();
    load_.settle(*found);
    load_.reconnect();
  }
  std::size_t acknowledged() const { return load_.acknowledged(); }

 private:
  const Pair& pair_;
  std::atomic<bool> over_ = false;
  Load load_;
  std::future<void> work_;
};

/// Whether nothing has happened to the pair since `before` but what clients asked for.
bool undisturbed(const Pair& pair, const std::map<std::string, pid_t>& a,
                 const std::map<std::string, pid_t>& b) {
  return pair.processes("a") == a && pair.processes("b") == b && pair.serves("a", "lun0") &&
         pair.serves("b", "lun1") && pair.mirroring("a") && pair.mirroring("b") &&
         !pair.node("a").contains("last_takeover") && !pair.node("b").contains("last_takeover");
}

/// UNDERSTUDY_FREEZE_S: the seconds of a long freeze; by default longer than a layer or storage may
/// hang.
double long_freeze() {
  const char* const wanted = std::getenv("UNDERSTUDY_FREEZE_S");
  return wanted == nullptr ? 4.5 : std::atof(wanted);
}

/// A quarter of a hundred.
class Freezes : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Quarter, Freezes, testing::Values(0, 1, 2, 3));

TEST_P(Freezes, UnderLoadLoseNothingAndLookLikeAFailureToNobody) {
  constexpr std::size_t kFreezes = 25;
  constexpr std::size_t kLong = 3;  // of them: each STEP once in all quarters together
  const std::vector<std::string> steps = {"400", "402", "406", "408", "410", "412",
                                          "414", "416", "418", "420", "302"};
  const Pair::Settings impatient = {{"heartbeat_ms", "50"},
                                    {"failure_after_ms", "300"},
                                    {"layer_hang_ms", "4000"},  // a layer may take long to start
                                    {"storage_hang_ms", "4000"},
                                    {"flush_interval_ms", "50"}};
  Pair pair(impatient, nullptr, Pair::memory());
  ASSERT_TRUE(pair.start_mirrored());
  const auto a = pair.processes("a");
  const auto b = pair.processes("b");
  WorkingClients clients(pair);
  const auto freeze = [&](Stepper& stepper, std::size_t number, double seconds) {
    const std::string& step = steps.at(number % steps.size());
    ASSERT_TRUE(flag_of(stepper.ask("tbreak " + step), "ok"));
    const json::object stop = stepper.ask("continue");
    ASSERT_TRUE(stop.contains("at")) << step << json::serialize(stop);
    ASSERT_TRUE(flag_of(stepper.ask("hold " + std::to_string(seconds)), "ok"));
    ASSERT_TRUE(nothing_is_lost(stepper)) << step;
  };
  for (std::size_t i = 0; i < kLong && !HasFatalFailure(); ++i) {
    clients.begin();
    {
      Stepper stepper(pair);
      freeze(stepper, GetParam() * kLong + i, long_freeze());
    }
    clients.end();
  }
  clients.begin();
  {
    Stepper stepper(pair);
    for (std::size_t i = kLong; i < kFreezes && !HasFatalFailure(); ++i)
      freeze(stepper, GetParam() * kFreezes + i, 0.4);
  }
  clients.end();
  EXPECT_GT(clients.acknowledged(), 0U);
  EXPECT_TRUE(undisturbed(pair, a, b)) << json::serialize(pair.status());
}

TEST(RealStepping, NoRuleBreaksUnderLoadAndLookingForThatDisturbsNobody) {
  const Pair::Settings busy = {{"flush_interval_ms", "50"}};
  Pair pair(busy);
  ASSERT_TRUE(pair.start_mirrored());
  const auto a = pair.processes("a");
  const auto b = pair.processes("b");
  WorkingClients clients(pair);
  clients.begin();
  {
    Stepper stepper(pair, 5);
    ASSERT_TRUE(flag_of(stepper.ask("break rule"), "ok"));
    const json::object stop = stepper.ask("continue");
    EXPECT_FALSE(stop.contains("at")) << json::serialize(stop);
  }
  clients.end();
  EXPECT_GT(clients.acknowledged(), 0U);
  EXPECT_TRUE(undisturbed(pair, a, b)) << json::serialize(pair.status());
}

TEST(RealStepping, WhatStopsWhileNoCommandIsGivenHarmsNobodyAndIsToldByTheNext) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const auto a = pair.processes("a");
  const auto b = pair.processes("b");
  Stepper stepper(pair);
  ASSERT_TRUE(flag_of(stepper.ask("break 400 on a.ff_driver"), "ok"));
  auto client = std::async(std::launch::async,
                           [&pair] { return pair.smb("a", "share0", "mkdir d").exit_code; });
  // Longer than a layer may hang; `layers` lets it stand.
  const auto stands = [&](const Pair&) {
    return json::serialize(stepper.ask("layers")).find("parked: STEP 400") != std::string::npos;
  };
  ASSERT_TRUE(pair.wait_until(stands, 20));
  std::this_thread::sleep_for(std::chrono::seconds(4));
  EXPECT_EQ(place_of(stepper.ask("continue")), "a.ff_driver 400");
  stepper.ask("quit");
  EXPECT_EQ(client.get(), 0);
  EXPECT_TRUE(undisturbed(pair, a, b)) << json::serialize(pair.status());
}

TEST(RealStepping, ADebuggerThatDiesHoldsNobody) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const auto a = pair.processes("a");
  const auto b = pair.processes("b");
  Stepper stepper(pair);
  ASSERT_TRUE(flag_of(stepper.ask("break 302"), "ok"));
  ASSERT_TRUE(stepper.ask("continue").contains("at"));
  stepper.kill();
  EXPECT_TRUE(pair.wait_until([](const Pair& p) { return p.mirroring("a"); }, 15));
  EXPECT_EQ(pair.smb("a", "share0", "mkdir d").exit_code, 0);
  EXPECT_TRUE(undisturbed(pair, a, b)) << json::serialize(pair.status());
}

TEST(RealStepping, StopsAtEveryStepOfATakeoverAndOfTheReturn) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  Stepper stepper(pair);
  ASSERT_TRUE(flag_of(stepper.ask("break takeover on b.cluster_app"), "ok"));
  ASSERT_TRUE(flag_of(stepper.ask("kill a"), "ok"));
  std::vector<std::string> seen;
  for (json::object stop = stepper.ask("continue"); stop.contains("at") && seen.size() < 6;
       stop = stepper.ask("continue")) {
    seen.push_back(place_of(stop));
    stepper.ask("hold 0.1");
    if (seen.back() == "b.cluster_app 318") break;
  }
  const std::vector<std::string> fig3 = {"b.cluster_app 304", "b.cluster_app 310",
                                         "b.cluster_app 312", "b.cluster_app 314",
                                         "b.cluster_app 316", "b.cluster_app 318"};
  EXPECT_EQ(seen, fig3);
  ASSERT_TRUE(flag_of(stepper.ask("delete 1"), "ok"));
  ASSERT_TRUE(flag_of(stepper.ask("tbreak 334 on b.ff_driver"), "ok"));
  pair.kill("a");  // what is left of it
  pair.start("a");
  EXPECT_EQ(place_of(stepper.ask("continue")), "b.ff_driver 334");
  stepper.ask("quit");
  EXPECT_TRUE(pair.wait_until([](const Pair& p) { return p.mirroring("b"); }, 20));
}

TEST(RealStepping, OfTwoPendingMessagesTheOneThatIsChosenGoesFirst) {
  const Pair::Settings patient = {{"layer_hang_ms", "60000"}};
  Pair pair(patient);
  ASSERT_TRUE(pair.start_mirrored());
  std::future<int> one;  // they outlive the stepper, which holds what they wait for
  std::future<int> other;
  Stepper stepper(pair, 1);
  const auto client = [&pair](const char* command) {
    return std::async(std::launch::async,
                      [&pair, command] { return pair.smb("a", "share0", command).exit_code; });
  };
  ASSERT_TRUE(flag_of(stepper.ask("hang a.ff_driver"), "ok"));
  one = client("mkdir one");
  other = client("mkdir other");
  std::vector<std::uint64_t> irps;  // that wait for the filter, the next one first
  const bool both_wait = pair.wait_until(
      [&](const Pair&) {
        stepper.ask("pause");
        irps.clear();
        const json::object answer = stepper.ask("pending");
        for (const json::value& each : answer.at("pending").as_array()) {
          if (each.at("from") == "netstack")
            irps.push_back(each.at("irp").to_number<std::uint64_t>());
        }
        if (irps.size() < 2) stepper.ask("continue");
        return irps.size() >= 2;
      },
      20);
  ASSERT_TRUE(both_wait);
  ASSERT_TRUE(flag_of(stepper.ask("break 400 on a.ff_driver"), "ok"));
  ASSERT_TRUE(flag_of(stepper.ask("next 1"), "ok"));
  ASSERT_TRUE(flag_of(stepper.ask("wake a.ff_driver"), "ok"));
  const json::object stop = stepper.ask("continue");
  EXPECT_EQ(place_of(stop), "a.ff_driver 400");
  EXPECT_EQ(number_of(stop.at("at").as_object(), "irp"), irps.at(1));
  stepper.ask("quit");
  EXPECT_EQ(one.get(), 0);
  EXPECT_EQ(other.get(), 0);
}

TEST(RealStepping, ATimerExpiresWhenItIsToldToThoughTheClockStands) {
  const Pair::Settings slow = {{"flush_interval_ms", "3600000"}};
  Pair pair(slow);
  ASSERT_TRUE(pair.start_mirrored());
  ASSERT_EQ(pair.smb("a", "share0", "mkdir d").exit_code, 0);
  Stepper stepper(pair);
  stepper.ask("pause");
  ASSERT_TRUE(flag_of(stepper.ask("break 414 on a.fs_cache"), "ok"));
  // The lazy writer's is the last of them. The order is carried out when the layer does something.
  json::object timers = stepper.ask("timers a.fs_cache");
  if (!timers.contains("timers")) {
    stepper.ask("delete 1");
    ASSERT_TRUE(flag_of(stepper.ask("tbreak any on a.fs_cache"), "ok"));
    ASSERT_TRUE(stepper.ask("continue").contains("at"));
    timers = stepper.ask("timers a.fs_cache");
    ASSERT_TRUE(flag_of(stepper.ask("break 414 on a.fs_cache"), "ok"));
  }
  ASSERT_TRUE(timers.contains("timers")) << json::serialize(timers);
  const std::size_t last = timers.at("timers").as_array().size() - 1;
  EXPECT_GT(timers.at("timers").as_array().at(last).to_number<std::int64_t>(), 3'000'000);
  ASSERT_TRUE(flag_of(stepper.ask("expire a.fs_cache " + std::to_string(last)), "ok"));
  EXPECT_EQ(place_of(stepper.ask("continue")), "a.fs_cache 414");
}

TEST(RealStepping, AnInterconnectThatIsCutIsJoinedAgainAndNothingIsLost) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  Stepper stepper(pair);
  ASSERT_TRUE(flag_of(stepper.ask("tbreak 316 on a.ff_driver"), "ok"));
  ASSERT_TRUE(flag_of(stepper.ask("cut a"), "ok"));
  auto client = std::async(std::launch::async,
                           [&pair] { return pair.smb("a", "share0", "mkdir d").exit_code; });
  EXPECT_EQ(place_of(stepper.ask("continue")), "a.ff_driver 316") << "mirroring goes off";
  EXPECT_TRUE(nothing_is_lost(stepper));
  ASSERT_TRUE(flag_of(stepper.ask("tbreak 334 on a.ff_driver"), "ok"));
  EXPECT_EQ(place_of(stepper.ask("continue")), "a.ff_driver 334") << "and on again";
  stepper.ask("quit");
  EXPECT_EQ(client.get(), 0);
}

/// A pair that stands at STEP 408 of a client's operation, before its copy goes to the partner.
class BrokenMessage : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pair_.start_mirrored());
    a_ = pair_.processes("a");
    b_ = pair_.processes("b");
    ASSERT_TRUE(flag_of(stepper_->ask("break rule"), "ok"));
    ASSERT_TRUE(flag_of(stepper_->ask("tbreak 408 on a.ff_driver if lun == 0"), "ok"));
    client_ = std::async(std::launch::async,
                         [this] { return pair_.smb("a", "share0", "mkdir d").exit_code; });
    at_408_ = stepper_->ask("continue");
    ASSERT_EQ(place_of(at_408_), "a.ff_driver 408");
  }
  void order(const std::string& command) {
    ASSERT_TRUE(flag_of(stepper_->ask(command), "ok")) << command;
  }
  /// Goes on to there; that nothing would be lost there.
  void stops_at(const std::string& step) {
    order("tbreak " + step + " on a.ff_driver if lun == 0");
    EXPECT_EQ(place_of(stepper_->ask("continue")), "a.ff_driver " + step);
    EXPECT_TRUE(nothing_is_lost(*stepper_)) << step;
  }
  /// The client has its answer, and the pair is as it was.
  void ends_well() {
    const json::object breakpoints = stepper_->ask("breakpoints");
    EXPECT_EQ(breakpoints.at("breakpoints").at(0).at("hits"), 0) << "no rule has broken";
    stepper_->ask("quit");
    EXPECT_EQ(client_.get(), 0);
    EXPECT_EQ(pair_.smb("a", "share0", "cd d").exit_code, 0);
    const auto as_before = [this](const Pair& pair) { return undisturbed(pair, a_, b_); };
    EXPECT_TRUE(pair_.wait_until(as_before, 20)) << json::serialize(pair_.status());
  }

  Pair pair_;
  std::map<std::string, pid_t> a_;
  std::map<std::string, pid_t> b_;
  std::future<int> client_;
  std::unique_ptr<Stepper> stepper_ = std::make_unique<Stepper>(pair_);
  json::object at_408_;
};

TEST_F(BrokenMessage, ThatGetsLostCostsTheConnectionAndNoOperation) {
  order("drop a.rd_driver");
  stops_at("316");
  stops_at("334");
  ends_well();
}

TEST_F(BrokenMessage, ThatComesTwiceCostsTheConnectionAndNoOperation) {
  order("duplicate a.rd_driver");
  stops_at("316");
  stops_at("334");
  ends_well();
}

TEST_F(BrokenMessage, AnAcknowledgementOfThePartnerThatGetsLostCostsTheSame) {
  order("drop b.mirror_server");
  stops_at("316");
  stops_at("334");
  ends_well();
}

TEST_F(BrokenMessage, ThatComesLaterMakesTheClientWaitByTheClockThatStandsAndNothingElse) {
  order("delay a.rd_driver 700");
  order("hold 1");  // longer than that, and it does not count
  order("tbreak 412 on a.ff_driver if lun == 0");
  const json::object at_412 = stepper_->ask("continue");
  ASSERT_EQ(place_of(at_412), "a.ff_driver 412");
  EXPECT_TRUE(nothing_is_lost(*stepper_));
  const auto time_of = [](const json::object& stop) {
    return number_of(stop.at("at").as_object(), "time_ns");
  };
  EXPECT_GE(time_of(at_412) - time_of(at_408_), 700'000'000U);
  EXPECT_LT(time_of(at_412) - time_of(at_408_), 1'900'000'000U);
  ends_well();
}

TEST_F(BrokenMessage, OnlyMessagesToTheOtherNodeCanBeBrokenSo) {
  for (const std::string command :
       {"drop a.ff_driver", "duplicate b.fs_cache", "delay a.netstack 5", "drop a",
        "delay a.rd_driver soon", "delay a.rd_driver 60001", "duplicate nobody.rd_driver"})
    EXPECT_FALSE(flag_of(stepper_->ask(command), "ok")) << command;
  EXPECT_NE(text_of(stepper_->ask("drop a.ff_driver"), "error").find("next, later"),
            std::string::npos);
  stops_at("412");
  ends_well();
}

/// The lines of all ```stepper blocks of the page.
std::string walk_of(const std::filesystem::path& page) {
  std::ifstream in(page);
  std::string walk;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = line == "```stepper";
    } else if (inside) {
      walk += line + "\n";
    }
  }
  return walk;
}

TEST(RealStepping, TheFirstSessionOfItsPageShowsWhatThePageSays) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  const std::filesystem::path root = UNDERSTUDY_ROOT;
  std::string walk = walk_of(root / "docs/stepping.md");
  ASSERT_TRUE(walk.ends_with("quit\n"));
  // The node that the session starts is nobody's after it.
  walk.insert(walk.size() - 5, "kill a\n");
  std::ofstream(pair.directory() / "walk") << walk;
  const std::string cluster = (pair.directory() / "cluster").string();
  const std::string address = pair.address("a");
  const std::string commands = "cd '" + root.string() + "' && export SMB='smbclient //" + address +
                               "/share0 -p 4450 -U tester%secret' CLUSTER_APP='" UNDERSTUDY_BIN
                               "/cluster_app -C " +
                               cluster + "' && " UNDERSTUDY_BIN "/stepper -C " + cluster +
                               " --script " + (pair.directory() / "walk").string();
  const CommandResult done = run_command(commands, 90);
  EXPECT_EQ(done.exit_code, 0) << done.output;
  EXPECT_NE(done.output.find("STEP 336"), std::string::npos) << done.output;
}

}  // namespace
}  // namespace understudy
