#include "netstack/smb2/token.h"

#include <initializer_list>

#include "iomgr/unicode.h"
#include "iomgr/wire.h"
#include "netstack/auth/crypto.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint64_t kWorld = 1;  // authorities, MS-DTYP 2.4.1.1
constexpr std::uint64_t kNt = 5;
constexpr std::uint32_t kDomainUsers = 513;

void put_sid(WireWriter& writer, std::uint64_t authority,
             std::initializer_list<std::uint32_t> parts) {
  writer.u8(1);
  writer.u8(static_cast<std::uint8_t>(parts.size()));
  for (int shift = 40; shift >= 0; shift -= 8)
    writer.u8(static_cast<std::uint8_t>(authority >> shift));
  for (const std::uint32_t part : parts) writer.u32(part);
}

}  // namespace

std::vector<std::uint8_t> make_token(const ServerConfig& config, std::string_view user) {
  const std::string domain = "domain of " + fold(config.name);
  const auth::Sha512Digest digest = auth::sha512(auth::pieces({as_bytes(domain)}));
  WireReader reader(digest);
  const std::uint32_t first = reader.u32();
  const std::uint32_t second = reader.u32();
  const std::uint32_t third = reader.u32();
  WireWriter writer;
  put_sid(writer, kNt, {21, first, second, third, account_number(user)});
  put_sid(writer, kNt, {21, first, second, third, kDomainUsers});
  put_sid(writer, kWorld, {0});     // Everyone
  put_sid(writer, kNt, {2});        // Network
  put_sid(writer, kNt, {11});       // Authenticated Users
  put_sid(writer, kNt, {32, 545});  // BUILTIN\Users
  const Account* account = config.accounts.find(user);
  if (account != nullptr && account->admin) put_sid(writer, kNt, {32, 544});
  return writer.release();
}

}  // namespace understudy::smb2
