#include "netstack/auth/sealing.h"

#include <algorithm>

#include "iomgr/check.h"
#include "iomgr/wire.h"

namespace understudy::auth {
namespace {

constexpr std::uint32_t protocol_id = 0x424D53FD;  // FD 'SMB'
constexpr std::uint16_t flag_encrypted = 1;
constexpr std::size_t signature_at = 4;
constexpr std::size_t nonce_at = 20;
constexpr std::size_t size_at = 36;

/// What the signature covers beside the message: all of the header behind the signature.
ConstBytes covered(ConstBytes frame) {
  return frame.subspan(nonce_at, transform_header_size - nonce_at);
}

}  // namespace

bool is_sealed(ConstBytes frame) {
  return frame.size() >= 4 && WireReader(frame).u32() == protocol_id;
}

std::optional<std::uint64_t> session_of_sealed(ConstBytes frame) {
  if (!is_sealed(frame) || frame.size() <= transform_header_size) return std::nullopt;
  WireReader reader(frame);
  reader.seek(size_at);
  const std::uint32_t size = reader.u32();
  reader.skip(2);
  const std::uint16_t flags = reader.u16();
  if (size != frame.size() - transform_header_size || flags != flag_encrypted) return std::nullopt;
  return reader.u64();
}

Sealer::Sealer(Cipher cipher, const SessionKeys& keys)
    : cipher_(cipher),
      sealing_(Aead::Direction::seals, cipher, ConstBytes(keys.encryption).first(key_size(cipher))),
      opening_(Aead::Direction::opens, cipher,
               ConstBytes(keys.decryption).first(key_size(cipher))) {}

void Sealer::seal(Bytes frame, std::uint64_t session_id) {
  UNDERSTUDY_CHECK(frame.size() > transform_header_size);
  const Bytes message = frame.subspan(transform_header_size);
  WireWriter header;
  header.u32(protocol_id);
  header.zeros(sizeof(Block));
  header.u64(sealed_++);
  header.zeros(8);
  header.u32(static_cast<std::uint32_t>(message.size()));
  header.u16(0);
  header.u16(flag_encrypted);
  header.u64(session_id);
  std::copy(header.bytes().begin(), header.bytes().end(), frame.begin());
  const Block signature =
      sealing_.seal(frame.subspan(nonce_at, nonce_size(cipher_)), covered(frame), message);
  std::copy(signature.begin(), signature.end(), frame.begin() + signature_at);
}

bool Sealer::open(Bytes frame) {
  UNDERSTUDY_CHECK(frame.size() > transform_header_size);
  Block signature{};
  std::copy_n(frame.begin() + signature_at, signature.size(), signature.begin());
  return opening_.open(frame.subspan(nonce_at, nonce_size(cipher_)), covered(frame),
                       frame.subspan(transform_header_size), signature);
}

}  // namespace understudy::auth
