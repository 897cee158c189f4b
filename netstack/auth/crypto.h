// The cryptographic primitives that SMB needs, over OpenSSL 3. Only this file's .cpp knows OpenSSL.
//
// Messages come in several pieces (a header, a payload in the arena), so every function takes a
// list of them and copies nothing. What is keyed once and used for every packet is a class that
// keeps its OpenSSL context. A primitive that OpenSSL does not have is a bugcheck, at first use.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "iomgr/bytes.h"

// OpenSSL's own names for its contexts, so that its headers stay out of here.
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace understudy::auth {

using Block = std::array<std::uint8_t, 16>;  // an AES block, an MD5 digest, a 128-bit key
using Sha256Digest = std::array<std::uint8_t, 32>;
using Sha512Digest = std::array<std::uint8_t, 64>;

/// A message in pieces, to be read as one. Pieces may be empty.
using Pieces = std::span<const ConstBytes>;

/// For a call like md5(pieces({key, text})); valid until the end of that expression.
inline Pieces pieces(std::initializer_list<ConstBytes> list) {
  return {list.begin(), list.size()};
}

/// Overwrites a secret that is no longer needed, in a way that no compiler drops.
void wipe(Bytes secret);

Block md5(Pieces message);
Block hmac_md5(ConstBytes key, Pieces message);
Sha256Digest hmac_sha256(ConstBytes key, Pieces message);
Sha256Digest sha256(Pieces message);
Sha512Digest sha512(Pieces message);

/// NIST SP800-108 section 5.1, counter mode with HMAC-SHA256, 32-bit counter and length (MS-SMB2
/// section 3.1.4.2). Label and context come with their trailing NUL where the specification has
/// one. `out` takes at most 32 bytes: one iteration is all that SMB needs.
void derive_key(ConstBytes key, std::string_view label, ConstBytes context, Bytes out);

/// RC4 (MS-NLMP section 3.4.3, "RC4Init" and "RC4"): own code, because OpenSSL 3 keeps it in a
/// provider that need not be installed. One object is one stream.
class Rc4 {
 public:
  /// `key` is not empty.
  explicit Rc4(ConstBytes key);
  /// Encrypts or decrypts in place.
  void apply(Bytes data);

 private:
  std::array<std::uint8_t, 256> state_{};
  std::uint8_t i_ = 0;
  std::uint8_t j_ = 0;
};

namespace detail {
struct FreeCipherContext {
  void operator()(evp_cipher_ctx_st* context) const;
};
struct FreeMacContext {
  void operator()(evp_mac_ctx_st* context) const;
};
using CipherContext = std::unique_ptr<evp_cipher_ctx_st, FreeCipherContext>;
using MacContext = std::unique_ptr<evp_mac_ctx_st, FreeMacContext>;
}  // namespace detail

/// HMAC-SHA256 under one key (RFC 2104, FIPS 180-4).
class HmacSha256 {
 public:
  explicit HmacSha256(ConstBytes key);
  Sha256Digest compute(Pieces message);

 private:
  detail::MacContext context_;
};

/// AES-128-CMAC under one key (RFC 4493).
class AesCmac {
 public:
  explicit AesCmac(const Block& key);
  Block compute(Pieces message);

 private:
  detail::CipherContext context_;
  Block whole_subkey_{};   // K1 of the RFC, for a message that ends with a whole block
  Block padded_subkey_{};  // K2
};

/// Authenticated encryption under one key (NIST SP800-38C and SP800-38D): the ciphers of
/// SMB2_ENCRYPTION_CAPABILITIES (MS-SMB2 section 2.2.3.1.2), with their values there.
enum class Cipher : std::uint16_t {
  none = 0,
  aes_128_ccm = 1,
  aes_128_gcm = 2,
  aes_256_ccm = 3,
  aes_256_gcm = 4,
};
constexpr std::size_t key_size(Cipher cipher) {
  return cipher == Cipher::aes_256_ccm || cipher == Cipher::aes_256_gcm ? 32 : 16;
}
constexpr bool is_ccm(Cipher cipher) {
  return cipher == Cipher::aes_128_ccm || cipher == Cipher::aes_256_ccm;
}
/// Bytes of a nonce, as MS-SMB2 section 2.2.41 has them.
constexpr std::size_t nonce_size(Cipher cipher) {
  return is_ccm(cipher) ? 11 : 12;
}

class Aead {
 public:
  enum class Direction { seals, opens };

  /// `key` has key_size(cipher) bytes; the cipher is not `none`.
  Aead(Direction direction, Cipher cipher, ConstBytes key);

  /// Encrypts `message` in place; returns the tag over it and `also`, which stays readable. No
  /// nonce may be used twice under one key.
  Block seal(ConstBytes nonce, ConstBytes also, Bytes message);
  /// Decrypts `message` in place. False if it or `also` is not what was sealed: its bytes mean
  /// nothing then.
  bool open(ConstBytes nonce, ConstBytes also, Bytes message, const Block& tag);

 private:
  Cipher cipher_;
  detail::CipherContext context_;
};

/// AES-128-GMAC under one key (NIST SP800-38D: GCM with nothing to encrypt).
class AesGmac {
 public:
  using Nonce = std::array<std::uint8_t, 12>;

  explicit AesGmac(const Block& key);
  /// No nonce may be used for two different messages under one key.
  Block compute(const Nonce& nonce, Pieces message);

 private:
  detail::CipherContext context_;
};

}  // namespace understudy::auth
