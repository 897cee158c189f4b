// What the scenarios have in common: a pair, clients that work on share0 at a's address, and the
// judgement at the end.
#pragma once

#include <gtest/gtest.h>

#include <future>

#include "tests/real/rounds.h"

namespace understudy {

/// A parameter as the end of a test's name, in which only letters and digits may be.
inline std::string name_of(const ::testing::TestParamInfo<std::string>& parameter) {
  std::string name = parameter.param;
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

class Scenario : public ::testing::Test {
 protected:
  explicit Scenario(const Pair::Settings& settings = {{"flush_interval_ms", "20"},
                                                      {"failure_after_ms", "1000"}},
                    const Networks* networks = nullptr)
      : pair(settings, networks) {}

  /// Starts the pair and clients that have done something already.
  void begin(const std::string& faults = "") {
    ASSERT_TRUE(pair.start_mirrored(faults));
    load.emplace(pair.server("a", "share0"), 2, seed());
    load->run_operations(30);
    ASSERT_NO_FATAL_FAILURE(consistent());
  }
  /// Clients work while `act` does something to the nodes in a thread of its own (so it must not
  /// start one: a node dies with the thread that started it), and a little longer.
  void work_during(const std::function<void()>& act) {
    load->run_operations(10);
    auto acting = std::async(std::launch::async, act);
    const auto acted = [&] {
      return acting.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    };
    std::optional<std::size_t> enough;
    load->run([&] {
      if (!enough && acted()) enough = load->acknowledged() + 20;
      return load->all_broken() || (enough && load->acknowledged() >= *enough);
    });
    acting.get();
  }
  /// No server has said what cannot be.
  void consistent() { ASSERT_EQ(load->contradictions(), "") << load->history(); }
  /// What clients see is what they were told, and lies on the medium when `owner` has written it.
  void expect_nothing_lost(const std::string& owner, bool unmirrored = false) {
    ASSERT_NO_FATAL_FAILURE(consistent());
    ASSERT_EQ(check_share(pair, *load, owner, unmirrored), "") << load->history();
  }
  /// New connections work, and nothing is lost by them either.
  void expect_service(const std::string& owner) {
    load->reconnect();
    load->run_operations(20);
    ASSERT_FALSE(load->all_broken()) << load->history();
    expect_nothing_lost(owner);
  }
  bool owned_by(const std::string& node, double seconds = 15) {
    return pair.wait_until([&](const Pair& p) { return p.serves(node, "lun0"); }, seconds);
  }
  /// Who has lun0, once somebody has it.
  std::string owner() {
    pair.wait_until([](const Pair& p) { return p.serves("a", "lun0") || p.serves("b", "lun0"); },
                    20);
    return pair.serves("a", "lun0") ? "a" : "b";
  }
  /// `node` has every operation mirrored, whichever LUNs it has.
  bool mirrored_at(const std::string& node, double seconds = 15) {
    return pair.wait_until([&](const Pair& p) { return p.flag(node, "mirroring"); }, seconds);
  }
  bool degraded(const std::string& node, double seconds = 15) {
    return pair.wait_until([&](const Pair& p) { return p.flag(node, "degraded"); }, seconds);
  }
  /// The same in every run of this scenario, another one in each scenario.
  static std::uint64_t seed() {
    return std::hash<std::string>()(
               ::testing::UnitTest::GetInstance()->current_test_info()->name()) %
           100'000;
  }

  Pair pair;
  std::optional<Load> load;
};

}  // namespace understudy
