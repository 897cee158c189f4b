#include "netstack/auth/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "iomgr/check.h"

namespace understudy::auth {
namespace detail {

void FreeCipherContext::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}
void FreeMacContext::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}

}  // namespace detail

namespace {

/// Fetching walks OpenSSL's providers, so it is done once; never freed.
struct Algorithms {
  EVP_MD* md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  EVP_MD* sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD* sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_CIPHER* aes_cbc = EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr);
  EVP_CIPHER* aes_gcm = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  EVP_CIPHER* aes_ccm = EVP_CIPHER_fetch(nullptr, "AES-128-CCM", nullptr);
  EVP_CIPHER* aes_256_gcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  EVP_CIPHER* aes_256_ccm = EVP_CIPHER_fetch(nullptr, "AES-256-CCM", nullptr);
};

const Algorithms& algorithms() {
  static const Algorithms fetched;
  UNDERSTUDY_CHECK(fetched.md5 && fetched.sha256 && fetched.sha512 && fetched.hmac &&
                   fetched.aes_cbc && fetched.aes_gcm && fetched.aes_ccm && fetched.aes_256_gcm &&
                   fetched.aes_256_ccm);
  return fetched;
}

template <typename Digest>
Digest digest_of(const EVP_MD* algorithm, Pieces message) {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  UNDERSTUDY_CHECK(context && EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
  for (const ConstBytes piece : message) {
    UNDERSTUDY_CHECK(EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1);
  }
  Digest digest{};
  unsigned size = 0;
  UNDERSTUDY_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1);
  UNDERSTUDY_CHECK(size == digest.size());
  return digest;
}

detail::MacContext make_hmac(const char* digest_name, ConstBytes key) {
  detail::MacContext context(EVP_MAC_CTX_new(algorithms().hmac));
  // OpenSSL takes the name as a mutable string and does not change it.
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest_name), 0),
      OSSL_PARAM_construct_end()};
  // A null pointer would mean "keep the key"; an empty key is a key too.
  const std::uint8_t none = 0;
  UNDERSTUDY_CHECK(context && EVP_MAC_init(context.get(), key.empty() ? &none : key.data(),
                                           key.size(), parameters) == 1);
  return context;
}

/// The context is started already.
template <typename Digest>
Digest finish_hmac(EVP_MAC_CTX* context, Pieces message) {
  for (const ConstBytes piece : message) {
    UNDERSTUDY_CHECK(EVP_MAC_update(context, piece.data(), piece.size()) == 1);
  }
  Digest digest{};
  std::size_t size = 0;
  UNDERSTUDY_CHECK(EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1);
  UNDERSTUDY_CHECK(size == digest.size());
  return digest;
}

detail::CipherContext make_cipher(const EVP_CIPHER* cipher, const Block& key) {
  detail::CipherContext context(EVP_CIPHER_CTX_new());
  UNDERSTUDY_CHECK(context &&
                   EVP_EncryptInit_ex2(context.get(), cipher, key.data(), nullptr, nullptr) == 1);
  UNDERSTUDY_CHECK(EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
  return context;
}

void restart_cipher(EVP_CIPHER_CTX* context, ConstBytes nonce) {
  UNDERSTUDY_CHECK(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1);
}

/// Chains whole blocks through CBC; returns the last block that came out. Only that one is wanted,
/// so the output goes to a scratch buffer small enough to stay in the processor's cache.
Block chain(EVP_CIPHER_CTX* context, ConstBytes blocks) {
  std::array<std::uint8_t, 4096> scratch;
  std::size_t taken = 0;
  while (!blocks.empty()) {
    taken = std::min(blocks.size(), scratch.size());
    int produced = 0;
    UNDERSTUDY_CHECK(EVP_EncryptUpdate(context, scratch.data(), &produced, blocks.data(),
                                       static_cast<int>(taken)) == 1);
    UNDERSTUDY_CHECK(static_cast<std::size_t>(produced) == taken);
    blocks = blocks.subspan(taken);
  }
  Block last{};
  if (taken != 0) std::copy_n(scratch.begin() + static_cast<long>(taken - 16), 16, last.begin());
  return last;
}

/// Multiplication by x in the field of RFC 4493 section 2.3.
Block doubled(const Block& block) {
  Block result{};
  for (std::size_t i = 0; i < block.size(); ++i) {
    const int carry = i + 1 < block.size() ? block[i + 1] >> 7 : 0;
    result[i] = static_cast<std::uint8_t>((block[i] << 1) | carry);
  }
  if ((block[0] & 0x80) != 0) result.back() ^= 0x87;
  return result;
}

}  // namespace

void wipe(Bytes secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
}

