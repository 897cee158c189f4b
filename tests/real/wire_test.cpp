// Signatures and encryption against one who stands on the wire: what was tampered with, played
// again or cut is refused, and changes nothing. With real processes and every algorithm; each byte
// of a frame, and the rest of MS-SMB2 section 3.3.5.2, in netstack/smb2/encryption_test.cpp and
// connection_test.cpp. What honest ones put on the wire: tools/wire-check.
#include "tests/real/raw_client.h"
#include "tests/real/scenario.h"

namespace understudy {
namespace {

using auth::Cipher;
using smb2::Command;
using Octets = RawClient::Octets;

constexpr std::uint16_t kPort = 4450;
constexpr std::string_view kBefore = "what was written";
constexpr std::string_view kAttack = "what must not be";

class Wire : public Scenario {
 protected:
  Wire() : Scenario(Pair::Settings{}) {}

  /// A client with a file of its own that holds kBefore.
  std::unique_ptr<RawClient> begin_client(std::uint16_t dialect, Cipher cipher = Cipher::none) {
    auto client = std::make_unique<RawClient>(pair.address("a"), kPort, dialect, cipher);
    const std::string name = "wire" + std::to_string(files_.size());
    const bool ready = client->connected() &&
                       client->log_on("tester", "secret") == Status::success &&
                       client->tree_connect("share0") == Status::success &&
                       client->create(name) == Status::success && writes(*client, kBefore);
    files_.push_back(name);
    return ready ? std::move(client) : nullptr;
  }
  static bool writes(RawClient& client, std::string_view content) {
    const auto written = client.ask(Command::write, RawClient::write_body(client.file, 0, content));
    return written && written->status() == Status::success;
  }
  static Octets attack(RawClient& client) {
    return client.message(Command::write, RawClient::write_body(client.file, 0, kAttack));
  }
  /// Section 3.3.5.2.4: the answer is ACCESS_DENIED.
  static bool is_denied(RawClient& client, const Octets& frame) {
    if (!client.send(frame)) return false;
    const auto answer = client.receive();
    return answer && answer->status() == Status::access_denied;
  }
  static bool ends_connection(RawClient& client, const Octets& frame) {
    return client.send(frame) && client.is_closed();
  }
  /// No file has anything but what was meant to be in it.
  void expect_unchanged() {
    SmbClient honest(pair.server("a", "share0"));
    for (const std::string& name : files_)
      EXPECT_EQ(honest.call({SmbCall::Kind::read, name}).data, kBefore) << name;
  }

