// From the first byte to a tree: dialects, logon, signatures.
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

TEST(Negotiate, TakesTheHighestDialectThatTheClientOffers) {
  const std::vector<std::pair<std::vector<std::uint16_t>, std::uint16_t>> cases = {
      {{0x0202}, 0x0202},
      {{0x0202, 0x0210}, 0x0210},
      {{0x0300, 0x0210}, 0x0300},
      {{0x0202, 0x0302}, 0x0302},
      {{0x0202, 0x0210, 0x0300, 0x0302, 0x0311}, 0x0311},
      {{0x0222, 0x0210}, 0x0210}};
  for (const auto& [offered, expected] : cases) {
    TestNode node;
    TestClient client(node);
    EXPECT_EQ(client.negotiate(offered).status(), Status::success);
    EXPECT_EQ(client.dialect, expected);
  }
}

TEST(Negotiate, RefusesAClientWithoutADialectInCommon) {
  TestNode node;
  TestClient client(node);
  EXPECT_EQ(client.negotiate({0x0222}).status(), Status::not_supported);
  EXPECT_EQ(client.negotiate({}).status(), Status::invalid_parameter);
}

TEST(Negotiate, AllowsLargeTransfersFrom210On) {
  for (const auto& [dialect, expected] :
       {std::pair{0x0202, 65536U}, std::pair{0x0210, bounds::kMaxTransfer}}) {
    TestNode node;
    TestClient client(node);
    const Response response = client.negotiate({static_cast<std::uint16_t>(dialect)});
    WireReader reader(response.body);
    reader.seek(24);
    EXPECT_EQ(reader.u32(), dialect == 0x0202 ? 0U : kCapabilityLargeMtu | kCapabilityLeasing);
    EXPECT_EQ(reader.u32(), expected);
  }
}

TEST(Negotiate, EndsAConnectionThatNegotiatesTwice) {
  TestNode node;
  TestClient client(node);
  client.negotiate({kDialect302});
  client.negotiate({kDialect302});
  EXPECT_TRUE(client.closed);
}

TEST(Negotiate, EndsAConnectionThatBeginsWithSomethingElse) {
  TestNode node;
  TestClient client(node);
  client.ask(Command::echo, TestClient::empty_body());
  EXPECT_TRUE(client.closed);
}

Octets smb1_negotiate(std::initializer_list<std::string_view> dialects) {
  WireWriter frame;
  frame.u8(0xFF);
  frame.append(as_bytes("SMB"));
  frame.u8(0x72);
  frame.zeros(27);
  frame.u8(0);
  WireWriter names;
  for (const std::string_view name : dialects) {
    names.u8(2);
    names.append(as_bytes(name));
    names.u8(0);
  }
  frame.u16(static_cast<std::uint16_t>(names.size()));
  frame.append(names.bytes());
  return frame.release();
}

TEST(Negotiate, AnswersSmb1sOpeningWithTheWildcardAndGoesOn) {
  TestNode node;
  TestClient client(node);
  client.send(smb1_negotiate({"NT LM 0.12", "SMB 2.002", "SMB 2.???"}));
  const std::optional<Response> response = client.receive();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body[4] | response->body[5] << 8, kDialectWildcard);
  client.next_id = 1;
  client.begin(kDialect311);
  EXPECT_EQ(client.dialect, kDialect311);
}

TEST(Negotiate, AnswersSmb1sOpeningWith202IfThatIsAllTheClientKnows) {
  TestNode node;
  TestClient client(node);
  client.send(smb1_negotiate({"NT LM 0.12", "SMB 2.002"}));
  const std::optional<Response> response = client.receive();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body[4] | response->body[5] << 8, kDialect202);
}

TEST(Negotiate, EndsAConnectionThatSpeaksOnlySmb1) {
  TestNode node;
  TestClient client(node);
  client.send(smb1_negotiate({"NT LM 0.12"}));
  EXPECT_TRUE(client.closed);
}

TEST(Negotiate, Refuses311WithoutPreauthenticationIntegrity) {
  TestNode node;
  TestClient client(node);
  WireWriter body;
  body.u16(36);
  body.u16(1);
  body.zeros(32);
  body.u16(kDialect311);
  EXPECT_EQ(client.ask(Command::negotiate, body.bytes()).status(), Status::invalid_parameter);
}

TEST(Logon, WorksWithEveryDialectAndSigningAlgorithm) {
  for (const std::uint16_t dialect :
       {kDialect202, kDialect210, kDialect300, kDialect302, kDialect311}) {
    TestNode node;
    TestClient client(node);
    client.begin(dialect);
    EXPECT_EQ(client.ask(Command::echo, TestClient::empty_body()).status(), Status::success);
    EXPECT_EQ(client.bad_signatures, 0U);
  }
  for (std::uint16_t algorithm = 0; algorithm <= 2; ++algorithm) {
    TestNode node;
    TestClient client(node);
    client.negotiate({kDialect311}, {algorithm});
    ASSERT_EQ(client.log_on().status(), Status::success);
    EXPECT_EQ(client.tree_connect("share0").status(), Status::success);
    EXPECT_EQ(client.bad_signatures, 0U);
  }
}

TEST(Logon, FailsWithTheWrongPasswordOrName) {
  TestNode node;
  TestClient client(node);
  client.negotiate({kDialect311});
  client.password = "password";
  EXPECT_EQ(client.log_on().status(), Status::logon_failure);
  TestClient other(node);
  other.negotiate({kDialect311});
  other.user = "nobody";
  EXPECT_EQ(other.log_on().status(), Status::logon_failure);
  EXPECT_TRUE(node.netstack.sessions().empty());
}

