// The mailbox of a LUN on a directory: two nodes' words to each other, whoever owns the LUN.
#include <cstring>
#include <fstream>

#include "fs_cache/medium/medium_test_kit.h"

namespace understudy::medium_test {
namespace {

MailboxSlot word_of(std::uint32_t node, std::uint64_t sequence) {
  return {node, 1, 2, 3, 77, sequence};
}

void damage(const std::string& path, std::streamoff offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file.put('!');
}

TEST(PosixMailbox, ANodeReadsWhatTheOtherWroteThoughItDoesNotOwnTheLun) {
  TemporaryDirectory folder;
  Mount owner(folder.path());
  ASSERT_EQ(owner.run(mount(owner.medium)), Status::success);
  Mount other(folder.path());
  for (const bool durable : {false, true}) {
    for (const std::uint32_t area : {0U, 1U}) {
      const MailboxSlot word = word_of(1, area + 5);
      ASSERT_EQ(other.run(other.medium.write_mailbox(area, word, durable)), Status::success);
      const auto heard = owner.run(owner.medium.read_mailbox(area, 1, durable));
      ASSERT_TRUE(heard);
      EXPECT_EQ(std::memcmp(&*heard, &word, sizeof word), 0);
      EXPECT_EQ(owner.run(owner.medium.read_mailbox(area, 0, durable)).status(), Status::not_found);
    }
  }
}

TEST(PosixMailbox, NeitherNodeWritesIntoTheOthersSlot) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  ASSERT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(1, 8), false)), Status::success);
  ASSERT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(0, 9), false)), Status::success);
  EXPECT_EQ(lun.run(lun.medium.read_mailbox(0, 1, false))->sequence, 8U);
  EXPECT_EQ(lun.run(lun.medium.read_mailbox(0, 0, false))->sequence, 9U);
  EXPECT_EQ(std::filesystem::file_size(folder.path() + "/.understudy/mailbox/first"), 8192U);
}

TEST(PosixMailbox, ADamagedSlotIsNoWordAndTheNextWriteHealsIt) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  ASSERT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(0, 1), false)), Status::success);
  ASSERT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(1, 1), false)), Status::success);
  const std::string path = folder.path() + "/.understudy/mailbox/first";
  for (const std::streamoff offset : {0, 8, 12, 24, 32, 40}) {
    damage(path, 4096 + offset);
    EXPECT_EQ(lun.run(lun.medium.read_mailbox(0, 1, false)).status(), Status::crc_error)
        << "byte " << offset;
    EXPECT_EQ(lun.run(lun.medium.read_mailbox(0, 0, false))->sequence, 1U);
    ASSERT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(1, 1), false)), Status::success);
    EXPECT_TRUE(lun.run(lun.medium.read_mailbox(0, 1, false)));
  }
  std::filesystem::resize_file(path, 4096 + 20);
  EXPECT_EQ(lun.run(lun.medium.read_mailbox(0, 1, false)).status(), Status::crc_error);
}

TEST(PosixMailbox, ASlotInTheWrongPlaceIsNotTakenForAnother) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  ASSERT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(0, 1), false)), Status::success);
  const std::string path = folder.path() + "/.understudy/mailbox/first";
  std::string slot(4096, '\0');
  std::ifstream(path, std::ios::binary).read(slot.data(), 4096);
  std::ofstream(path, std::ios::binary | std::ios::app) << slot;
  EXPECT_EQ(lun.run(lun.medium.read_mailbox(0, 1, false)).status(), Status::crc_error);
}

TEST(PosixMailbox, ADirectoryThatIsNoLunHasNone) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  EXPECT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(0, 1), false)), Status::no_such_device);
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  EXPECT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(0, 1), false)), Status::success);
}

TEST(PosixMailbox, FailsWhereTheFaultPointsSaySo) {
  TemporaryDirectory folder;
  Mount lun(folder.path());
  ASSERT_EQ(lun.run(mount(lun.medium)), Status::success);
  lun.faults().arm("medium.mailbox.write", {.action = FaultAction::error});
  lun.faults().arm("medium.mailbox.read", {.action = FaultAction::error});
  EXPECT_EQ(lun.run(lun.medium.write_mailbox(0, word_of(0, 1), true)), Status::io_device_error);
  EXPECT_EQ(lun.run(lun.medium.read_mailbox(0, 0, true)).status(), Status::io_device_error);
}

}  // namespace
}  // namespace understudy::medium_test
