// Requests that are answered later: interim responses, CANCEL, CHANGE_NOTIFY.
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

struct World {
  TestNode node;
  TestClient client{node};
  World() {
    client.begin();
    EXPECT_EQ(client.create("dir", 3, 1).status(), Status::success);
  }
  /// Sends CHANGE_NOTIFY and gives the interim response.
  Response watch(std::uint32_t room = 4096) {
    return client.ask(Command::change_notify, TestClient::notify_body(client.file, room));
  }
  Response next() { return client.receive().value_or(Response{}); }
  bool is_final(const Response& response, const Response& interim) {
    return response.header.message_id == interim.header.message_id &&
           response.header.tree_id == interim.header.tree_id &&
           response.header.reserved == interim.header.reserved && response.header.has(kFlagAsync) &&
           response.header.has(kFlagSigned) && response.header.credits == 0 &&
           client.bad_signatures == 0;
  }
};

TEST(Pended, RequestsAreAnsweredTwice) {
  World world;
  const Response interim = world.watch();
  EXPECT_EQ(interim.status(), Status::pending);
  EXPECT_TRUE(interim.header.has(kFlagAsync));
  EXPECT_NE(interim.header.reserved, 0U);
  EXPECT_GT(interim.header.credits, 0U);
  EXPECT_FALSE(world.client.receive().has_value());
  world.node.files.change("new");
  const Response final = world.next();
  EXPECT_EQ(final.status(), Status::success);
  EXPECT_TRUE(world.is_final(final, interim));
  EXPECT_EQ(TestClient::text(final, 8 + 12), std::string("n\0e\0w\0", 6));
}

TEST(Pended, WhatHasHappenedAlreadyIsAnsweredOnce) {
  World world;
  world.node.files.changes = {"one", "two"};
  const Response response = world.watch();
  EXPECT_EQ(response.status(), Status::success);
  EXPECT_FALSE(response.header.has(kFlagAsync));
  world.node.files.changes = {"long enough"};
  EXPECT_EQ(world.watch(16).status(), Status::notify_enum_dir);
}

TEST(Pended, CancelByEitherIdCompletesTheRequest) {
  World world;
  for (const bool by_message_id : {false, true}) {
    Response interim = world.watch();
    Response named = interim;
    if (by_message_id) named.header.flags = 0;
    world.client.cancel(named);
    const Response final = world.next();
    EXPECT_EQ(final.status(), Status::cancelled);
    EXPECT_TRUE(world.is_final(final, interim));
    world.client.cancel(named);  // of what is gone: no answer, no harm
    EXPECT_FALSE(world.client.receive().has_value());
  }
}

TEST(Pended, CancelOfARequestThatIsNotPendedYetIsNotLost) {
  World world;
  world.node.files.gate.reset();  // the first IRP, which does not wait, is on its way
  Response asked;
  asked.header.message_id = world.client.next_id;
  world.client.send(
      world.client.message(Command::change_notify, TestClient::notify_body(world.client.file)));
  world.client.cancel(asked);
  EXPECT_FALSE(world.client.receive().has_value());
  world.node.files.gate.set();
  const Response interim = world.next();
  EXPECT_EQ(interim.status(), Status::pending);
  const Response final = world.next();
  EXPECT_EQ(final.status(), Status::cancelled);
  EXPECT_TRUE(world.is_final(final, interim));
}

TEST(Pended, CancelThatIsRepeatedAsksFsCacheOnce) {
  World world;
  const Response interim = world.watch();
  const std::uint64_t next = world.client.next_id;
  Octets frame;  // three in one, so that none has been heard of when the next is read
  for (const std::size_t to_next : {72, 72, 0}) {
    world.client.next_id = interim.header.message_id;
    const Octets one = world.client.message(Command::cancel, TestClient::empty_body(), to_next);
    frame.insert(frame.end(), one.begin(), one.end());
  }
  world.client.next_id = next;
  world.client.send(frame);
  EXPECT_EQ(world.next().status(), Status::cancelled);
  EXPECT_EQ(world.node.files.cancels, 1);
}

TEST(Pended, CancelThatIsNotSignedDoesNothing) {
  World world;
  const Response interim = world.watch();
  world.client.signs = false;
  world.client.cancel(interim);
  world.client.signs = true;
  EXPECT_FALSE(world.client.receive().has_value());
  EXPECT_EQ(world.node.files.pended.size(), 1U);
}

TEST(Pended, RequestsEndWithTheirHandle) {
  World world;
  const Response interim = world.watch();
  const Response closed =
      world.client.ask(Command::close, TestClient::close_body(world.client.file));
  const Response other = world.next();
  const Response& final = closed.header.has(kFlagAsync) ? closed : other;
  EXPECT_EQ(final.status(), Status::notify_cleanup);
  EXPECT_TRUE(world.is_final(final, interim));
}

TEST(Pended, RequestsEndWithTheConnection) {
  World world;
  static_cast<void>(world.watch());
  EXPECT_EQ(world.node.files.pended.size(), 1U);
  world.client.hang_up();
  EXPECT_TRUE(world.node.files.pended.empty());
  EXPECT_TRUE(world.node.files.handles.empty());
  EXPECT_EQ(world.node.ping().operations, 0U);
}

TEST(Pended, RequestsHoldNoMemory) {
  World world;
  const std::uint64_t before = world.node.ping().bytes;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(world.watch(65536).status(), Status::pending);
  EXPECT_EQ(world.node.ping().bytes, before);
  world.node.files.change("new");
  EXPECT_EQ(world.next().status(), Status::success);
}

TEST(Pended, RequestsOfAConnectionHaveABound) {
  World world;
  world.client.credits_wanted = 2;
  for (std::uint32_t i = 0; i < bounds::kMaxPendedPerConnection; ++i)
    ASSERT_EQ(world.watch().status(), Status::pending);
  EXPECT_EQ(world.watch().status(), Status::insufficient_resources);
  EXPECT_EQ(world.client.create("file").status(), Status::success);  // other requests go on
}

TEST(Pended, TheLastOfACompoundIsToldWithTheRepliesBeforeIt) {
  World world;
  world.client.send(world.client.compound({{Command::create, TestClient::create_body("dir", 3, 1)},
                                           {Command::change_notify, TestClient::notify_body({})}},
                                          kFlagRelated));
  EXPECT_EQ(world.next().status(), Status::success);
  const Response interim = world.next();
  EXPECT_EQ(interim.status(), Status::pending);
  world.node.files.change("new");
  EXPECT_TRUE(world.is_final(world.next(), interim));
}

TEST(Pended, AnotherThanTheLastOfACompoundMayNotWait) {
  World world;
  world.client.send(
      world.client.compound({{Command::change_notify, TestClient::notify_body(world.client.file)},
                             {Command::echo, TestClient::empty_body()}},
                            0));
  EXPECT_EQ(world.next().status(), Status::internal_error);
  EXPECT_EQ(world.next().status(), Status::success);
}

}  // namespace
}  // namespace understudy::smb2
