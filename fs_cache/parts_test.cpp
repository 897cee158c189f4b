// The parts that need no volume: wildcards, share modes, paths, extents, the mount order.
#include <gtest/gtest.h>

#include <random>

#include "fs_cache/extents.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/mount_order.h"
#include "fs_cache/path.h"
#include "fs_cache/share_mode.h"
#include "fs_cache/wildcard.h"
#include "iomgr/unicode.h"

namespace understudy {
namespace {

struct WildcardRow {
  const char* pattern;
  const char* name;
  bool matches;
};

TEST(Pattern, FollowsTheTableOfWildcards) {
  const WildcardRow rows[] = {
      {"", "anything", true},
      {"*", "anything", true},
      {"abc", "ABC", true},
      {"abc", "abcd", false},
      {"a*", "a", true},
      {"a*c", "abc", true},
      {"a*c", "abcd", false},
      {"*.txt", "a.txt", true},
      {"*.txt", "a.txt.bak", false},
      {"*.*", "a.b", true},
      {"*.*", "ab", false},
      {"*a*b*", "xxaxxbxx", true},
      {"*a*b*", "xxbxxaxx", false},
      {"?", "a", true},
      {"?", "ab", false},
      {"?", "\xc3\xa4", true},
      {"a?c",
       "a\xe2\x82\xac"
       "c",
       true},
      {"\xc3\xa4*", "\xc3\x84pfel", true},
      // < : up to the last dot
      {"<", "abc", true},
      {"<", "abc.txt", false},
      {"<.txt", "abc.txt", true},
      {"<.txt", "a.b.txt", true},
      {"<.b", "a.b.txt", false},
      {"<\"*", "abc.txt", true},
      // > : one character, or none before a dot and at the end
      {"abc>", "abcd", true},
      {"abc>", "abc", true},
      {"abc>>>", "abcd", true},
      {"abc>>.txt", "abc.txt", true},
      {"abc>>.txt", "abcdef.txt", false},
      // " : a dot, or the end
      {"abc\"", "abc", true},
      {"abc\"", "abc.", true},
      {"abc\"txt", "abc.txt", true},
      {"abc\"txt", "abctxt", false},
  };
  for (const WildcardRow& row : rows) {
    EXPECT_EQ(Pattern(row.pattern).matches(fold(row.name)), row.matches)
        << row.pattern << " and " << row.name;
  }
}

TEST(Pattern, TakesNoLongTimeForManyStars) {
  EXPECT_FALSE(Pattern(std::string(200, '*') + "b").matches(std::string(250, 'A')));
}

struct ShareRow {
  std::uint32_t first_access, first_share, second_access, second_share;
  Status result;
};

TEST(ShareMode, FollowsTheTableOfSharing) {
  using namespace share;
  constexpr std::uint32_t kNone = 0;
  constexpr std::uint32_t kEvery = kRead | kWrite | share::kDelete;
  const ShareRow rows[] = {
      {access::kReadData, kEvery, access::kReadData, kEvery, Status::success},
      {access::kReadData, kNone, access::kReadData, kEvery, Status::sharing_violation},
      {access::kReadData, kEvery, access::kReadData, kNone, Status::sharing_violation},
      {access::kReadData, kRead, access::kReadData, kRead, Status::success},
      {access::kReadData, kRead, access::kWriteData, kEvery, Status::sharing_violation},
      {access::kReadData, kRead, access::kAppendData, kEvery, Status::sharing_violation},
      {access::kWriteData, kEvery, access::kReadData, kRead, Status::sharing_violation},
      {access::kWriteData, kWrite, access::kWriteData, kWrite, Status::success},
      {access::kExecute, kRead, access::kReadData, kRead, Status::success},
      {access::kExecute, kNone, access::kReadData, kRead, Status::sharing_violation},
      {access::kDelete, kEvery, access::kReadData, kRead | kWrite, Status::sharing_violation},
      {access::kReadData, kRead | kWrite, access::kDelete, kEvery, Status::sharing_violation},
      {access::kDelete, kEvery, access::kReadData, kEvery, Status::success},
      // Attributes alone are nobody's business.
      {access::kReadAttributes, kNone, access::kAllOfAFile, kEvery, Status::success},
      {access::kAllOfAFile, kNone, access::kReadAttributes, kNone, Status::success},
  };
  for (const ShareRow& row : rows) {
    Open first{1, nullptr, nullptr, row.first_access, row.first_share, 0};
    EXPECT_EQ(check_sharing({&first}, row.second_access, row.second_share), row.result)
        << std::hex << row.first_access << '/' << row.first_share << " and " << row.second_access
        << '/' << row.second_share;
  }
}

TEST(Path, DividesAtBackslashesAndKnowsATrailingOne) {
  const Result<Path> path = parse_path("one\\two\\");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->components, (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(path->directory_only);
  EXPECT_TRUE(parse_path("")->components.empty());
  EXPECT_EQ(parse_path("a\\\\").status(), Status::object_name_invalid);
  EXPECT_EQ(parse_path(std::string(40000, 'a')).status(), Status::object_name_invalid);
}

TEST(Extents, AgreeWithAPlainArrayOfBytes) {
  std::mt19937 random(7);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (int round = 0; round < 200; ++round) {
    Extents extents;
    std::vector<std::vector<std::uint8_t>> records;
    records.reserve(40);
    std::vector<std::pair<std::uint8_t, Lsn>> model(300, {0, 0});
    for (Lsn lsn = 1; lsn <= 40; ++lsn) {
      const std::size_t offset = below(250);
      switch (below(8)) {
        case 0:
          extents.cut(offset);
          for (std::size_t i = offset; i < model.size(); ++i) model[i] = {0, 0};
          break;
        case 1: {
          const Lsn durable = lsn - std::min<Lsn>(lsn, below(20));
          extents.drop(durable);
          for (auto& [byte, by] : model) {
            if (by <= durable) byte = 0, by = 0;
          }
          break;
        }
        case 2: {
          const std::size_t length = 1 + below(50);
          extents.write(offset, Content::zeros(length), lsn);
          for (std::size_t i = 0; i < length; ++i) model[offset + i] = {0, lsn};
          break;
        }
        default:
          records.emplace_back(1 + below(50), static_cast<std::uint8_t>(lsn));
          extents.write(offset, ConstBytes(records.back()), lsn);
          for (std::size_t i = 0; i < records.back().size(); ++i)
            model[offset + i] = {records.back()[i], lsn};
      }
      std::vector<std::uint8_t> seen(model.size(), 0xEE);
      for (const Extents::Hole& hole : extents.read(0, seen)) {
        for (std::size_t i = 0; i < hole.length; ++i) {
          EXPECT_EQ(seen[hole.offset + i], 0xEE);
          seen[hole.offset + i] = 0;
        }
      }
      for (std::size_t i = 0; i < model.size(); ++i)
        ASSERT_EQ(seen[i], model[i].first) << round << ' ' << i;
    }
  }
}

TEST(MountOrder, TakesAPathAndHowToWriteLazily) {
  const Result<MountOrder> plain = parse_mount_order(R"({"path": "/a"})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->path, "/a");
  EXPECT_FALSE(plain->lazy_writer.hold);
  const Result<MountOrder> held =
      parse_mount_order(R"({"path": "/a", "lazy_writer": "hold", "flush_interval_ms": 50})");
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->lazy_writer.hold);
  EXPECT_EQ(held->lazy_writer.interval, std::chrono::milliseconds(50));
  EXPECT_FALSE(plain->late_write_times);
  EXPECT_TRUE(parse_mount_order(R"({"path": "/a", "late_write_times": true})")->late_write_times);
  for (const char* bad :
       {"", "/a", R"({"path": "/a", "late_write_times": "x"})", "[]", "{}", R"({"path": 1})",
        R"({"path": ""})", R"({"path": "/a", "lazy_writer": "x"})",
        R"({"path": "/a", "lazy_writer": 1})", R"({"path": "/a", "flush_interval_ms": 0})",
        R"({"path": "/a", "flush_interval_ms": "1"})", R"({"path": "/a")"}) {
    EXPECT_EQ(parse_mount_order(bad).status(), Status::invalid_parameter) << bad;
  }
}

}  // namespace
}  // namespace understudy