 private:
  std::vector<std::string> files_;
};

constexpr std::array kDialects = {smb2::kDialect202, smb2::kDialect210, smb2::kDialect300,
                                  smb2::kDialect302, smb2::kDialect311};
constexpr std::array kCiphers = {Cipher::aes_128_ccm, Cipher::aes_128_gcm, Cipher::aes_256_ccm,
                                 Cipher::aes_256_gcm};

TEST_F(Wire, ASignedRequestThatWasTamperedWithIsRefused) {
  ASSERT_TRUE(pair.start_mirrored());
  constexpr std::size_t kFlags = 16;
  constexpr std::size_t kTreeId = 36;
  constexpr std::size_t kSignature = 48;
  constexpr std::size_t kOffset = smb2::kHeaderSize + 8;
  for (const std::uint16_t dialect : kDialects) {
    const auto client = begin_client(dialect);
    ASSERT_NE(client, nullptr);
    const std::size_t last = attack(*client).size() - 1;  // of the data
    for (const std::size_t at : {kTreeId, kSignature, kOffset, last}) {
      Octets frame = attack(*client);
      frame.at(at) ^= 1;
      EXPECT_TRUE(is_denied(*client, frame)) << std::hex << dialect << " at " << std::dec << at;
    }
    Octets unsigned_one = attack(*client);
    unsigned_one.at(kFlags) &= static_cast<std::uint8_t>(~smb2::kFlagSigned);
    EXPECT_TRUE(is_denied(*client, unsigned_one)) << std::hex << dialect << " without its flag";
  }
  expect_unchanged();
}

TEST_F(Wire, ASignedRequestThatWasCutIsRefused) {
  ASSERT_TRUE(pair.start_mirrored());
  for (const std::uint16_t dialect : kDialects) {
    const auto client = begin_client(dialect);
    ASSERT_NE(client, nullptr);
    for (const std::size_t cut : {std::size_t{1}, kAttack.size()}) {
      Octets frame = attack(*client);
      frame.resize(frame.size() - cut);
      EXPECT_TRUE(is_denied(*client, frame)) << std::hex << dialect << " by " << std::dec << cut;
    }
  }
  expect_unchanged();
}

// Section 3.3.5.2.3: a message id counts once; the connection ends.
TEST_F(Wire, ASignedRequestThatIsPlayedAgainEndsTheConnection) {
  ASSERT_TRUE(pair.start_mirrored());
  for (const std::uint16_t dialect : kDialects) {
    const auto client = begin_client(dialect);
    ASSERT_NE(client, nullptr);
    const Octets first = attack(*client);
    ASSERT_TRUE(client->send(first));
    const auto answer = client->receive();
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status(), Status::success);
    ASSERT_TRUE(writes(*client, kBefore));
    EXPECT_TRUE(ends_connection(*client, first)) << std::hex << dialect;
  }
  expect_unchanged();
}

// Sections 2.2.41 and 3.3.5.2.1.1: what cannot be decrypted ends the connection.
TEST_F(Wire, AnEncryptedRequestThatWasTamperedWithEndsTheConnection) {
  ASSERT_TRUE(pair.start_mirrored());
  constexpr std::size_t kSignature = 4;
  constexpr std::size_t kNonce = 20;
  constexpr std::size_t kSize = 36;
  constexpr std::size_t kSession = 44;
  constexpr std::size_t kData = auth::transform_header_size + smb2::kHeaderSize + 50;
  for (const Cipher cipher : kCiphers) {
    for (const std::size_t at : {kSignature, kNonce, kSize, kSession, kData}) {
      const auto client = begin_client(smb2::kDialect311, cipher);
      ASSERT_NE(client, nullptr);
      Octets frame = client->sealed(attack(*client));
      frame.at(at) ^= 1;
      EXPECT_TRUE(ends_connection(*client, frame)) << static_cast<int>(cipher) << " at " << at;
    }
  }
  expect_unchanged();
}

TEST_F(Wire, AnEncryptedRequestThatWasCutEndsTheConnection) {
  ASSERT_TRUE(pair.start_mirrored());
  for (const Cipher cipher : kCiphers) {
    for (const std::size_t left : {std::size_t{40}, auth::transform_header_size + 64}) {
      const auto client = begin_client(smb2::kDialect311, cipher);
      ASSERT_NE(client, nullptr);
      Octets frame = client->sealed(attack(*client));
      frame.resize(left);
      EXPECT_TRUE(ends_connection(*client, frame)) << static_cast<int>(cipher) << " to " << left;
    }
  }
  expect_unchanged();
}

// It can be decrypted, and ends the connection by section 3.3.5.2.3.
TEST_F(Wire, AnEncryptedRequestThatIsPlayedAgainEndsTheConnection) {
  ASSERT_TRUE(pair.start_mirrored());
  for (const Cipher cipher : kCiphers) {
    const auto client = begin_client(smb2::kDialect311, cipher);
    ASSERT_NE(client, nullptr);
    const Octets first = client->sealed(attack(*client));
    ASSERT_TRUE(client->send(first));
    const auto answer = client->receive();
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status(), Status::success);
    ASSERT_TRUE(writes(*client, kBefore));
    EXPECT_TRUE(ends_connection(*client, first)) << static_cast<int>(cipher);
  }
  expect_unchanged();
}

}  // namespace
}  // namespace understudy
