// cluster.toml, as people write it and as they should not.
#include "cluster_app/config.h"

#include <gtest/gtest.h>

#include <random>

namespace understudy {
namespace {

std::string why_not(const std::string& text) {
  std::string error;
  EXPECT_FALSE(parse_config(text, "cluster.toml", error).has_value()) << text;
  return error;
}

std::string with(const std::string& from, const std::string& to) {
  std::string text = default_config_text();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Config, ReadsWhatInitWrites) {
  std::string error;
  const auto config = parse_config(default_config_text(), "cluster.toml", error);
  ASSERT_TRUE(config.has_value()) << error;
  ASSERT_EQ(config->nodes.size(), 2U);
  EXPECT_EQ(config->nodes[0].name, "a");
  EXPECT_EQ(config->nodes[1].control, "127.0.0.12:4452");
  ASSERT_EQ(config->luns.size(), 2U);
  EXPECT_EQ(config->luns[1].share, "share1");
  EXPECT_EQ(config->luns[1].owner, 1U);
  EXPECT_EQ(config->luns_of(0), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(config->failure_after_ms, 3000U);
  EXPECT_FALSE(config->auto_giveback);
  EXPECT_TRUE(config->lazy_writer_runs);
}

TEST(Config, ReadsSettings) {
  std::string error;
  const auto config =
      parse_config(with("lazy_writer = \"run\"", "lazy_writer = \"hold\""), "cluster.toml", error);
  ASSERT_TRUE(config.has_value()) << error;
  EXPECT_FALSE(config->lazy_writer_runs);
}

TEST(Config, HasTheDefaultsThatInitWrites) {
  std::string error;
  const auto written = parse_config(default_config_text(), "cluster.toml", error);
  const ClusterConfig none;
  ASSERT_TRUE(written.has_value()) << error;
  EXPECT_EQ(written->mailbox_ms, none.mailbox_ms);
  EXPECT_EQ(written->layer_hang_ms, none.layer_hang_ms);
  EXPECT_EQ(written->storage_hang_ms, none.storage_hang_ms);
  EXPECT_EQ(written->takes_over_for_software, none.takes_over_for_software);
  EXPECT_EQ(written->takeovers_per_hour, none.takeovers_per_hour);
  EXPECT_EQ(written->degraded_writes, none.degraded_writes);
  EXPECT_TRUE(written->one_machine);
  EXPECT_FALSE(none.one_machine) << "what cluster.toml does not say is not taken for granted";
}

TEST(Config, ReadsHowFailuresAreSeenAndFenced) {
  std::string error;
  const auto config =
      parse_config("fence_agent = \"/bin/off\"\n" +
                       with("control = \"127.0.0.12:4452\"",
                            "control = \"127.0.0.12:4452\"\nfence_agent = \"/bin/b-off\""),
                   "cluster.toml", error);
  ASSERT_TRUE(config.has_value()) << error;
  EXPECT_EQ(config->nodes[0].fence_agent, "/bin/off");
  EXPECT_EQ(config->nodes[1].fence_agent, "/bin/b-off");
  const auto hardware =
      parse_config(with("takeover_for = \"both\"", "takeover_for = \"hardware\""), "", error);
  ASSERT_TRUE(hardware.has_value()) << error;
  EXPECT_FALSE(hardware->takes_over_for_software);
  const auto unsafe = parse_config(
      with("degraded_writes = \"write_through\"", "degraded_writes = \"write_back\""), "", error);
  ASSERT_TRUE(unsafe.has_value()) << error;
  EXPECT_EQ(unsafe->degraded_writes, DegradedWrites::write_back);
}

TEST(Config, ReadsWhereClientsMustEncrypt) {
  std::string error;
  const std::string lun = "directory = \"lun1\"\n";
  const auto config = parse_config(with(lun, lun + "encryption = \"required\"\n"), "", error);
  ASSERT_TRUE(config.has_value()) << error;
  EXPECT_EQ(config->encryption, "allowed");
  EXPECT_FALSE(config->luns[0].encrypted);
  EXPECT_TRUE(config->luns[1].encrypted);
  EXPECT_TRUE(config->luns[0].continuously_available);
  const auto all =
      parse_config(with("encryption = \"allowed\"", "encryption = \"required\""), "", error);
  ASSERT_TRUE(all.has_value()) << error;
  EXPECT_EQ(all->encryption, "required");
}

TEST(Config, ReadsWhoseWaysALunHas) {
  std::string error;
  const std::string lun = "directory = \"lun1\"\n";
  const auto config = parse_config(with(lun, lun + "semantics = \"samba\"\n"), "", error);
  ASSERT_TRUE(config.has_value()) << error;
  EXPECT_FALSE(config->luns[0].like_samba);
  EXPECT_TRUE(config->luns[1].like_samba);
  EXPECT_NE(why_not(with(lun, lun + "semantics = \"unix\"\n"))
                .find("[lun.lun1] semantics: must be \"windows\" or \"samba\""),
            std::string::npos);
}

TEST(Config, RefusesEncryptionThatIsOffAndRequired) {
  const std::string off = with("encryption = \"allowed\"", "encryption = \"off\"");
  EXPECT_NE(why_not(off + "encryption = \"required\"\n").find("[lun.lun1] wants encryption"),
            std::string::npos);
  EXPECT_NE(why_not(with("encryption = \"allowed\"", "encryption = \"yes\""))
                .find("encryption: must be \"off\""),
            std::string::npos);
}

TEST(Config, RefusesWhatIsNoKindOfFailureProtocolOrAgent) {
  EXPECT_NE(why_not(with("takeover_for = \"both\"", "takeover_for = \"all\""))
                .find("takeover_for: must be \"both\" or \"hardware\""),
            std::string::npos);
  EXPECT_NE(why_not(with("degraded_writes = \"write_through\"", "degraded_writes = \"fast\""))
                .find("degraded_writes: must be \"write_through\" or"),
            std::string::npos);
  EXPECT_NE(why_not("fence_agent = \"off\"\n" + default_config_text()).find("absolute path"),
            std::string::npos);
  EXPECT_NE(why_not(with("takeovers_per_hour = 5", "takeovers_per_hour = 0"))
                .find("takeovers_per_hour: must be a number"),
            std::string::npos);
}

TEST(Config, NamesTheKeyThatItDoesNotKnow) {
  EXPECT_EQ(why_not("flush = 3\n" + default_config_text()), "cluster.toml: flush: unknown setting");
  EXPECT_NE(why_not(with("interconnect = ", "inter = ")).find("[node.a] inter: unknown key"),
            std::string::npos);
  EXPECT_NE(why_not(with("share = ", "shard = ")).find("[lun.lun0] shard"), std::string::npos);
  EXPECT_NE(why_not(default_config_text() + "[more.a]\nx = 1\n").find("[more.a] x"),
            std::string::npos);
}

TEST(Config, RefusesValuesOutOfRange) {
  EXPECT_NE(why_not(with("heartbeat_ms = 100", "heartbeat_ms = 0"))
                .find("heartbeat_ms: must be a number"),
            std::string::npos);
  EXPECT_NE(why_not(with("heartbeat_ms = 100", "heartbeat_ms = -1")).find("heartbeat_ms"),
            std::string::npos);
  EXPECT_NE(why_not(with("mirror_mib = 256", "mirror_mib = 99999999999999")).find("mirror_mib"),
            std::string::npos);
  EXPECT_NE(why_not(with("auto_giveback = false", "auto_giveback = maybe")).find("auto_giveback"),
            std::string::npos);
  EXPECT_NE(why_not(with("lazy_writer = \"run\"", "lazy_writer = \"rest\"")).find("lazy_writer"),
            std::string::npos);
  EXPECT_NE(why_not(with("failure_after_ms = 3000", "failure_after_ms = 200")).find("three times"),
            std::string::npos);
  EXPECT_NE(why_not(with("127.0.0.11:4450", "127.0.0.11")).find("HOST:PORT"), std::string::npos);
  EXPECT_NE(why_not(with("127.0.0.11:4450", "127.0.0.11:0")).find("HOST:PORT"), std::string::npos);
  EXPECT_NE(why_not(with("127.0.0.11:4450", "127.0.0.11:70000")).find("HOST:PORT"),
            std::string::npos);
}

TEST(Config, RefusesWhatContradictsItself) {
  EXPECT_NE(why_not(with("127.0.0.12:4450", "127.0.0.11:4450")).find("a second time"),
            std::string::npos);
  EXPECT_NE(why_not(with("owner = \"b\"", "owner = \"c\"")).find("no node c"), std::string::npos);
  EXPECT_NE(why_not(with("share1", "SHARE0")).find("twice"), std::string::npos);
  EXPECT_NE(why_not(with("directory = \"lun1\"", "directory = \"lun0\"")).find("two LUNs"),
            std::string::npos);
  EXPECT_NE(
      why_not(with("heartbeat_ms = 100", "heartbeat_ms = 100\nheartbeat_ms = 200")).find("once"),
      std::string::npos);
}

TEST(Config, NeedsTwoNodesAndALun) {
  EXPECT_NE(why_not("").find("two [node.NAME]"), std::string::npos);
  std::string text = default_config_text();
  EXPECT_NE(why_not(text.substr(0, text.find("[lun.lun0]"))).find("no [lun.NAME]"),
            std::string::npos);
}

TEST(Config, SurvivesWhateverStandsInTheFile) {
  std::mt19937 random(7);
  const std::string good = default_config_text();
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (std::size_t changes = 1 + random() % 8; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 40);
          break;
        default:
          text.insert(at, std::string(1, "[]=\"\n#.',"[random() % 9]));
      }
      if (text.empty()) text = "=";
    }
    std::string error;
    const auto config = parse_config(text, "cluster.toml", error);
    EXPECT_TRUE(config.has_value() || !error.empty());
  }
}

}  // namespace
}  // namespace understudy
