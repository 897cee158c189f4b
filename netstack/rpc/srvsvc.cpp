#include "netstack/rpc/srvsvc.h"

#include "iomgr/unicode.h"
#include "iomgr/wire.h"

namespace understudy::rpc {
namespace {

constexpr std::uint16_t kNetrShareEnum = 15;     // MS-SRVS section 3.1.4.8
constexpr std::uint32_t kReferent = 0x00020000;  // any number but 0 stands for a pointer
constexpr std::uint32_t kTypeDisk = 0;
constexpr std::uint32_t kTypeIpcSpecial = 0x80000003;
constexpr std::uint32_t kInvalidLevel = 124;  // ERROR_INVALID_LEVEL

struct Listed {
  std::string name;
  std::uint32_t type;
  std::string remark;
};

std::vector<Listed> list(const ServerConfig& config) {
  std::vector<Listed> listed;
  for (const smb2::Share& share : config.shares) listed.push_back({share.name, kTypeDisk, ""});
  listed.push_back({"IPC$", kTypeIpcSpecial, "Remote IPC"});
  return listed;
}

/// A conformant varying string of 16-bit characters with its end (C706 section 14.3.4.2).
void put_string(WireWriter& writer, const std::string& text) {
  const std::vector<std::uint8_t> wire =
      utf16le_from_utf8(text).value_or(std::vector<std::uint8_t>());
  const auto count = static_cast<std::uint32_t>(wire.size() / 2 + 1);
  writer.u32(count);
  writer.u32(0);
  writer.u32(count);
  writer.append(wire);
  writer.u16(0);
  writer.align(4);
}

/// SHARE_INFO_0_CONTAINER or SHARE_INFO_1_CONTAINER behind its union's tag, then its array and
/// strings.
void put_container(WireWriter& writer, std::uint32_t level, const std::vector<Listed>& listed) {
  const auto count = static_cast<std::uint32_t>(listed.size());
  writer.u32(level);
  writer.u32(level);
  writer.u32(kReferent);
  writer.u32(count);
  writer.u32(kReferent + 4);
  writer.u32(count);
  std::uint32_t referent = kReferent + 8;
  for (const Listed& share : listed) {
    writer.u32(referent++);
    if (level == 0) continue;
    writer.u32(share.type);
    writer.u32(referent++);
  }
  for (const Listed& share : listed) {
    put_string(writer, share.name);
    if (level == 1) put_string(writer, share.remark);
  }
}

/// The level that the client wants; it follows the server's name, a unique pointer to a string.
std::optional<std::uint32_t> level_of(ConstBytes arguments) {
  WireReader reader(arguments);
  if (reader.u32() != 0) {
    reader.skip(8);
    const std::uint32_t units = reader.u32();
    reader.skip(std::size_t{units} * 2);
    reader.skip(units % 2 * 2);
  }
  const std::uint32_t level = reader.u32();
  return reader.ok() ? std::optional(level) : std::nullopt;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> call_srvsvc(std::uint16_t operation, ConstBytes arguments,
                                                     const ServerConfig& config) {
  if (operation != kNetrShareEnum) return std::nullopt;
  const std::optional<std::uint32_t> level = level_of(arguments);
  if (!level) return std::nullopt;
  const bool known = *level <= 1;
  const std::vector<Listed> listed = known ? list(config) : std::vector<Listed>();
  WireWriter writer;
  put_container(writer, known ? *level : 1, listed);
  writer.u32(static_cast<std::uint32_t>(listed.size()));  // TotalEntries
  writer.u32(0);                                          // ResumeHandle: none
  writer.u32(known ? 0 : kInvalidLevel);
  return writer.release();
}

}  // namespace understudy::rpc
