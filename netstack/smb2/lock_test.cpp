// LOCK: what becomes of the elements of a request, retries, and locks that have to wait.
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kShared = 1;
constexpr std::uint32_t kExclusive = 2;
constexpr std::uint32_t kUnlock = 4;
constexpr std::uint32_t kNow = 0x10;

struct World {
  TestNode node;
  TestClient client{node};
  explicit World(std::uint16_t dialect = kDialect311) {
    client.begin(dialect);
    EXPECT_EQ(client.create("file").status(), Status::success);
  }
  Response lock(const std::vector<TestRequests::LockElement>& elements,
                std::uint32_t sequence = 0) {
    return client.ask(Command::lock, TestClient::lock_body(client.file, elements, sequence));
  }
};

TEST(Lock, IsAllOrNothing) {
  World world;
  EXPECT_EQ(world.lock({{10, 1, kExclusive | kNow}}).status(), Status::success);
  EXPECT_EQ(world
                .lock({{20, 1, kExclusive | kNow},
                       {30, 1, kShared | kNow},
                       {10, 1, kExclusive | kNow},
                       {40, 1, kExclusive | kNow}})
                .status(),
            Status::lock_not_granted);
  EXPECT_EQ(world.node.files.locked, std::set<std::uint64_t>{10});
}

TEST(Lock, UnlocksUntilTheFirstElementThatFails) {
  World world;
  world.node.files.locked = {1, 3};
  EXPECT_EQ(world.lock({{1, 1, kUnlock}, {2, 1, kUnlock}, {3, 1, kUnlock}}).status(),
            Status::range_not_locked);
  EXPECT_EQ(world.node.files.locked, std::set<std::uint64_t>{3});
}

TEST(Lock, WithFlagsThatMakeNoSenseIsRefused) {
  World world;
  EXPECT_EQ(world.lock({}).status(), Status::invalid_parameter);
  for (const std::uint32_t flags : {0U, kNow, kShared | kExclusive, kUnlock | kNow,
                                    kUnlock | kExclusive, 0x20U | kShared, 0xFFFFFFFFU}) {
    EXPECT_EQ(world.lock({{1, 1, flags}}).status(), Status::invalid_parameter) << flags;
  }
  // Only one element alone may wait, and an unlock does not go with a lock.
  EXPECT_EQ(world.lock({{1, 1, kShared | kNow}, {2, 1, kShared}}).status(),
            Status::invalid_parameter);
  EXPECT_EQ(world.lock({{1, 1, kShared | kNow}, {2, 1, kUnlock}}).status(),
            Status::invalid_parameter);
  EXPECT_TRUE(world.node.files.locked.empty());
}

TEST(Lock, WithFewerElementsThanItSaysIsRefused) {
  World world;
  Octets body = TestClient::lock_body(world.client.file, {{1, 1, kShared | kNow}});
  body[2] = 2;
  EXPECT_EQ(world.client.ask(Command::lock, body).status(), Status::invalid_parameter);
}

TEST(Lock, ThatIsTakenIsWaitedForUnlessItIsWantedAtOnce) {
  World world;
  world.node.files.locked = {5};
  EXPECT_EQ(world.lock({{5, 1, kExclusive | kNow}}).status(), Status::lock_not_granted);
  const Response interim = world.lock({{5, 1, kExclusive}});
  EXPECT_EQ(interim.status(), Status::pending);
  world.node.files.locked.clear();
  world.node.files.complete_pended([](const Irp&) { return true; }, Status::success);
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::success);

  const Response again = world.lock({{5, 1, kExclusive}});
  world.client.cancel(again);
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::cancelled);
}

TEST(Lock, ThatWasWaitedForIsGrantedThoughItsHandleGoesWithWhatWasInItsWay) {
  World world;
  world.node.files.locked = {5};
  const Response interim = world.lock({{5, 1, kExclusive}});
  EXPECT_EQ(interim.status(), Status::pending);
  world.node.files.locked.clear();
  world.node.files.handles.clear();
  world.node.files.complete_pended([](const Irp&) { return true; }, Status::success);
  EXPECT_EQ(world.client.receive().value_or(Response{}).status(), Status::success);
  EXPECT_TRUE(world.node.files.locked.empty());
}

TEST(Lock, ThatIsSentAgainWithItsSequenceIsNotTakenAgain) {
  World world;
  const std::uint32_t sequence = 7 << 4 | 3;
  EXPECT_EQ(world.lock({{1, 1, kExclusive | kNow}}, sequence).status(), Status::success);
  EXPECT_EQ(world.lock({{1, 1, kExclusive | kNow}}, sequence).status(), Status::success);
  EXPECT_EQ(world.lock({{1, 1, kExclusive | kNow}}, sequence + 1).status(),
            Status::lock_not_granted);
  // What has failed is forgotten, and a place that there is not remembers nothing.
  EXPECT_EQ(world.lock({{1, 1, kExclusive | kNow}}, sequence).status(), Status::lock_not_granted);
  EXPECT_EQ(world.lock({{2, 1, kExclusive | kNow}}, 65 << 4).status(), Status::success);
  EXPECT_EQ(world.lock({{2, 1, kExclusive | kNow}}, 65 << 4).status(), Status::lock_not_granted);
}

TEST(Lock, HasNoSequencesBeforeSmb3) {
  World world(kDialect210);
  EXPECT_EQ(world.lock({{1, 1, kExclusive | kNow}}, 16).status(), Status::success);
  EXPECT_EQ(world.lock({{1, 1, kExclusive | kNow}}, 16).status(), Status::lock_not_granted);
}

}  // namespace
}  // namespace understudy::smb2
