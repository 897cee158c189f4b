#include "fs_cache/medium/object_attribute.h"

#include <sys/xattr.h>

#include <array>
#include <cerrno>

#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kBytes = 52;
using Raw = std::array<std::uint8_t, kBytes>;

std::vector<std::uint8_t> encode(ObjectId id, const ObjectState& state) {
  WireWriter writer;
  writer.u32(kVersion);
  writer.u32(state.attributes);
  writer.u64(id);
  writer.u64(state.creation_time);
  writer.u64(state.access_time);
  writer.u64(state.write_time);
  writer.u64(state.change_time);
  writer.u32(crc32c(writer.bytes()));
  return writer.release();
}

std::optional<ObjectAttribute> decode(const Raw& raw, ssize_t length) {
  if (length != static_cast<ssize_t>(kBytes)) return std::nullopt;
  WireReader reader(raw);
  const std::uint32_t version = reader.u32();
  ObjectAttribute found;
  found.state.attributes = reader.u32();
  found.id = reader.u64();
  found.state.creation_time = reader.u64();
  found.state.access_time = reader.u64();
  found.state.write_time = reader.u64();
  found.state.change_time = reader.u64();
  const bool intact = reader.u32() == crc32c(ConstBytes(raw).first(kBytes - 4));
  if (!intact || version != kVersion) return std::nullopt;
  return found;
}

}  // namespace

IoOutcome write_attribute(int file, ObjectId id, const ObjectState& state,
                          const std::string& path) {
  const std::vector<std::uint8_t> raw = encode(id, state);
  if (fsetxattr(file, kObjectAttribute, raw.data(), raw.size(), 0) != 0)
    return failed_call("fsetxattr", path);
  return {};
}

IoOutcome read_attribute(int file, const std::string& path, ObjectAttribute& out) {
  Raw raw{};
  const ssize_t length = fgetxattr(file, kObjectAttribute, raw.data(), raw.size());
  if (length < 0 && errno == ENODATA) return corrupt("object without its extended attribute", path);
  if (length < 0 && errno != ERANGE) return failed_call("fgetxattr", path);
  const std::optional<ObjectAttribute> found = decode(raw, length);
  if (!found) return corrupt("extended attribute is damaged", path);
  out = *found;
  return {};
}

IoOutcome find_attribute(const std::string& path, std::optional<ObjectAttribute>& out) {
  out.reset();
  Raw raw{};
  const ssize_t length = lgetxattr(path.c_str(), kObjectAttribute, raw.data(), raw.size());
  // EPERM is what Linux says of an inode that can have none: a FIFO, a device.
  if (length < 0 && (errno == ENODATA || errno == ENOENT || errno == EPERM)) return {};
  if (length < 0 && errno != ERANGE) return failed_call("lgetxattr", path);
  out = decode(raw, length);
  if (!out) return corrupt("extended attribute is damaged", path);
  return {};
}

}  // namespace understudy
