// Names: any that SMB allows comes back as it was given, and no two meet in one stored name.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fs_cache/medium/entry_name.h"
#include "fs_cache/medium/medium_test_kit.h"
#include "iomgr/unicode.h"

namespace understudy::medium_test {
namespace {

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  while (count-- > 0) out += text;
  return out;
}

const std::string kIdeographs = repeat("\xE6\xBC\xA2", 255);  // 255 units, 765 bytes

std::vector<std::string> odd_names() {
  const std::string shortened = stored_name(kIdeographs).text;
  return {kIdeographs,
          repeat("\xE6\xBC\xA2", 254) + "x",
          repeat("\xF0\x9F\x98\x80", 127),  // pairs of surrogates
          repeat("a", 255),
          "a" + repeat("\xC3\xA9", 127),   // 255 bytes: just fits
          "aa" + repeat("\xC3\xA9", 127),  // 256 bytes: does not
          shortened,                       // looks like the marker
          stored_name(shortened).text,     // and once more
          "x:understudy-0123456789abcdef0123456789abcdef",
          ":understudy-0123456789abcdef0123456789abcdef",
          "..",
          ".",
          "...",
          "..a",
          " ",
          "a.",
          "Q.?*\"<>|",
          "\xED\xA0\x80",  // an unpaired surrogate, as WTF-8 has it
          repeat("\xED\xBF\xBF", 255),
          "line\nbreak",
          "\x01",
          "lock",
          "entry"};
}

TEST(StoredName, FitsIntoADirectoryIsWholeUtf8AndIsDifferentForDifferentNames) {
  std::set<std::string> seen;
  for (const std::string& name : odd_names()) {
    ASSERT_TRUE(is_valid_entry_name(name));
    const StoredName stored = stored_name(name);
    EXPECT_LE(stored.text.size(), 255U);
    EXPECT_NE(stored.text, ".");
    EXPECT_NE(stored.text, "..");
    EXPECT_TRUE(utf16_length(stored.text)) << name;
    EXPECT_EQ(stored.shortened, is_shortened(stored.text)) << name;
    EXPECT_TRUE(stored.shortened || stored.text == name);
    EXPECT_TRUE(seen.insert(stored.text).second) << name;
  }
}

struct NamesTest : testing::Test {
  NamesTest() { EXPECT_EQ(lun.run(mount(lun.medium)), Status::success); }
  Status flush(const Flush& cells) { return lun.run(apply(lun.medium, cells)); }
  std::size_t full_names() const {
    return count_names(folder.path() + "/.understudy/long/0000000000000001");
  }
  TemporaryDirectory folder;
  Mount lun{folder.path()};
};

TEST_F(NamesTest, ComeBackAsTheyWereGiven) {
  Flush flush_all;
  std::set<std::string> expected;
  ObjectId id = 2;
  for (const std::string& name : odd_names()) {
    const bool directory = id % 2 == 0;
    flush_all.objects.push_back(directory ? new_directory(id) : new_file(id, "x"));
    flush_all.entries.push_back({1, name, id++, directory});
    expected.insert(name);
  }
  for (int again = 0; again < 2; ++again) {
    ASSERT_EQ(flush(flush_all), Status::success);
    const auto listed = lun.run(lun.medium.list(kRootObject));
    ASSERT_TRUE(listed);
    std::set<std::string> names;
    for (const ListedEntry& entry : *listed) {
      EXPECT_EQ(entry.name, flush_all.entries.at(entry.object - 2).name);
      names.insert(entry.name);
    }
    EXPECT_EQ(names, expected);
  }
}

TEST_F(NamesTest, LongOnesAreReplacedAndRemovedLikeAnyOther) {
  ASSERT_EQ(flush({{new_file(5, "five"), new_file(6, "six")}, {{1, kIdeographs, 5, false}}, {}, 1}),
            Status::success);
  ASSERT_EQ(flush({{}, {{1, kIdeographs, 6, false}}, {5}, 2}), Status::success);
  auto seen = picture(lun);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_NE(seen["/" + kIdeographs].find("six"), std::string::npos);
  EXPECT_EQ(full_names(), 1U);
  ASSERT_EQ(flush({{}, {{1, kIdeographs, 0, false}}, {6}, 3}), Status::success);
  EXPECT_TRUE(picture(lun).empty());
  EXPECT_EQ(full_names(), 0U);
}

TEST_F(NamesTest, OneObjectMayHaveMoreLongNamesThanAnInodeHasRoomForAttributes) {
  Flush links{{new_file(5, "five")}, {}, {}, 1};
  for (int i = 0; i < 50; ++i) {
    std::string name = kIdeographs;
    name.replace(0, 3, 1, static_cast<char>('A' + i));
    links.entries.push_back({1, name, 5, false});
  }
  ASSERT_EQ(flush(links), Status::success);
  EXPECT_EQ(picture(lun).size(), 50U);
}

TEST_F(NamesTest, FullNamesThatACrashLeftBehindGoAtTheNextMount) {
  lun.run(lun.medium.unlock());
  for (const char* point : {"medium.flush.entries.each", "medium.flush.entries.sync.done"}) {
    const pid_t child = start_process([this, point] {
      Mount dying(folder.path());
      static_cast<void>(dying.run(mount(dying.medium)));
      static_cast<void>(dying.run(
          apply(dying.medium, {{new_file(5, "x")}, {{1, kIdeographs, 5, false}}, {}, 1})));
      dying.faults().arm(point, {FaultAction::kill});
      static_cast<void>(dying.run(
          apply(dying.medium, {{}, {{1, kIdeographs, 0, false}, {1, "f", 5, false}}, {}, 2})));
    });
    EXPECT_TRUE(WIFSIGNALED(wait_for(child))) << point;
    ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
    EXPECT_EQ(full_names(), picture(lun).contains("/" + kIdeographs) ? 1U : 0U);
    lun.run(lun.medium.unlock());
  }
}

TEST_F(NamesTest, ADirectoryTakesItsFullNamesWithIt) {
  ASSERT_EQ(flush({{new_directory(6), new_file(5, "x")},
                   {{1, "d", 6, true}, {6, kIdeographs, 5, false}},
                   {},
                   1}),
            Status::success);
  EXPECT_EQ(count_names(folder.path() + "/.understudy/long"), 1U);
  ASSERT_EQ(flush({{}, {{6, kIdeographs, 0, false}, {1, "d", 0, true}}, {6, 5}, 2}),
            Status::success);
  EXPECT_EQ(count_names(folder.path() + "/.understudy/long"), 0U);
}

}  // namespace
}  // namespace understudy::medium_test
