// fold() by itself: which cells a prefix of the log comes to. crash_test.cpp compares whole media.
#include "fs_cache/flush_plan.h"

#include <gtest/gtest.h>

#include <deque>

#include "fs_cache/file_constants.h"

namespace understudy {
namespace {

constexpr ObjectId kDirectory = 100;
constexpr ObjectId kFile = 101;

/// A log under construction.
class LogOf {
 public:
  RecordHeader& add(Effect effect, ObjectId object, std::string name = {}, std::string target = {},
                    std::string data = {}) {
    names_.push_back(std::move(name));
    const std::string& kept_name = names_.back();
    names_.push_back(std::move(target));
    const std::string& kept_target = names_.back();
    names_.push_back(std::move(data));
    Record record{{}, kept_name, kept_target, as_bytes(names_.back())};
    record.header.effect = effect;
    record.header.object = object;
    record.header.lsn = records_.size() + 1;
    record.header.parent = record.header.target_parent = kRootObject;
    record.header.change_time = 1000 + record.header.lsn;
    records_.push_back(record);
    return records_.back().header;
  }
  FlushPlan fold(MediumHolds medium = MediumHolds::nothing_of_the_prefix) const {
    const std::vector<Record> records(records_.begin(), records_.end());
    return understudy::fold(records, medium);
  }

