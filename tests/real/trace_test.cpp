// What `cluster_app trace` shows of a real pair: the boxes of FIG. 4 for one write and of FIG. 3
// for one takeover, in their order, with the process that took each.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <vector>

#include "tests/real/pair.h"

namespace understudy {
namespace {

struct Seen {
  int step;
  std::string process;  // "a.ff_driver"
  std::uint64_t lsn;
};

/// `cluster_app trace` beside the pair, into a file.
class Tracer {
 public:
  explicit Tracer(const Pair& pair) : file_(pair.directory() / "trace"), process_(fork()) {
    if (process_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string cluster = (pair.directory() / "cluster").string();
    dup2(open(file_.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    execl(UNDERSTUDY_BIN "/cluster_app", "cluster_app", "-C", cluster.c_str(), "trace", "--json",
          nullptr);
    _exit(127);
  }
  /// It ends as by Ctrl-C: with the trace points off again.
  ~Tracer() {
    kill(process_, SIGTERM);
    int status = 0;
    waitpid(process_, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  std::vector<Seen> steps() const {
    std::vector<Seen> steps;
    std::ifstream lines(file_);
    for (std::string text; std::getline(lines, text);) {
      boost::json::error_code error;
      const auto line = boost::json::parse(text, error);
      if (error) break;  // its end is not written yet
      const auto& object = line.as_object();
      const auto* const step = object.if_contains("step");
      if (step == nullptr) continue;
      steps.push_back({step->to_number<int>(),
                       std::string(object.at("node").as_string()) + "." +
                           std::string(object.at("layer").as_string()),
                       object.at("lsn").to_number<std::uint64_t>()});
    }
    return steps;
  }

  /// Whether `wanted` are among the steps, in this order (others may stand between).
  bool shows(const std::vector<std::pair<int, std::string>>& wanted) const {
    auto next = wanted.begin();
    for (const Seen& seen : steps()) {
      if (next != wanted.end() && seen.step == next->first && seen.process == next->second) ++next;
    }
    return next == wanted.end();
  }

 private:
  std::filesystem::path file_;
  pid_t process_;
};

TEST(RealTrace, ShowsTheStepsOfOneWriteAndOfOneTakeoverInOrderWithTheirProcess) {
  Pair pair;
  ASSERT_TRUE(pair.start_mirrored());
  std::ofstream(pair.directory() / "f") << "content";
  const Tracer tracer(pair);
  const auto traced = [&](const std::vector<std::pair<int, std::string>>& wanted) {
    return pair.wait_until([&](const Pair&) { return tracer.shows(wanted); }, 15);
  };
  // The monitors' rounds show that the trace points are on.
  ASSERT_TRUE(traced({{302, "a.cluster_app"}, {302, "b.cluster_app"}}));

  ASSERT_EQ(pair.smb("a", "share0", "put f f").exit_code, 0);
  EXPECT_TRUE(traced({{400, "a.ff_driver"},
                      {402, "a.ff_driver"},
                      {406, "a.ff_driver"},
                      {406, "a.fs_cache"},
                      {408, "a.ff_driver"},
                      {408, "a.rd_driver"},
                      {408, "b.mirror_server"},
                      {410, "a.ff_driver"},
                      {412, "a.ff_driver"},
                      {414, "a.ff_driver"},
                      {414, "a.fs_cache"},
                      {416, "a.ff_driver"},
                      {418, "a.ff_driver"},
                      {420, "a.ff_driver"}}));

  pair.kill("a");
  ASSERT_TRUE(pair.wait_until([](const Pair& p) { return p.owns("b", "lun0"); }, 10));
  pair.start("a");
  EXPECT_TRUE(traced({{302, "b.cluster_app"},
                      {304, "b.cluster_app"},
                      {310, "b.cluster_app"},
                      {312, "b.cluster_app"},
                      {314, "b.cluster_app"},
                      {316, "b.cluster_app"},
                      {318, "b.cluster_app"},
                      {330, "b.cluster_app"},
                      {332, "b.cluster_app"},
                      {334, "b.cluster_app"}}));
}

}  // namespace
}  // namespace understudy
