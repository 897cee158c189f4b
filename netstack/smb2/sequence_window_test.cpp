#include "netstack/smb2/sequence_window.h"

#include <gtest/gtest.h>

#include "iomgr/bounds.h"

namespace understudy::smb2 {
namespace {

TEST(SequenceWindow, BeginsWithTheIdZero) {
  SequenceWindow window;
  EXPECT_FALSE(window.consume(1, 1));
  EXPECT_FALSE(window.consume(0, 2));
  EXPECT_TRUE(window.consume(0, 1));
  EXPECT_FALSE(window.consume(0, 1));
}

TEST(SequenceWindow, TakesIdsInAnyOrderAndEachOnce) {
  SequenceWindow window;
  EXPECT_EQ(window.grant(9, 10), 9);
  EXPECT_TRUE(window.consume(4, 2));
  EXPECT_FALSE(window.consume(3, 2));
  EXPECT_TRUE(window.consume(0, 4));
  EXPECT_TRUE(window.consume(6, 4));
  EXPECT_EQ(window.available(), 0U);
  EXPECT_FALSE(window.consume(~std::uint64_t{0}, 1));
}

TEST(SequenceWindow, GrantsAtLeastOneAndAtMostTheLimit) {
  SequenceWindow window;
  EXPECT_TRUE(window.consume(0, 1));
  EXPECT_EQ(window.grant(0, 10), 1);
  EXPECT_EQ(window.grant(100, 10), 9);
  EXPECT_EQ(window.grant(100, 10), 0);
}

TEST(SequenceWindow, StopsGrantingToAClientThatLeavesAGap) {
  SequenceWindow window;
  std::uint64_t id = 1;
  std::uint16_t granted = window.grant(512, bounds::kMaxCredits);
  for (int i = 0; i < 100 && granted > 0; ++i) {
    for (std::uint16_t j = 0; j < granted; ++j) EXPECT_TRUE(window.consume(id++, 1));
    granted = window.grant(512, bounds::kMaxCredits);
  }
  EXPECT_EQ(granted, 0);
  EXPECT_TRUE(window.consume(0, 1));
  EXPECT_GT(window.grant(512, bounds::kMaxCredits), 0);
}

}  // namespace
}  // namespace understudy::smb2
