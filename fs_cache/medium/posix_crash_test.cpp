// Killed at every fault point of a flush, mounted again and flushed again, a LUN holds the same
// tree as one that was never disturbed; and no matter which thread does the work.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "fs_cache/medium/medium_test_kit.h"

namespace understudy::medium_test {
namespace {

const std::string kLong(300, 'n');

/// What lies on the medium before.
Flush first_flush() {
  Flush flush;
  flush.objects = {new_file(2, "two"), new_file(3, "three"),
                   new_directory(4),   new_file(5, "five"),
                   new_directory(6),   new_file(7, "seven, which will be cut")};
  flush.entries = {{1, "a", 2, false},     {1, "b", 3, false}, {1, "d", 4, true},
                   {4, "inner", 5, false}, {1, "e", 6, true},  {1, "f", 7, false},
                   {4, kLong, 2, false}};
  flush.properties = {property(PropertyKind::security_descriptor, 2, "who may read two"),
                      property(PropertyKind::extended_attributes, 2, "of two"),
                      property(PropertyKind::open, 1, "open"),
                      property(PropertyKind::open, 2, "also open")};
  flush.lsn = 7;
  return flush;
}

/// Creates, writes, cuts, renames over, exchanges, links, deletes; file becomes directory and the
/// other way round.
Flush second_flush() {
  Flush flush;
  ObjectCells cut;
  cut.object = 7;
  cut.cut_size = 5;
  cut.data = {{10, as_bytes("tail")}};
  cut.state = file_state(14);
  flush.objects = {cut, new_file(8, "eight"), new_directory(9), new_file(10, "ten")};
  flush.entries = {{1, "a", 3, false},   {1, "b", 2, false},    {1, "d", 8, false},
                   {1, "f", 9, true},    {9, "f", 7, false},    {9, kLong + "2", 10, false},
                   {4, kLong, 0, false}, {1, "e", 0, true},     {9, "d", 4, true},
                   {1, "g", 8, false},   {4, "inner", 0, false}};
  flush.removed = {5, 6};
  flush.properties = {property(PropertyKind::security_descriptor, 2, "who may write two"),
                      property(PropertyKind::extended_attributes, 2, ""),
                      property(PropertyKind::extended_attributes, 8, "of eight"),
                      property(PropertyKind::open, 1, ""), property(PropertyKind::open, 3, "open")};
  flush.lsn = 20;
  return flush;
}

std::map<std::string, std::string> undisturbed() {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  EXPECT_EQ(lun.run(mount(lun.medium)), Status::success);
  EXPECT_EQ(lun.run(apply(lun.medium, first_flush())), Status::success);
  EXPECT_EQ(lun.run(apply(lun.medium, second_flush())), Status::success);
  return picture(lun);
}

/// A process that mounts the LUN, flushes and is killed at the nth pass of `point`; true if it was.
bool killed_at(const std::string& folder, const std::string& point, std::uint64_t pass) {
  const pid_t child = start_process([&] {
    Mount dying(folder);
    dying.faults().arm(point, {FaultAction::kill, pass});
    if (dying.run(mount(dying.medium)) != Status::success) _exit(1);
    if (dying.run(apply(dying.medium, second_flush())) != Status::success) _exit(2);
  });
  const int how = wait_for(child);
  EXPECT_TRUE(WIFSIGNALED(how) || WEXITSTATUS(how) == 0) << point;
  return WIFSIGNALED(how);
}

void redo_and_compare(Mount& lun, const std::map<std::string, std::string>& expected,
                      const std::string& where) {
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success) << where;
  const auto applied = lun.run(lun.medium.read_applied());
  ASSERT_TRUE(applied) << where;
  ASSERT_TRUE(applied->lsn == 7 || applied->lsn == 20) << where;
  // What `applied` vouches for needs no log any more.
  if (applied->lsn == 7) {
    ASSERT_EQ(lun.run(apply(lun.medium, second_flush())), Status::success) << where;
  }
  EXPECT_EQ(picture(lun), expected) << where;
}

class PosixCrash : public testing::TestWithParam<CallPoints> {};

TEST_P(PosixCrash, LeavesWhatTheRedoMakesWhole) {
  const auto expected = undisturbed();
  for (const std::string_view point : {GetParam().before, GetParam().between, GetParam().done}) {
    if (point.empty()) continue;
    std::uint64_t kills = 0;
    for (std::uint64_t pass = 1;; ++pass) {
      TemporaryDirectory folder;
      {
        Mount lun(folder.path());
        ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
        ASSERT_EQ(lun.run(apply(lun.medium, first_flush())), Status::success);
      }
      const std::string where = std::string(point) + "@" + std::to_string(pass);
      if (!killed_at(folder.path(), std::string(point), pass)) break;
      ++kills;
      Mount lun(folder.path());
      redo_and_compare(lun, expected, where);
      EXPECT_EQ(count_names(folder.path() + "/.understudy/tmp"), 0U) << where;
    }
    EXPECT_GE(kills, 1U) << point;
  }
}

INSTANTIATE_TEST_SUITE_P(AtEveryPoint, PosixCrash,
                         testing::Values(medium_points::kLock, medium_points::kRecover,
                                         medium_points::kObjects, medium_points::kObjectsSync,
                                         medium_points::kProperties, medium_points::kEntries,
                                         medium_points::kEntriesSync, medium_points::kApplied,
                                         medium_points::kRemove),
                         [](const testing::TestParamInfo<CallPoints>& points) {
                           std::string name(points.param.before);
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(PosixFlush, ATemporaryNameLeftByAKillDoesNotStopTheNextFlush) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  ASSERT_EQ(lun.run(apply(lun.medium, first_flush())), Status::success);
  const std::string object = folder.path() + "/.understudy/obj/02/0000000000000002";
  ASSERT_EQ(link(object.c_str(), (folder.path() + "/.understudy/tmp/entry").c_str()), 0);
  ASSERT_EQ(lun.run(apply(lun.medium, second_flush())), Status::success);
  EXPECT_EQ(picture(lun), undisturbed());
  ASSERT_EQ(link(object.c_str(), (folder.path() + "/.understudy/tmp/entry").c_str()), 0);
  ASSERT_EQ(lun.run(lun.medium.recover()), Status::success);
  EXPECT_EQ(count_names(folder.path() + "/.understudy/tmp"), 0U);
}

TEST(PosixFlush, DoneTwiceIsDoneOnce) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  ASSERT_EQ(lun.run(apply(lun.medium, first_flush())), Status::success);
  for (int again = 0; again < 3; ++again) {
    ASSERT_EQ(lun.run(apply(lun.medium, second_flush())), Status::success);
    EXPECT_EQ(picture(lun), undisturbed());
  }
}

/// An executor whose offloaded work runs on threads of its own, all at once, as in a process.
class ThreadedExecutor : public Executor {
 public:
  ~ThreadedExecutor() override {
    for (std::thread& thread : threads_) thread.join();
  }
  void post(std::function<void()> work) override {
    const std::lock_guard guard(mutex_);
    ready_.push_back(std::move(work));
    changed_.notify_one();
  }
  TimerId start_timer(Time, std::function<void()>) override { return ++timers_; }
  void cancel_timer(TimerId) override {}
  Time now() const override { return {}; }
  FileTime wall_time() const override { return kSomeDay; }
  void offload(std::function<void()> work, std::function<void()> done) override {
    threads_.emplace_back([this, work = std::move(work), done = std::move(done)] {
      work();
      post(done);
    });
  }
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock guard(mutex_);
      changed_.wait(guard, [this] { return !ready_.empty(); });
      const std::function<void()> work = std::move(ready_.front());
      ready_.pop_front();
      guard.unlock();
      work();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> ready_;
  std::vector<std::thread> threads_;
  TimerId timers_ = 0;
};

Task<void> read_over_and_over(Medium& medium, int& running) {
  std::vector<std::uint8_t> out(16);
  for (int i = 0; i < 30; ++i) {
    const auto listed = co_await medium.list(kRootObject);
    EXPECT_TRUE(listed);
    const auto count = co_await medium.read(2, 0, out);
    EXPECT_TRUE(count);
    const auto state = co_await medium.read_state(3);
    EXPECT_TRUE(state);
  }
  --running;
}

Task<void> flush_over_and_over(Medium& medium, int& running) {
  for (int i = 0; i < 5; ++i) {
    const Flush first = first_flush();
    const Status back = co_await apply(medium, first);
    EXPECT_EQ(back, Status::success);
    const Flush second = second_flush();
    const Status forth = co_await apply(medium, second);
    EXPECT_EQ(forth, Status::success);
  }
  --running;
}

Task<void> mount_and_flush(Medium& medium, int& running) {
  const Status mounted = co_await mount(medium);
  EXPECT_EQ(mounted, Status::success);
  const Flush first = first_flush();
  const Status flushed = co_await apply(medium, first);
  EXPECT_EQ(flushed, Status::success);
  --running;
}

TEST(PosixFlush, RunsBesideReadsOnOtherThreads) {
  TemporaryDirectory folder;
  VirtualLoop loop;
  Wire wire;
  LocalHost host(loop, wire, "a");
  ThreadedExecutor executor;
  PosixMedium medium(with_executor(host.seams(Layer::fs_cache), executor), folder.path());
  TaskScope scope;
  int running = 1;
  scope.spawn(mount_and_flush(medium, running));
  executor.run_until([&running] { return running == 0; });
  running = 4;
  scope.spawn(flush_over_and_over(medium, running));
  for (int i = 0; i < 3; ++i) scope.spawn(read_over_and_over(medium, running));
  executor.run_until([&running] { return running == 0; });
}

}  // namespace
}  // namespace understudy::medium_test
