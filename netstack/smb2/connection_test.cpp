// Connections as such: compounds, credits, many requests at once, clients that are hostile or gone.
#include "netstack/smb2/deadline.h"
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

struct World {
  TestNode node;
  TestClient client{node};
  World() { client.begin(); }
  std::vector<Response> all() {
    std::vector<Response> responses;
    while (std::optional<Response> response = client.receive())
      responses.push_back(std::move(*response));
    return responses;
  }
};

TEST(Compound, OfRelatedRequestsUsesTheFileOfTheFirst) {
  World world;
  world.node.files.files["file"].data = {'h', 'i'};
  world.client.send(world.client.compound({{Command::create, TestClient::create_body("file")},
                                           {Command::read, TestClient::read_body({}, 0, 10)},
                                           {Command::close, TestClient::close_body({})}},
                                          kFlagRelated));
  const std::vector<Response> responses = world.all();
  ASSERT_EQ(responses.size(), 3U);
  for (const Response& response : responses) EXPECT_EQ(response.status(), Status::success);
  EXPECT_EQ(TestClient::text(responses[1]).substr(0, 2), "hi");
  EXPECT_TRUE(responses[1].header.has(kFlagRelated));
  EXPECT_EQ(world.client.bad_signatures, 0U);
  EXPECT_TRUE(world.node.files.handles.empty());
}

TEST(Compound, FillsUpEachOfItsRepliesToWholeWords) {
  World world;
  world.node.files.files["file"].data = {'h', 'i', '!'};
  world.client.send(world.client.compound({{Command::create, TestClient::create_body("file")},
                                           {Command::read, TestClient::read_body({}, 0, 10)}},
                                          kFlagRelated));
  const std::vector<Response> responses = world.all();
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[1].body.size(), 24U);  // 16 and the data
  EXPECT_EQ(world.client.bad_signatures, 0U);
}

TEST(Compound, OfRelatedRequestsFailsAsItsCreateDid) {
  World world;
  world.client.send(world.client.compound({{Command::create, TestClient::create_body("absent", 1)},
                                           {Command::read, TestClient::read_body({}, 0, 10)},
                                           {Command::close, TestClient::close_body({})}},
                                          kFlagRelated));
  const std::vector<Response> responses = world.all();
  ASSERT_EQ(responses.size(), 3U);
  for (const Response& response : responses)
    EXPECT_EQ(response.status(), Status::object_name_not_found);
}

TEST(Compound, OfUnrelatedRequestsJudgesEachAlone) {
  World world;
  world.client.send(world.client.compound({{Command::create, TestClient::create_body("absent", 1)},
                                           {Command::create, TestClient::create_body("new")},
                                           {Command::echo, TestClient::empty_body()}},
                                          0));
  const std::vector<Response> responses = world.all();
  ASSERT_EQ(responses.size(), 3U);
  EXPECT_EQ(responses[0].status(), Status::object_name_not_found);
  EXPECT_EQ(responses[1].status(), Status::success);
  EXPECT_EQ(responses[2].status(), Status::success);
}

TEST(Compound, ThatBeginsWithARelatedRequestIsRefused) {
  World world;
  world.client.flags = kFlagRelated;
  EXPECT_EQ(world.client.ask(Command::read, TestClient::read_body({}, 0, 10)).status(),
            Status::invalid_parameter);
}

TEST(Compound, HasNoSessionOrTreeToTakeOverFromARequestThatHadNone) {
  World world;
  const std::uint64_t session = world.client.session_id;
  const std::uint32_t tree = world.client.tree_id;
  for (const bool wrong_session : {true, false}) {
    world.client.session_id = wrong_session ? session + 1 : session;
    world.client.tree_id = wrong_session ? tree : tree + 1;
    world.client.send(world.client.compound({{Command::create, TestClient::create_body("file")},
                                             {Command::close, TestClient::close_body({})}},
                                            kFlagRelated));
    const std::vector<Response> responses = world.all();
    ASSERT_EQ(responses.size(), 2U);
    EXPECT_EQ(responses[0].status(),
              wrong_session ? Status::user_session_deleted : Status::network_name_deleted);
    EXPECT_EQ(responses[1].status(), Status::invalid_parameter);
  }
}

