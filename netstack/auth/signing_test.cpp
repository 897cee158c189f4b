#include "netstack/auth/signing.h"

#include <gtest/gtest.h>

#include "netstack/auth/test_vectors.h"

namespace understudy::auth {
namespace {

Sha512Digest published_preauth_hash() {
  const auto bytes = from_hex(published::preauth_hash);
  Sha512Digest hash{};
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

/// A request with a body of some bytes.
std::vector<std::uint8_t> message(std::size_t body_size) {
  std::vector<std::uint8_t> bytes(smb2_header_size + body_size);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  bytes[16] = 0;
  return bytes;
}

constexpr std::array all_algorithms = {SigningAlgorithm::hmac_sha256, SigningAlgorithm::aes_cmac,
                                       SigningAlgorithm::aes_gmac};
const Block key = block_from_hex("73FE7A9A77BEF0BDE49C650D8CCB5F76");

TEST(SessionKeys, AreThePublishedOnesForSmb30) {
  for (const auto dialect : std::to_array<std::uint16_t>({0x0300, 0x0302})) {
    SessionKeys keys = derive_session_keys(dialect, Cipher::aes_128_ccm,
                                           block_from_hex("7CD451825D0450D235424E44BA6E78CC"), {});
    EXPECT_EQ(to_hex(keys.signing), "0b7e9c5cac36c0f6ea9ab275298cedce");
    // Published from the client's side, which encrypts with what the server decrypts with.
    EXPECT_EQ(to_hex(Bytes(keys.decryption).first(16)), "fad27796665b313ebb578f388632b4f7");
    EXPECT_EQ(to_hex(Bytes(keys.encryption).first(16)), "b0f0427f7ceb416d1d9dcc0cd4f99447");
    EXPECT_EQ(to_hex(keys.application), "bb23a4575aa26c721af525af15a87b4f");
  }
}

TEST(SessionKeys, AreThePublishedOnesForSmb311) {
  SessionKeys keys =
      derive_session_keys(0x0311, Cipher::aes_128_gcm, block_from_hex(published::session_key),
                          published_preauth_hash());
  EXPECT_EQ(keys.signing, block_from_hex(published::signing_key));
  EXPECT_EQ(to_hex(Bytes(keys.decryption).first(16)), "629bcbc54422a0f572b97f45989b6073");
  EXPECT_EQ(to_hex(Bytes(keys.encryption).first(16)), "e2af0dcefac68da71a0dfbd0d1350d74");
  EXPECT_EQ(to_hex(keys.application), "6d7ad7954e9ec61e907b4d473dc178ff");
}

TEST(SessionKeys, AreTheSessionKeyItselfForSmb2) {
  for (const auto dialect : std::to_array<std::uint16_t>({0x0202, 0x0210})) {
    const SessionKeys keys =
        derive_session_keys(dialect, Cipher::none, key, published_preauth_hash());
    EXPECT_EQ(keys.signing, key);
    EXPECT_EQ(keys.application, key);
    EXPECT_EQ(keys.encryption, SessionKeys::CipherKey{});
    EXPECT_EQ(keys.decryption, SessionKeys::CipherKey{});
    EXPECT_EQ(default_signing_algorithm(dialect), SigningAlgorithm::hmac_sha256);
  }
  EXPECT_EQ(default_signing_algorithm(0x0300), SigningAlgorithm::aes_cmac);
  EXPECT_EQ(default_signing_algorithm(0x0311), SigningAlgorithm::aes_cmac);
}

TEST(PreauthIntegrityHash, FollowsThePublishedSession) {
  PreauthIntegrityHash hash;
  EXPECT_EQ(hash.value(), Sha512Digest{});
  hash.update(from_hex(published::negotiate_request));
  EXPECT_EQ(to_hex(hash.value()).substr(0, 16), "dd94efc5321bb618");
  const auto response = from_hex(published::negotiate_response);
  hash.update(pieces({ConstBytes(response).first(64), ConstBytes(response).subspan(64)}));
  EXPECT_EQ(to_hex(hash.value()).substr(0, 16), "324bfa92a4f3a190");
  hash.update(from_hex(published::session_setup_request_1));
  hash.update(from_hex(published::session_setup_response_1));
  hash.update(from_hex(published::session_setup_request_2));
  EXPECT_EQ(hash.value(), published_preauth_hash());
}

TEST(Signer, MakesThePublishedSignature) {
  const auto packet = from_hex(published::session_setup_response_2);
  Signer signer(SigningAlgorithm::aes_cmac, key);
  EXPECT_TRUE(signer.verify(packet));
  auto again = packet;
  std::fill_n(again.begin() + 48, 16, std::uint8_t{0xAB});  // what stood there does not matter
  signer.sign(again);
  EXPECT_EQ(again, packet);
}

TEST(Signer, SetsTheSignedFlagAndLeavesTheRest) {
  for (const auto algorithm : all_algorithms) {
    auto bytes = message(10);
    const auto before = bytes;
    Signer(algorithm, key).sign(bytes);
    EXPECT_EQ(bytes[16], 0x08);
    bytes[16] = 0;
    std::copy_n(before.begin() + 48, 16, bytes.begin() + 48);
    EXPECT_EQ(bytes, before);
  }
}

TEST(Signer, UsesHmacSha256AsSmb2SaysIt) {
  auto bytes = message(10);
  Signer(SigningAlgorithm::hmac_sha256, key).sign(bytes);
  const std::string signature = to_hex(ConstBytes(bytes).subspan(48, 16));
  std::fill_n(bytes.begin() + 48, 16, std::uint8_t{0});
  EXPECT_EQ(to_hex(hmac_sha256(key, pieces({bytes}))).substr(0, 32), signature);
}

TEST(Signer, SeesEveryChangedByte) {
  for (const auto algorithm : all_algorithms) {
    Signer signer(algorithm, key);
    auto bytes = message(50);
    signer.sign(bytes);
    ASSERT_TRUE(signer.verify(bytes));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] ^= 0x10;
      ASSERT_FALSE(signer.verify(bytes)) << "byte " << i;
      bytes[i] ^= 0x10;
    }
    Block other_key = key;
    other_key[0] ^= 1;
    EXPECT_FALSE(Signer(algorithm, other_key).verify(bytes));
    EXPECT_FALSE(signer.verify(ConstBytes(bytes).first(bytes.size() - 1)));
  }
}

TEST(Signer, TakesAMessageInAnyPieces) {
  for (const auto algorithm : all_algorithms) {
    Signer signer(algorithm, key);
    auto whole = message(100);
    signer.sign(whole);
    for (const std::size_t step : {1U, 3U, 16U, 33U, 100U}) {
      std::vector<ConstBytes> rest;
      for (std::size_t at = 64; at < whole.size(); at += step) {
        rest.push_back(ConstBytes(whole).subspan(at, std::min(step, whole.size() - at)));
      }
      EXPECT_TRUE(signer.verify(ConstBytes(whole).first(64), rest)) << step;
      std::vector<std::uint8_t> header(whole.begin(), whole.begin() + 64);
      signer.sign(header, rest);
      EXPECT_EQ(to_hex(header), to_hex(ConstBytes(whole).first(64))) << step;
    }
  }
}

TEST(Signer, RefusesAMessageShorterThanItsHeader) {
  for (const auto algorithm : all_algorithms) {
    Signer signer(algorithm, key);
    auto bytes = message(0);
    signer.sign(bytes);
    EXPECT_TRUE(signer.verify(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(signer.verify(Exact(ConstBytes(bytes).first(size))));
    }
  }
}

TEST(Signer, MakesTheGmacNonceOfMessageIdDirectionAndCancel) {
  const auto signature_of = [](std::uint8_t flags, std::uint8_t command) {
    auto bytes = message(5);
    bytes[12] = command;
    bytes[13] = 0;
    bytes[16] = flags;
    Signer(SigningAlgorithm::aes_gmac, key).sign(bytes);
    return bytes;
  };
  const auto expected = [](std::vector<std::uint8_t> bytes, std::uint8_t bits) {
    std::fill_n(bytes.begin() + 48, 16, std::uint8_t{0});
    AesGmac::Nonce nonce{};
    std::copy_n(bytes.begin() + 24, 8, nonce.begin());
    nonce[8] = bits;
    return to_hex(AesGmac(key).compute(nonce, pieces({bytes})));
  };
  const auto check = [&](std::uint8_t flags, std::uint8_t command, std::uint8_t bits) {
    const auto bytes = signature_of(flags, command);
    EXPECT_EQ(to_hex(ConstBytes(bytes).subspan(48, 16)), expected(bytes, bits));
  };
  check(0x00, 0x09, 0);  // a WRITE request
  check(0x01, 0x09, 1);  // its response
  check(0x00, 0x0C, 2);  // a CANCEL
}

}  // namespace
}  // namespace understudy::auth
