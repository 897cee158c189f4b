#include "fs_cache/medium/intent_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "iomgr/bounds.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::uint64_t kMagic = 0x746E65746E494455;  // "UDIntent"
constexpr std::size_t kCrcBytes = 4;

std::vector<std::uint8_t> encode(const Intent& intent) {
  WireWriter writer;
  writer.u64(kMagic);
  writer.u64(intent.epoch);
  writer.u64(intent.lsn);
  writer.u32(static_cast<std::uint32_t>(intent.entries.size()));
  for (const EntryCell& entry : intent.entries) {
    writer.u64(entry.directory);
    writer.u64(entry.object);
    writer.u32(entry.object_is_directory ? 1 : 0);
    writer.u32(static_cast<std::uint32_t>(entry.name.size()));
    writer.append(as_bytes(entry.name));
  }
  writer.u32(crc32c(writer.bytes()));
  return writer.release();
}

std::optional<Intent> decode(ConstBytes bytes) {
  if (bytes.size() < kCrcBytes) return std::nullopt;
  const ConstBytes covered = bytes.first(bytes.size() - kCrcBytes);
  WireReader crc(bytes.last(kCrcBytes));
  if (crc.u32() != crc32c(covered)) return std::nullopt;
  WireReader reader(covered);
  const std::uint64_t magic = reader.u64();
  Intent intent;
  intent.epoch = reader.u64();
  intent.lsn = reader.u64();
  const std::uint32_t count = reader.u32();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    EntryCell entry;
    entry.directory = reader.u64();
    entry.object = reader.u64();
    entry.object_is_directory = reader.u32() != 0;
    entry.name = std::string(as_text(reader.take(reader.u32())));
    intent.entries.push_back(std::move(entry));
  }
  if (magic != kMagic || !reader.ok() || reader.remaining() != 0) return std::nullopt;
  return intent;
}

}  // namespace

IoOutcome write_intent_file(const LunFolders& folders, const Intent& intent) {
  FileDescriptor file;
  const int temporary = folders.temporary.get();
  if (auto failure = open_at(temporary, kIntentFile, O_WRONLY | O_CREAT | O_TRUNC, file))
    return failure;
  if (auto failure = write_fully(file.get(), 0, encode(intent), kIntentFile)) return failure;
  if (auto failure = sync_file(file.get(), kIntentFile)) return failure;
  if (renameat(temporary, kIntentFile, folders.base.get(), kIntentFile) != 0)
    return failed_call("rename", kIntentFile);
  return sync_file(folders.base.get(), kIntentFile);
}

IoOutcome read_intent_file(const LunFolders& folders, Intent& out) {
  out = {};
  FileDescriptor file;
  if (auto failure = open_at(folders.base.get(), kIntentFile, O_RDONLY, file)) {
    if (failure->error == ENOENT) return {};
    return failure;
  }
  struct stat inode {};
  if (fstat(file.get(), &inode) != 0) return failed_call("fstat", kIntentFile);
  const auto size = static_cast<std::uint64_t>(inode.st_size);
  if (size > bounds::kMaxIntentBytes) return corrupt("too large", kIntentFile);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  std::size_t count = 0;
  if (auto failure = read_fully(file.get(), 0, bytes, kIntentFile, count)) return failure;
  std::optional<Intent> intent = decode(ConstBytes(bytes).first(count));
  if (!intent) return corrupt("damaged", kIntentFile);
  out = std::move(*intent);
  return {};
}

}  // namespace understudy
