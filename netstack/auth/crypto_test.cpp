#include "netstack/auth/crypto.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <random>

#include "iomgr/hmac.h"
#include "netstack/auth/test_vectors.h"

namespace understudy::auth {
namespace {

/// `message` cut into random pieces, empty ones among them.
std::vector<ConstBytes> cut(ConstBytes message, std::mt19937& random) {
  std::vector<ConstBytes> parts;
  while (!message.empty()) {
    const std::size_t size = std::min<std::size_t>(message.size(), random() % 40);
    parts.push_back(message.first(size));
    message = message.subspan(size);
  }
  return parts;
}

std::vector<std::uint8_t> random_bytes(std::size_t size, std::mt19937& random) {
  std::vector<std::uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

const Block rfc4493_key = block_from_hex("2b7e151628aed2a6abf7158809cf4f3c");
constexpr std::string_view rfc4493_message =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

TEST(AesCmac, GivesTheExamplesOfRfc4493) {
  const auto message = from_hex(rfc4493_message);
  AesCmac cmac(rfc4493_key);
  const auto mac_of_first = [&](std::size_t size) {
    return to_hex(cmac.compute(pieces({ConstBytes(message).first(size)})));
  };
  EXPECT_EQ(mac_of_first(0), "bb1d6929e95937287fa37d129b756746");
  EXPECT_EQ(mac_of_first(16), "070a16b46b4d4144f79bdd9dd04a287c");
  EXPECT_EQ(mac_of_first(40), "dfa66747de9ae63030ca32611497c827");
  EXPECT_EQ(mac_of_first(64), "51f0bebf7e3b9d92fc49741779363cfe");
  EXPECT_EQ(to_hex(cmac.compute({})), "bb1d6929e95937287fa37d129b756746");
}

TEST(AesCmac, AgreesWithOpenSslAtEverySizeAndInPieces) {
  std::mt19937 random(1);
  EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "CMAC", nullptr);
  char cipher[] = "AES-128-CBC";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
      OSSL_PARAM_construct_end()};
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(algorithm);
  AesCmac cmac(rfc4493_key);
  for (std::size_t size = 0; size < 9000; size += size < 100 ? 1 : random() % 300) {
    const auto message = random_bytes(size, random);
    Block expected{};
    std::size_t length = 0;
    ASSERT_EQ(EVP_MAC_init(context, rfc4493_key.data(), 16, parameters), 1);
    ASSERT_EQ(EVP_MAC_update(context, message.data(), message.size()), 1);
    ASSERT_EQ(EVP_MAC_final(context, expected.data(), &length, expected.size()), 1);
    ASSERT_EQ(cmac.compute(pieces({message})), expected) << size;
    ASSERT_EQ(cmac.compute(cut(message, random)), expected) << size;
  }
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(algorithm);
}

TEST(AesGmac, GivesTheVectorsOfNist) {
  // GCM specification (McGrew, Viega), test case 1, and CAVP gcmEncryptExtIV128, PTlen 0.
  EXPECT_EQ(to_hex(AesGmac(Block{}).compute({}, {})), "58e2fccefa7e3061367f1d57a4e7455a");
  AesGmac gmac(block_from_hex("77be63708971c4e240d1cb79e8d77feb"));
  AesGmac::Nonce nonce{};
  const auto nonce_bytes = from_hex("e0e00f19fed7ba0136a797f3");
  std::copy(nonce_bytes.begin(), nonce_bytes.end(), nonce.begin());
  const auto data = from_hex("7a43ec1d9c0a5a78a0b16533a6213cab");
  EXPECT_EQ(to_hex(gmac.compute(nonce, pieces({data}))), "209fcc8d3675ed938e9c7166709dd946");
}

TEST(AesGmac, TakesAMessageInPieces) {
  std::mt19937 random(2);
  AesGmac gmac(rfc4493_key);
  for (std::size_t size = 0; size < 200; ++size) {
    const auto message = random_bytes(size, random);
    const AesGmac::Nonce nonce = {static_cast<std::uint8_t>(size)};
    ASSERT_EQ(gmac.compute(nonce, cut(message, random)), gmac.compute(nonce, pieces({message})));
  }
}

TEST(HmacMd5, GivesTheVectorsOfRfc2202) {
  EXPECT_EQ(to_hex(hmac_md5(std::vector<std::uint8_t>(16, 0x0b), pieces({as_bytes("Hi There")}))),
            "9294727a3638bb1c13f48ef8158bfc9d");
  EXPECT_EQ(to_hex(hmac_md5(as_bytes("Jefe"), pieces({as_bytes("what do ya want "), ConstBytes(),
                                                      as_bytes("for nothing?")}))),
            "750c783e6ab0b503eaa86e310a5db738");
}

TEST(HmacMd5, TakesAnEmptyKey) {
  EXPECT_EQ(to_hex(hmac_md5({}, {})), "74e6f7298a9c2d168935f58c001bad88");
}

TEST(HmacSha256, GivesTheVectorsOfRfc4231AgainAndAgain) {
  HmacSha256 hmac(as_bytes("Jefe"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(
        to_hex(hmac.compute(pieces({as_bytes("what do ya want "), as_bytes("for nothing?")}))),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
  EXPECT_EQ(
      to_hex(hmac_sha256(std::vector<std::uint8_t>(20, 0x0b), pieces({as_bytes("Hi There")}))),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST(Digests, AreTheStandardOnes) {
  EXPECT_EQ(to_hex(md5(pieces({as_bytes("message "), as_bytes("digest")}))),
            "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(to_hex(sha512(pieces({as_bytes("a"), as_bytes("bc")}))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Rc4, GivesTheVectorsOfRfc6229) {
  Block zeros{};
  Rc4(from_hex("0102030405")).apply(zeros);
  EXPECT_EQ(to_hex(zeros), "b2396305f03dc027ccc3524a0a1118a8");
  zeros = {};
  Rc4(from_hex("0102030405060708090a0b0c0d0e0f10")).apply(zeros);
  EXPECT_EQ(to_hex(zeros), "9ac7cc9a609d1ef7b2932899cde41b97");
}

TEST(Rc4, IsOneStreamOverSeveralCalls) {
  Block once{};
  Rc4(rfc4493_key).apply(once);
  Block twice{};
  Rc4 stream(rfc4493_key);
  stream.apply(Bytes(twice).first(5));
  stream.apply(Bytes(twice).subspan(5));
  EXPECT_EQ(once, twice);
}

TEST(DeriveKey, AgreesWithOpenSslKbkdf) {
  using namespace std::string_view_literals;
  constexpr std::string_view label = "SMBC2SCipherKey\0"sv;
  const auto key = from_hex("270E1BA896585EEB7AF3472D3B4C75A7");
  const auto context = from_hex(published::preauth_hash);
  for (const std::size_t size : {16U, 32U}) {
    std::vector<std::uint8_t> expected(size);
    const auto octets = [](const char* name, ConstBytes bytes) {
      return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()),
                                               bytes.size());
    };
    char mac[] = "HMAC";
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, mac, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, key),
        octets(OSSL_KDF_PARAM_SALT, as_bytes(label)),
        octets(OSSL_KDF_PARAM_INFO, context),
        OSSL_PARAM_construct_end()};
    EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "KBKDF", nullptr);
    EVP_KDF_CTX* const kdf = EVP_KDF_CTX_new(algorithm);
    EXPECT_EQ(EVP_KDF_derive(kdf, expected.data(), size, parameters), 1);
    EVP_KDF_CTX_free(kdf);
    EVP_KDF_free(algorithm);

    std::vector<std::uint8_t> derived(size);
    derive_key(key, label, context, derived);
    EXPECT_EQ(derived, expected) << size;
  }
}

TEST(ConstantTimeComparison, SeesEveryDifference) {
  const Block block = rfc4493_key;
  EXPECT_TRUE(equal_in_constant_time(block, rfc4493_key));
  for (std::size_t i = 0; i < block.size(); ++i) {
    Block other = block;
    other[i] ^= 1;
    EXPECT_FALSE(equal_in_constant_time(block, other));
  }
  EXPECT_FALSE(equal_in_constant_time(block, ConstBytes(block).first(15)));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
}

struct SealedExample {
  Cipher cipher;
  std::string_view sealed;
  std::string_view tag;
};

/// A message of 00 01 .. 27 with 64 65 .. 83 beside it, nonce 32 33 .., key C8 C9 ..: worked out
/// from the definitions in SP800-38C and SP800-38D over plain AES, apart from OpenSSL's modes.
constexpr SealedExample sealed_examples[] = {
    {Cipher::aes_128_ccm,
     "0f56db2b1d5a6b973b26fbdc190098288ca5ea676603ec6a3d23bfac11a498b75eec851e58a82389",
     "a6ad6f4dd30e48cb762707a169550ff2"},
    {Cipher::aes_128_gcm,
     "4e05e60a576872a1cb3a753a124a2da5151b6cbdb6a166e740ec04a4327be5ba8642a9572fce9032",
     "9c5a6fc443365b1c32c0d9ed3f83f2a1"},
    {Cipher::aes_256_ccm,
     "f03c38f6158e978af11c1561df7eae1e056191cfe25dd51f932a1cf577e3ba7a4c812d7585026518",
     "499170ebc930b1fc12b8dc1078408e88"},
    {Cipher::aes_256_gcm,
     "efcc3b6668c6d51d846bce55d27de622f77d9c2c7e64430257f7a21f5323193dd496eb0ba61910da",
     "694b370824dd6ca9249d90c1e1ffd538"},
};

std::vector<std::uint8_t> counted(std::size_t size, std::uint8_t first) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

TEST(Aead, SealsAsTheStandardsSayMessageAfterMessage) {
  for (const SealedExample& example : sealed_examples) {
    const auto key = counted(key_size(example.cipher), 200);
    const auto nonce = counted(nonce_size(example.cipher), 50);
    const auto also = counted(32, 100);
    Aead sealing(Aead::Direction::seals, example.cipher, key);
    Aead opening(Aead::Direction::opens, example.cipher, key);
    for (int i = 0; i < 3; ++i) {
      auto message = counted(40, 0);
      EXPECT_EQ(to_hex(sealing.seal(nonce, also, message)), example.tag);
      EXPECT_EQ(to_hex(message), example.sealed);
      EXPECT_TRUE(opening.open(nonce, also, message, block_from_hex(example.tag)));
      EXPECT_EQ(message, counted(40, 0));
    }
  }
}

TEST(Aead, DoesNotOpenWhatWasChangedAndOpensTheNextAllTheSame) {
  for (const SealedExample& example : sealed_examples) {
    const auto nonce = counted(nonce_size(example.cipher), 50);
    const auto also = counted(32, 100);
    Aead opening(Aead::Direction::opens, example.cipher, counted(key_size(example.cipher), 200));
    for (int changed = 0; changed < 5; ++changed) {
      auto its_nonce = nonce;
      auto beside = also;
      auto message = from_hex(example.sealed);
      Block tag = block_from_hex(example.tag);
      if (changed == 0) its_nonce.back() ^= 1;
      if (changed == 1) beside.back() ^= 0x80;
      if (changed == 2) message.front() ^= 1;
      if (changed == 3) tag.back() ^= 1;
      EXPECT_EQ(opening.open(its_nonce, beside, message, tag), changed == 4);
    }
  }
}

}  // namespace
}  // namespace understudy::auth
