// Durable and persistent handles on the wire: who gets one, who gets it back, replays, channel
// sequences.
#include "netstack/smb2/oplock.h"
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kPersistent = 2;
using Contexts = std::vector<std::pair<std::string_view, Octets>>;

struct World {
  TestNode node;
  std::unique_ptr<TestClient> client;
  explicit World(std::uint16_t dialect = kDialect311, std::string_view user = "user") {
    node.files.grants = true;
    connect(dialect, user);
  }
  void connect(std::uint16_t dialect = kDialect311, std::string_view user = "user") {
    client = std::make_unique<TestClient>(node);
    client->user = user;
    client->begin(dialect);
  }
  /// The client loses its connection and makes another one.
  void reconnect(std::string_view user = "user") {
    client->hang_up();
    connect(kDialect311, user);
  }
  Response create(const Contexts& contexts, std::uint8_t level = kLevelBatch,
                  std::string_view path = "file") {
    Octets body = TestClient::create_body(path);
    body[3] = level;
    Response response =
        client->ask(Command::create, TestClient::with_contexts(std::move(body), contexts));
    if (response.status() == Status::success) client->file = TestClient::file_id(response);
    return response;
  }
  static bool answered(const Response& response, std::string_view name) {
    const std::string text = TestClient::text(response, 88);
    return text.find(name) != std::string::npos;
  }
  Response replay(const Contexts& contexts, std::uint8_t level = kLevelBatch) {
    client->flags = kFlagReplay;
    Response response = create(contexts, level);
    client->flags = 0;
    return response;
  }
};

const Octets kV1(16);

TEST(Durable, HandlesAreGrantedWithABatchOplockOnly) {
  World world;
  EXPECT_TRUE(World::answered(world.create({{"DHnQ", kV1}}), "DHnQ"));
  EXPECT_FALSE(World::answered(world.create({{"DHnQ", kV1}}, kLevelII), "DHnQ"));
  EXPECT_TRUE(World::answered(world.create({{"DH2Q", TestClient::durable_v2()}}), "DH2Q"));
  EXPECT_FALSE(
      World::answered(world.create({{"DH2Q", TestClient::durable_v2(0, 1)}}, kLevelII), "DH2Q"));
}

TEST(Durable, HandlesOfVersion2AreOfSmb3) {
  World world(kDialect210);
  EXPECT_FALSE(World::answered(world.create({{"DH2Q", TestClient::durable_v2()}}), "DH2Q"));
  EXPECT_TRUE(World::answered(world.create({{"DHnQ", kV1}}), "DHnQ"));
}

TEST(Durable, ContextsThatContradictEachOtherOrAreMalformedAreRefused) {
  World world;
  const Octets v2 = TestClient::durable_v2();
  const Octets back = TestClient::reconnect({1, 1});
  const Octets back_v2 = TestClient::reconnect_v2({1, 1});
  for (const Contexts& contexts :
       {Contexts{{"DHnQ", kV1}, {"DH2Q", v2}}, Contexts{{"DHnQ", kV1}, {"DH2C", back_v2}},
        Contexts{{"DHnC", back}, {"DH2Q", v2}}, Contexts{{"DHnC", back}, {"DH2C", back_v2}},
        Contexts{{"DH2Q", v2}, {"DH2C", back_v2}}, Contexts{{"DHnQ", Octets(15)}},
        Contexts{{"DHnC", Octets(8)}}, Contexts{{"DH2Q", Octets(31)}},
        Contexts{{"DH2C", Octets(35)}}, Contexts{{TestClient::kAppInstance, Octets(20)}}}) {
    EXPECT_EQ(world.create(contexts).status(), Status::invalid_parameter);
  }
  EXPECT_TRUE(world.node.files.handles.empty());
}

TEST(Durable, HandlesAreGivenBackOverANewConnection) {
  World world;
  ASSERT_EQ(world.create({{"DHnQ", kV1}}).status(), Status::success);
  const FileId id = world.client->file;
  EXPECT_EQ(world.client->ask(Command::write, TestClient::write_body(id, 0, "hi")).status(),
            Status::success);
  world.reconnect();
  // As the Linux kernel does it: with contexts that mean nothing here.
  const Response back =
      world.create({{"DHnC", TestClient::reconnect(id)}, {"QFid", {}}, {"MxAc", {}}}, kLevelBatch);
  ASSERT_EQ(back.status(), Status::success);
  EXPECT_EQ(back.body[2], kLevelBatch);
  EXPECT_FALSE(World::answered(back, "DHnQ"));
  EXPECT_EQ(world.client->file.persistent, id.persistent);
  EXPECT_EQ(TestClient::text(
                world.client->ask(Command::read, TestClient::read_body(world.client->file, 0, 9))),
            "hi");
}

