// Sparse files: zeros that take no room in the log or on the medium, and which parts do.
#include "fs_cache/allocated_ranges.h"

#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

constexpr std::uint64_t kC = kCluster;
using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // offset, length

Ranges pairs(const std::vector<AllocatedRange>& ranges) {
  Ranges all;
  for (const AllocatedRange& range : ranges) all.emplace_back(range.offset, range.length);
  return all;
}

TEST(AllocatedRanges, OfTheMediumAndOfWhatIsUnwrittenAreJoined) {
  const std::string bytes(kC, 'x');
  Extents unwritten;
  unwritten.write(4 * kC, as_bytes(bytes), 1);
  EXPECT_EQ(pairs(lay_over({{0, kC}, {3 * kC, kC}}, unwritten, 0, 100 * kC)),
            (Ranges{{0, kC}, {3 * kC, 2 * kC}}));
}

TEST(AllocatedRanges, OfUnwrittenBytesAreWholeClustersWithinWhatWasAsked) {
  Extents unwritten;
  unwritten.write(kC + 100, as_bytes("x"), 1);
  EXPECT_EQ(pairs(lay_over({}, unwritten, 0, 100 * kC)), (Ranges{{kC, kC}}));
  EXPECT_EQ(pairs(lay_over({}, unwritten, kC + 10, kC + 200)), (Ranges{{kC + 10, 190}}));
  EXPECT_EQ(pairs(lay_over({}, unwritten, 2 * kC, 3 * kC)), Ranges{});
}

TEST(AllocatedRanges, LoseTheClustersThatAreNothingButZeros) {
  Extents unwritten;
  unwritten.write(kC, Content::zeros(kC / 2), 1);
  EXPECT_EQ(pairs(lay_over({{0, 4 * kC}}, unwritten, 0, 4 * kC)), (Ranges{{0, 4 * kC}}));
  unwritten.write(kC + kC / 2, Content::zeros(kC), 2);
  EXPECT_EQ(pairs(lay_over({{0, 4 * kC}}, unwritten, 0, 4 * kC)),
            (Ranges{{0, kC}, {2 * kC, 2 * kC}}));
  unwritten.write(0, Content::zeros(4 * kC), 3);
  EXPECT_EQ(pairs(lay_over({{0, 4 * kC}}, unwritten, 0, 4 * kC)), Ranges{});
  unwritten.write(2 * kC + 7, as_bytes("x"), 4);
  EXPECT_EQ(pairs(lay_over({{0, 4 * kC}}, unwritten, 0, 4 * kC)), (Ranges{{2 * kC, kC}}));
}

class SparseFiles : public FsCacheTest {
 protected:
  Status set_sparse(std::uint64_t open, bool sparse = true) {
    Irp made = node->irp(SetMinor::sparse, open);
    made.set.attributes = sparse ? attribute::kSparse : 0;
    return node->run(made).status;
  }
  Status query(std::uint64_t open, std::uint64_t offset, std::uint64_t length,
               std::uint32_t room = 1024) {
    Irp made = node->irp(Major::query_information,
                         static_cast<std::uint8_t>(QueryMinor::allocated_ranges));
    made.open = open;
    made.query.offset = offset;
    made.query.length = length;
    made.payload = node->buffer({}, room);
    made.payload.capacity = room;
    const Irp done = node->run(made);
    std::vector<AllocatedRange> all(done.information / sizeof(AllocatedRange));
    if (!all.empty())
      std::memcpy(all.data(), node->arena().bytes(done.payload)->data(), done.information);
    ranges = pairs(all);
    return done.status;
  }
  Ranges allocated(std::uint64_t open) {
    EXPECT_EQ(query(open, 0, std::uint64_t{1} << 40), Status::success);
    return ranges;
  }
  Ranges ranges;
};

TEST_F(SparseFiles, AreThoseThatAClientMakesSparseAndOthersHaveNoHoles) {
  const std::uint64_t open = node->must_open("file");
  EXPECT_EQ(node->set_size(open, 10 * kC), Status::success);
  EXPECT_EQ(allocated(open), (Ranges{{0, 10 * kC}}));
  EXPECT_EQ(set_sparse(open), Status::success);
  EXPECT_EQ(allocated(open), Ranges{});
  EXPECT_EQ(node->set_attributes(open, attribute::kHidden), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->close(open), Status::success);
  const std::uint64_t again = node->must_open("file");
  EXPECT_EQ(node->last.create.facts.attributes, attribute::kHidden | attribute::kSparse);
  EXPECT_EQ(set_sparse(again, false), Status::success);
  EXPECT_EQ(allocated(again), (Ranges{{0, 10 * kC}}));
}

