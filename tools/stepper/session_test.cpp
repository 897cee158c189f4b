// A session over the memories of two nodes in which this process does what their layers would.
#include "tools/stepper/session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "iomgr/host/layer_seams.h"
#include "iomgr/host/spdlog_log.h"
#include "mirror_server/mirror_store.h"
#include "tools/stepper/commands.h"

namespace understudy::stepper {
namespace {

constexpr std::uint64_t kEpoch = 2;
constexpr std::uint64_t kLsn = 5;

std::vector<std::uint8_t> record_of_a_write() {
  RecordHeader header;
  header.epoch = kEpoch;
  header.lsn = kLsn;
  header.effect = Effect::write;
  header.data_length = 40;
  std::vector<std::uint8_t> bytes(record_size(header));
  encode_record(header, {}, {}, std::vector<std::uint8_t>(40, 1), bytes);
  return bytes;
}

/// Its fs_cache and its ff_driver are this process.
class Node {
 public:
  explicit Node(const std::string& name)
      : path("/dev/shm/understudy-session-test-" + std::to_string(getpid()) + "-" + name) {
    const ArenaSizes small = {bounds::kMiB, bounds::kMiB, bounds::kMiB};
    auto made = ShmArena::create(small, name, path);
    EXPECT_TRUE(made);
    memory_ = std::move(*made);
    file_system_runs(true);
  }
  ~Node() { unlink(path.c_str()); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  Arena& arena() { return memory_->arena(); }
  void file_system_runs(bool so) {
    arena().stepping().places.at(static_cast<std::size_t>(Layer::fs_cache)).pid = so ? getpid() : 0;
  }
  /// It has the LUN, and one record that the medium does not have.
  void cache() {
    LunBooks& books = arena().stepping().books.at(0);
    books.epoch = kEpoch;
    books.last = kLsn;
    books.durable = kLsn - 1;
    std::ranges::copy(record_of_a_write(),
                      arena().memory().begin() +
                          static_cast<std::ptrdiff_t>(arena().region(Layer::fs_cache).offset));
  }
  /// It has the partner's copy.
  void mirror() {
    const std::vector<std::uint8_t> record = record_of_a_write();
    store_ = std::make_unique<MirrorStore>(arena(), arena().region(Layer::mirror_server));
    ASSERT_EQ(store_->begin(0, kEpoch, kLsn), Status::success);
    const auto place = store_->reserve(static_cast<std::uint32_t>(record.size()));
    ASSERT_TRUE(place);
    std::ranges::copy(record, arena().bytes(*place)->begin());
    ASSERT_EQ(store_->append(0, kEpoch, kLsn, *place), Status::success);
  }

  const std::string path;

 private:
  std::unique_ptr<ShmArena> memory_;
  std::unique_ptr<MirrorStore> store_;
};

/// With a breakpoint on the rule, and one on STEP 420 of a's ff_driver.
class BreakRule : public testing::Test {
 protected:
  BreakRule() {
    a_.cache();
    EXPECT_EQ(session_.attach(), "");
    EXPECT_TRUE(commands_.run("break rule").ok);
    EXPECT_TRUE(commands_.run("tbreak 420").ok);
    layer_ = std::thread([this] { run_ff_driver(); });
    while (!seams_) std::this_thread::yield();
  }
  ~BreakRule() override {
    if (session_.stands()) session_.go(Go::on);
    executor_.stop();
    layer_.join();
  }

  void run_ff_driver() {
    const auto log = std::move(*SpdlogLog::open("a.ff_driver", "/dev/null", Log::Level::error));
    LayerSeams seams(Layer::ff_driver, executor_, a_.arena(), *log);
    seams_ = &seams;
    executor_.run();
  }
  /// a acknowledges the operation, twice; where everything stands then.
  json::object stop_after_acknowledgement() {
    executor_.post([this] {
      Irp irp;
      irp.lsn = kLsn;
      irp.epoch = kEpoch;
      for (const Step step : {Step::s412, Step::s412, Step::s420})
        seams_.load()->seams().trace.step(step, irp);
    });
    return commands_.run("continue").data;
  }

  Node a_{"a"};
  Node b_{"b"};
  AsioExecutor executor_;
  Session session_{{{"a", a_.path}, {"b", b_.path}}};
  Commands commands_{session_, std::chrono::seconds(10)};
  std::atomic<LayerSeams*> seams_ = nullptr;
  std::thread layer_;
};

std::uint64_t step_of(const json::object& stop) {
  return number_of(object_of(stop, "at"), "step");
}

TEST_F(BreakRule, StopsWhereAnOperationIsAcknowledgedThatOneNodeAloneHasAndSaysItOnce) {
  const json::object stop = stop_after_acknowledgement();
  EXPECT_EQ(text_of(stop, "stopped"), "rule");
  EXPECT_EQ(step_of(stop), 412U);
  EXPECT_EQ(text_of(stop, "text"),
            "rule 1: lun 0 lsn 5 is acknowledged and would be lost with the machine of a");
  EXPECT_EQ(step_of(commands_.run("continue").data), 420U);
}

TEST_F(BreakRule, DoesNotStopWhereThePartnerHasACopy) {
  b_.mirror();
  const json::object stop = stop_after_acknowledgement();
  EXPECT_EQ(step_of(stop), 420U) << json::serialize(stop);
}

TEST_F(BreakRule, DoesNotStopWhileANodeIsDown) {
  b_.file_system_runs(false);
  const json::object stop = stop_after_acknowledgement();
  EXPECT_EQ(step_of(stop), 420U) << json::serialize(stop);
}

}  // namespace
}  // namespace understudy::stepper