TEST(Compound, WithOneBadSignatureRefusesThatOneOnly) {
  World world;
  Octets frame = world.client.compound({{Command::echo, TestClient::empty_body()},
                                        {Command::create, TestClient::create_body("file")}},
                                       0);
  frame.back() ^= 1;
  world.client.send(frame);
  const std::vector<Response> responses = world.all();
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[0].status(), Status::success);
  EXPECT_EQ(responses[1].status(), Status::access_denied);
}

TEST(Compound, ThatLeadsOutOfItsFrameEndsTheConnection) {
  for (const std::uint32_t next : {4U, 60U, 68U, 72U, 4096U, 0xFFFFFFF8U}) {
    World world;
    Octets frame = world.client.message(Command::echo, TestClient::empty_body());
    for (int i = 0; i < 4; ++i)
      frame[static_cast<std::size_t>(20 + i)] = static_cast<std::uint8_t>(next >> 8 * i);
    world.client.send(frame);
    EXPECT_TRUE(world.client.closed) << next;
  }
}

TEST(Credits, AreOneUntilTheClientHasLoggedOn) {
  TestNode node;
  TestClient client(node);
  client.credits_wanted = 8192;
  EXPECT_EQ(client.negotiate({kDialect311}).header.credits, 1U);
  client.log_on();
  EXPECT_EQ(client.credits, bounds::kMaxCredits);
}

TEST(Credits, AreNeverMoreThanTheBound) {
  World world;
  world.client.credits_wanted = 0xFFFF;
  for (int i = 0; i < 20; ++i) {
    world.client.ask(Command::echo, TestClient::empty_body());
    EXPECT_LE(world.client.credits, bounds::kMaxCredits);
    EXPECT_GT(world.client.credits, 0);
  }
}

TEST(Credits, EndTheConnectionOfAClientThatUsesWhatItHasNot) {
  {
    World world;
    world.client.next_id += bounds::kMaxCredits;
    world.client.ask(Command::echo, TestClient::empty_body());
    EXPECT_TRUE(world.client.closed);
  }
  {
    World world;
    world.client.next_id -= 1;  // used already
    world.client.ask(Command::echo, TestClient::empty_body());
    EXPECT_TRUE(world.client.closed);
  }
}

TEST(Connection, RunsManyRequestsAtOnceAndAnswersEach) {
  World world;
  world.client.credits_wanted = 512;
  ASSERT_EQ(world.client.create("file").status(), Status::success);
  world.client.ask(Command::write, TestClient::write_body(world.client.file, 0, "0123456789"));
  world.node.files.gate.reset();
  std::map<std::uint64_t, std::size_t> asked;
  for (std::size_t i = 0; i < 100; ++i) {
    asked[world.client.next_id] = i % 10;
    world.client.send(
        world.client.message(Command::read, TestClient::read_body(world.client.file, i % 10, 1)));
  }
  EXPECT_EQ(world.node.files.waiting, 100);
  EXPECT_EQ(world.node.ping().operations, 100U);
  world.node.files.gate.set();
  const std::vector<Response> responses = world.all();
  ASSERT_EQ(responses.size(), 100U);
  for (const Response& response : responses) {
    EXPECT_EQ(TestClient::text(response), std::to_string(asked.at(response.header.message_id)));
  }
  EXPECT_EQ(world.node.ping().bytes, 0U);
}

TEST(Connection, WorksOnNoMoreFramesAtOnceThanItsBound) {
  World world;
  world.client.credits_wanted = bounds::kMaxFramesAtOnce + 10;
  ASSERT_EQ(world.client.create("file").status(), Status::success);
  world.node.files.gate.reset();
  for (std::size_t i = 0; i < bounds::kMaxFramesAtOnce + 10; ++i) {
    world.client.send(
        world.client.message(Command::read, TestClient::read_body(world.client.file, 0, 1)));
  }
  EXPECT_EQ(world.node.ping().operations, bounds::kMaxFramesAtOnce);
  world.node.files.gate.set();
  EXPECT_EQ(world.all().size(), bounds::kMaxFramesAtOnce + 10);
}