Block md5(Pieces message) {
  return digest_of<Block>(algorithms().md5, message);
}

Sha256Digest sha256(Pieces message) {
  return digest_of<Sha256Digest>(algorithms().sha256, message);
}

Sha512Digest sha512(Pieces message) {
  return digest_of<Sha512Digest>(algorithms().sha512, message);
}

Block hmac_md5(ConstBytes key, Pieces message) {
  return finish_hmac<Block>(make_hmac("MD5", key).get(), message);
}

Sha256Digest hmac_sha256(ConstBytes key, Pieces message) {
  return finish_hmac<Sha256Digest>(make_hmac("SHA256", key).get(), message);
}

void derive_key(ConstBytes key, std::string_view label, ConstBytes context, Bytes out) {
  UNDERSTUDY_CHECK(out.size() <= sizeof(Sha256Digest));
  constexpr std::array<std::uint8_t, 4> counter = {0, 0, 0, 1};
  constexpr std::array<std::uint8_t, 1> separator = {0};
  const std::size_t bits = out.size() * 8;
  const std::array<std::uint8_t, 4> length = {0, 0, static_cast<std::uint8_t>(bits >> 8),
                                              static_cast<std::uint8_t>(bits & 0xFF)};
  Sha256Digest derived =
      hmac_sha256(key, pieces({counter, as_bytes(label), separator, context, length}));
  std::copy_n(derived.begin(), out.size(), out.begin());
  wipe(derived);
}

Rc4::Rc4(ConstBytes key) {
  UNDERSTUDY_CHECK(!key.empty());
  for (std::size_t i = 0; i < state_.size(); ++i) state_[i] = static_cast<std::uint8_t>(i);
  std::uint8_t j = 0;
  for (std::size_t i = 0; i < state_.size(); ++i) {
    j = static_cast<std::uint8_t>(j + state_[i] + key[i % key.size()]);
    std::swap(state_[i], state_[j]);
  }
}

void Rc4::apply(Bytes data) {
  for (std::uint8_t& byte : data) {
    ++i_;
    j_ = static_cast<std::uint8_t>(j_ + state_[i_]);
    std::swap(state_[i_], state_[j_]);
    byte ^= state_[static_cast<std::uint8_t>(state_[i_] + state_[j_])];
  }
}

HmacSha256::HmacSha256(ConstBytes key) : context_(make_hmac("SHA256", key)) {}

Sha256Digest HmacSha256::compute(Pieces message) {
  UNDERSTUDY_CHECK(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1);  // keeps the key
  return finish_hmac<Sha256Digest>(context_.get(), message);
}

// Built from CBC and not on OpenSSL's CMAC, which in 3.0 makes one call a block: this signs half as
// much again in the same time, and CMAC is what most 3.x clients use. CMAC is CBC over the message
// with the last block masked, so that one is held back.
AesCmac::AesCmac(const Block& key) : context_(make_cipher(algorithms().aes_cbc, key)) {
  constexpr Block zero{};
  restart_cipher(context_.get(), zero);
  whole_subkey_ = doubled(chain(context_.get(), zero));
  padded_subkey_ = doubled(whole_subkey_);
}

Block AesCmac::compute(Pieces message) {
  constexpr Block zero{};
  restart_cipher(context_.get(), zero);
  Block held{};
  std::size_t held_size = 0;
  for (ConstBytes piece : message) {
    if (held_size != 0) {
      const std::size_t take = std::min(held.size() - held_size, piece.size());
      std::copy_n(piece.begin(), take, held.begin() + static_cast<long>(held_size));
      held_size += take;
      piece = piece.subspan(take);
    }
    if (piece.empty()) continue;
    // More follows, so what is held is not the last block.
    if (held_size != 0) static_cast<void>(chain(context_.get(), held));
    const std::size_t whole = (piece.size() - 1) / held.size() * held.size();
    static_cast<void>(chain(context_.get(), piece.first(whole)));
    held_size = piece.size() - whole;
    std::copy_n(piece.begin() + static_cast<long>(whole), held_size, held.begin());
  }
  const bool whole_block = held_size == held.size();
  if (!whole_block) {
    held[held_size] = 0x80;
    std::fill(held.begin() + static_cast<long>(held_size) + 1, held.end(), std::uint8_t{0});
  }
  const Block& mask = whole_block ? whole_subkey_ : padded_subkey_;
  for (std::size_t i = 0; i < held.size(); ++i) held[i] ^= mask[i];
  return chain(context_.get(), held);
}

AesGmac::AesGmac(const Block& key) : context_(make_cipher(algorithms().aes_gcm, key)) {}

