// Oplocks and leases on the wire: what CREATE gets, breaks, acknowledgements.
#include "netstack/smb2/oplock.h"

#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

struct World {
  TestNode node;
  TestClient client{node};
  explicit World(std::uint16_t dialect = kDialect311) {
    client.begin(dialect);
    node.files.grants = true;
  }
  Response create(std::uint8_t level, ConstBytes lease = {}) {
    Octets body = TestClient::create_body("file");
    body[3] = level;
    if (!lease.empty())
      body = TestClient::with_contexts(std::move(body),
                                       {{"RqLs", Octets(lease.begin(), lease.end())}});
    Response response = client.ask(Command::create, body);
    if (response.status() == Status::success) client.file = TestClient::file_id(response);
    return response;
  }
  /// fs_cache says that the oplock or lease of the last open breaks.
  Response told_break(std::uint8_t from, std::uint8_t to, Caching::Kind kind) {
    say_break(from, to, kind);
    return client.receive().value_or(Response{});
  }
  void say_break(std::uint8_t from, std::uint8_t to, Caching::Kind kind) {
    const Irp& opened = last(Major::create);
    Irp& broken = node.files.broken;
    broken.open = node.files.handles.rbegin()->first;
    broken.session = opened.session;
    broken.oplock.caching = opened.create.caching;
    broken.oplock.caching.kind = kind;
    broken.oplock.caching.state = to;
    broken.oplock.from = from;
    broken.oplock.answers = 1;
    node.files.break_oplock();
  }
  const Irp& last(Major major) {
    const auto& seen = node.files.seen;
    return *std::find_if(seen.rbegin(), seen.rend(),
                         [major](const Irp& irp) { return irp.major == major; });
  }
};

TEST(Oplock, LevelsAreTranslatedBothWays) {
  World world;
  for (const std::uint8_t level : {kLevelII, kLevelExclusive, kLevelBatch}) {
    EXPECT_EQ(world.create(level).body[2], level);
    EXPECT_EQ(world.last(Major::create).create.caching.state, state_of_level(level));
  }
  EXPECT_EQ(world.create(kLevelNone).body[2], kLevelNone);
  EXPECT_EQ(world.create(kLevelLease).body[2], kLevelNone);  // without its context
  EXPECT_EQ(world.create(77).body[2], kLevelNone);
}

TEST(Oplock, BreaksAreToldAndAcknowledged) {
  World world;
  ASSERT_EQ(world.create(kLevelBatch).body[2], kLevelBatch);
  const Response told = world.told_break(caching::kAll, caching::kRead, Caching::oplock);
  EXPECT_TRUE(told.header.is(Command::oplock_break));
  EXPECT_EQ(told.header.message_id, ~std::uint64_t{0});
  EXPECT_FALSE(told.header.has(kFlagSigned));
  EXPECT_EQ(told.body[2], kLevelII);
  const Response answer = world.client.ask(Command::oplock_break, told.body);
  EXPECT_EQ(answer.status(), Status::success);
  EXPECT_EQ(answer.body, told.body);
  EXPECT_EQ(world.last(Major::oplock).oplock.caching.state, caching::kRead);
  EXPECT_EQ(world.last(Major::oplock).open, world.node.files.broken.open);
}

TEST(Oplock, LeasesAreAnsweredInTheirVersion) {
  World world;
  for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{2}}) {
    const Response response = world.create(kLevelLease, TestClient::lease(version, caching::kAll));
    EXPECT_EQ(response.body[2], kLevelLease);
    EXPECT_EQ(TestClient::text(response, 88 + 24).size(), version == 1 ? 32U : 52U);
    const Caching& asked = world.last(Major::create).create.caching;
    EXPECT_EQ(asked.kind, Caching::lease);
    EXPECT_EQ(asked.key[15], 0xAB);
    EXPECT_EQ(asked.state, caching::kAll);
    EXPECT_EQ(asked.epoch, version == 1 ? 0 : 5);
  }
  EXPECT_EQ(world.create(kLevelLease, Octets(31)).status(), Status::invalid_parameter);
}

TEST(Oplock, LeasesAreOfDialectsThatHaveThem) {
  EXPECT_EQ(World(kDialect202).create(kLevelLease, TestClient::lease(1, 7)).body[2], kLevelNone);
  EXPECT_EQ(World(kDialect210).create(kLevelLease, TestClient::lease(1, 7)).body[2], kLevelLease);
  EXPECT_EQ(World(kDialect210).create(kLevelLease, TestClient::lease(2, 7)).body[2], kLevelNone);
}

