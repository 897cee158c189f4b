#include "fs_cache/security/sid.h"

#include <algorithm>

#include "iomgr/bounds.h"

namespace understudy {
namespace {

constexpr std::uint8_t kRevision = 1;
constexpr std::size_t kFixedSize = 8;

}  // namespace

std::size_t sid_size(const Sid& sid) {
  return kFixedSize + std::size_t{4} * sid.count;
}

void put_sid(WireWriter& writer, const Sid& sid) {
  writer.u8(kRevision);
  writer.u8(sid.count);
  for (int shift = 40; shift >= 0; shift -= 8)  // the only big-endian number in all of it
    writer.u8(static_cast<std::uint8_t>(sid.authority >> shift));
  for (std::size_t i = 0; i < sid.count; ++i) writer.u32(sid.parts.at(i));
}

Result<Sid> read_sid(WireReader& reader) {
  Sid sid;
  const std::uint8_t revision = reader.u8();
  sid.count = reader.u8();
  for (const std::uint8_t byte : reader.take(6)) sid.authority = sid.authority << 8 | byte;
  if (revision != kRevision || sid.count > Sid::kMaxParts) return Status::invalid_sid;
  for (std::size_t i = 0; i < sid.count; ++i) sid.parts.at(i) = reader.u32();
  if (!reader.ok()) return Status::invalid_sid;
  return sid;
}

bool Token::has(const Sid& sid) const {
  return std::find(sids.begin(), sids.end(), sid) != sids.end();
}

Result<Token> decode_token(ConstBytes bytes) {
  Token token;
  WireReader reader(bytes);
  do {
    const Result<Sid> sid = read_sid(reader);
    if (!sid) return sid.status();
    token.sids.push_back(*sid);
  } while (reader.remaining() > 0 && token.sids.size() < bounds::kMaxTokenSids);
  if (reader.remaining() > 0) return Status::invalid_sid;
  return token;
}

Token system_token() {
  return {{sids::kSystem, sids::kAdministrators}};
}

}  // namespace understudy