TEST(Connection, HoldsNoMoreMemoryThanItsBoundHoweverMuchIsAsked) {
  World world;
  world.client.credits_wanted = 512;
  ASSERT_EQ(world.client.create("file").status(), Status::success);
  world.node.files.gate.reset();
  world.client.credit_charge = 16;
  for (std::size_t i = 0; i < 20; ++i) {
    world.client.send(world.client.message(
        Command::read, TestClient::read_body(world.client.file, 0, bounds::kMaxTransfer)));
  }
  EXPECT_LE(world.node.ping().bytes, bounds::kMaxConnectionBytes);
  EXPECT_LT(world.node.files.waiting, 20);
  world.node.files.gate.set();
  EXPECT_EQ(world.all().size(), 20U);
}

TEST(Connection, SendsNoMoreIrpsThanTheBoundHoweverManyClientsAsk) {
  TestNode node;
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<TestClient>(node));
    clients.back()->begin();
    clients.back()->credits_wanted = 512;
    ASSERT_EQ(clients.back()->create("file").status(), Status::success);
  }
  node.files.most_waiting = 0;
  node.files.gate.reset();
  for (const auto& client : clients) {
    for (int i = 0; i < 200; ++i) {
      client->send(client->message(Command::read, TestClient::read_body(client->file, 0, 1)));
    }
  }
  EXPECT_EQ(node.files.waiting, static_cast<int>(bounds::kMaxOutstandingNetstack));
  node.files.gate.set();
  node.loop.run_ready();
  EXPECT_EQ(node.files.most_waiting, static_cast<int>(bounds::kMaxOutstandingNetstack));
  for (const auto& client : clients) {
    int answered = 0;
    while (client->receive()) ++answered;
    EXPECT_EQ(answered, 200);
  }
}

TEST(Connection, ThatDiesHasItsFilesClosed) {
  World world;
  world.client.create("one");
  world.client.create("two");
  EXPECT_EQ(world.node.ping().opens, 1U);
  world.client.hang_up();
  EXPECT_TRUE(world.node.files.handles.empty());
  EXPECT_TRUE(world.node.netstack.sessions().empty());
  EXPECT_EQ(world.node.ping().opens, 0U);
}

TEST(Connection, ThatDiesWhileItCreatesLeavesNothingOpen) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    TestNode node(true, seed);
    TestClient client(node);
    client.begin();
    node.files.gate.reset();
    client.send(client.message(Command::create, TestClient::create_body("file")));
    ASSERT_EQ(node.files.waiting, 1);
    client.hang_up();
    node.files.gate.set();
    node.loop.run_ready();
    EXPECT_TRUE(node.files.files.contains("file"));
    EXPECT_TRUE(node.files.handles.empty());
    EXPECT_EQ(node.ping().bytes, 0U);
  }
}

TEST(Connection, ThatLogsOffWhileItCreatesLeavesNothingOpen) {
  World world;
  world.node.files.gate.reset();
  world.client.send(world.client.message(Command::create, TestClient::create_body("file")));
  world.client.send(world.client.message(Command::logoff, TestClient::empty_body()));
  world.node.files.gate.set();
  world.node.loop.run_ready();
  EXPECT_TRUE(world.node.files.handles.empty());
}

TEST(Connection, ThatStopsInTheMiddleOfAFrameIsEnded) {
  World world;
  world.client.send_raw({0, 0, 0, 100, 0xFE, 'S', 'M', 'B'});
  EXPECT_FALSE(world.client.closed);
  world.node.loop.run_for(std::chrono::seconds(61));
  EXPECT_TRUE(world.client.closed);
  EXPECT_EQ(world.node.ping().bytes, 0U);
}

