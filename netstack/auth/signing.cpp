#include "netstack/auth/signing.h"

#include <algorithm>
#include <array>
#include <vector>

#include "iomgr/check.h"
#include "iomgr/hmac.h"

namespace understudy::auth {
namespace {

constexpr std::size_t command_offset = 12;
constexpr std::size_t flags_offset = 16;
constexpr std::size_t message_id_offset = 24;
constexpr std::size_t signature_offset = 48;
constexpr std::uint8_t flag_server_to_client = 0x01;  // SMB2_FLAGS_SERVER_TO_REDIR
constexpr std::uint8_t flag_signed = 0x08;            // SMB2_FLAGS_SIGNED
constexpr std::uint8_t command_cancel = 0x0C;
constexpr std::uint16_t dialect_3_0 = 0x0300;
constexpr std::uint16_t dialect_3_1_1 = 0x0311;

/// MS-SMB2 section 3.1.4.1: MessageId, then a bit for the server and one for CANCEL, then zeros.
AesGmac::Nonce gmac_nonce(ConstBytes header) {
  AesGmac::Nonce nonce{};
  std::copy_n(header.begin() + message_id_offset, 8, nonce.begin());
  const bool from_server = (header[flags_offset] & flag_server_to_client) != 0;
  const bool cancel = header[command_offset] == command_cancel && header[command_offset + 1] == 0;
  nonce[8] = static_cast<std::uint8_t>((from_server ? 1 : 0) | (cancel ? 2 : 0));
  return nonce;
}

std::variant<HmacSha256, AesCmac, AesGmac> make_mac(SigningAlgorithm algorithm, const Block& key) {
  switch (algorithm) {
    case SigningAlgorithm::hmac_sha256:
      return HmacSha256(key);
    case SigningAlgorithm::aes_cmac:
      return AesCmac(key);
    case SigningAlgorithm::aes_gmac:
      return AesGmac(key);
  }
  bugcheck("a signing algorithm that was negotiated", __FILE__, __LINE__);
}

/// The message with its signature field as zeros, in pieces, without copying it. Most messages have
/// few pieces; for more there is the heap.
class Unsigned {
 public:
  Unsigned(ConstBytes header, Pieces rest) {
    constexpr static Block zeros{};
    const std::size_t count = 3 + rest.size();
    ConstBytes* out = few_.data();
    if (count > few_.size()) {
      many_ = std::make_unique<ConstBytes[]>(count);
      out = many_.get();
    }
    out[0] = header.first(signature_offset);
    out[1] = zeros;
    out[2] = header.subspan(smb2_header_size);
    std::copy(rest.begin(), rest.end(), out + 3);
    pieces_ = {out, count};
  }
  Unsigned(const Unsigned&) = delete;
  Unsigned& operator=(const Unsigned&) = delete;
  Pieces pieces() const { return pieces_; }

 private:
  std::array<ConstBytes, 16> few_{};
  std::unique_ptr<ConstBytes[]> many_;
  Pieces pieces_;
};

}  // namespace

SigningAlgorithm default_signing_algorithm(std::uint16_t dialect) {
  return dialect >= dialect_3_0 ? SigningAlgorithm::aes_cmac : SigningAlgorithm::hmac_sha256;
}

Signer::Signer(SigningAlgorithm algorithm, const Block& key) : mac_(make_mac(algorithm, key)) {}

void Signer::sign(Bytes header, Pieces rest) {
  UNDERSTUDY_CHECK(header.size() >= smb2_header_size);
  header[flags_offset] |= flag_signed;
  const Block signature = signature_of(header, rest);
  std::copy(signature.begin(), signature.end(), header.begin() + signature_offset);
}

bool Signer::verify(ConstBytes header, Pieces rest) {
  if (header.size() < smb2_header_size) return false;
  const Block expected = signature_of(header, rest);
  return equal_in_constant_time(expected, header.subspan(signature_offset, expected.size()));
}

Block Signer::signature_of(ConstBytes header, Pieces rest) {
  const Unsigned message(header, rest);
  if (auto* cmac = std::get_if<AesCmac>(&mac_)) return cmac->compute(message.pieces());
  if (auto* gmac = std::get_if<AesGmac>(&mac_)) {
    return gmac->compute(gmac_nonce(header), message.pieces());
  }
  const Sha256Digest digest = std::get<HmacSha256>(mac_).compute(message.pieces());
  Block signature{};
  std::copy_n(digest.begin(), signature.size(), signature.begin());
  return signature;
}

void PreauthIntegrityHash::update(Pieces message) {
  // Few messages of a connection come here, so joining the pieces is no concern.
  std::vector<ConstBytes> all(1 + message.size());
  all[0] = value_;
  std::copy(message.begin(), message.end(), all.begin() + 1);
  value_ = sha512(all);
}

SessionKeys derive_session_keys(std::uint16_t dialect, Cipher cipher, const Block& session_key,
                                const Sha512Digest& preauth_hash) {
  // MS-SMB2 section 3.1.4.2 with the labels of 3.3.5.5.3. All end with a NUL that counts; "ServerIn
  // " has a blank before it.
  using namespace std::string_view_literals;
  SessionKeys keys;
  const Bytes encryption = Bytes(keys.encryption).first(key_size(cipher));
  const Bytes decryption = Bytes(keys.decryption).first(key_size(cipher));
  if (dialect < dialect_3_0) {
    keys.signing = session_key;
    keys.application = session_key;
    return keys;
  }
  if (dialect < dialect_3_1_1) {
    derive_key(session_key, "SMB2AESCMAC\0"sv, as_bytes("SmbSign\0"sv), keys.signing);
    derive_key(session_key, "SMB2AESCCM\0"sv, as_bytes("ServerOut\0"sv), encryption);
    derive_key(session_key, "SMB2AESCCM\0"sv, as_bytes("ServerIn \0"sv), decryption);
    derive_key(session_key, "SMB2APP\0"sv, as_bytes("SmbRpc\0"sv), keys.application);
    return keys;
  }
  derive_key(session_key, "SMBSigningKey\0"sv, preauth_hash, keys.signing);
  derive_key(session_key, "SMBS2CCipherKey\0"sv, preauth_hash, encryption);
  derive_key(session_key, "SMBC2SCipherKey\0"sv, preauth_hash, decryption);
  derive_key(session_key, "SMBAppKey\0"sv, preauth_hash, keys.application);
  return keys;
}

}  // namespace understudy::auth
