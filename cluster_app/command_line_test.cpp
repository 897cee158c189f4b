// The command line as a person meets it: what it makes, what it says, its exit codes.
#include "cluster_app/command_line.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cluster_app/cluster_status.h"
#include "cluster_app/node_lock.h"
#include "iomgr/accounts.h"

namespace understudy {
namespace {
namespace fs = std::filesystem;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    std::string pattern = (fs::temp_directory_path() / "understudy-test-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    cluster_ = (root_ / "demo").string();
  }
  ~CommandLineTest() override {
    fs::current_path(before_);
    fs::remove_all(root_);
  }

  int run(std::vector<const char*> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "cluster_app");
    std::istringstream in(input);
    out_.str("");
    err_.str("");
    Console console{in, out_, err_};
    return run_command_line(static_cast<int>(arguments.size()), arguments.data(), console);
  }
  int in_cluster(std::vector<const char*> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"-C", cluster_.c_str()});
    return run(std::move(arguments), input);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }
  bool one_line() const {
    const std::string text = err();
    return std::count(text.begin(), text.end(), '\n') == 1;
  }
  unsigned mode(const std::string& file) const {
    struct stat facts {};
    EXPECT_EQ(stat((fs::path(cluster_) / file).c_str(), &facts), 0) << file;
    return facts.st_mode & 0777;
  }

  const fs::path before_ = fs::current_path();
  fs::path root_;
  std::string cluster_;

 private:
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandLineTest, InitMakesAClusterThatStatusKnows) {
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone) << err();
  EXPECT_NE(out().find("user add"), std::string::npos);
  EXPECT_EQ(mode("users"), 0600U);
  EXPECT_EQ(mode("cluster.key"), 0600U);
  EXPECT_TRUE(fs::is_directory(fs::path(cluster_) / "lun0"));
  EXPECT_TRUE(fs::is_directory(fs::path(cluster_) / "lun1"));
  ASSERT_EQ(in_cluster({"status"}), kDone) << err();
  EXPECT_NE(out().find("down"), std::string::npos);
  ASSERT_EQ(in_cluster({"status", "--json"}), kDone);
  const auto status = parse_object(out());
  ASSERT_TRUE(status.has_value());
  ASSERT_EQ(array_of(*status, "nodes").size(), 2U);
  EXPECT_EQ(text_of(array_of(*status, "nodes")[1].as_object(), "name"), "b");
}

TEST_F(CommandLineTest, InitAddsAUserWithAPasswordFromStandardInput) {
  ASSERT_EQ(run({"init", cluster_.c_str(), "--user", "me", "--password-stdin"}, "secret\n"), kDone)
      << err();
  std::string error;
  const auto accounts = Accounts::load(cluster_ + "/users", error);
  ASSERT_TRUE(accounts.has_value()) << error;
  ASSERT_NE(accounts->find("ME"), nullptr);
  EXPECT_EQ(accounts->find("me")->nt_hash, *nt_hash("secret", error));
}

TEST_F(CommandLineTest, InitOverwritesNothing) {
  fs::create_directory(cluster_);
  std::ofstream(cluster_ + "/mine.txt") << "precious";
  EXPECT_EQ(run({"init", cluster_.c_str()}), kFailed);
  EXPECT_NE(err().find("is not empty"), std::string::npos);
  EXPECT_TRUE(one_line());
  EXPECT_FALSE(fs::exists(cluster_ + "/cluster.toml"));

  fs::remove(cluster_ + "/mine.txt");
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone);
  std::ifstream first(cluster_ + "/cluster.key");
  std::string key;
  first >> key;
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone) << "again, on one of ours";
  std::ifstream second(cluster_ + "/cluster.key");
  std::string same_key;
  second >> same_key;
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(key, same_key);
}

TEST_F(CommandLineTest, UsersComeAndGo) {
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone);
  EXPECT_EQ(in_cluster({"user", "add", "me", "--password-stdin"}, "one\n"), kDone) << err();
  EXPECT_EQ(in_cluster({"user", "add", "me", "--password-stdin"}, "two\n"), kDone);
  EXPECT_NE(out().find("Changed"), std::string::npos);
  EXPECT_EQ(in_cluster({"user", "list"}), kDone);
  EXPECT_EQ(out(), "me\n");
  EXPECT_EQ(in_cluster({"user", "remove", "me"}), kDone);
  EXPECT_EQ(in_cluster({"user", "remove", "me"}), kFailed);
  EXPECT_TRUE(one_line());
  EXPECT_EQ(in_cluster({"user", "add", "bad/name", "--password-stdin"}, "x\n"), kBadArguments);
  EXPECT_EQ(in_cluster({"user", "add", "me", "--password-stdin"}, ""), kFailed)
      << "no password at all";
}