TEST(Connection, OfAClientThatDoesNotReadItsAnswersHoldsBoundedMemoryAndIsEnded) {
  World world;
  world.client.credits_wanted = 512;
  ASSERT_EQ(world.client.create("file").status(), Status::success);
  world.node.files.files["file"].data.resize(bounds::kMaxTransfer);
  world.node.network.stuck = true;
  world.client.credit_charge = 16;
  for (int i = 0; i < 20; ++i) {
    world.client.send(world.client.message(
        Command::read, TestClient::read_body(world.client.file, 0, bounds::kMaxTransfer)));
  }
  EXPECT_GT(world.node.ping().bytes, bounds::kMaxTransfer);
  EXPECT_LE(world.node.ping().bytes, bounds::kMaxConnectionBytes);
  world.node.loop.run_for(std::chrono::seconds(61));
  EXPECT_TRUE(world.client.closed);
  EXPECT_EQ(world.node.ping().bytes, 0U);
  EXPECT_TRUE(world.node.files.handles.empty());
}

TEST(Connection, ThatHoldsMemoryForAFrameThatDoesNotComeIsEndedWhenOthersWaitForIt) {
  World world;
  std::vector<std::unique_ptr<TestClient>> idlers;
  for (std::uint64_t held = 0; idlers.empty() || world.node.ping().bytes > held;) {
    held = world.node.ping().bytes;
    idlers.push_back(std::make_unique<TestClient>(world.node));
    idlers.back()->begin();
    idlers.back()->send_raw({0, 0x11, 0, 0, 0xFE, 'S', 'M', 'B'});
  }
  world.client.send(world.client.message(Command::echo, TestClient::empty_body()));
  ASSERT_FALSE(world.client.receive());  // it waits
  world.node.loop.run_for(Deadline::kWhenPressed + std::chrono::seconds(1));
  const std::optional<Response> answer = world.client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status(), Status::success);
}

TEST(Connection, ThatDoesNotLogOnIsEndedSoonerWhenOthersWaitToConnect) {
  TestNode node;
  std::vector<std::unique_ptr<TestClient>> idlers;
  for (std::uint32_t i = 0; i < bounds::kMaxConnections; ++i)
    idlers.push_back(std::make_unique<TestClient>(node));
  node.loop.run_for(Deadline::kWhenPressed + std::chrono::seconds(1));
  TestClient client(node);
  client.begin();
  EXPECT_EQ(client.create("file").status(), Status::success);
}

TEST(Connection, EndsAtLengthsThatNoFrameHas) {
  for (const Octets& prefix : {Octets{0, 0, 0, 0}, Octets{0, 0x7F, 0xFF, 0xFF},
                               Octets{0x85, 0, 0, 0}, Octets{0xFF, 'S', 'M', 'B'}}) {
    World world;
    world.client.send_raw(prefix);
    EXPECT_TRUE(world.client.closed);
  }
  TestNode node;
  TestClient client(node);  // before it has logged on
  client.send_raw({0, 1, 0, 1});
  EXPECT_TRUE(client.closed);
}

/// Requests of every command, each whole and valid.
std::vector<std::pair<Command, Octets>> one_of_each(FileId file, FileId directory) {
  const Octets basic(40, 0);
  return {{Command::create, TestClient::create_body("made")},
          {Command::read, TestClient::read_body(file, 0, 10)},
          {Command::write, TestClient::write_body(file, 0, "data")},
          {Command::flush, TestClient::flush_body(file)},
          {Command::query_info, TestClient::query_body(file, 1, 18, 1024)},
          {Command::set_info, TestClient::set_body(file, 4, basic)},
          {Command::query_directory, TestClient::list_body(directory, 37, 4096)},
          {Command::ioctl, TestClient::ioctl_body(file, 0x00140204, basic, 64)},
          {Command::echo, TestClient::empty_body()},
          {Command::close, TestClient::close_body(file)}};
}

TEST(Hostile, CommandsThatThereAreNotAreRefused) {
  World world;
  for (const std::uint16_t command : {std::uint16_t{19}, std::uint16_t{0xFFFF}}) {
    const Response response =
        world.client.ask(static_cast<Command>(command), TestClient::empty_body());
    EXPECT_EQ(response.status(), Status::invalid_parameter);
  }
}

