// Encryption: MS-SMB2 sections 2.2.41, 3.3.4.1.4, 3.3.5.2.1.1, 3.3.5.2.9, 3.3.5.2.11, 3.3.5.4.
#include <set>

#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

struct World {
  explicit World(std::string_view setting = R"("encryption": "allowed")") : node(false) {
    EXPECT_EQ(node.order(ClusterMinor::serve, TestNode::serve_text(setting)), Status::success);
    client = std::make_unique<TestClient>(node);
    client->ciphers = {2};
    client->seals = true;
  }
  TestNode node;
  std::unique_ptr<TestClient> client;
};

/// What NEGOTIATE answered: Capabilities, and the cipher of its context; 0xFFFF: no such context.
std::pair<std::uint32_t, std::uint16_t> agreed(const Response& response) {
  WireReader reader(response.message);
  reader.seek(kHeaderSize + 6);
  std::uint16_t count = reader.u16();
  reader.skip(16);
  const std::uint32_t capabilities = reader.u32();
  reader.seek(kHeaderSize + 60);
  reader.seek(reader.u32());
  for (; count > 0; --count) {
    reader.seek((reader.position() + 7) / 8 * 8);
    const std::uint16_t type = reader.u16();
    const std::uint16_t length = reader.u16();
    reader.skip(4);
    if (type != 2) {
      reader.skip(length);
      continue;
    }
    EXPECT_EQ(reader.u16(), 1U);
    return {capabilities, reader.u16()};
  }
  return {capabilities, std::uint16_t{0xFFFF}};
}

void write_and_read(World& world) {
  TestClient& client = *world.client;
  ASSERT_EQ(client.create("file").status(), Status::success);
  ASSERT_EQ(client.ask(Command::write, TestClient::write_body(client.file, 0, "secret")).status(),
            Status::success);
  const Response read = client.ask(Command::read, TestClient::read_body(client.file, 0, 100));
  EXPECT_TRUE(read.sealed);
  EXPECT_FALSE(read.header.has(kFlagSigned));
  EXPECT_EQ(TestClient::text(read), "secret");
  EXPECT_EQ(client.ask(Command::close, TestClient::close_body(client.file)).status(),
            Status::success);
}

TEST(Encryption, CarriesFilesWithEveryCipherOf311) {
  for (std::uint16_t cipher = 1; cipher <= 4; ++cipher) {
    World world;
    world.client->ciphers = {cipher};
    world.client->begin();
    write_and_read(world);
  }
}

TEST(Encryption, CarriesFilesWithTheOneCipherOf30) {
  for (const std::uint16_t dialect : {kDialect300, kDialect302}) {
    World world;
    world.client->begin(dialect);
    write_and_read(world);
  }
}

TEST(Encryption, ChoosesTheFirstCipherOfTheClientThatItKnows) {
  World world;
  world.client->ciphers = {9, 4, 2};
  EXPECT_EQ(agreed(world.client->negotiate({kDialect311})).second, 4U);
}

TEST(Encryption, SaysSoWhenNoCipherIsKnown) {
  World world;
  world.client->ciphers = {9};
  EXPECT_EQ(agreed(world.client->negotiate({kDialect311})).second, 0U);
}

TEST(Encryption, ThatIsOffIsNotAgreedOn) {
  constexpr std::string_view kOff = R"("encryption": "off")";
  EXPECT_EQ(agreed(World(kOff).client->negotiate({kDialect311})).second, 0U);
  EXPECT_EQ(agreed(World(kOff).client->negotiate({kDialect302})).first & kCapabilityEncryption, 0U);
  EXPECT_NE(agreed(World().client->negotiate({kDialect302})).first & kCapabilityEncryption, 0U);
  EXPECT_EQ(agreed(World().client->negotiate({kDialect311})).first & kCapabilityEncryption, 0U);
}

TEST(Encryption, OfACompoundCoversItAsAWhole) {
  World world;
  world.client->begin();
  world.client->send(world.client->compound({{Command::create, TestClient::create_body("file")},
                                             {Command::close, TestClient::close_body({})}},
                                            kFlagRelated));
  for (int i = 0; i < 2; ++i) {
    const std::optional<Response> response = world.client->receive();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status(), Status::success);
    EXPECT_TRUE(response->sealed);
  }
}

TEST(Encryption, IsTheClientsChoiceWhereItIsAllowed) {
  World world;
  world.client->begin();
  world.client->seals = false;
  EXPECT_FALSE(world.client->create("plain").sealed);
  EXPECT_EQ(world.client->bad_signatures, 0U);
  world.client->seals = true;
  EXPECT_TRUE(world.client->create("sealed").sealed);
}

TEST(Encryption, ThatIsRequiredRefusesWhatIsPlain) {
  World world(R"("encryption": "required")");
  ASSERT_EQ(world.client->negotiate({kDialect311}).status(), Status::success);
  world.client->credits_wanted = 64;
  const Response logon = world.client->log_on();
  ASSERT_EQ(logon.status(), Status::success);
  EXPECT_EQ(logon.body[2], 4U);  // SMB2_SESSION_FLAG_ENCRYPT_DATA
  world.client->seals = false;
  EXPECT_EQ(world.client->tree_connect("share0").status(), Status::access_denied);
  world.client->seals = true;
  EXPECT_EQ(world.client->tree_connect("share0").status(), Status::success);
  write_and_read(world);
}