 private:
  std::deque<std::string> names_;
  std::deque<Record> records_;
};

const ObjectCells* cells_of(const FlushPlan& plan, ObjectId object) {
  for (const ObjectCells& cells : plan.objects) {
    if (cells.object == object) return &cells;
  }
  return nullptr;
}

TEST(FlushPlan, TheLastValueOfAPropertyWinsAndGoesWithItsObject) {
  const std::vector<std::uint8_t> one = {1};
  const std::vector<std::uint8_t> two = {2};
  std::vector<Record> records(3);
  records[0].header.effect = records[1].header.effect = Effect::note;
  records[0].properties = {{PropertyKind::security_descriptor, kFile, one},
                           {PropertyKind::open, kFile, one}};
  records[1].properties = {{PropertyKind::security_descriptor, kFile, two}};
  FlushPlan plan = fold(std::span(records).first(2), MediumHolds::nothing_of_the_prefix);
  ASSERT_EQ(plan.properties.size(), 2U);
  EXPECT_EQ(plan.properties[0].bytes, two);
  EXPECT_TRUE(plan.objects.empty());

  records[2].header.effect = Effect::unlink;
  records[2].header.object = kFile;
  records[2].header.flags = kRemovesObject;
  plan = fold(records, MediumHolds::nothing_of_the_prefix);
  ASSERT_EQ(plan.properties.size(), 1U);
  EXPECT_EQ(plan.properties[0].kind, PropertyKind::open);
}

TEST(FlushPlan, LaterBytesWinAndTheSmallestSizeCuts) {
  LogOf log;
  auto& first = log.add(Effect::write, kFile, {}, {}, "aaaaaaaa");
  first.size = 8;
  log.add(Effect::set, kFile).size = 3;
  auto& second = log.add(Effect::write, kFile, {}, {}, "bb");
  second.offset = 5;
  second.size = 7;
  const FlushPlan plan = log.fold();
  ASSERT_EQ(plan.objects.size(), 1U);
  const ObjectCells& cells = plan.objects[0];
  EXPECT_FALSE(cells.create);
  EXPECT_EQ(cells.cut_size, 3U);
  EXPECT_EQ(cells.state->size, 7U);
  ASSERT_EQ(cells.data.size(), 2U);
  EXPECT_EQ(as_text(cells.data[0].content.bytes()), "aaa");
  EXPECT_EQ(cells.data[1].offset, 5U);
  EXPECT_EQ(as_text(cells.data[1].content.bytes()), "bb");
}

TEST(FlushPlan, ZerosAreWrittenAsSuchAndCoverEarlierBytes) {
  LogOf log;
  log.add(Effect::write, kFile, {}, {}, "aaaaaaaa").size = 8;
  auto& zero = log.add(Effect::zero, kFile, {}, {}, std::string("\4\0\0\0\0\0\0\0", 8));
  zero.offset = 2;
  zero.size = 8;
  const FlushPlan plan = log.fold();
  ASSERT_EQ(plan.objects.size(), 1U);
  const ObjectCells& cells = plan.objects[0];
  ASSERT_EQ(cells.data.size(), 3U);
  EXPECT_EQ(as_text(cells.data[0].content.bytes()), "aa");
  EXPECT_EQ(cells.data[1].offset, 2U);
  EXPECT_TRUE(cells.data[1].content.is_zeros());
  EXPECT_EQ(cells.data[1].content.size(), 4U);
  EXPECT_EQ(cells.data[2].offset, 6U);
}

TEST(FlushPlan, WhatCameAndWentIsNotWrittenUnlessItMayBeThere) {
  LogOf log;
  log.add(Effect::create, kDirectory, "dir").attributes = attribute::kDirectory;
  log.add(Effect::create, kFile, "file").parent = kDirectory;
  auto& unlink = log.add(Effect::unlink, kFile, "file");
  unlink.parent = kDirectory;
  unlink.flags = kRemovesObject;
  auto& rmdir = log.add(Effect::unlink, kDirectory, "dir");
  rmdir.attributes = attribute::kDirectory;
  rmdir.flags = kRemovesObject;
  const FlushPlan plan = log.fold();
  EXPECT_TRUE(plan.objects.empty());
  EXPECT_TRUE(plan.entries.empty());
  EXPECT_TRUE(plan.removed.empty());
  EXPECT_EQ(plan.entry_times, (std::map<ObjectId, std::uint64_t>{{kRootObject, 1004}}));

  const FlushPlan thorough = log.fold(MediumHolds::perhaps_some_of_it);
  EXPECT_TRUE(thorough.objects.empty());
  EXPECT_EQ(thorough.entries.size(), 2U);
  EXPECT_EQ(thorough.entries[0].directory, kRootObject);
  EXPECT_EQ(thorough.entries[1].directory, kDirectory);
  for (const EntryCell& entry : thorough.entries) EXPECT_EQ(entry.object, 0U);
  EXPECT_EQ(thorough.removed, (std::vector<ObjectId>{kDirectory, kFile}));
}

TEST(FlushPlan, ANameThatWasThereBeforeIsRemovedWhateverCameBetween) {
  LogOf log;
  log.add(Effect::unlink, 50, "name").flags = kRemovesObject;
  log.add(Effect::create, kFile, "name");
  log.add(Effect::unlink, kFile, "name").flags = kRemovesObject;
  const FlushPlan plan = log.fold();
  ASSERT_EQ(plan.entries.size(), 1U);
  EXPECT_EQ(plan.entries[0].object, 0U);
  EXPECT_EQ(plan.removed, std::vector<ObjectId>{50});
}

TEST(FlushPlan, AnObjectThatMovesGetsItsNewNameBeforeItLosesTheOldOne) {
  LogOf log;
  log.add(Effect::rename, kFile, "a", "b");
  const FlushPlan plan = log.fold();
  ASSERT_EQ(plan.entries.size(), 2U);
  EXPECT_EQ(plan.entries[0].name, "b");
  EXPECT_EQ(plan.entries[0].object, kFile);
  EXPECT_EQ(plan.entries[1].name, "a");
  EXPECT_EQ(plan.entries[1].object, 0U);
}

TEST(FlushPlan, AReplacingRenameRemovesTheOldSpellingAndTheReplacedObject) {
  LogOf log;
  auto& rename = log.add(Effect::rename, kFile, "from", "TO", "to");
  rename.replaced = 50;
  rename.flags = kRemovesReplaced;
  const FlushPlan plan = log.fold();
  std::map<std::string, ObjectId> entries;
  for (const EntryCell& entry : plan.entries) entries[entry.name] = entry.object;
  EXPECT_EQ(entries, (std::map<std::string, ObjectId>{{"from", 0}, {"to", 0}, {"TO", kFile}}));
  EXPECT_EQ(plan.removed, std::vector<ObjectId>{50});
  EXPECT_NE(cells_of(plan, kFile), nullptr);
}

TEST(FlushPlan, EntryTimesGoIntoAStateThatIsKnownAndLaterStatesWin) {
  LogOf log;
  auto& made = log.add(Effect::create, kDirectory, "dir");
  made.attributes = attribute::kDirectory;
  made.write_time = 5;
  log.add(Effect::create, kFile, "file").parent = kDirectory;
  FlushPlan plan = log.fold();
  EXPECT_EQ(cells_of(plan, kDirectory)->state->write_time, 1002U);
  EXPECT_TRUE(cells_of(plan, kDirectory)->create);
  auto& set = log.add(Effect::set, kDirectory);
  set.attributes = attribute::kDirectory;
  set.write_time = 7;
  plan = log.fold();
  EXPECT_EQ(cells_of(plan, kDirectory)->state->write_time, 7U);
  EXPECT_FALSE(plan.entry_times.contains(kDirectory));
}

}  // namespace
}  // namespace understudy