TEST(Hostile, MessagesCutAtAnyLengthAreRefusedAndHarmNobody) {
  World world;
  world.client.credits_wanted = 512;
  ASSERT_EQ(world.client.create("", 1, 1).status(), Status::success);
  const FileId directory = world.client.file;
  ASSERT_EQ(world.client.create("file").status(), Status::success);
  const FileId file = world.client.file;
  for (const auto& [command, body] : one_of_each(file, directory)) {
    if (command == Command::ioctl)
      continue;  // ends the connection when it finds that it was tampered with
    const std::size_t fixed =
        command == Command::close ? body.size() : std::min<std::size_t>(body.size(), 24);
    for (std::size_t length = 0; length < fixed; ++length) {
      const Response response = world.client.ask(command, ConstBytes(body).first(length));
      EXPECT_TRUE(failed(response.status())) << static_cast<int>(command) << ' ' << length;
      ASSERT_FALSE(world.client.closed);
    }
  }
  EXPECT_EQ(world.client.ask(Command::echo, TestClient::empty_body()).status(), Status::success);
}

TEST(Hostile, FramesCutAtAnyLengthBeforeLogonHarmNobody) {
  const Octets whole = [] {
    TestNode node;
    TestClient client(node);
    client.signs = false;
    WireWriter body;
    body.u16(25);
    body.zeros(10);
    body.u16(kHeaderSize + 24);
    body.u16(16);
    body.u64(0);
    body.append(as_bytes("NTLMSSP\0\1\0\0\0\7\0\0\0"));
    return client.message(Command::session_setup, body.bytes());
  }();
  TestNode node;
  for (std::size_t length = 1; length < whole.size(); ++length) {
    TestClient client(node);
    client.negotiate({kDialect302});
    Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    if (length > 24) cut[24] = 1;  // message id
    client.send(cut);
    const std::optional<Response> response = client.receive();
    EXPECT_TRUE(client.closed || (response && failed(response->status()))) << length;
  }
  EXPECT_EQ(node.ping().bytes, 0U);
}

