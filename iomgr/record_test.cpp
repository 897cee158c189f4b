// The log record: round trip, and every way in which bytes are not one.
#include "iomgr/record.h"

#include <gtest/gtest.h>

#include <vector>

#include "iomgr/wire.h"

namespace understudy {
namespace {

std::vector<std::uint8_t> example() {
  RecordHeader header;
  header.epoch = 3;
  header.lsn = 77;
  header.effect = Effect::rename;
  header.object = 0x100000001;
  header.name_length = 3;
  header.target_name_length = 5;
  header.data_length = 4;
  std::vector<std::uint8_t> bytes(record_size(header));
  encode_record(header, "old", "newer", as_bytes("data"), bytes);
  return bytes;
}

TEST(Record, DecodesToWhatWasEncoded) {
  const auto bytes = example();
  const Result<Record> record = decode_record(bytes);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->header.lsn, 77U);
  EXPECT_EQ(record->name, "old");
  EXPECT_EQ(record->target_name, "newer");
  EXPECT_EQ(as_text(record->data), "data");
}

TEST(Record, RefusesEveryTruncation) {
  const auto bytes = example();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_record(ConstBytes(bytes).first(length))) << length;
  }
}

TEST(Record, RefusesEveryFlippedBit) {
  auto bytes = example();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(decode_record(bytes)) << bit;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
}

TEST(Crc32c, MatchesThePublishedCheckValue) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xE3069283U);
}

}  // namespace
}  // namespace understudy