TEST_F(CommandLineTest, BadArgumentsGiveTwoAndOneLine) {
  const std::vector<std::vector<const char*>> wrong = {
      {},       {"dance"},       {"init"},     {"--frob"}, {"node"}, {"status", "--yaml"},
      {"user"}, {"user", "add"}, {"takeover"}, {"-C"}};
  for (const auto& arguments : wrong) {
    EXPECT_EQ(run(arguments), kBadArguments) << (arguments.empty() ? "" : arguments.front());
    EXPECT_TRUE(one_line()) << err();
    EXPECT_EQ(out(), "");
  }
  run({"dance"});
  EXPECT_NE(err().find("'dance'"), std::string::npos);
}

TEST_F(CommandLineTest, HelpAndVersionAreNoErrors) {
  EXPECT_EQ(run({"--help"}), kDone);
  for (const char* const command :
       {"init", "up", "node", "status", "stop", "takeover", "giveback", "user"}) {
    EXPECT_NE(out().find(command), std::string::npos) << command;
  }
  EXPECT_EQ(run({"--version"}), kDone);
  EXPECT_NE(out().find("cluster_app "), std::string::npos);
}

TEST_F(CommandLineTest, SaysWhatToDoWhereThereIsNoCluster) {
  const std::string empty = root_.string();
  for (const char* const command : {"status", "up", "stop"}) {
    EXPECT_EQ(run({"-C", empty.c_str(), command}), kFailed);
    EXPECT_NE(err().find("cluster_app init"), std::string::npos) << err();
    EXPECT_TRUE(one_line());
  }
}

TEST_F(CommandLineTest, SaysWhatToDoWhenNoNodeRuns) {
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone);
  EXPECT_EQ(in_cluster({"takeover", "a"}), kFailed);
  EXPECT_NE(err().find("node b is not running"), std::string::npos) << err();
  EXPECT_EQ(in_cluster({"giveback", "a"}), kFailed);
  EXPECT_EQ(in_cluster({"stop"}), kFailed);
  EXPECT_EQ(in_cluster({"stop", "c"}), kFailed);
  EXPECT_NE(err().find("a and b"), std::string::npos) << err();
}

TEST_F(CommandLineTest, RefusesTheSameNodeTwice) {
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone);
  std::string error;
  const auto lock = NodeLock::take(cluster_ + "/run/a.lock", error);
  ASSERT_TRUE(lock.has_value()) << error;
  EXPECT_EQ(in_cluster({"node", "a"}), kFailed);
  EXPECT_NE(err().find("runs already"), std::string::npos) << err();
  ASSERT_EQ(in_cluster({"status"}), kDone);
  EXPECT_NE(out().find("not answering"), std::string::npos) << out();
}

TEST_F(CommandLineTest, StopSaysWhoRunsAndDoesNotAnswer) {
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone);
  std::string error;
  fs::create_directory(cluster_ + "/run");
  const auto lock = NodeLock::take(cluster_ + "/run/a.lock", error);
  ASSERT_TRUE(lock.has_value()) << error;
  for (const std::vector<const char*>& stop :
       {std::vector<const char*>{"stop"}, std::vector<const char*>{"stop", "a"}}) {
    EXPECT_EQ(in_cluster(stop), kFailed);
    EXPECT_NE(err().find("node a runs but does not answer"), std::string::npos) << err();
    EXPECT_TRUE(one_line());
  }
}

TEST_F(CommandLineTest, RefusesAKeyThatOthersMayRead) {
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone);
  chmod((cluster_ + "/cluster.key").c_str(), 0644);
  EXPECT_EQ(in_cluster({"node", "a"}), kFailed);
  EXPECT_NE(err().find("chmod 600"), std::string::npos) << err();
}

TEST_F(CommandLineTest, NamesTheMistakeInClusterToml) {
  ASSERT_EQ(run({"init", cluster_.c_str()}), kDone);
  std::ofstream(cluster_ + "/cluster.toml", std::ios::app) << "colour = \"red\"\n";
  EXPECT_EQ(in_cluster({"status"}), kFailed);
  EXPECT_NE(err().find("[lun.lun1] colour"), std::string::npos) << err();
}

TEST(ClusterStatus, ShowsTakeoversAndWhatIsAwaited) {
  const auto status =
      parse_object(R"({"nodes": [{"name": "a", "state": "down"}, {"name": "b", "state": "up",
      "luns": [{"share": "share0", "phase": "serving"}], "addresses": ["127.0.0.11:4450"], "degraded": true}],
      "last_takeover": {"from": "a", "by": "b", "operations_replayed": 7, "milliseconds": 83}, "awaiting": "a word"})");
  ASSERT_TRUE(status.has_value());
  std::string text;
  for (const std::string& line : render_status(*status)) text += line + "\n";
  EXPECT_NE(text.find("from a by b, 7 operations replayed, 83 ms"), std::string::npos) << text;
  EXPECT_NE(text.find("Awaiting: a word"), std::string::npos);
  EXPECT_NE(text.find("Node b is degraded"), std::string::npos);
}

}  // namespace
}  // namespace understudy
