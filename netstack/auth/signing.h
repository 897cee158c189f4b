// Signatures of SMB2 messages (MS-SMB2 section 3.1.4.1), the keys for them (3.1.4.2), and the hash
// over the first messages of a connection that protects the 3.1.1 negotiation (3.1.4.4.1).
//
// What stands where in the 64-byte header (2.2.1.2), as far as it matters here:
//
//    0          12      16     24          48            64
//    | FE 'SMB' | Command | Flags | MessageId | .. | Signature | body
//
// Invariant: a signature covers the whole message, padding of a compound included, with the
// signature field as zeros.
#pragma once

#include <cstdint>
#include <variant>

#include "netstack/auth/crypto.h"

namespace understudy::auth {

inline constexpr std::size_t smb2_header_size = 64;

/// The values of SMB2_SIGNING_CAPABILITIES (2.2.3.1.7). 2.x always uses hmac_sha256; 3.x aes_cmac,
/// unless a 3.1.1 negotiation chose another.
enum class SigningAlgorithm : std::uint16_t { hmac_sha256 = 0, aes_cmac = 1, aes_gmac = 2 };

/// The algorithm of a dialect when none was negotiated.
SigningAlgorithm default_signing_algorithm(std::uint16_t dialect);

/// Signs and verifies under one key. Made once a channel, used for every packet.
class Signer {
 public:
  Signer(SigningAlgorithm algorithm, const Block& key);

  /// Signs the message that is `header` followed by `rest`: sets SMB2_FLAGS_SIGNED and the
  /// signature field. `header` starts with the 64 bytes of the header and may hold more of the
  /// message. The GMAC nonce comes from MessageId, the direction flag and the command, so they must
  /// be final.
  void sign(Bytes header, Pieces rest = {});

  /// Whether the signature in the message is right. It is not judged whether the message should
  /// have been signed at all, and whether its direction flag is the one of a request: the caller
  /// knows.
  bool verify(ConstBytes header, Pieces rest = {});

 private:
  Block signature_of(ConstBytes header, Pieces rest);

  std::variant<HmacSha256, AesCmac, AesGmac> mac_;
};

/// Connection.PreauthIntegrityHashValue and Session.PreauthIntegrityHashValue: SHA-512 over the old
/// value and the next message, beginning with zeros. Copy the connection's for each new session.
class PreauthIntegrityHash {
 public:
  void update(Pieces message);
  void update(ConstBytes message) { update(Pieces(&message, 1)); }
  const Sha512Digest& value() const { return value_; }

 private:
  Sha512Digest value_{};
};

/// The keys of a session as the server has them: it encrypts with `encryption` (server to client)
/// and decrypts with `decryption`, of which the first key_size(cipher) bytes count. 2.x has no
/// encryption; those keys are zeros then.
struct SessionKeys {
  using CipherKey = std::array<std::uint8_t, 32>;
  Block signing{};
  CipherKey encryption{};
  CipherKey decryption{};
  Block application{};
};

/// `preauth_hash` is the session's, up to and including the last SESSION_SETUP request; only 3.1.1
/// uses it. For a binding to a second channel only `signing` of the result is new.
SessionKeys derive_session_keys(std::uint16_t dialect, Cipher cipher, const Block& session_key,
                                const Sha512Digest& preauth_hash);

}  // namespace understudy::auth
