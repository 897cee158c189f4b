// Sessions on one connection and on several: MS-SMB2 sections 3.3.5.5, 3.3.5.5.2, 3.3.5.5.3.
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

struct World {
  TestNode node;
  TestClient first{node};
  TestClient second{node};
  World() {
    first.begin();
    negotiate(kDialect311);
  }
  void negotiate(std::uint16_t dialect, const std::vector<std::uint16_t>& signing = {2, 1}) {
    ASSERT_EQ(second.negotiate({dialect}, signing).status(), Status::success);
    second.credits_wanted = 64;
  }
};

TEST(Sessions, ThatAreBeingMadeHaveABound) {
  TestNode node;
  TestClient client(node);
  ASSERT_EQ(client.negotiate({kDialect311}).status(), Status::success);
  auth::TestClient ntlm;
  const Octets body = TestClient::setup_body(ntlm.wrap_first(ntlm.negotiate()), 0);
  for (std::uint32_t i = 0; i < bounds::kMaxLogonsAtOnce; ++i) {
    EXPECT_EQ(client.ask(Command::session_setup, body).status(), Status::more_processing_required);
  }
  EXPECT_EQ(client.ask(Command::session_setup, body).status(), Status::insufficient_resources);
}

TEST(Channels, OfOneSessionShareItsTreesAndFiles) {
  World world;
  ASSERT_EQ(world.second.bind_to(world.first).status(), Status::success);
  ASSERT_EQ(world.first.create("file").status(), Status::success);
  EXPECT_EQ(
      world.second.ask(Command::write, TestClient::write_body(world.first.file, 0, "hi")).status(),
      Status::success);
  EXPECT_EQ(TestClient::text(
                world.first.ask(Command::read, TestClient::read_body(world.first.file, 0, 9))),
            "hi");
  EXPECT_EQ(world.first.bad_signatures, 0U);
  EXPECT_EQ(world.second.bad_signatures, 0U);
}

TEST(Channels, SignWithKeysOfTheirOwn) {
  World world;
  ASSERT_EQ(world.second.bind_to(world.first).status(), Status::success);
  world.second.take_key_of(world.first);
  EXPECT_EQ(world.second.ask(Command::echo, TestClient::empty_body()).status(),
            Status::access_denied);
}

TEST(Channels, EncryptWithTheKeysOfTheSession) {
  TestNode node;
  TestClient first(node);
  TestClient second(node);
  for (TestClient* client : {&first, &second}) client->ciphers = {2};
  first.seals = true;
  first.begin();
  ASSERT_EQ(second.negotiate({kDialect311}).status(), Status::success);
  ASSERT_EQ(second.bind_to(first).status(), Status::success);
  second.share_sealer_of(first);
  second.seals = true;
  EXPECT_TRUE(second.ask(Command::echo, TestClient::empty_body()).sealed);
}

TEST(Channels, LeaveTheSessionToThoseThatRemain) {
  World world;
  ASSERT_EQ(world.second.bind_to(world.first).status(), Status::success);
  ASSERT_EQ(world.first.create("file").status(), Status::success);
  world.first.hang_up();
  EXPECT_EQ(world.node.files.handles.size(), 1U);
  EXPECT_EQ(world.second.ask(Command::close, TestClient::close_body(world.first.file)).status(),
            Status::success);
  world.second.hang_up();
  EXPECT_TRUE(world.node.netstack.sessions().empty());
}

TEST(Channels, AllEndWithTheSession) {
  World world;
  ASSERT_EQ(world.second.bind_to(world.first).status(), Status::success);
  ASSERT_EQ(world.first.create("file").status(), Status::success);
  EXPECT_EQ(world.second.ask(Command::logoff, TestClient::empty_body()).status(), Status::success);
  EXPECT_EQ(world.first.create("other").status(), Status::user_session_deleted);
  EXPECT_TRUE(world.node.files.handles.empty());
}

