// The mirror store alone: what it takes, what it refuses, what it gives back.
#include "mirror_server/mirror_store.h"

#include <gtest/gtest.h>

#include <random>

#include "iomgr/interconnect.h"
#include "iomgr/local/local_host.h"
#include "iomgr/record.h"

namespace understudy {
namespace {

class MirrorStoreTest : public testing::Test {
 protected:
  /// A record whose data bytes all are the low byte of its LSN.
  std::vector<std::uint8_t> record(std::uint64_t lsn, std::size_t data_bytes = 50,
                                   std::uint32_t lun = 0, std::uint64_t epoch = 1) {
    RecordHeader header;
    header.lun = lun;
    header.epoch = epoch;
    header.lsn = lsn;
    header.effect = Effect::write;
    header.data_length = static_cast<std::uint32_t>(data_bytes);
    std::vector<std::uint8_t> bytes(record_size(header));
    encode_record(header, {}, {},
                  std::vector<std::uint8_t>(data_bytes, static_cast<std::uint8_t>(lsn)), bytes);
    return bytes;
  }
  Status append_bytes(const std::vector<std::uint8_t>& bytes, std::uint32_t lun,
                      std::uint64_t epoch, std::uint64_t lsn) {
    const auto buffer = store.reserve(static_cast<std::uint32_t>(bytes.size()));
    if (!buffer) return Status::insufficient_resources;
    std::ranges::copy(bytes, host.arena().bytes(*buffer)->begin());
    return store.append(lun, epoch, lsn, *buffer);
  }
  Status append(std::uint64_t lsn, std::size_t data_bytes = 50, std::uint32_t lun = 0,
                std::uint64_t epoch = 1) {
    return append_bytes(record(lsn, data_bytes, lun, epoch), lun, epoch, lsn);
  }
  /// Whether every record of the LUN is whole and the next one after the one before it.
  bool whole(std::uint32_t lun) {
    std::uint64_t before = 0;
    for (const auto& stored : store.records(lun)) {
      const auto decoded = decode_record(*host.arena().bytes(stored.record));
      if (!decoded || decoded->header.lsn != stored.lsn || decoded->header.lun != lun) return false;
      if (before != 0 && stored.lsn != before + 1) return false;
      before = stored.lsn;
    }
    return true;
  }

