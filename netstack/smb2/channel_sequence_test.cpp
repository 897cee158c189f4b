#include "netstack/smb2/channel_sequence.h"

#include <gtest/gtest.h>

namespace understudy::smb2 {
namespace {

using Verdict = ChannelSequence::Verdict;

TEST(ChannelSequence, LetsARetryPassOnceTheFirstTriesAreAnswered) {
  ChannelSequence sequence;
  EXPECT_EQ(sequence.begin(0, false), Verdict::counted);
  EXPECT_EQ(sequence.begin(1, true), Verdict::failed);
  sequence.end(0);
  EXPECT_EQ(sequence.begin(1, true), Verdict::counted);
}

TEST(ChannelSequence, RefusesWhatComesLateOnAnOldChannel) {
  ChannelSequence sequence;
  EXPECT_EQ(sequence.begin(5, false), Verdict::counted);
  EXPECT_EQ(sequence.begin(4, false), Verdict::failed);
  EXPECT_EQ(sequence.begin(5, false), Verdict::counted);
}

TEST(ChannelSequence, WrapsAround) {
  ChannelSequence sequence;
  sequence.start(0xFFFF);
  EXPECT_EQ(sequence.begin(0, false), Verdict::counted);
  EXPECT_EQ(sequence.begin(0x8000, false), Verdict::failed);
  EXPECT_EQ(sequence.begin(0x7FFF, false), Verdict::counted);
}

TEST(ChannelSequence, CountsNothingOfWhatFails) {
  ChannelSequence sequence;
  EXPECT_EQ(sequence.begin(0, false), Verdict::counted);
  EXPECT_EQ(sequence.begin(1, true), Verdict::failed);
  EXPECT_EQ(sequence.begin(2, false), Verdict::counted);
  sequence.end(0);
  EXPECT_EQ(sequence.begin(2, true), Verdict::counted);
}

}  // namespace
}  // namespace understudy::smb2