TEST(Durable, HandlesAreGivenBackToWhoAsksForNoRightsAtAll) {
  World world;
  ASSERT_EQ(world.create({{"DHnQ", kV1}}).status(), Status::success);
  const FileId id = world.client->file;
  world.reconnect();
  const Octets body = TestClient::with_contexts(TestClient::create_body("file", 0, 0, 0),
                                                {{"DHnC", TestClient::reconnect(id)}});
  const Response back = world.client->ask(Command::create, body);
  ASSERT_EQ(back.status(), Status::success);
  EXPECT_EQ(
      world.client->ask(Command::write, TestClient::write_body(TestClient::file_id(back), 0, "hi"))
          .status(),
      Status::success);
}

TEST(Durable, HandlesAreGivenBackToTheirOwnerAlone) {
  World world;
  ASSERT_EQ(world.create({{"DH2Q", TestClient::durable_v2()}}).status(), Status::success);
  const FileId id = world.client->file;
  EXPECT_EQ(world.create({{"DH2C", TestClient::reconnect_v2(id)}}).status(),
            Status::object_name_not_found);  // nobody has left it
  world.reconnect("other");
  EXPECT_EQ(world.create({{"DH2C", TestClient::reconnect_v2(id)}}).status(), Status::access_denied);
  world.reconnect();
  EXPECT_EQ(world.create({{"DH2C", TestClient::reconnect_v2(id, 0, 1)}}).status(),
            Status::object_name_not_found);
  EXPECT_EQ(world.create({{"DH2C", TestClient::reconnect_v2(id)}}).status(), Status::success);
}

TEST(Durable, HandlesSurviveLogoffAndANewSessionButNotTreeDisconnect) {
  for (const Command end : {Command::logoff, Command::tree_disconnect}) {
    World world;
    ASSERT_EQ(world.create({{"DHnQ", kV1}}).status(), Status::success);
    const FileId id = world.client->file;
    EXPECT_EQ(world.client->ask(end, TestClient::empty_body()).status(), Status::success);
    world.reconnect();
    EXPECT_EQ(world.create({{"DHnC", TestClient::reconnect(id)}}).status(),
              end == Command::logoff ? Status::success : Status::object_name_not_found);
  }
  World world;
  ASSERT_EQ(world.create({{"DHnQ", kV1}}).status(), Status::success);
  const FileId id = world.client->file;
  TestClient again(world.node);
  ASSERT_EQ(again.negotiate({kDialect311}).status(), Status::success);
  again.credits_wanted = 64;
  ASSERT_EQ(again.log_on(world.client->session_id).status(), Status::success);
  ASSERT_EQ(again.tree_connect("share0").status(), Status::success);
  EXPECT_EQ(
      again
          .ask(Command::create, TestClient::with_contexts(TestClient::create_body("file"),
                                                          {{"DHnC", TestClient::reconnect(id)}}))
          .status(),
      Status::success);
}

TEST(Durable, HandlesAreNotLeftBeforeWhatRunsWithThemHasEnded) {
  World world;
  ASSERT_EQ(world.create({{"DHnQ", kV1}}).status(), Status::success);
  const FileId id = world.client->file;
  world.node.files.gate.reset();
  world.client->send(world.client->message(Command::write, TestClient::write_body(id, 0, "late")));
  TestClient again(world.node);
  ASSERT_EQ(again.negotiate({kDialect311}).status(), Status::success);
  again.credits_wanted = 64;
  EXPECT_TRUE(again.log_on(world.client->session_id).body.empty());  // no answer yet
  EXPECT_FALSE(world.node.files.handles.at(id.persistent).disconnected);
  world.node.files.gate.set();
  EXPECT_FALSE(again.receive().value_or(Response{}).body.empty());
  EXPECT_TRUE(world.node.files.handles.at(id.persistent).disconnected);
}