TEST(Encryption, ThatIsRequiredRefusesWhoCannot) {
  for (const std::uint16_t dialect : {kDialect210, kDialect311}) {
    World world(R"("encryption": "required")");
    world.client->ciphers = {};
    ASSERT_EQ(world.client->negotiate({dialect}).status(), Status::success);
    EXPECT_EQ(world.client->log_on().status(), Status::access_denied);
  }
}

TEST(Encryption, CanBeRequiredOnOneShare) {
  TestNode node(false);
  std::string text = TestNode::serve_text();
  text.replace(text.find(R"("lun": 7)"), 8, R"("lun": 7, "encrypted": true)");
  ASSERT_EQ(node.order(ClusterMinor::serve, text), Status::success);
  TestClient client(node);
  client.ciphers = {2};
  ASSERT_EQ(client.negotiate({kDialect311}).status(), Status::success);
  client.credits_wanted = 64;
  ASSERT_EQ(client.log_on().status(), Status::success);
  const Response tree = client.tree_connect("share0");
  ASSERT_EQ(tree.status(), Status::success);
  EXPECT_EQ(tree.body[5], 0x80);  // SMB2_SHAREFLAG_ENCRYPT_DATA
  EXPECT_EQ(client.create("file").status(), Status::access_denied);
  client.seals = true;
  EXPECT_EQ(client.create("file").status(), Status::success);

  TestClient plain(node);
  ASSERT_EQ(plain.negotiate({kDialect210}).status(), Status::success);
  ASSERT_EQ(plain.log_on().status(), Status::success);
  EXPECT_EQ(plain.tree_connect("share0").status(), Status::access_denied);
}

TEST(Encryption, ThatWasTamperedWithEndsTheConnection) {
  const std::size_t size = auth::transform_header_size + kHeaderSize + 4;
  for (std::size_t at = 0; at < size; ++at) {
    World world;
    world.client->begin();
    Octets frame =
        world.client->sealed(world.client->message(Command::echo, TestClient::empty_body()));
    ASSERT_EQ(frame.size(), size);
    // GCM takes twelve bytes of the field as the nonce; the signature covers the others too.
    frame[at] ^= 1;
    world.client->send_as_it_is(frame);
    EXPECT_TRUE(world.client->closed) << at;
    EXPECT_FALSE(world.client->receive()) << at;
  }
}

TEST(Encryption, ThatWasCutEndsTheConnection) {
  for (std::size_t size = 4; size < auth::transform_header_size + kHeaderSize + 4; size += 3) {
    World world;
    world.client->begin();
    Octets frame =
        world.client->sealed(world.client->message(Command::echo, TestClient::empty_body()));
    frame.resize(size);
    world.client->send_as_it_is(frame);
    EXPECT_TRUE(world.client->closed) << size;
  }
}

TEST(Encryption, ThatIsPlayedAgainEndsTheConnection) {
  World world;
  world.client->begin();
  const Octets frame =
      world.client->sealed(world.client->message(Command::echo, TestClient::empty_body()));
  world.client->send_as_it_is(frame);
  EXPECT_EQ(world.client->receive()->status(), Status::success);
  world.client->send_as_it_is(frame);
  EXPECT_TRUE(world.client->closed);
}

TEST(Encryption, SpeaksForItsOwnSessionAlone) {
  World world;
  world.client->begin();
  const std::uint64_t own = world.client->session_id;
  world.client->session_id = own + 1;
  const Octets message = world.client->message(Command::echo, TestClient::empty_body());
  world.client->session_id = own;
  world.client->send(message);
  EXPECT_TRUE(world.client->closed);
}

TEST(Encryption, OfASessionThatTheConnectionHasNotEndsIt) {
  World world;
  world.client->begin();
  const std::uint64_t own = world.client->session_id;
  const Octets message = world.client->message(Command::echo, TestClient::empty_body());
  world.client->session_id = own + 1;
  world.client->send(message);
  EXPECT_TRUE(world.client->closed);
}

TEST(Encryption, BeforeNegotiateEndsTheConnection) {
  World world;
  Octets frame(auth::transform_header_size + kHeaderSize);
  constexpr std::array<std::uint8_t, 4> kSealed = {0xFD, 'S', 'M', 'B'};
  std::copy(kSealed.begin(), kSealed.end(), frame.begin());
  frame[36] = kHeaderSize;
  frame[42] = 1;
  world.client->send_as_it_is(frame);
  EXPECT_TRUE(world.client->closed);
}

TEST(Encryption, NeverUsesANonceTwice) {
  World world;
  world.client->begin();
  for (int i = 0; i < 50; ++i) world.client->ask(Command::echo, TestClient::empty_body());
  const std::set<Octets> different(world.client->nonces.begin(), world.client->nonces.end());
  EXPECT_GE(different.size(), 50U);
  EXPECT_EQ(different.size(), world.client->nonces.size());
}

}  // namespace
}  // namespace understudy::smb2
