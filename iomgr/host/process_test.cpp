// What a person sees who starts a layer by hand, and the small parts of a layer's process: fault
// text, log.
#include "iomgr/host/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "iomgr/host/fault_text.h"
#include "iomgr/host/spdlog_log.h"

namespace understudy {
namespace {

struct Ended {
  int code;
  std::string output;
};

/// Runs the test layer as a child of this process, with standard output and error together.
Ended run(const std::string& arguments, const std::string& environment = "") {
  FILE* pipe = popen(
      ("exec env " + environment + " '" HOST_TEST_LAYER "' " + arguments + " 2>&1").c_str(), "r");
  UNDERSTUDY_CHECK(pipe != nullptr);
  Ended ended{-1, {}};
  for (int letter = fgetc(pipe); letter != EOF; letter = fgetc(pipe))
    ended.output += static_cast<char>(letter);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  return ended;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(RunLayer, SaysInOneLineWhoStartsIt) {
  const Ended ended = run("");
  EXPECT_EQ(ended.code, kExitBadArguments);
  EXPECT_EQ(
      ended.output,
      "fs_cache: this process is started by cluster_app, not by hand; see `cluster_app --help`\n");
}

TEST(RunLayer, RefusesBadArgumentsInOneLineThatSaysWhy) {
  const std::string good =
      "--node a --parent $$ --arena 3 --link ff_driver=4 --link cluster_app=5 ";
  const std::string open = " 3</dev/null 4</dev/null 5</dev/null";
  const struct {
    std::string arguments;
    std::string reason;
  } kCases[] = {
      {"--bogus", "no argument --bogus"},
      {"--node a --parent 1 --link ff_driver=4", "--arena is required"},
      {"--node a --parent 1 --arena x --link ff_driver=4", "--arena"},
      {good + "extra" + open, "extra"},
      {good + "--log-level loud" + open, "--log-level loud"},
      {good + " 3<&-", "--arena 3: no open descriptor"},
      {good + " 3</dev/null 4<&-", "--link ff_driver=4: no open descriptor"},
      {good + "--link ff_driver=4" + open, "given twice"},
      {good + "--link netstack=4" + open, "no link to 'netstack'"},
      {good + "--link nobody=4" + open, "no link to 'nobody'"},
      {good + "--link ff_driver" + open, "--link ff_driver: no open descriptor"},
      {"--node a --parent 1 --arena 3 --link ff_driver=4" + open,
       "--link cluster_app=FD is missing"},
      {"--node '' --parent 1 --arena 3 --link ff_driver=4" + open, "--node"},
      {"--node a --parent 1 --arena 3 --link ff_driver=4 --link cluster_app=5" + open,
       "not the parent"},
  };
  for (const auto& each : kCases) {
    const Ended ended = run(each.arguments);
    EXPECT_EQ(ended.code, kExitBadArguments) << each.arguments;
    EXPECT_EQ(lines(ended.output), 1U) << ended.output;
    EXPECT_EQ(ended.output.substr(0, 10), "fs_cache: ");
    EXPECT_NE(ended.output.find(each.reason), std::string::npos)
        << each.arguments << " -> " << ended.output;
  }
}

TEST(RunLayer, RefusesMemoryThatIsNoArena) {
  const Ended ended =
      run("--node a --parent " + std::to_string(getpid()) +
          " --arena 3 --link ff_driver=4 --link cluster_app=5 3</dev/null 4</dev/null 5</dev/null");
  EXPECT_EQ(ended.code, kExitBadArguments);
  EXPECT_NE(ended.output.find("--arena 3: not the memory of a node"), std::string::npos)
      << ended.output;
}

TEST(RunLayer, RefusesFaultsThatItCannotRead) {
  const Ended ended =
      run("--node a --parent 1 --arena 3 --link ff_driver=4 --link cluster_app=5 3</dev/null "
          "4</dev/null 5</dev/null",
          "UNDERSTUDY_FAULTS=a.fs_cache:flush.end=explode");
  EXPECT_EQ(ended.code, kExitBadArguments);
  EXPECT_EQ(ended.output,
            "fs_cache: UNDERSTUDY_FAULTS: cannot read 'a.fs_cache:flush.end=explode'\n");
}

TEST(RunLayer, ExplainsItself) {
  const Ended help = run("--help");
  EXPECT_EQ(help.code, 0);
  for (const char* word : {"unwritten-data cache", "--arena", "--link", "--node", "--parent",
                           "--log-file", "--log-level", "cluster_app", "UNDERSTUDY_FAULTS"}) {
    EXPECT_NE(help.output.find(word), std::string::npos) << word;
  }
  const Ended version = run("--version");
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.output.substr(0, 9), "fs_cache ");
  EXPECT_EQ(lines(version.output), 1U);
}

TEST(FaultText, ArmsOnlyWhatIsForThisLayer) {
  FaultPoints faults;
  EXPECT_EQ(arm_faults(faults,
                       "a.fs_cache:flush.begin=error,b.fs_cache:flush.end=error,"
                       "a.rd_driver:rd.send=error",
                       "a", Layer::fs_cache),
            "");
  EXPECT_EQ(faults.pass("flush.end"), Status::success);
  EXPECT_EQ(faults.pass("rd.send"), Status::success);
  EXPECT_EQ(faults.pass("flush.begin"), Status::io_device_error);
}

TEST(FaultText, NamesTheEntryThatCannotBeRead) {
  FaultPoints faults;
  for (const char* bad : {"flush.end=error", "a:flush.end=error", "a.nobody:flush.end=error",
                          ".fs_cache:flush.end=error", "b.rd_driver:rd.send",
                          "a.fs_cache:", "a.fs_cache:flush.end=error@0", "a.fs_cache"}) {
    EXPECT_EQ(arm_faults(faults, std::string("a.fs_cache:flush.begin=error,") + bad, "a",
                         Layer::fs_cache),
              "cannot read '" + std::string(bad) + "'");
  }
}

TEST(FaultText, RefusesAPointThatTheLayerNeverPasses) {
  FaultPoints faults;
  for (const char* bad : {"a.fs_cache:medium.write=error", "b.netstack:flush.end=kill"}) {
    const std::string said = arm_faults(faults, bad, "a", Layer::fs_cache);
    EXPECT_NE(said.find("there is no fault point"), std::string::npos) << said;
    EXPECT_NE(said.find(bad), std::string::npos) << said;
  }
}

TEST(FaultText, StallsOnlyWhereAnOperationCanWait) {
  FaultPoints faults;
  EXPECT_EQ(arm_faults(faults, "a.fs_cache:medium.read=stall+", "a", Layer::fs_cache), "");
  EXPECT_EQ(faults.pass("medium.read"), FaultPoints::kStalled);
  const std::string said = arm_faults(faults, "a.rd_driver:rd.send=stall", "a", Layer::fs_cache);
  EXPECT_NE(said.find("cannot stall"), std::string::npos) << said;
}

class LogFile : public testing::Test {
 protected:
  LogFile() : path_(testing::TempDir() + "understudy_log_" + std::to_string(getpid())) {}
  ~LogFile() override { unlink(path_.c_str()); }
  std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string path_;
};

TEST_F(LogFile, HasOneLineAnEventWithTimeLevelNameMessageAndFields) {
  const auto log = SpdlogLog::open("a.fs_cache", path_, Log::Level::info);
  ASSERT_TRUE(log);
  (*log)->warning("flush failed", {{"lun", 0}, {"status", Status::disk_full}});
  EXPECT_THAT(text(),
              testing::MatchesRegex("[0-9-]+T[0-9:.+-]+ warning a\\.fs_cache flush failed lun=0 "
                                    "status=STATUS_DISK_FULL\n"));
}

TEST_F(LogFile, QuotesWhatCouldPassForAnotherLineOrField) {
  const auto log = SpdlogLog::open("a.netstack", path_, Log::Level::info);
  ASSERT_TRUE(log);
  (*log)->info("login", {{"user", "x\n2026 error a=\"b\"\\"}, {"domain", ""}});
  EXPECT_NE(text().find(R"(login user="x\x0a2026 error a=\"b\"\\" domain="")"), std::string::npos)
      << text();
  EXPECT_EQ(lines(text()), 1U);
}

TEST_F(LogFile, LeavesOutWhatIsBelowItsLevel) {
  const auto log = SpdlogLog::open("a.netstack", path_, Log::Level::warning);
  ASSERT_TRUE(log);
  (*log)->info("quiet");
  (*log)->set_level(Log::Level::debug);
  (*log)->debug("loud");
  (*log)->flush();
  EXPECT_EQ(text().find("quiet"), std::string::npos);
  EXPECT_NE(text().find("debug a.netstack loud"), std::string::npos);
}

TEST_F(LogFile, OpeningFailsWhereThereIsNoSuchDirectory) {
  EXPECT_EQ(SpdlogLog::open("a.x", "/dev/null/log", Log::Level::info).status(),
            Status::access_denied);
  EXPECT_FALSE(parse_log_level("loud"));
  EXPECT_EQ(parse_log_level("warning"), Log::Level::warning);
}

}  // namespace
}  // namespace understudy
