// A node of real processes: the test plays cluster_app, host_test_layer plays the five layers.
#include "iomgr/host/launcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "iomgr/host/fault_text.h"
#include "iomgr/host/layer_seams.h"
#include "iomgr/host/pidfd.h"
#include "iomgr/host/process.h"
#include "iomgr/host/spdlog_log.h"
#include "iomgr/host/test_child.h"

namespace understudy {
namespace {

using namespace std::chrono_literals;

/// A directory with a program for each layer.
class Programs {
 public:
  Programs() : directory_(testing::TempDir() + "understudy_programs_" + std::to_string(getpid())) {
    std::filesystem::create_directories(directory_);
    for (const char* name : {"netstack", "ff_driver", "fs_cache", "rd_driver", "mirror_server"}) {
      std::filesystem::create_symlink(HOST_TEST_LAYER, directory_ / name);
    }
  }
  ~Programs() { std::filesystem::remove_all(directory_); }
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  std::string path() const { return directory_.string(); }
  LaunchOptions options() const {
    LaunchOptions options;
    options.node = "a";
    options.sizes = {bounds::kMiB, bounds::kMiB, bounds::kMiB};
    options.programs = path();
    options.log_directory = path();
    options.log_level = "debug";
    return options;
  }

 private:
  std::filesystem::path directory_;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Asking : public Driver {
 public:
  explicit Asking(Seams seams) : Driver(Layer::cluster_app, seams) {}
  void ask(Layer layer, Major major) {
    spawn([](Asking& self, Layer to, Major what) -> Task<void> {
      Irp irp = self.make_irp(what);
      const Status status = co_await self.call(to, irp);
      self.answers.emplace_back(status, irp.information);
    }(*this, layer, major));
  }
  std::vector<std::pair<Status, std::uint64_t>> answers;
};

/// cluster_app with its node.
class Node {
 public:
  explicit Node(const Programs& programs)
      : processes(std::move(*NodeProcesses::launch(executor, *log, programs.options()))) {
    for (const LayerProcess& process : processes->processes()) {
      driver.attach(process.layer, processes->take_port(process.layer));
    }
  }

  std::pair<Status, std::uint64_t> ask(Layer layer, Major major) {
    const std::size_t before = driver.answers.size();
    driver.ask(layer, major);
    UNDERSTUDY_CHECK(executor.run_until([&] { return driver.answers.size() > before; }, 30s));
    return driver.answers.back();
  }
  /// Waits until every layer has settled down to work.
  void ready() {
    for (const LayerProcess& each : processes->processes())
      static_cast<void>(ask(each.layer, Major::read));
  }
  const LayerProcess& process(Layer layer) {
    const auto all = processes->processes();
    return *std::find_if(all.begin(), all.end(),
                         [&](const auto& each) { return each.layer == layer; });
  }