Block AesGmac::compute(const Nonce& nonce, Pieces message) {
  restart_cipher(context_.get(), nonce);
  int produced = 0;
  for (const ConstBytes piece : message) {
    if (piece.empty()) continue;
    UNDERSTUDY_CHECK(piece.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    UNDERSTUDY_CHECK(EVP_EncryptUpdate(context_.get(), nullptr, &produced, piece.data(),
                                       static_cast<int>(piece.size())) == 1);
  }
  Block tag{};
  UNDERSTUDY_CHECK(EVP_EncryptFinal_ex(context_.get(), tag.data(), &produced) == 1);
  UNDERSTUDY_CHECK(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG,
                                       static_cast<int>(tag.size()), tag.data()) == 1);
  return tag;
}

namespace {

const EVP_CIPHER* find_cipher(Cipher cipher) {
  switch (cipher) {
    case Cipher::aes_128_ccm:
      return algorithms().aes_ccm;
    case Cipher::aes_128_gcm:
      return algorithms().aes_gcm;
    case Cipher::aes_256_ccm:
      return algorithms().aes_256_ccm;
    case Cipher::aes_256_gcm:
      return algorithms().aes_256_gcm;
    case Cipher::none:
      break;
  }
  bugcheck("a cipher that was negotiated", __FILE__, __LINE__);
}

int as_int(std::size_t size) {
  UNDERSTUDY_CHECK(size <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(size);
}

/// Tells a CCM context the length of what comes, which it must know first; GCM need not.
void announce(EVP_CIPHER_CTX* context, Cipher cipher, std::size_t size) {
  int produced = 0;
  if (!is_ccm(cipher)) return;
  UNDERSTUDY_CHECK(EVP_CipherUpdate(context, nullptr, &produced, nullptr, as_int(size)) == 1);
}

}  // namespace

Aead::Aead(Direction direction, Cipher cipher, ConstBytes key)
    : cipher_(cipher), context_(EVP_CIPHER_CTX_new()) {
  UNDERSTUDY_CHECK(context_ && key.size() == key_size(cipher));
  EVP_CIPHER_CTX* const context = context_.get();
  const int seals = direction == Direction::seals ? 1 : 0;
  UNDERSTUDY_CHECK(
      EVP_CipherInit_ex2(context, find_cipher(cipher), nullptr, nullptr, seals, nullptr) == 1);
  UNDERSTUDY_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, as_int(nonce_size(cipher)),
                                       nullptr) == 1);
  // CCM takes the tag's size into the key schedule.
  UNDERSTUDY_CHECK(!is_ccm(cipher) || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG,
                                                          sizeof(Block), nullptr) == 1);
  UNDERSTUDY_CHECK(EVP_CipherInit_ex2(context, nullptr, key.data(), nullptr, -1, nullptr) == 1);
}

Block Aead::seal(ConstBytes nonce, ConstBytes also, Bytes message) {
  EVP_CIPHER_CTX* const context = context_.get();
  UNDERSTUDY_CHECK(nonce.size() == nonce_size(cipher_));
  UNDERSTUDY_CHECK(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  announce(context, cipher_, message.size());
  int produced = 0;
  UNDERSTUDY_CHECK(
      EVP_CipherUpdate(context, nullptr, &produced, also.data(), as_int(also.size())) == 1);
  UNDERSTUDY_CHECK(EVP_CipherUpdate(context, message.data(), &produced, message.data(),
                                    as_int(message.size())) == 1);
  UNDERSTUDY_CHECK(EVP_CipherFinal_ex(context, message.data() + produced, &produced) == 1);
  Block tag{};
  UNDERSTUDY_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag.data()) ==
                   1);
  return tag;
}

bool Aead::open(ConstBytes nonce, ConstBytes also, Bytes message, const Block& tag) {
  EVP_CIPHER_CTX* const context = context_.get();
  UNDERSTUDY_CHECK(nonce.size() == nonce_size(cipher_));
  Block expected = tag;  // OpenSSL takes it as mutable
  UNDERSTUDY_CHECK(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  UNDERSTUDY_CHECK(
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof expected, expected.data()) == 1);
  announce(context, cipher_, message.size());
  int produced = 0;
  UNDERSTUDY_CHECK(
      EVP_CipherUpdate(context, nullptr, &produced, also.data(), as_int(also.size())) == 1);
  // CCM judges here, GCM at the end.
  if (EVP_CipherUpdate(context, message.data(), &produced, message.data(),
                       as_int(message.size())) != 1) {
    return false;
  }
  return is_ccm(cipher_) || EVP_CipherFinal_ex(context, message.data() + produced, &produced) == 1;
}

}  // namespace understudy::auth