struct Agreed {
  std::uint16_t dialect;
  std::uint16_t signing = 1;  // 0 HMAC-SHA256, 1 AES-CMAC, 2 AES-GMAC; of 3.1.1
};

void expect_binding(Agreed session, Agreed channel, Status expected) {
  TestNode node;
  TestClient first(node);
  ASSERT_EQ(first.negotiate({session.dialect}, {session.signing}).status(), Status::success);
  ASSERT_EQ(first.log_on().status(), Status::success);
  TestClient second(node);
  ASSERT_EQ(second.negotiate({channel.dialect}, {channel.signing}).status(), Status::success);
  const Response response = second.bind_to(first);
  EXPECT_EQ(response.status(), expected) << session.dialect << ' ' << channel.dialect;
  EXPECT_TRUE(response.header.has(kFlagSigned));
  EXPECT_EQ(second.bad_signatures, 0U) << "a refusal is signed with the session's key";
}

TEST(Channels, AreNotMadeWithAnotherDialect) {
  expect_binding({kDialect311}, {kDialect302}, Status::invalid_parameter);
  expect_binding({kDialect210}, {kDialect302}, Status::invalid_parameter);
  expect_binding({kDialect302}, {kDialect210}, Status::request_not_accepted);
  expect_binding({kDialect202}, {kDialect202}, Status::request_not_accepted);
}

TEST(Channels, MayHaveAnotherSigningAlgorithmButGmacOnlyWithItself) {
  expect_binding({kDialect311, 1}, {kDialect311, 0}, Status::success);
  expect_binding({kDialect311, 0}, {kDialect311, 1}, Status::success);
  expect_binding({kDialect311, 2}, {kDialect311, 2}, Status::success);
  expect_binding({kDialect311, 2}, {kDialect311, 1}, Status::request_out_of_sequence);
  expect_binding({kDialect311, 2}, {kDialect210}, Status::request_out_of_sequence);
  expect_binding({kDialect311, 1}, {kDialect311, 2}, Status::not_supported);
  expect_binding({kDialect300}, {kDialect311, 2}, Status::not_supported);
}

TEST(Channels, AreNotMadeWithoutTheKeyOfTheSession) {
  World world;
  world.second.signs = false;
  EXPECT_EQ(world.second.bind_to(world.first).status(), Status::invalid_parameter);
  TestClient stranger(world.node);
  stranger.user = "other";
  stranger.begin();
  const std::uint64_t session = world.first.session_id;
  TestClient third(world.node);
  ASSERT_EQ(third.negotiate({kDialect311}).status(), Status::success);
  stranger.session_id = session;
  EXPECT_EQ(third.bind_to(stranger).status(), Status::access_denied);
}

TEST(Channels, AreNotMadeForAnotherUser) {
  World world;
  world.second.user = "other";
  EXPECT_EQ(world.second.bind_to(world.first).status(), Status::access_denied);
  EXPECT_EQ(world.second.bad_signatures, 0U);
  EXPECT_EQ(world.first.create("file").status(), Status::success);
  EXPECT_EQ(world.second.ask(Command::logoff, TestClient::empty_body()).status(),
            Status::user_session_deleted);
}

TEST(Channels, AreNotMadeTwiceOrOfWhatIsNone) {
  World world;
  EXPECT_EQ(world.first.bind_to(world.first).status(), Status::request_not_accepted);
  world.first.session_id ^= 1;
  EXPECT_EQ(world.second.bind_to(world.first).status(), Status::user_session_deleted);
}

TEST(Channels, AreBoundedInNumber) {
  World world;
  std::vector<std::unique_ptr<TestClient>> more;
  for (std::size_t i = 1; i < bounds::kMaxChannelsPerSession; ++i) {
    more.push_back(std::make_unique<TestClient>(world.node));
    ASSERT_EQ(more.back()->negotiate({kDialect311}).status(), Status::success);
    ASSERT_EQ(more.back()->bind_to(world.first).status(), Status::success);
  }
  EXPECT_EQ(world.second.bind_to(world.first).status(), Status::insufficient_resources);
  EXPECT_EQ(world.second.bad_signatures, 0U) << "a refusal is signed with the session's key";
}

