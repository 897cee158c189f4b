// QUERY_INFO of security: a self-relative SECURITY_DESCRIPTOR (MS-DTYP section 2.4.6).
#include <array>

#include "netstack/smb2/query_info.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kOwner = 1;
constexpr std::uint32_t kGroup = 2;
constexpr std::uint32_t kDacl = 4;

constexpr std::uint16_t kSelfRelative = 0x8000;
constexpr std::uint16_t kDaclPresent = 0x0004;

constexpr std::array<std::uint8_t, 12> kEveryone = {1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};  // S-1-1-0
constexpr std::array<std::uint8_t, 16> kAdministrators = {1, 2, 0, 0,  0, 0, 0, 5, 32,
                                                          0, 0, 0, 32, 2, 0, 0};  // S-1-5-32-544

void put_dacl(WireWriter& writer) {
  constexpr std::uint16_t kAceSize = 8 + kEveryone.size();
  writer.u8(2);  // revision
  writer.u8(0);
  writer.u16(8 + kAceSize);
  writer.u16(1);  // one entry
  writer.u16(0);
  writer.u8(0);  // ACCESS_ALLOWED_ACE
  writer.u8(0);
  writer.u16(kAceSize);
  writer.u32(kAllAccess);
  writer.append(kEveryone);
}

}  // namespace

std::vector<std::uint8_t> security_information(std::uint32_t which) {
  constexpr std::size_t kOwnerAt = 4;
  constexpr std::size_t kGroupAt = 8;
  constexpr std::size_t kDaclAt = 16;
  WireWriter writer;
  writer.u8(1);  // revision
  writer.u8(0);
  writer.u16(kSelfRelative | ((which & kDacl) != 0 ? kDaclPresent : 0));
  writer.zeros(16);
  const auto point_here = [&writer](std::size_t at) {
    writer.patch(at, static_cast<std::uint32_t>(writer.size()));
  };
  if ((which & kOwner) != 0) {
    point_here(kOwnerAt);
    writer.append(kAdministrators);
  }
  if ((which & kGroup) != 0) {
    point_here(kGroupAt);
    writer.append(kAdministrators);
  }
  if ((which & kDacl) != 0) {
    point_here(kDaclAt);
    put_dacl(writer);
  }
  return writer.release();
}

}  // namespace understudy::smb2
