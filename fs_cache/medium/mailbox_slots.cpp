#include "fs_cache/medium/mailbox_slots.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::uint64_t kMagic = 0x786F626C69614D55;  // "UMailbox"
constexpr std::size_t kSlotBytes = 4096;
using RawSlot = std::array<std::uint8_t, kSlotBytes>;

const char* file_of(std::uint32_t area) {
  return area == 0 ? "mailbox/first" : "mailbox/second";
}

std::vector<std::uint8_t> encode(const MailboxSlot& slot) {
  WireWriter writer;
  writer.u64(kMagic);
  writer.u32(slot.node);
  writer.u32(slot.layer_silent_ms);
  writer.u32(slot.storage_oldest_ms);
  writer.u32(slot.storage_failing);
  writer.u64(slot.incarnation);
  writer.u64(slot.sequence);
  writer.u32(crc32c(writer.bytes()));
  writer.align(kSlotBytes);
  return writer.release();
}

std::optional<MailboxSlot> decode(ConstBytes raw) {
  WireReader reader(raw);
  const std::uint64_t magic = reader.u64();
  MailboxSlot slot{};
  slot.node = reader.u32();
  slot.layer_silent_ms = reader.u32();
  slot.storage_oldest_ms = reader.u32();
  slot.storage_failing = reader.u32();
  slot.incarnation = reader.u64();
  slot.sequence = reader.u64();
  const std::size_t covered = reader.position();
  const std::uint32_t crc = reader.u32();
  if (!reader.ok() || magic != kMagic || crc != crc32c(raw.first(covered))) return std::nullopt;
  return slot;
}

}  // namespace

IoOutcome write_mailbox_slot(const LunFolders& folders, std::uint32_t area, const MailboxSlot& slot,
                             bool durable) {
  const char* const path = file_of(area);
  FileDescriptor file;
  if (auto failure = open_at(folders.base.get(), path, O_RDWR | O_CREAT, file)) return failure;
  if (auto failure = write_fully(file.get(), slot.node * kSlotBytes, encode(slot), path))
    return failure;
  if (durable && fdatasync(file.get()) != 0) return failed_call("fdatasync", path);
  return {};
}

IoOutcome read_mailbox_slot(const LunFolders& folders, std::uint32_t area, std::uint32_t node,
                            bool durable, MailboxSlot& out, Status& found) {
  const char* const path = file_of(area);
  FileDescriptor file;
  if (auto failure = open_at(folders.base.get(), path, O_RDWR | O_CREAT, file)) return failure;
  if (durable && posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) != 0)
    return failed_call("fadvise", path);
  RawSlot raw{};
  std::size_t count = 0;
  if (auto failure = read_fully(file.get(), node * kSlotBytes, raw, path, count)) return failure;
  const bool written = std::ranges::any_of(raw, [](std::uint8_t byte) { return byte != 0; });
  const std::optional<MailboxSlot> slot = decode(raw);
  found = !written                     ? Status::not_found
          : slot && slot->node == node ? Status::success
                                       : Status::crc_error;
  if (ok(found)) out = *slot;
  return {};
}

}  // namespace understudy