TEST(Durable, LocksThatAreSentAgainAfterAReconnectAreNotTakenAgain) {
  World world;
  ASSERT_EQ(world.create({{"DH2Q", TestClient::durable_v2()}}).status(), Status::success);
  const FileId id = world.client->file;
  const std::vector<TestRequests::LockElement> range = {{1, 1, 0x12}};
  const std::uint32_t sequence = 64 << 4 | 9;
  EXPECT_EQ(world.client->ask(Command::lock, TestClient::lock_body(id, range, sequence)).status(),
            Status::success);
  world.reconnect();
  ASSERT_EQ(world.create({{"DH2C", TestClient::reconnect_v2(id)}}).status(), Status::success);
  const FileId now = world.client->file;
  EXPECT_EQ(world.client->ask(Command::lock, TestClient::lock_body(now, range, sequence)).status(),
            Status::success);
  EXPECT_EQ(
      world.client->ask(Command::lock, TestClient::lock_body(now, range, sequence + 1)).status(),
      Status::lock_not_granted);
}

TEST(Persistent, HandlesNeedNoOplockAndAreFoundByTheirGuid) {
  World world;
  const Response made = world.create({{"DH2Q", TestClient::durable_v2(kPersistent)}}, kLevelNone);
  ASSERT_TRUE(World::answered(made, "DH2Q"));
  EXPECT_EQ(made.body.back(), 0);
  EXPECT_EQ(made.body.at(made.body.size() - 4), kPersistent);
  world.reconnect();
  EXPECT_EQ(
      world.create({{"DH2C", TestClient::reconnect_v2({99, 1}, kPersistent)}}, kLevelNone).status(),
      Status::success);
}

/// The Linux kernel's client flushes and closes before it has its handle back.
TEST(Durable, HandlesThatAreNotTakenBackYetAreFlushedAndClosedForTheirClient) {
  World world;
  world.create({{"DH2Q", TestClient::durable_v2()}});
  const FileId file = world.client->file;
  const auto flush = [&world](FileId id) {
    return world.client->ask(Command::flush, TestClient::flush_body(id)).status();
  };
  world.reconnect();
  EXPECT_EQ(flush(file), Status::success);
  EXPECT_EQ(flush({file.persistent + 1, file.of_session}), Status::file_closed);
  EXPECT_EQ(flush({0, file.of_session}), Status::file_closed);
  EXPECT_EQ(world.client->ask(Command::write, TestClient::write_body(file, 0, "hi")).status(),
            Status::file_closed);
  world.client->hang_up();
  world.client = std::make_unique<TestClient>(world.node);
  world.client->guid = 0xC1;
  world.client->begin(kDialect311);
  const auto close = [&] {
    return world.client->ask(Command::close, TestClient::close_body(file)).status();
  };
  EXPECT_EQ(flush(file), Status::file_closed) << "it is another client's";
  EXPECT_EQ(close(), Status::file_closed);
  world.reconnect();
  EXPECT_EQ(close(), Status::success);
  EXPECT_TRUE(world.node.files.handles.empty());
  EXPECT_EQ(close(), Status::file_closed);
}

TEST(Persistent, HandlesAreOfSharesThatAreContinuouslyAvailable) {
  World world;
  std::string text = TestNode::serve_text();
  text.replace(text.find("\"lun\": 7"), 8, "\"lun\": 7, \"continuously_available\": false");
  ASSERT_EQ(world.node.order(ClusterMinor::serve, text), Status::success);
  const Response tree = world.client->tree_connect("share0");
  EXPECT_EQ(tree.body[8], 0);
  EXPECT_FALSE(World::answered(
      world.create({{"DH2Q", TestClient::durable_v2(kPersistent)}}, kLevelNone), "DH2Q"));
  const Response durable = world.create({{"DH2Q", TestClient::durable_v2(kPersistent, 1)}});
  EXPECT_TRUE(World::answered(durable, "DH2Q"));
  EXPECT_EQ(durable.body.at(durable.body.size() - 4), 0);
}

TEST(Replay, OfACreateGivesTheSameOpen) {
  World world;
  const Contexts contexts = {{"DH2Q", TestClient::durable_v2()}};
  const Response first = world.create(contexts);
  const Response again = world.replay(contexts);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(world.node.files.handles.size(), 1U);
  EXPECT_EQ(world.create(contexts).status(), Status::duplicate_objectid);
  // With less of an oplock the answer says less, and the open has what it had.
  const Response less = world.replay(contexts, kLevelNone);
  EXPECT_EQ(less.body[2], kLevelNone);
  EXPECT_FALSE(World::answered(less, "DH2Q"));
  EXPECT_EQ(world.replay(contexts).body, first.body);
}

