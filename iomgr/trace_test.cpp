#include "iomgr/trace.h"

#include <gtest/gtest.h>

#include "iomgr/local/local_host.h"

namespace understudy {
namespace {

TEST(Trace, WritesNothingWhileItsLayerIsOff) {
  VirtualLoop loop;
  Wire wire;
  LocalHost host(loop, wire, "a");
  Trace& trace = host.seams(Layer::ff_driver).trace;
  const TraceRing ring(host.arena().trace_ring(Layer::ff_driver));
  trace.step(Step::s400, Irp{});
  EXPECT_EQ(ring.last(), 0U);
  host.arena().header().trace_mask = 1U << static_cast<unsigned>(Layer::fs_cache);
  trace.step(Step::s400, Irp{});
  EXPECT_EQ(ring.last(), 0U);
  host.arena().header().trace_mask = 1U << static_cast<unsigned>(Layer::ff_driver);
  trace.step(Step::s402, Irp{});
  const std::vector<TraceEntry> entries = ring.read(0);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].step, Step::s402);
  EXPECT_EQ(entries[0].layer, Layer::ff_driver);
}

TEST(TraceRing, GivesAReaderWhatHasNotBeenOverwrittenOldestFirst) {
  std::vector<std::uint64_t> memory(TraceRing::kBytes / sizeof(std::uint64_t));
  TraceRing ring({reinterpret_cast<std::uint8_t*>(memory.data()), TraceRing::kBytes});
  constexpr std::uint64_t kWritten = 3 * bounds::kTraceEntries + 5;
  for (std::uint64_t i = 1; i <= kWritten; ++i) {
    TraceEntry entry{};
    entry.lsn = i;
    ring.write(entry);
  }
  EXPECT_EQ(ring.last(), kWritten);
  const std::vector<TraceEntry> all = ring.read(0);
  ASSERT_EQ(all.size(), bounds::kTraceEntries - 1);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].lsn, kWritten - all.size() + 1 + i);
    EXPECT_EQ(all[i].sequence, all[i].lsn);
  }
  EXPECT_EQ(ring.read(kWritten - 2).size(), 2U);
  EXPECT_TRUE(ring.read(kWritten).empty());
}

TEST(Steps, AreAllDescribed) {
  EXPECT_EQ(describe(Step::s412), "acknowledge to the client");
  EXPECT_EQ(describe(Step{}), "");
}

}  // namespace
}  // namespace understudy