TEST(Oplock, BreaksOfLeasesAreToldAndAcknowledged) {
  World world;
  ASSERT_EQ(world.create(kLevelLease, TestClient::lease(2, caching::kAll)).body[2], kLevelLease);
  const Response told = world.told_break(caching::kAll, caching::kRead, Caching::lease);
  ASSERT_EQ(told.body.size(), 44U);
  EXPECT_EQ(told.body[4], 1);  // to be acknowledged
  EXPECT_EQ(told.body[24], caching::kAll);
  EXPECT_EQ(told.body[28], caching::kRead);
  WireWriter body;
  body.u16(36);
  body.zeros(6);
  body.append(Octets(16, 0xAB));
  body.u32(caching::kRead);
  body.u64(0);
  const Response answer = world.client.ask(Command::oplock_break, body.bytes());
  EXPECT_EQ(answer.status(), Status::success);
  EXPECT_EQ(answer.body, Octets(body.bytes().begin(), body.bytes().end()));
  EXPECT_EQ(world.last(Major::oplock).oplock.caching.key[0], 0xAB);
  EXPECT_EQ(world.last(Major::oplock).oplock.caching.state, caching::kRead);
}

TEST(Oplock, BreaksOfLeasesAreToldToTheOldestSessionOfTheirUser) {
  World world;  // its client has the oldest session of the machine, but is another user's
  TestClient first(world.node);
  TestClient second(world.node);
  for (TestClient* client : {&first, &second}) {
    client->user = "other";
    client->begin(kDialect311);
    world.node.loop.run_for(std::chrono::seconds(1));
  }
  Octets body = TestClient::create_body("file");
  body[3] = kLevelLease;
  body =
      TestClient::with_contexts(std::move(body), {{"RqLs", TestClient::lease(2, caching::kAll)}});
  ASSERT_EQ(second.ask(Command::create, body).status(), Status::success);
  world.say_break(caching::kAll, caching::kRead, Caching::lease);
  const Response told = first.receive().value_or(Response{});
  EXPECT_TRUE(told.header.is(Command::oplock_break));
  EXPECT_FALSE(second.receive().has_value());
  EXPECT_FALSE(world.client.receive().has_value());
}

TEST(Oplock, AnOpenThatWaitsForABreakIsAnsweredTwice) {
  World world;
  world.node.files.breaks_first = true;
  const Response interim = world.create(kLevelNone);
  EXPECT_EQ(interim.status(), Status::pending);
  world.node.files.complete_pended([](const Irp&) { return true; }, Status::success);
  const Response final = world.client.receive().value_or(Response{});
  EXPECT_EQ(final.status(), Status::success);
  EXPECT_TRUE(final.header.has(kFlagAsync));
  EXPECT_EQ(world.node.files.handles.size(), 1U);
}

TEST(Oplock, AnOpenMayWaitInTheMiddleOfACompound) {
  World world;
  world.node.files.breaks_first = true;
  world.client.send(world.client.compound({{Command::echo, TestClient::empty_body()},
                                           {Command::create, TestClient::create_body("file")},
                                           {Command::echo, TestClient::empty_body()}},
                                          0));
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::success);
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::pending);
  EXPECT_FALSE(world.client.receive().has_value());
  world.node.files.complete_pended([](const Irp&) { return true; }, Status::success);
  const Response created = world.client.receive().value_or(Response{});
  EXPECT_EQ(created.status(), Status::success);
  EXPECT_TRUE(created.header.has(kFlagAsync));
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::success);
  EXPECT_EQ(world.client.bad_signatures, 0U);
}

TEST(Oplock, ARenameMayWaitInTheMiddleOfACompound) {
  World world;
  const Octets target = *utf16le_from_utf8("moved");
  WireWriter rename;
  rename.zeros(16);
  rename.u32(static_cast<std::uint32_t>(target.size()));
  rename.append(target);
  world.node.files.breaks_before_rename = true;
  const FileId previous{~0ULL, ~0ULL};
  world.client.send(world.client.compound(
      {{Command::create, TestClient::create_body("file")},
       {Command::set_info, TestClient::set_body(previous, 10, rename.bytes())},
       {Command::close, TestClient::close_body(previous)}},
      kFlagRelated));
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::success);
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::pending);
  EXPECT_FALSE(world.client.receive().has_value());
  world.node.files.complete_pended([](const Irp&) { return true; }, Status::success);
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::success);
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::success);
  EXPECT_TRUE(world.node.files.files.contains("moved"));
  EXPECT_TRUE(world.node.files.handles.empty());
  EXPECT_EQ(world.client.bad_signatures, 0U);
}

TEST(Oplock, AcknowledgementsThatMakeNoSenseAreRefused) {
  World world;
  EXPECT_EQ(world.client.ask(Command::oplock_break, Octets(3)).status(), Status::invalid_parameter);
  Octets cut(20);
  cut[0] = 36;
  EXPECT_EQ(world.client.ask(Command::oplock_break, cut).status(), Status::invalid_parameter);
  Octets strange(24);
  strange[0] = 24;
  EXPECT_EQ(world.client.ask(Command::oplock_break, strange).status(), Status::file_closed);
}

}  // namespace
}  // namespace understudy::smb2
