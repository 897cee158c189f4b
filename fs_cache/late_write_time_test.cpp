// What clients see of a write's time on a LUN with late write times.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using std::chrono::seconds;

class LateWriteTimes : public FsCacheTest {
 protected:
  void SetUp() override {
    node = std::make_unique<TestNode>(loop, disk);
    ASSERT_EQ(
        node->mount(R"({"path": "/lun", "lazy_writer": "hold", "late_write_times": true})").status,
        Status::success);
    handle = node->must_open("file");
    created = node->last.create.facts.write_time;
    loop.run_for(seconds(1));
  }
  FileTime write_time() { return node->facts("file").write_time; }
  void write() { ASSERT_EQ(node->write(handle, 0, "x"), Status::success); }
  FileTime close_handle() {
    Irp close = node->irp(Major::close);
    close.open = handle;
    close.close.post_query = 1;
    EXPECT_EQ(node->run(close).status, Status::success);
    return node->last.close.facts.write_time;
  }
  /// A write shows as soon as the IRP has completed, not before; and is then no longer late.
  void expect_shown_by(const Irp& irp) {
    write();
    EXPECT_EQ(write_time(), created);
    ASSERT_EQ(node->run(irp).status, Status::success);
    const FileTime shown = write_time();
    EXPECT_GT(shown, created);
    loop.run_for(seconds(1));
    EXPECT_EQ(close_handle(), shown);
  }

  std::uint64_t handle = 0;
  FileTime created = 0;
};

TEST_F(LateWriteTimes, TheFirstWriteShowsAfterTwoSecondsAndTheNextOneWhenTheFileIsClosed) {
  write();
  EXPECT_EQ(write_time(), created);
  loop.run_for(seconds(2));
  const FileTime first = write_time();
  EXPECT_GT(first, created);
  write();
  loop.run_for(seconds(5));
  EXPECT_EQ(write_time(), first);
  const FileTime before_close = first + 50'000'000;
  EXPECT_GE(close_handle(), before_close);
  EXPECT_GE(write_time(), before_close);
}

TEST_F(LateWriteTimes, AFlushShowsAWrite) {
  Irp flush = node->irp(Major::flush_buffers);
  flush.open = handle;
  expect_shown_by(flush);
}

TEST_F(LateWriteTimes, ASizeThatIsSetShowsAWrite) {
  Irp set = node->irp(SetMinor::end_of_file, handle);
  set.set.size = 1;
  expect_shown_by(set);
}

TEST_F(LateWriteTimes, TimesThatAreLeftAsTheyAreShowAWrite) {
  expect_shown_by(node->irp(SetMinor::basic, handle));
}

TEST_F(LateWriteTimes, AHandleThatKeepsTheTimeShowsNoOther) {
  Irp set = node->irp(SetMinor::basic, handle);
  set.set.write_time = 1'000'000;
  ASSERT_EQ(node->run(set).status, Status::success);
  write();
  EXPECT_EQ(close_handle(), 1'000'000U);
}

TEST_F(LateWriteTimes, WhoTakesOverShowsAWriteAtOnce) {
  write();
  const FileTime hidden = write_time();
  take_over();
  EXPECT_GT(write_time(), hidden);
}

TEST_F(LateWriteTimes, WhoTakesOverKnowsWhatACloseHasShown) {
  write();
  loop.run_for(seconds(1));
  const FileTime shown = close_handle();
  take_over();
  EXPECT_EQ(write_time(), shown);
}

}  // namespace
}  // namespace understudy
