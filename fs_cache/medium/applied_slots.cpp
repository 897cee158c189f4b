#include "fs_cache/medium/applied_slots.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::uint64_t kMagic = 0x6465696C70704155;  // "UApplied"
constexpr std::size_t kSlotBytes = 4096;
constexpr std::size_t kSlots = 2;
using Slots = std::array<std::optional<Applied>, kSlots>;

std::vector<std::uint8_t> encode(const Applied& applied) {
  WireWriter writer;
  writer.u64(kMagic);
  writer.u64(applied.generation);
  writer.u64(applied.epoch);
  writer.u64(applied.lsn);
  writer.u32(applied.mirror);
  writer.u32(crc32c(writer.bytes()));
  writer.align(kSlotBytes);
  return writer.release();
}

std::optional<Applied> decode(ConstBytes slot) {
  WireReader reader(slot);
  const std::uint64_t magic = reader.u64();
  Applied applied;
  applied.generation = reader.u64();
  applied.epoch = reader.u64();
  applied.lsn = reader.u64();
  applied.mirror = reader.u32();
  const std::size_t covered = reader.position();
  const std::uint32_t crc = reader.u32();
  if (!reader.ok() || magic != kMagic || crc != crc32c(slot.first(covered))) return std::nullopt;
  return applied;
}

IoOutcome read_slots(const FileDescriptor& file, Slots& out) {
  std::array<std::uint8_t, kSlots * kSlotBytes> bytes{};
  std::size_t count = 0;
  if (auto failure = read_fully(file.get(), 0, bytes, kAppliedFile, count)) return failure;
  for (std::size_t i = 0; i < kSlots; ++i)
    out[i] = decode(ConstBytes(bytes).subspan(i * kSlotBytes, kSlotBytes));
  return {};
}

/// Which slot holds the truth; nothing if neither is valid.
std::optional<std::size_t> newest(const Slots& slots) {
  if (!slots[0] && !slots[1]) return std::nullopt;
  if (!slots[0]) return 1;
  if (!slots[1]) return 0;
  return slots[1]->generation > slots[0]->generation ? 1 : 0;
}

}  // namespace

IoOutcome make_applied(int base) {
  const std::string temporary = "tmp/applied";
  FileDescriptor file;
  if (auto failure = open_at(base, temporary, O_RDWR | O_CREAT | O_TRUNC, file)) return failure;
  Applied first;
  first.generation = 1;
  std::vector<std::uint8_t> bytes = encode(first);
  bytes.resize(kSlots * kSlotBytes);
  if (auto failure = write_fully(file.get(), 0, bytes, temporary)) return failure;
  if (auto failure = sync_file(file.get(), temporary)) return failure;
  if (renameat(base, temporary.c_str(), base, kAppliedFile) != 0)
    return failed_call("rename", kAppliedFile);
  return sync_file(base, kAppliedFile);
}

IoOutcome read_applied_slots(int base, Applied& out) {
  FileDescriptor file;
  if (auto failure = open_at(base, kAppliedFile, O_RDWR, file)) return failure;
  // A predecessor may have been killed before its sync, or its sync may have failed and left clean
  // pages that the disk lacks. So: write back what is dirty, drop what is clean, read from the
  // disk.
  if (auto failure = sync_applied(file)) return failure;
  if (posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) != 0)
    return failed_call("fadvise", kAppliedFile);
  Slots slots;
  if (auto failure = read_slots(file, slots)) return failure;
  const std::optional<std::size_t> slot = newest(slots);
  if (!slot) return corrupt("both slots are damaged", kAppliedFile);
  out = *slots[*slot];
  return {};
}

IoOutcome write_applied_slot(int base, const Applied& applied, FileDescriptor& file) {
  if (auto failure = open_at(base, kAppliedFile, O_RDWR, file)) return failure;
  Slots slots;
  if (auto failure = read_slots(file, slots)) return failure;
  const std::optional<std::size_t> truth = newest(slots);
  if (!truth) return corrupt("both slots are damaged", kAppliedFile);
  Applied next = applied;
  next.generation = slots[*truth]->generation + 1;
  return write_fully(file.get(), (1 - *truth) * kSlotBytes, encode(next), kAppliedFile);
}

IoOutcome sync_applied(const FileDescriptor& file) {
  if (fdatasync(file.get()) != 0) return failed_call("fdatasync", kAppliedFile);
  return {};
}

}  // namespace understudy