  VirtualLoop loop;
  Wire wire;
  LocalHost host{loop, wire, "b",
                 std::make_shared<LocalMemory>(ArenaSizes{65536, 65536, 1024 * 1024})};
  MirrorStore store{host.arena(), host.arena().region(Layer::mirror_server)};
};

TEST_F(MirrorStoreTest, TakesRecordsInOrderAndPurgesPrefixes) {
  ASSERT_EQ(store.begin(0, 1, 5), Status::success);
  for (std::uint64_t lsn = 5; lsn <= 9; ++lsn) EXPECT_EQ(append(lsn), Status::success);
  EXPECT_EQ(store.stored(0)->lsn, 9U);
  EXPECT_EQ(store.operations(), 5U);
  EXPECT_EQ(store.purge(0, 1, 4), Status::success);
  EXPECT_EQ(store.operations(), 5U);
  EXPECT_EQ(store.purge(0, 1, 7), Status::success);
  EXPECT_EQ(store.operations(), 2U);
  EXPECT_TRUE(whole(0));
  EXPECT_EQ(store.purge(0, 1, 9), Status::success);
  EXPECT_EQ(store.bytes(), 0U);
  EXPECT_EQ(append(10), Status::success);
}

TEST_F(MirrorStoreTest, RefusesWhatIsNotTheNextRecordOfItsEpoch) {
  EXPECT_EQ(append(1), Status::volume_dismounted);
  ASSERT_EQ(store.begin(0, 2, 1), Status::success);
  EXPECT_EQ(append(1, 50, 0, 1), Status::volume_dismounted);
  EXPECT_EQ(append(1, 50, 0, 3), Status::volume_dismounted);
  EXPECT_EQ(append(2, 50, 0, 2), Status::data_error);
  EXPECT_EQ(append(1, 50, 0, 2), Status::success);
  EXPECT_EQ(append(1, 50, 0, 2), Status::data_error);
  EXPECT_EQ(append_bytes(record(3, 50, 0, 2), 0, 2, 2), Status::data_error);
  EXPECT_EQ(append_bytes(record(2, 50, 1, 2), 0, 2, 2), Status::data_error);
  EXPECT_EQ(store.operations(), 1U);
  EXPECT_EQ(append(2, 50, 0, 2), Status::success);
}

TEST_F(MirrorStoreTest, RefusesARecordWithAnyBitFlipped) {
  ASSERT_EQ(store.begin(0, 1, 1), Status::success);
  const std::vector<std::uint8_t> good = record(1, 20);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::vector<std::uint8_t> bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_TRUE(failed(append_bytes(bad, 0, 1, 1))) << "bit " << bit;
  }
  EXPECT_EQ(store.bytes(), 0U);
  EXPECT_EQ(append_bytes(good, 0, 1, 1), Status::success);
}

TEST_F(MirrorStoreTest, RefusesAPurgeOfWhatItDoesNotHave) {
  EXPECT_EQ(store.purge(0, 1, 1), Status::volume_dismounted);
  ASSERT_EQ(store.begin(0, 1, 1), Status::success);
  ASSERT_EQ(append(1), Status::success);
  EXPECT_EQ(store.purge(0, 1, 2), Status::data_error);
  EXPECT_EQ(store.purge(0, 2, 1), Status::volume_dismounted);
  EXPECT_EQ(store.operations(), 1U);
}

TEST_F(MirrorStoreTest, ABeginOfAHigherEpochEmptiesTheLunAndAnyOtherIsRefused) {
  ASSERT_EQ(store.begin(0, 4, 1), Status::success);
  ASSERT_EQ(append(1, 50, 0, 4), Status::success);
  EXPECT_EQ(store.begin(0, 4, 2), Status::volume_dismounted);
  EXPECT_EQ(store.begin(0, 3, 2), Status::volume_dismounted);
  EXPECT_EQ(store.begin(0, 0, 2), Status::invalid_parameter);
  EXPECT_EQ(store.operations(), 1U);
  const std::uint64_t bytes = store.bytes();
  EXPECT_EQ(store.begin(0, 5, 2), Status::success);
  EXPECT_EQ(store.operations(), 0U);
  EXPECT_EQ(store.take_freed(), bytes);
  EXPECT_EQ(store.take_freed(), 0U);
}

TEST_F(MirrorStoreTest, ALostConnectionKeepsRecordsAndTakesNoMore) {
  ASSERT_EQ(store.begin(0, 1, 1), Status::success);
  ASSERT_EQ(append(1), Status::success);
  store.connection_lost();
  EXPECT_FALSE(store.stored(0));
  EXPECT_EQ(append(2), Status::volume_dismounted);
  EXPECT_EQ(store.purge(0, 1, 1), Status::volume_dismounted);
  EXPECT_EQ(store.operations(), 1U);
}

TEST_F(MirrorStoreTest, AReplayDropsWhatIsAppliedAndEndsTheEpoch) {
  ASSERT_EQ(store.begin(0, 1, 1), Status::success);
  for (std::uint64_t lsn = 1; lsn <= 6; ++lsn) ASSERT_EQ(append(lsn), Status::success);
  ASSERT_EQ(store.begin_replay(0, 1, 4), Status::success);
  ASSERT_EQ(store.records(0).size(), 2U);
  EXPECT_EQ(store.records(0).front().lsn, 5U);
  EXPECT_EQ(store.begin_replay(0, 1, 4), Status::device_not_ready);
  EXPECT_EQ(store.begin(0, 9, 1), Status::device_not_ready);
  EXPECT_EQ(store.discard(0), Status::device_not_ready);
  EXPECT_EQ(append(7), Status::volume_dismounted);
  store.end_replay(0, false);
  EXPECT_EQ(append(7), Status::volume_dismounted);
  EXPECT_EQ(store.operations(), 2U);
  ASSERT_EQ(store.begin_replay(0, 1, 4), Status::success);
  store.end_replay(0, true);
  EXPECT_EQ(store.bytes(), 0U);
}

TEST_F(MirrorStoreTest, AReplayThatWouldLeaveAHoleIsRefused) {
  ASSERT_EQ(store.begin(0, 1, 1), Status::success);
  for (std::uint64_t lsn = 1; lsn <= 6; ++lsn) ASSERT_EQ(append(lsn), Status::success);
  ASSERT_EQ(store.purge(0, 1, 4), Status::success);
  EXPECT_EQ(store.begin_replay(0, 1, 3), Status::data_error);
  EXPECT_EQ(store.operations(), 2U);
  EXPECT_EQ(store.begin_replay(0, 1, 4), Status::success);
}

TEST_F(MirrorStoreTest, HasRoomForAllThatItPromisesHoweverScatteredTheHolesAre) {
  std::mt19937_64 generator(7);
  constexpr std::uint32_t kLuns = 5;
  std::uint64_t next[kLuns];
  std::uint64_t purged[kLuns];
  for (std::uint32_t lun = 0; lun < kLuns; ++lun) {
    ASSERT_EQ(store.begin(lun, 1, 1), Status::success);
    next[lun] = 1;
    purged[lun] = 0;
  }
  std::uint64_t stored = 0;
  for (int i = 0; i < 6000; ++i) {
    const auto lun = static_cast<std::uint32_t>(generator() % kLuns);
    // Sizes of every kind, the large ones rare: that scatters best.
    const std::size_t size = generator() % 10 == 0 ? generator() % 100'000 : generator() % 3000;
    const auto bytes = record(next[lun], size, lun);
    if (interconnect::stored_bytes(bytes.size()) <= store.room()) {
      ASSERT_EQ(append_bytes(bytes, lun, 1, next[lun]), Status::success) << i;
      ++next[lun];
      ++stored;
    } else {
      EXPECT_FALSE(store.reserve(static_cast<std::uint32_t>(bytes.size())));
      const auto other = static_cast<std::uint32_t>(generator() % kLuns);
      purged[other] += (next[other] - 1 - purged[other] + 1) / 2;
      ASSERT_EQ(store.purge(other, 1, purged[other]), Status::success);
    }
  }
  EXPECT_GT(stored, 1000U);
  for (std::uint32_t lun = 0; lun < kLuns; ++lun) EXPECT_TRUE(whole(lun));
}

TEST_F(MirrorStoreTest, HoldsABoundedNumberOfLuns) {
  for (std::uint32_t lun = 0; lun < bounds::kMaxLuns; ++lun)
    ASSERT_EQ(store.begin(lun, 1, 1), Status::success);
  EXPECT_EQ(store.begin(bounds::kMaxLuns, 1, 1), Status::insufficient_resources);
  EXPECT_EQ(store.begin_replay(bounds::kMaxLuns, 1, 0), Status::insufficient_resources);
}

/// What another store finds in the same memory, as after kill -9.
TEST_F(MirrorStoreTest, IsFoundAgainInMemoryThatOutlivedItsProcess) {
  ASSERT_EQ(store.begin(0, 1, 5), Status::success);
  ASSERT_EQ(store.begin(3, 7, 1), Status::success);
  for (std::uint64_t lsn = 5; lsn <= 9; ++lsn) ASSERT_EQ(append(lsn), Status::success);
  for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) ASSERT_EQ(append(lsn, 5000, 3, 7), Status::success);
  ASSERT_EQ(store.purge(0, 1, 6), Status::success);
  const std::uint64_t bytes = store.bytes();