TEST(Hostile, NegotiatesCutAtAnyLengthHarmNobody) {
  TestNode node;
  Octets whole;
  {
    TestClient client(node);
    WireWriter body;
    body.u16(36);
    body.u16(1);
    body.zeros(24);
    body.u32(104);
    body.u16(1);
    body.u16(0);
    body.u16(kDialect311);
    body.align(8);
    body.u16(1);
    body.u16(38);
    body.u32(0);
    body.u16(1);
    body.u16(32);
    body.u16(1);
    body.zeros(32);
    whole = client.message(Command::negotiate, body.bytes());
    client.send(whole);
    const std::optional<Response> response = client.receive();
    ASSERT_TRUE(response && ok(response->status()));
  }
  for (std::size_t length = 1; length < whole.size(); ++length) {
    TestClient client(node);
    client.send({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
    const std::optional<Response> response = client.receive();
    EXPECT_TRUE(client.closed || (response && failed(response->status()))) << length;
  }
}

TEST(Hostile, RandomChangesInValidRequestsHarmNobody) {
  std::mt19937 random(20);
  TestNode node(false);
  ASSERT_EQ(node.order(ClusterMinor::serve, TestNode::serve_text(R"("signing_required": false)")),
            Status::success);
  for (int round = 0; round < 15; ++round) {
    TestClient client(node);
    client.begin(kDialect302);
    client.signs = false;
    ASSERT_EQ(client.create("", 1, 1).status(), Status::success);
    const FileId directory = client.file;
    ASSERT_EQ(client.create("file").status(), Status::success);
    for (const auto& [command, body] : one_of_each(client.file, directory)) {
      Octets frame = client.message(command, body);
      for (int change = 0; change < 3; ++change) {
        frame[random() % frame.size()] = static_cast<std::uint8_t>(random());
      }
      client.send(frame);
      while (client.receive()) {
      }
    }
    client.hang_up();
  }
  node.loop.run_ready();
  EXPECT_TRUE(node.files.handles.empty());
  EXPECT_EQ(node.ping().bytes, 0U);
}

TEST(Orders, ToServeAgainChangeWhatIsOffered) {
  World world;
  std::string text = TestNode::serve_text();
  text.replace(text.find("share0"), 6, "share1");
  EXPECT_EQ(world.node.order(ClusterMinor::serve, text), Status::success);
  EXPECT_EQ(world.client.create("file").status(), Status::success);  // the tree stays
  EXPECT_EQ(world.client.tree_connect("share0").status(), Status::bad_network_name);
  EXPECT_EQ(world.client.tree_connect("share1").status(), Status::success);
}

TEST(Orders, ToUnserveCompleteWhenEverythingIsClosed) {
  World world;
  world.client.create("file");
  world.node.files.gate.reset();
  world.client.send(world.client.message(Command::create, TestClient::create_body("other")));
  world.node.orders.give(ClusterMinor::unserve, R"({"address": "10.0.0.1:445"})");
  world.node.loop.run_ready();
  EXPECT_FALSE(world.node.orders.last.has_value());
  world.node.files.gate.set();
  world.node.loop.run_ready();
  ASSERT_TRUE(world.node.orders.last.has_value());
  EXPECT_EQ(world.node.orders.last->status, Status::success);
  EXPECT_TRUE(world.node.files.handles.empty());
  EXPECT_TRUE(world.client.closed);
  EXPECT_TRUE(TestClient(world.node).closed);
  EXPECT_EQ(world.node.order(ClusterMinor::serve, TestNode::serve_text()), Status::success);
  TestClient again(world.node);
  again.begin();
}

TEST(Orders, ToStandByLetClientsWaitUntilTheyAreServed) {
  TestNode node(false);
  const std::string standby = R"({"address": "10.0.0.1:445", "standby": true})";
  ASSERT_EQ(node.order(ClusterMinor::serve, standby), Status::success);
  TestClient early(node);
  EXPECT_FALSE(early.closed);
  EXPECT_EQ(node.ping().opens, 0U);
  ASSERT_EQ(node.order(ClusterMinor::serve, TestNode::serve_text()), Status::success);
  early.begin();
  TestClient late(node);
  late.begin();
  EXPECT_EQ(node.order(ClusterMinor::unserve, standby), Status::success);
  EXPECT_TRUE(early.closed);
  EXPECT_TRUE(late.closed);
}

TEST(Orders, ToServeLetClientsKnowAtOnceThatTheirAddressIsBack) {
  TestNode node(false);
  const std::string standby = R"({"address": "10.0.0.1:445", "standby": true})";
  ASSERT_EQ(node.order(ClusterMinor::serve, standby), Status::success);
  ASSERT_EQ(node.order(ClusterMinor::serve, TestNode::serve_text()), Status::success);
  EXPECT_EQ(node.network.telling, 2);  // the standby's own clients, too
}

TEST(Orders, ToUnserveEndAStandbyWithWhoWaitsThere) {
  TestNode node(false);
  const std::string standby = R"({"address": "10.0.0.1:445", "standby": true})";
  ASSERT_EQ(node.order(ClusterMinor::serve, standby), Status::success);
  TestClient client(node);
  ASSERT_EQ(node.order(ClusterMinor::unserve, standby), Status::success);
  node.loop.run_ready();
  EXPECT_TRUE(client.closed);
  EXPECT_TRUE(TestClient(node).closed);
  EXPECT_EQ(node.order(ClusterMinor::unserve, standby), Status::not_found);
}

TEST(Orders, ThatCannotBeReadAreRefused) {
  TestNode node(false);
  for (const std::string_view text :
       {"", "{", "[]", "{}", R"({"address": 5, "server": "A", "accounts": ""})",
        R"({"address": "a", "server": "A", "accounts": "x", "shares": []})",
        R"({"address": "a", "server": "A", "accounts": "", "shares": [{"name": "s"}]})",
        R"({"address": "a", "server": "A", "accounts": "",
                                          "shares": [{"name": "s", "lun": 0}, {"name": "S", "lun": 1}]})"}) {
    EXPECT_EQ(node.order(ClusterMinor::serve, std::string(text)), Status::invalid_parameter)
        << text;
  }
  EXPECT_EQ(node.order(ClusterMinor::serve, R"({"standby": true})"), Status::invalid_parameter);
  EXPECT_EQ(node.order(ClusterMinor::unserve, "{}"), Status::invalid_parameter);
  EXPECT_EQ(node.order(ClusterMinor::unserve, R"({"address": "nowhere"})"), Status::not_found);
}

}  // namespace
}  // namespace understudy::smb2