TEST_F(SparseFiles, LoseRoomWithZerosBeforeAndAfterAFlush) {
  const std::string bytes(10 * kC, 'x');
  const std::uint64_t open = node->must_open("file");
  EXPECT_EQ(set_sparse(open), Status::success);
  EXPECT_EQ(node->write(open, 0, bytes), Status::success);
  EXPECT_EQ(node->write_zeros(open, 2 * kC, kC), Status::success);
  const Ranges left = {{0, 2 * kC}, {3 * kC, 7 * kC}};
  EXPECT_EQ(allocated(open), left);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(allocated(open), left);
  EXPECT_EQ(node->write_zeros(open, 4 * kC, 100 * kC), Status::success);
  EXPECT_EQ(allocated(open), (Ranges{{0, 2 * kC}, {3 * kC, kC}}));
  EXPECT_EQ(node->read(open, 4 * kC - 1, 3), Status::success);
  EXPECT_EQ(node->answer, std::string("x\0\0", 3));
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(allocated(open), (Ranges{{0, 2 * kC}, {3 * kC, kC}}));
}

TEST_F(SparseFiles, AnswerWithAsMuchAsThereIsRoomFor) {
  const std::uint64_t open = node->must_open("file");
  EXPECT_EQ(set_sparse(open), Status::success);
  for (std::uint64_t at = 0; at < 6; at += 2)
    EXPECT_EQ(node->write(open, at * kC, "x"), Status::success);
  EXPECT_EQ(query(open, 0, 10 * kC, 2 * sizeof(AllocatedRange)), Status::buffer_overflow);
  EXPECT_EQ(ranges, (Ranges{{0, kC}, {2 * kC, kC}}));
  EXPECT_EQ(query(open, 0, 10 * kC, 8), Status::buffer_overflow);
  EXPECT_EQ(ranges, Ranges{});
  EXPECT_EQ(query(open, 10, ~std::uint64_t{0}), Status::invalid_parameter);
}

TEST_F(SparseFiles, ZerosAreNeverBeyondTheEndAndKeptFromLockedBytes) {
  const std::uint64_t open = node->must_open("file");
  EXPECT_EQ(node->write(open, 0, "0123456789"), Status::success);
  EXPECT_EQ(node->write_zeros(open, 8, 100), Status::success);
  EXPECT_EQ(node->content("file"), std::string("01234567\0\0", 10));
  EXPECT_EQ(node->write_zeros(open, 10, 100), Status::success);
  EXPECT_EQ(node->last.lsn, 0U);
  EXPECT_EQ(node->write_zeros(open, 1, ~std::uint64_t{0}), Status::invalid_parameter);
  const std::uint64_t other = node->must_open("file");
  Irp lock = node->irp(Major::lock_control, static_cast<std::uint8_t>(LockMinor::lock));
  lock.open = other;
  lock.lock = {2, 1, 1, 0, 0};
  EXPECT_EQ(node->run(lock).status, Status::success);
  EXPECT_EQ(node->write_zeros(open, 0, 5), Status::file_lock_conflict);
  EXPECT_EQ(node->write_zeros(open, 3, 5), Status::success);
}

TEST_F(SparseFiles, AreTakenOverWithTheirZeros) {
  const std::uint64_t open = node->must_open("file");
  EXPECT_EQ(set_sparse(open), Status::success);
  EXPECT_EQ(node->write(open, 0, std::string(3 * kC, 'x')), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(node->write_zeros(open, kC, kC), Status::success);
  const auto copies = node->filter().copies;
  node.reset();
  node = std::make_unique<TestNode>(loop, disk, LocalHost::small_sizes(), "b");
  ASSERT_EQ(node->mount().status, Status::success);
  for (const auto& [lsn, record] : copies) {
    if (lsn > node->last.mount.applied_lsn) {
      EXPECT_EQ(node->replay(record), Status::success);
    }
  }
  EXPECT_EQ(allocated(node->must_open("file")), (Ranges{{0, kC}, {2 * kC, kC}}));
  EXPECT_EQ(node->content("file"),
            std::string(kC, 'x') + std::string(kC, '\0') + std::string(kC, 'x'));
}

}  // namespace
}  // namespace understudy