  MirrorStore next(host.arena(), host.arena().region(Layer::mirror_server));
  EXPECT_EQ(next.recover(), 6U);
  EXPECT_EQ(next.bytes(), bytes);
  EXPECT_EQ(next.records(0).front().lsn, 7U);
  EXPECT_EQ(next.epoch(3), 7U);
  EXPECT_EQ(next.begin_replay(0, 1, 6), Status::success);
  EXPECT_EQ(next.begin(3, 7, 1), Status::volume_dismounted) << "the old epoch stays over";
  EXPECT_EQ(next.begin(3, 8, 1), Status::success);
  EXPECT_EQ(next.operations(), 3U);
}

TEST_F(MirrorStoreTest, FindsNothingThatWasPurgedOrForgotten) {
  ASSERT_EQ(store.begin(0, 1, 1), Status::success);
  ASSERT_EQ(append(1), Status::success);
  ASSERT_EQ(store.purge(0, 1, 1), Status::success);
  ASSERT_EQ(store.begin(1, 1, 1), Status::success);
  ASSERT_EQ(append(1, 50, 1), Status::success);
  ASSERT_EQ(store.discard(1), Status::success);
  MirrorStore next(host.arena(), host.arena().region(Layer::mirror_server));
  EXPECT_EQ(next.recover(), 0U);
}

