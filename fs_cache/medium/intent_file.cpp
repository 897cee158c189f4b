#include "fs_cache/medium/intent_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "iomgr/bounds.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::uint64_t kMagic = 0x32746E65746E4955;  // "UIntent2"
constexpr std::size_t kHeaderBytes = 36;
constexpr std::size_t kCrcBytes = 4;

std::string file_name(std::size_t slot) {
  return "intent." + std::to_string(slot);
}

std::vector<std::uint8_t> encode(const Intent& intent) {
  WireWriter entries;
  for (const EntryCell& entry : intent.entries) {
    entries.u64(entry.directory);
    entries.u64(entry.object);
    entries.u32(entry.object_is_directory ? 1 : 0);
    entries.u32(static_cast<std::uint32_t>(entry.name.size()));
    entries.append(as_bytes(entry.name));
  }
  WireWriter writer;
  writer.u64(kMagic);
  writer.u64(intent.epoch);
  writer.u64(intent.lsn);
  writer.u64(kHeaderBytes + entries.bytes().size() + kCrcBytes);
  writer.u32(static_cast<std::uint32_t>(intent.entries.size()));
  writer.append(entries.bytes());
  writer.u32(crc32c(writer.bytes()));
  return writer.release();
}

/// Nothing if it is not whole.
std::optional<Intent> decode(ConstBytes bytes) {
  if (bytes.size() < kHeaderBytes + kCrcBytes) return std::nullopt;
  const ConstBytes covered = bytes.first(bytes.size() - kCrcBytes);
  WireReader crc(bytes.last(kCrcBytes));
  if (crc.u32() != crc32c(covered)) return std::nullopt;
  WireReader reader(covered);
  const std::uint64_t magic = reader.u64();
  Intent intent;
  intent.epoch = reader.u64();
  intent.lsn = reader.u64();
  const std::uint64_t length = reader.u64();
  const std::uint32_t count = reader.u32();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    EntryCell entry;
    entry.directory = reader.u64();
    entry.object = reader.u64();
    entry.object_is_directory = reader.u32() != 0;
    entry.name = std::string(as_text(reader.take(reader.u32())));
    intent.entries.push_back(std::move(entry));
  }
  const bool whole = magic == kMagic && length == bytes.size() && reader.ok();
  if (!whole || reader.remaining() != 0) return std::nullopt;
  return intent;
}

/// The bytes that the file says are the intent; none if it cannot be one.
IoOutcome read_claimed(const FileDescriptor& file, const std::string& name,
                       std::vector<std::uint8_t>& out) {
  out.resize(kHeaderBytes);
  std::size_t count = 0;
  if (auto failure = read_fully(file.get(), 0, out, name, count)) return failure;
  struct stat inode {};
  if (fstat(file.get(), &inode) != 0) return failed_call("fstat", name);
  WireReader reader(out);
  reader.skip(24);
  const std::uint64_t length = reader.u64();
  const auto size = static_cast<std::uint64_t>(inode.st_size);
  if (count < kHeaderBytes || length > std::min(size, bounds::kMaxIntentBytes)) {
    out.clear();
    return {};
  }
  out.resize(static_cast<std::size_t>(length));
  return read_fully(file.get(), 0, out, name, count);
}

/// What a predecessor has written and not synced, or whose sync has failed, is brought to the disk
/// or forgotten first, as with `applied`.
IoOutcome read_slot(const LunFolders& folders, std::size_t slot, std::optional<Intent>& out) {
  const std::string name = file_name(slot);
  FileDescriptor file;
  if (auto failure = open_at(folders.base.get(), name, O_RDWR, file)) {
    if (failure->error == ENOENT) return {};
    return failure;
  }
  if (fdatasync(file.get()) != 0) return failed_call("fdatasync", name);
  if (posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) != 0)
    return failed_call("fadvise", name);
  std::vector<std::uint8_t> bytes;
  if (auto failure = read_claimed(file, name, bytes)) return failure;
  out = decode(bytes);
  return {};
}

}  // namespace

IoOutcome write_intent_slot(const LunFolders& folders, std::size_t slot, const Intent& intent) {
  const std::string name = file_name(slot);
  FileDescriptor file;
  auto missing = open_at(folders.base.get(), name, O_WRONLY, file);
  if (missing && missing->error != ENOENT) return missing;
  if (missing) {
    if (auto failure = open_at(folders.base.get(), name, O_WRONLY | O_CREAT, file)) return failure;
  }
  if (auto failure = write_fully(file.get(), 0, encode(intent), name)) return failure;
  if (fdatasync(file.get()) != 0) return failed_call("fdatasync", name);
  return missing ? sync_file(folders.base.get(), name) : IoOutcome{};
}

IoOutcome read_intent_slots(const LunFolders& folders, std::size_t& slot, Intent& out) {
  slot = 0;
  out = {};
  for (std::size_t each = 0; each < kIntentSlots; ++each) {
    std::optional<Intent> found;
    if (auto failure = read_slot(folders, each, found)) return failure;
    if (!found || found->lsn < out.lsn) continue;
    slot = each;
    out = std::move(*found);
  }
  return {};
}

}  // namespace understudy
