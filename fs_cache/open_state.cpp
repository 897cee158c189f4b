#include "fs_cache/open_state.h"

#include <cstring>

#include "iomgr/bounds.h"
#include "iomgr/unicode.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kLockSize = 17;
constexpr std::size_t kFixed =
    4 + sizeof(DurableRequest) + 8 + 4 * 4 + sizeof(Caching) + sizeof(LockSequenceArray) + 3 * 4;

constexpr std::uint16_t kDeletePending = 1;
constexpr std::uint16_t kKeepsWriteTime = 2;
constexpr std::uint16_t kKeepsChangeTime = 4;

template <typename T>
void put_raw(WireWriter& writer, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  writer.append({reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
}

template <typename T>
void get_raw(WireReader& reader, T& value) {
  const ConstBytes bytes = reader.take(sizeof value);
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
}

bool sound(const OpenState& state) {
  const auto kind = static_cast<std::uint16_t>(state.request.kind);
  return kind >= static_cast<std::uint16_t>(DurableKind::durable) &&
         kind <= static_cast<std::uint16_t>(DurableKind::persistent) &&
         state.caching.kind <= Caching::lease && (state.caching.state & ~caching::kAll) == 0;
}

}  // namespace

std::uint32_t name_check(std::string_view path) {
  return crc32c(as_bytes(fold(path)));
}

std::size_t open_state_size(std::size_t path, std::size_t locks) {
  return kFixed + path + locks * kLockSize;
}

std::size_t most_locks_of(std::size_t path) {
  return (bounds::kMaxProperty - kFixed - path) / kLockSize;
}

std::vector<std::uint8_t> encode_open_state(const OpenState& state) {
  WireWriter writer;
  writer.u32(kVersion);
  put_raw(writer, state.request);
  writer.u64(state.object);
  writer.u32(state.access);
  writer.u32(state.share);
  writer.u32(state.options);
  writer.u16(state.create_action);
  writer.u16(static_cast<std::uint16_t>((state.delete_pending ? kDeletePending : 0) |
                                        (state.keeps_write_time ? kKeepsWriteTime : 0) |
                                        (state.keeps_change_time ? kKeepsChangeTime : 0)));
  put_raw(writer, state.caching);
  writer.append(state.lock_sequences);
  writer.u32(state.former);
  writer.u32(static_cast<std::uint32_t>(state.path.size()));
  writer.append(as_bytes(state.path));
  writer.u32(static_cast<std::uint32_t>(state.locks.size()));
  for (const RangeLock& lock : state.locks) {
    writer.u64(lock.offset);
    writer.u64(lock.length);
    writer.u8(lock.exclusive ? 1 : 0);
  }
  return writer.release();
}

Result<OpenState> decode_open_state(ConstBytes bytes, std::uint64_t open) {
  WireReader reader(bytes);
  OpenState state;
  const std::uint32_t version = reader.u32();
  get_raw(reader, state.request);
  state.object = reader.u64();
  state.access = reader.u32();
  state.share = reader.u32();
  state.options = reader.u32();
  state.create_action = reader.u16();
  const std::uint16_t flags = reader.u16();
  state.delete_pending = (flags & kDeletePending) != 0;
  state.keeps_write_time = (flags & kKeepsWriteTime) != 0;
  state.keeps_change_time = (flags & kKeepsChangeTime) != 0;
  get_raw(reader, state.caching);
  const ConstBytes sequences = reader.take(state.lock_sequences.size());
  std::copy(sequences.begin(), sequences.end(), state.lock_sequences.begin());
  state.former = reader.u32();
  const std::uint32_t path = reader.u32();
  if (path > bounds::kMaxPathBytes) return Status::file_corrupt;
  state.path = as_text(reader.take(path));
  const std::uint32_t locks = reader.u32();
  if (!reader.ok() || locks > reader.remaining() / kLockSize) return Status::file_corrupt;
  for (std::uint32_t i = 0; i < locks; ++i) {
    RangeLock lock{};
    lock.offset = reader.u64();
    lock.length = reader.u64();
    lock.exclusive = reader.u8() != 0;
    lock.open = open;
    if (!lock.valid()) return Status::file_corrupt;
    state.locks.push_back(lock);
  }
  const bool whole = reader.ok() && reader.remaining() == 0 && version == kVersion;
  if (!whole || !sound(state)) return Status::file_corrupt;
  return state;
}

}  // namespace understudy