TEST(Logon, EndsASilentConnectionAfterAWhile) {
  TestNode node;
  TestClient client(node);
  client.negotiate({kDialect311});
  node.loop.run_for(std::chrono::seconds(46));
  EXPECT_TRUE(client.closed);
}

TEST(Logon, LeavesALoggedOnClientInPeace) {
  TestNode node;
  TestClient client(node);
  client.begin();
  node.loop.run_for(std::chrono::hours(10));
  EXPECT_FALSE(client.closed);
}

TEST(Logon, ClosesWhatThePreviousSessionOfTheSameUserHadOpen) {
  TestNode node;
  TestClient before(node);
  before.begin();
  ASSERT_EQ(before.create("file").status(), Status::success);
  TestClient now(node);
  now.negotiate({kDialect311});
  ASSERT_EQ(now.log_on(before.session_id).status(), Status::success);
  EXPECT_TRUE(node.files.handles.empty());
  EXPECT_EQ(before.ask(Command::read, TestClient::read_body(before.file, 0, 1)).status(),
            Status::user_session_deleted);
}

TEST(Logon, LeavesThePreviousSessionOfAnotherUserAlone) {
  TestNode node;
  TestClient before(node);
  before.begin();
  ASSERT_EQ(before.create("file").status(), Status::success);
  TestClient now(node);
  now.user = "other";
  now.negotiate({kDialect311});
  ASSERT_EQ(now.log_on(before.session_id).status(), Status::success);
  EXPECT_EQ(node.files.handles.size(), 1U);
}

TEST(Signing, RefusesAnUnsignedRequest) {
  TestNode node;
  TestClient client(node);
  client.begin();
  client.signs = false;
  EXPECT_EQ(client.create("file").status(), Status::access_denied);
  EXPECT_TRUE(node.files.handles.empty());
}

TEST(Signing, RefusesARequestThatWasChangedOnItsWay) {
  for (const std::uint16_t dialect : {kDialect210, kDialect302, kDialect311}) {
    TestNode node;
    TestClient client(node);
    client.begin(dialect);
    Octets request = client.message(Command::create, TestClient::create_body("file"));
    request.back() ^= 1;
    client.send(request);
    const std::optional<Response> response = client.receive();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status(), Status::access_denied);
    EXPECT_TRUE(node.files.handles.empty());
  }
}

TEST(Signing, IsLeftToTheClientWhereTheServerDoesNotInsist) {
  TestNode node(false);
  ASSERT_EQ(node.order(ClusterMinor::serve, TestNode::serve_text(R"("signing_required": false)")),
            Status::success);
  TestClient client(node);
  client.begin(kDialect302);
  client.signs = false;
  const Response response = client.ask(Command::echo, TestClient::empty_body());
  EXPECT_EQ(response.status(), Status::success);
  EXPECT_FALSE(response.header.has(kFlagSigned));
}

TEST(ValidateNegotiate, ConfirmsWhatWasNegotiatedAndEndsTheConnectionOtherwise) {
  constexpr std::uint32_t kValidate = 0x00140204;
  for (const bool tampered : {false, true}) {
    TestNode node;
    TestClient client(node);
    client.begin(kDialect302);
    WireWriter input;
    input.u32(0x7F);
    for (int i = 0; i < 16; ++i) input.u8(0xC0);
    input.u16(1);
    input.u16(1);
    input.u16(tampered ? kDialect300 : kDialect302);
    const Response response =
        client.ask(Command::ioctl, TestClient::ioctl_body({}, kValidate, input.bytes(), 24));
    EXPECT_EQ(client.closed, tampered);
    if (tampered) continue;
    ASSERT_EQ(response.status(), Status::success);
    EXPECT_EQ(response.body[48 + 22] | response.body[48 + 23] << 8, kDialect302);
  }
}

TEST(Tree, IsFoundWithoutRegardToCaseAndOnlyIfItIsThere) {
  TestNode node;
  TestClient client(node);
  client.negotiate({kDialect302});
  ASSERT_EQ(client.log_on().status(), Status::success);
  EXPECT_EQ(client.tree_connect("SHARE0").status(), Status::success);
  EXPECT_EQ(client.tree_connect("share1").status(), Status::bad_network_name);
  const Response pipe = client.tree_connect("ipc$");
  EXPECT_EQ(pipe.status(), Status::success);
  EXPECT_EQ(pipe.body[2], 2);
}

TEST(Tree, WantsASessionAndATree) {
  TestNode node;
  TestClient client(node);
  client.begin();
  client.tree_id += 1;
  EXPECT_EQ(client.create("file").status(), Status::network_name_deleted);
  client.signs = false;
  client.session_id += 1;
  EXPECT_EQ(client.create("file").status(), Status::user_session_deleted);
}

TEST(Logoff, ClosesEverythingOfTheSession) {
  TestNode node;
  TestClient client(node);
  client.begin();
  ASSERT_EQ(client.create("one").status(), Status::success);
  ASSERT_EQ(client.create("two").status(), Status::success);
  EXPECT_EQ(client.ask(Command::logoff, TestClient::empty_body()).status(), Status::success);
  EXPECT_TRUE(node.files.handles.empty());
  EXPECT_EQ(client.create("three").status(), Status::user_session_deleted);
}

TEST(Logoff, OfATreeClosesItsOpens) {
  TestNode node;
  TestClient client(node);
  client.begin();
  ASSERT_EQ(client.create("one").status(), Status::success);
  EXPECT_EQ(client.ask(Command::tree_disconnect, TestClient::empty_body()).status(),
            Status::success);
  EXPECT_TRUE(node.files.handles.empty());
  EXPECT_EQ(client.create("three").status(), Status::network_name_deleted);
}

}  // namespace
}  // namespace understudy::smb2
