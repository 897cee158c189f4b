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

TEST(Record, OfZerosSaysHowManyWithinTheFile) {
  RecordHeader header;
  header.lsn = 1;
  header.effect = Effect::zero;
  header.offset = 3;
  header.size = 0x0202020202020205;
  for (std::size_t length = 0; length < 10; ++length) {
    std::vector<std::uint8_t> data(length, 2);
    header.data_length = static_cast<std::uint32_t>(length);
    std::vector<std::uint8_t> bytes(record_size(header));
    encode_record(header, {}, {}, data, bytes);
    const Result<Record> record = decode_record(bytes);
    ASSERT_EQ(static_cast<bool>(record), length == 8) << length;
    if (record) {
      EXPECT_EQ(zeros_of(*record), 0x0202020202020202U);
    }
  }
  header.offset = 4;
  header.data_length = 8;
  std::vector<std::uint8_t> bytes(record_size(header));
  encode_record(header, {}, {}, std::vector<std::uint8_t>(8, 2), bytes);
  EXPECT_FALSE(decode_record(bytes));
}

TEST(Crc32c, MatchesThePublishedCheckValue) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xE3069283U);
}

}  // namespace
}  // namespace understudy
