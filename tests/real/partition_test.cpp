// Losses of a network that are no failures (design: section 6): nobody takes over, clients go on,
// nothing is lost. In network namespaces of the test's own, so only root can run it.
#include "tests/real/scenario.h"

namespace understudy {
namespace {

using namespace std::chrono_literals;

/// Longer than a silence that would count as failure, on every path.
constexpr auto kLong = 3s;

class Partition : public Scenario {
 protected:
  Partition() : Partition(std::make_unique<Networks>()) {}

  void SetUp() override {
    if (!networks_->problem().empty())
      GTEST_SKIP() << "no network namespaces here: " << networks_->problem();
    ASSERT_NO_FATAL_FAILURE(begin());
    before_a_ = pair.processes("a");
    before_b_ = pair.processes("b");
  }
  void cut(Cable cable) const { networks_->cut(cable); }
  void mend(Cable cable) const { networks_->mend(cable); }
  /// Clients work for so long, as far as they are answered.
  void work_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    load->run([&] { return std::chrono::steady_clock::now() > end; });
  }
  /// Nobody took over, nobody was fenced, every client had its answer.
  void expect_no_failure() {
    EXPECT_EQ(pair.processes("a"), before_a_);
    EXPECT_EQ(pair.processes("b"), before_b_);
    EXPECT_TRUE(pair.owns("a", "lun0"));
    EXPECT_TRUE(pair.owns("b", "lun1"));
    EXPECT_EQ(load->unanswered(), 0U) << load->history();
    EXPECT_FALSE(load->all_broken()) << load->history();
  }

 private:
  explicit Partition(std::unique_ptr<Networks> networks)
      : Scenario({{"flush_interval_ms", "20"}, {"failure_after_ms", "1000"}},
                 networks->problem().empty() ? networks.get() : nullptr),
        networks_(std::move(networks)) {}

  std::unique_ptr<Networks> networks_;
  std::map<std::string, pid_t> before_a_;
  std::map<std::string, pid_t> before_b_;
};

TEST_F(Partition, OfTheInterconnectDegradesBothAndNobodyTakesOver) {
  cut(Cable::interconnect);
  work_for(kLong);
  EXPECT_TRUE(degraded("a"));
  EXPECT_TRUE(degraded("b"));
  ASSERT_NO_FATAL_FAILURE(expect_no_failure());
  mend(Cable::interconnect);
  EXPECT_TRUE(mirrored_at("a"));
  EXPECT_TRUE(mirrored_at("b"));
  work_for(500ms);
  expect_no_failure();
  expect_nothing_lost("a");
}

TEST_F(Partition, OfTheControlLinkIsNoFailureAtAll) {
  cut(Cable::control);
  work_for(kLong);
  EXPECT_TRUE(pair.flag("a", "mirroring"));
  mend(Cable::control);
  work_for(500ms);
  expect_no_failure();
  expect_nothing_lost("a");
}

TEST_F(Partition, OfTheClientsNetworkOnlyMakesThemWait) {
  std::thread mender([&] {
    std::this_thread::sleep_for(kLong);  // the length of the outage is what is tested
    mend(Cable::client_a);
  });
  cut(Cable::client_a);
  work_for(kLong + 500ms);
  mender.join();
  expect_no_failure();
  expect_nothing_lost("a");
}

TEST_F(Partition, OfTheInterconnectAgainAndAgainLosesNothing) {
  for (int i = 0; i < 3; ++i) {
    cut(Cable::interconnect);
    work_for(300ms);
    mend(Cable::interconnect);
    work_for(300ms);
  }
  EXPECT_TRUE(mirrored_at("a"));
  expect_no_failure();
  pair.kill("a");
  // b listens on a's address, which only a's network leads to; what it holds lies on the medium.
  ASSERT_TRUE(owned_by("b"));
  ASSERT_TRUE(pair.wait_until([](const Pair& p) { return p.flushed("b"); }, 20));
  EXPECT_EQ(load->judge(pair.host_tree("lun0")), "");
}

}  // namespace
}  // namespace understudy