TEST_F(MirrorStoreTest, BelievesNoRecordThatAClientWroteIntoItsData) {
  ASSERT_EQ(store.begin(0, 1, 1), Status::success);
  // A record of a higher epoch, whole and with a right CRC, at every place where a block could
  // start.
  const std::vector<std::uint8_t> forged = record(1, 20, 0, 99);
  std::vector<std::uint8_t> data(8192);
  for (std::size_t at = 0; at + forged.size() <= data.size(); at += 192)
    std::ranges::copy(forged, data.begin() + static_cast<std::ptrdiff_t>(at));
  RecordHeader header;
  header.epoch = 1;
  header.lsn = 1;
  header.effect = Effect::write;
  header.data_length = static_cast<std::uint32_t>(data.size());
  std::vector<std::uint8_t> bytes(record_size(header));
  encode_record(header, {}, {}, data, bytes);
  ASSERT_EQ(append_bytes(bytes, 0, 1, 1), Status::success);
  MirrorStore next(host.arena(), host.arena().region(Layer::mirror_server));
  EXPECT_EQ(next.recover(), 1U);
  EXPECT_EQ(next.epoch(0), 1U);
}

TEST_F(MirrorStoreTest, DropsWhatAnEarlierEpochLeftWhenTheMediumIsFurther) {
  ASSERT_EQ(store.begin(0, 3, 1), Status::success);
  ASSERT_EQ(append(1, 50, 0, 3), Status::success);
  ASSERT_EQ(store.begin_replay(0, 4, 0), Status::success);
  EXPECT_EQ(store.operations(), 0U);
}

/// Random use of the store, and after every step a look at what another life would find: always
/// exactly what is stored.
TEST_F(MirrorStoreTest, IsWholeInMemoryAfterEveryStep) {
  std::mt19937_64 random(7);
  std::map<std::uint32_t, std::uint64_t> next = {{0, 1}, {1, 1}, {2, 1}};
  for (const auto& [lun, lsn] : next) ASSERT_EQ(store.begin(lun, 1, lsn), Status::success);
  for (int step = 0; step < 3000; ++step) {
    const auto lun = static_cast<std::uint32_t>(random() % 3);
    if (random() % 3 != 0) {
      const Status status = append(next[lun], random() % 30'000, lun);
      if (ok(status)) ++next[lun];
    } else if (!store.records(lun).empty()) {
      const auto& records = store.records(lun);
      ASSERT_EQ(store.purge(lun, 1, records[random() % records.size()].lsn), Status::success);
    }
    if (step % 10 != 0) continue;
    const auto copy = std::make_shared<LocalMemory>(ArenaSizes{65536, 65536, 1024 * 1024});
    std::ranges::copy(host.arena().memory(), copy->bytes().begin());
    Arena arena(copy->bytes());
    MirrorStore other(arena, arena.region(Layer::mirror_server));
    ASSERT_EQ(other.recover(), store.operations()) << "step " << step;
    ASSERT_EQ(other.bytes(), store.bytes());
  }
}

}  // namespace
}  // namespace understudy