TEST(Replay, OfACreateThatStillWaitsIsRefused) {
  World world;
  world.node.files.breaks_first = true;
  const Contexts contexts = {{"DH2Q", TestClient::durable_v2()}};
  EXPECT_EQ(world.create(contexts).status(), Status::pending);
  EXPECT_EQ(world.replay(contexts).status(), Status::file_not_available);
  EXPECT_EQ(world.create(contexts).status(), Status::duplicate_objectid);
  world.node.files.complete_pended([](const Irp&) { return true; }, Status::success);
  EXPECT_EQ(world.client->receive().value_or(Response{}).status(), Status::success);
  EXPECT_EQ(world.replay(contexts).status(), Status::success);
}

TEST(Replay, OverAnotherChannelFindsTheCreateThatWaitedWhenItsOwnWasLost) {
  World world;
  TestClient second(world.node);
  ASSERT_EQ(second.negotiate({kDialect311}).status(), Status::success);
  second.credits_wanted = 64;
  ASSERT_EQ(second.bind_to(*world.client).status(), Status::success);
  world.node.files.breaks_first = true;
  const Contexts contexts = {{"DH2Q", TestClient::durable_v2()}};
  ASSERT_EQ(world.create(contexts).status(), Status::pending);
  world.client->hang_up();
  const auto replay = [&] {
    Octets body = TestClient::create_body("file");
    body[3] = kLevelBatch;
    second.flags = kFlagReplay;
    return second.ask(Command::create, TestClient::with_contexts(std::move(body), contexts));
  };
  EXPECT_EQ(replay().status(), Status::file_not_available);
  world.node.files.complete_pended([](const Irp&) { return true; }, Status::success);
  world.node.loop.run_ready();
  EXPECT_EQ(replay().status(), Status::success);
  EXPECT_EQ(world.node.files.handles.size(), 1U);
}

TEST(Replay, OfACreateThatWaitsEndsWithTheLastChannel) {
  World world;
  TestClient second(world.node);
  ASSERT_EQ(second.negotiate({kDialect311}).status(), Status::success);
  second.credits_wanted = 64;
  ASSERT_EQ(second.bind_to(*world.client).status(), Status::success);
  world.node.files.breaks_first = true;
  ASSERT_EQ(world.create({{"DH2Q", TestClient::durable_v2()}}).status(), Status::pending);
  world.client->hang_up();
  EXPECT_EQ(world.node.netstack.sessions().size(), 1U);
  second.hang_up();
  EXPECT_TRUE(world.node.netstack.sessions().empty());
  EXPECT_TRUE(world.node.files.handles.empty());
}

TEST(Replay, WithAnOlderChannelSequenceChangesNothing) {
  World world;
  ASSERT_EQ(world.create({}).status(), Status::success);
  const FileId id = world.client->file;
  const auto write = [&](std::uint16_t sequence) {
    world.client->channel_sequence = sequence;
    return world.client->ask(Command::write, TestClient::write_body(id, 0, "x")).status();
  };
  EXPECT_EQ(write(2), Status::success);
  EXPECT_EQ(write(1), Status::file_not_available);
  EXPECT_EQ(world.client->ask(Command::read, TestClient::read_body(id, 0, 1)).status(),
            Status::success);
  EXPECT_EQ(write(2), Status::success);
}

TEST(ApplicationInstance, ThatHasMovedToAnotherClientTakesItsFileAlong) {
  World world;
  const Contexts contexts = {{"DH2Q", TestClient::durable_v2()},
                             {TestClient::kAppInstance, TestClient::app_instance()}};
  ASSERT_EQ(world.create(contexts).status(), Status::success);
  TestClient other(world.node);
  other.guid = 0xC1;
  other.begin();
  EXPECT_EQ(other
                .ask(Command::create,
                     TestClient::with_contexts(TestClient::create_body("FILE"), contexts))
                .status(),
            Status::success);
  EXPECT_EQ(world.client->ask(Command::close, TestClient::close_body(world.client->file)).status(),
            Status::file_closed);
}

TEST(ApplicationInstance, OpensAgainOfTheSameClientCloseNothing) {
  World world;
  const Contexts contexts = {{"DH2Q", TestClient::durable_v2()},
                             {TestClient::kAppInstance, TestClient::app_instance()}};
  ASSERT_EQ(world.create(contexts).status(), Status::success);
  ASSERT_EQ(world.create({{TestClient::kAppInstance, TestClient::app_instance()}}).status(),
            Status::success);
  EXPECT_EQ(world.node.files.handles.size(), 2U);
}

}  // namespace
}  // namespace understudy::smb2