  AsioExecutor executor;
  std::unique_ptr<SpdlogLog> log =
      std::move(*SpdlogLog::open("a.cluster_app", "/dev/null", Log::Level::debug));
  std::unique_ptr<NodeProcesses> processes;
  LayerSeams seams{Layer::cluster_app, executor, processes->arena(), *log};
  Asking driver{seams.seams()};
};

TEST(NodeProcesses, AnIrpTravelsThroughThreeProcessesAndBack) {
  const Programs programs;
  Node node(programs);
  ASSERT_EQ(node.processes->processes().size(), 5U);
  const auto [status, information] = node.ask(Layer::netstack, Major::read);
  EXPECT_EQ(status, Status::success);
  EXPECT_EQ(information, 321U);  // fs_cache, ff_driver, netstack
  EXPECT_EQ(node.ask(Layer::rd_driver, Major::read).second, 4U);
  EXPECT_EQ(node.ask(Layer::mirror_server, Major::read).second, 5U);
  EXPECT_EQ(node.ask(Layer::mirror_server, Major::write).first, Status::invalid_device_request);
}

TEST(NodeProcesses, EachLayerIsTheProcessThatTheListNames) {
  const Programs programs;
  Node node(programs);
  node.ready();
  for (const LayerProcess& process : node.processes->processes()) {
    EXPECT_EQ(start_time_of(process.pid), process.start_time);
    const std::string layer(to_string(process.layer));
    EXPECT_EQ(read_file("/proc/" + std::to_string(process.pid) + "/comm"),
              ("a." + layer).substr(0, 15) + "\n");
    EXPECT_NE(read_file(programs.path() + "/a." + layer + ".log")
                  .find("info a." + layer + " started pid="),
              std::string::npos);
  }
}

TEST(NodeProcesses, ALayerHoldsOnlyTheDescriptorsThatAreMeantForIt) {
  // Not close-on-exec, as some library may leave one, and beyond the numbers that are passed.
  const UniqueFd any(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd inheritable(fcntl(any.get(), F_DUPFD, 50));
  const Programs programs;
  Node node(programs);
  node.ready();
  int sockets = 0;
  const std::string fds = "/proc/" + std::to_string(node.process(Layer::mirror_server).pid) + "/fd";
  for (const auto& fd : std::filesystem::directory_iterator(fds)) {
    const std::string target = std::filesystem::read_symlink(fd).string();
    sockets += target.starts_with("socket:") && std::stoi(fd.path().filename()) > 2 ? 1 : 0;
  }
  EXPECT_EQ(sockets, 2);  // the doorbells towards ff_driver and cluster_app
}

TEST(NodeProcesses, LearnsWhichLayerDiedAndItsNeighboursGoDownWithIt) {
  const Programs programs;
  Node node(programs);
  node.ready();
  std::map<Layer, int> deaths;
  node.processes->on_death(
      [&](const LayerProcess& process, int status) { deaths[process.layer] = status; });
  Layer broken = Layer::none;
  node.driver.on_broken = [&](Layer layer) { broken = broken == Layer::none ? layer : broken; };
  ASSERT_TRUE(kill_by_pidfd(node.process(Layer::fs_cache).pidfd));
  ASSERT_TRUE(node.executor.run_until([&] { return deaths.size() == 5; }, 30s));
  EXPECT_NE(broken, Layer::none);
  EXPECT_TRUE(WIFSIGNALED(deaths[Layer::fs_cache]) && WTERMSIG(deaths[Layer::fs_cache]) == SIGKILL);
  for (const Layer layer :
       {Layer::netstack, Layer::ff_driver, Layer::rd_driver, Layer::mirror_server}) {
    EXPECT_TRUE(WIFEXITED(deaths[layer]) && WEXITSTATUS(deaths[layer]) == kExitLinkBroken)
        << to_string(layer);
  }
  EXPECT_TRUE(node.processes->reap(0s));
}

TEST(NodeProcesses, LayersLeaveSignalsOfTheTerminalToClusterApp) {
  const Programs programs;
  Node node(programs);
  node.ready();
  for (const LayerProcess& process : node.processes->processes()) {
    kill(process.pid, SIGINT);
    kill(process.pid, SIGTERM);
  }
  EXPECT_EQ(node.ask(Layer::netstack, Major::read).second, 321U);
}

TEST(NodeProcesses, KillsAndReapsAll) {
  const Programs programs;
  Node node(programs);
  int deaths = 0;
  node.processes->on_death([&](const LayerProcess&, int status) {
    ++deaths;
    EXPECT_TRUE(WIFSIGNALED(status));
  });
  node.processes->kill_all();
  EXPECT_TRUE(node.processes->reap(30s));
  EXPECT_TRUE(node.executor.run_until([&] { return deaths == 5; }, 30s));
  for (const LayerProcess& process : node.processes->processes()) {
    EXPECT_FALSE(start_time_of(process.pid)) << "a zombie is left";
  }
}

TEST(NodeProcesses, LayersDieWithClusterAppEvenIfTheyHang) {
  const Programs programs;
  std::array<int, 2> pipe_ends = {-1, -1};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  TestChild cluster_app([&] {
    Node node(programs);
    node.ready();
    for (const LayerProcess& process : node.processes->processes()) {
      if (write(pipe_ends[1], &process.pid, sizeof process.pid) != sizeof process.pid) return 1;
    }
    node.executor.run();
    return 0;
  });
  std::vector<UniqueFd> layers;
  for (int i = 0; i < 5; ++i) {
    pid_t pid = 0;
    ASSERT_EQ(read(pipe_ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    layers.push_back(open_pidfd(pid));
    ASSERT_TRUE(layers.back());
    kill(pid, SIGSTOP);
    EXPECT_FALSE(has_ended(layers.back().get()));
  }
  cluster_app.kill(SIGKILL);
  for (const UniqueFd& layer : layers) EXPECT_TRUE(has_ended(layer.get(), 30'000));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST(NodeProcesses, LeavesNothingRunningWhenAProgramIsMissing) {
  const Programs programs;
  std::filesystem::remove(programs.path() + "/mirror_server");
  AsioExecutor executor;
  const auto log = SpdlogLog::open("a.cluster_app", programs.path() + "/log", Log::Level::debug);
  const auto node = NodeProcesses::launch(executor, **log, programs.options());
  EXPECT_EQ(node.status(), Status::object_name_not_found);
  EXPECT_NE(read_file(programs.path() + "/log").find("mirror_server"), std::string::npos);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

/// Sets UNDERSTUDY_FAULTS for one test.
class Faults {
 public:
  explicit Faults(const char* text) { setenv(kFaultVariable, text, 1); }
  ~Faults() { unsetenv(kFaultVariable); }
};

TEST(NodeProcesses, FaultPointsOfTheEnvironmentReachTheLayerTheyNameAndNoOther) {
  const Programs programs;
  const Faults faults(
      "b.fs_cache:flush.begin=error+,a.fs_cache:flush.begin=error@2,a.rd_driver:rd.send=kill");
  Node node(programs);
  EXPECT_EQ(node.ask(Layer::fs_cache, Major::set_information).first, Status::success);
  EXPECT_EQ(node.ask(Layer::fs_cache, Major::set_information).first, Status::io_device_error);
  EXPECT_EQ(node.ask(Layer::fs_cache, Major::set_information).first, Status::success);
  EXPECT_EQ(node.ask(Layer::mirror_server, Major::set_information).first, Status::success);
  std::map<Layer, int> deaths;
  node.processes->on_death(
      [&](const LayerProcess& process, int status) { deaths[process.layer] = status; });
  node.driver.ask(Layer::rd_driver, Major::set_information);
  ASSERT_TRUE(node.executor.run_until([&] { return deaths.contains(Layer::rd_driver); }, 30s));
  EXPECT_TRUE(WIFSIGNALED(deaths[Layer::rd_driver]) &&
              WTERMSIG(deaths[Layer::rd_driver]) == SIGKILL);
}

}  // namespace
}  // namespace understudy
