// Signatures and encryption against one who stands on the wire: what was tampered with, played
// again or cut is refused, and changes nothing. With real processes and every algorithm; each byte
// of a frame, and the rest of MS-SMB2 section 3.3.5.2, in netstack/smb2/encryption_test.cpp and
// connection_test.cpp.
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

  /// A client with a file that holds kBefore.
  std::unique_ptr<RawClient> begin_client(std::uint16_t dialect, Cipher cipher = Cipher::none) {
    auto client = std::make_unique<RawClient>(pair.address("a"), kPort, dialect, cipher);
    const bool ready = client->connected() &&
                       client->log_on("tester", "secret") == Status::success &&
                       client->tree_connect("share0") == Status::success &&
                       client->create("wire", 5) == Status::success;
    if (!ready) return nullptr;
    const auto written =
        client->ask(Command::write, RawClient::write_body(client->file, 0, kBefore));
    return written && written->status() == Status::success ? std::move(client) : nullptr;
  }
  static Octets attack(RawClient& client) {
    return client.message(Command::write, RawClient::write_body(client.file, 0, kAttack));
  }
  /// The connection ends, or the one answer is ACCESS_DENIED.
  static bool refused(RawClient& client) {
    const auto answer = client.receive();
    return !answer || answer->status() == Status::access_denied;
  }
  void expect_unchanged(std::string_view content = kBefore) {
    SmbClient honest(pair.server("a", "share0"));
    EXPECT_EQ(honest.call({SmbCall::Kind::read, "wire"}).data, content);
  }
};

constexpr std::array kSigned = {smb2::kDialect210, smb2::kDialect300, smb2::kDialect302,
                                smb2::kDialect311};

// MS-SMB2 section 3.3.5.2.4: a signature that is wrong is ACCESS_DENIED.
TEST_F(Wire, ASignedRequestThatWasTamperedWithIsRefused) {
  ASSERT_TRUE(pair.start_mirrored());
  constexpr std::size_t kTreeId = 36;
  constexpr std::size_t kSignature = 48;
  for (const std::uint16_t dialect : kSigned) {
    for (const std::size_t at : {kTreeId, kSignature, smb2::kHeaderSize + 8, std::size_t{0}}) {
      const auto client = begin_client(dialect);
      ASSERT_NE(client, nullptr);
      Octets frame = attack(*client);
      frame.at(at == 0 ? frame.size() - 1 : at) ^= 1;  // 0: the data
      ASSERT_TRUE(client->send(frame));
      EXPECT_TRUE(refused(*client)) << std::hex << dialect << " at " << std::dec << at;
    }
    const auto client = begin_client(dialect);
    ASSERT_NE(client, nullptr);
    Octets unsigned_one = attack(*client);
    unsigned_one.at(16) &= static_cast<std::uint8_t>(~smb2::kFlagSigned);
    ASSERT_TRUE(client->send(unsigned_one));
    EXPECT_TRUE(refused(*client)) << std::hex << dialect << " without its flag";
  }
  expect_unchanged();
}

// Section 3.3.5.2.4 once more: what is left has another signature.
TEST_F(Wire, ASignedRequestThatWasCutIsRefused) {
  ASSERT_TRUE(pair.start_mirrored());
  for (const std::uint16_t dialect : kSigned) {
    const auto client = begin_client(dialect);
    ASSERT_NE(client, nullptr);
    Octets frame = attack(*client);
    frame.resize(frame.size() - 4);
    ASSERT_TRUE(client->send(frame));
    EXPECT_TRUE(refused(*client)) << std::hex << dialect;
  }
  expect_unchanged();
}

// Section 3.3.5.2.3: a message id counts once; the connection ends.
TEST_F(Wire, ASignedRequestThatIsPlayedAgainEndsTheConnection) {
  ASSERT_TRUE(pair.start_mirrored());
  for (const std::uint16_t dialect : kSigned) {
    const auto client = begin_client(dialect);
    ASSERT_NE(client, nullptr);
    const Octets first = attack(*client);
    ASSERT_TRUE(client->send(first));
    ASSERT_TRUE(client->receive());
    ASSERT_TRUE(client->ask(Command::write, RawClient::write_body(client->file, 0, kBefore)));
    ASSERT_TRUE(client->send(first));
    EXPECT_TRUE(client->is_closed()) << std::hex << dialect;
  }
  expect_unchanged();
}

// Sections 2.2.41 and 3.3.5.2.1.1: what cannot be decrypted ends the connection. Played again, it
// can be decrypted and ends it by section 3.3.5.2.3.
TEST_F(Wire, AnEncryptedRequestThatWasTamperedWithCutOrPlayedAgainEndsTheConnection) {
  ASSERT_TRUE(pair.start_mirrored());
  for (const Cipher cipher :
       {Cipher::aes_128_ccm, Cipher::aes_128_gcm, Cipher::aes_256_ccm, Cipher::aes_256_gcm}) {
    for (const std::size_t at : {std::size_t{4}, std::size_t{20}, std::size_t{52 + 64 + 50}}) {
      const auto client = begin_client(smb2::kDialect311, cipher);
      ASSERT_NE(client, nullptr);
      Octets frame = client->sealed(attack(*client));
      frame.at(at) ^= 1;
      ASSERT_TRUE(client->send(frame));
      EXPECT_TRUE(client->is_closed()) << static_cast<int>(cipher) << " at " << at;
    }
    const auto cutting = begin_client(smb2::kDialect311, cipher);
    ASSERT_NE(cutting, nullptr);
    Octets frame = cutting->sealed(attack(*cutting));
    frame.resize(frame.size() - 1);
    ASSERT_TRUE(cutting->send(frame));
    EXPECT_TRUE(cutting->is_closed()) << static_cast<int>(cipher) << " cut";

    const auto client = begin_client(smb2::kDialect311, cipher);
    ASSERT_NE(client, nullptr);
    const Octets first = client->sealed(attack(*client));
    ASSERT_TRUE(client->send(first));
    const auto answer = client->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status(), Status::success);
    ASSERT_TRUE(client->ask(Command::write, RawClient::write_body(client->file, 0, kBefore)));
    ASSERT_TRUE(client->send(first));
    EXPECT_TRUE(client->is_closed()) << static_cast<int>(cipher) << " played again";
  }
  expect_unchanged();
}

}  // namespace
}  // namespace understudy