TEST(Sessions, KeepTheirKeysWhenTheUserProvesItselfOnceMore) {
  World world;
  ASSERT_EQ(world.first.create("file").status(), Status::success);
  ASSERT_EQ(world.first.log_on_again().status(), Status::success);
  EXPECT_EQ(world.first.ask(Command::close, TestClient::close_body(world.first.file)).status(),
            Status::success);
  EXPECT_EQ(world.first.bad_signatures, 0U);
}

TEST(Sessions, EndWhenTheUserCannotProveItselfOnceMore) {
  World world;
  ASSERT_EQ(world.first.create("file").status(), Status::success);
  world.first.password = "wrong";
  EXPECT_EQ(world.first.log_on_again().status(), Status::logon_failure);
  EXPECT_EQ(world.first.create("other").status(), Status::user_session_deleted);
  EXPECT_TRUE(world.node.files.handles.empty());
}

TEST(Sessions, ThatBecomeNobodysLookAtWhatTheyHadOpenAndDoNothingElse) {
  World world;
  TestClient& client = world.first;
  ASSERT_EQ(client.create("file").status(), Status::success);
  client.anonymous = true;
  const Response response = client.log_on_again();
  ASSERT_EQ(response.status(), Status::success);
  EXPECT_EQ(response.body[2], 2) << "SMB2_SESSION_FLAG_IS_NULL";
  EXPECT_EQ(client.ask(Command::read, TestClient::read_body(client.file, 0, 1)).status(),
            Status::access_denied);
  EXPECT_EQ(client.ask(Command::write, TestClient::write_body(client.file, 0, "x")).status(),
            Status::access_denied);
  EXPECT_EQ(client.ask(Command::ioctl, TestClient::ioctl_body({}, 0x001401FC, {}, 4096)).status(),
            Status::access_denied);
  EXPECT_EQ(client.create("file").status(), Status::access_denied);
  for (const std::string_view share : {"share0", "ipc$"})
    EXPECT_EQ(client.tree_connect(share).status(), Status::access_denied);
  EXPECT_EQ(world.second.bind_to(client).status(), Status::not_supported);

  client.anonymous = false;
  ASSERT_EQ(client.log_on_again().status(), Status::success);
  EXPECT_EQ(client.ask(Command::write, TestClient::write_body(client.file, 0, "x")).status(),
            Status::success);
  client.anonymous = true;
  ASSERT_EQ(client.log_on_again().status(), Status::success);
  EXPECT_EQ(client.ask(Command::close, TestClient::close_body(client.file)).status(),
            Status::success);
  EXPECT_EQ(client.bad_signatures, 0U);
}

TEST(Sessions, AreNotBegunAndNotBoundByNobody) {
  World world;
  world.second.anonymous = true;
  EXPECT_EQ(world.second.bind_to(world.first).status(), Status::logon_failure);
  TestClient other(world.node);
  other.anonymous = true;
  ASSERT_EQ(other.negotiate({kDialect311}).status(), Status::success);
  EXPECT_EQ(other.log_on().status(), Status::logon_failure);
}

TEST(Sessions, TellWhereMoreChannelsAreFound) {
  World world;
  const Response response =
      world.first.ask(Command::ioctl, TestClient::ioctl_body({}, 0x001401FC, {}, 4096));
  ASSERT_EQ(response.status(), Status::success);
  WireReader reader(ConstBytes(response.body).subspan(48 + 24));
  EXPECT_EQ(reader.u16(), 2U);  // InterNetwork
  reader.skip(2);
  EXPECT_EQ(reader.u32(), 0x0100000AU);  // 10.0.0.1
}

}  // namespace
}  // namespace understudy::smb2
