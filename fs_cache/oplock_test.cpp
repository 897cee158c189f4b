// Oplocks and leases as their holders and those who break them see them.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

using caching::kAll;
using caching::kHandle;
using caching::kRead;
using caching::kWrite;
constexpr std::uint8_t kLevelII = kRead;
constexpr std::uint8_t kExclusive = kRead | kWrite;
constexpr std::uint8_t kBatch = kAll;
constexpr std::uint8_t kRH = kRead | kHandle;
constexpr std::uint8_t kRW = kRead | kWrite;

class OplockTest : public FsCacheTest {
 protected:
  static Caching oplock(std::uint8_t state) {
    Caching asked{};
    asked.kind = Caching::oplock;
    asked.state = state;
    return asked;
  }
  static Caching lease(std::uint8_t key, std::uint8_t state, std::uint8_t client = 1) {
    Caching asked{};
    asked.kind = Caching::lease;
    asked.state = state;
    asked.version = 2;
    asked.client[0] = client;
    asked.key[0] = key;
    return asked;
  }
  struct How {
    Disposition disposition = Disposition::open_if;
    std::uint32_t access = TestNode::kAll;
    std::uint32_t share = TestNode::kShareAll;
  };
  Status open(Caching asked, How how) { return open_path("file", asked, how); }
  Status open(Caching asked = {}) { return open(asked, How{}); }
  Status open_path(std::string_view path, Caching asked, How how) {
    Irp made = node->irp(Major::create);
    made.create.create_disposition = static_cast<std::uint32_t>(how.disposition);
    made.create.desired_access = how.access;
    made.create.share_access = how.share;
    made.create.caching = asked;
    return node->run_with(made, path).status;
  }
  /// Opens, and gives the handle.
  std::uint64_t hold(Caching asked, std::uint8_t granted) {
    EXPECT_EQ(open(asked), Status::success);
    EXPECT_EQ(node->last.create.caching.state, granted);
    return node->last.open;
  }
  Irp make(OplockMinor minor) { return node->irp(Major::oplock, static_cast<std::uint8_t>(minor)); }
  /// "from>to", with "!" if an answer is due; "" when nothing breaks.
  std::string next_break() {
    const Irp asked = make(OplockMinor::next_break);
    const auto begun = node->begin(asked);
    if (node->now(begun) == Status::pending) {
      Irp cancel = node->irp(Major::cancel);
      cancel.cancel.id = asked.id;
      EXPECT_EQ(node->run(cancel).status, Status::success);
      return "";
    }
    told = **begun;
    return std::to_string(told.oplock.from) + ">" + std::to_string(told.oplock.caching.state) +
           (told.oplock.answers != 0 ? "!" : "");
  }
  Status acknowledge(std::uint8_t state) {
    Irp made = make(OplockMinor::acknowledge);
    made.open = told.open;
    made.oplock.caching = told.oplock.caching;
    made.oplock.caching.state = state;
    return node->run(made).status;
  }
  auto settled() {
    Irp made = make(OplockMinor::settled);
    made.oplock.object = object();
    return node->begin(made);
  }
  ObjectId object() { return node->last.create.facts.object; }

  Irp told;  // the break told last
};

TEST_F(OplockTest, AreGrantedAsTheOtherOpensAllow) {
  const std::uint64_t first = hold(oplock(kBatch), kBatch);
  EXPECT_EQ(node->close(first), Status::success);
  const std::uint64_t plain = hold({}, 0);
  hold(oplock(kBatch), kLevelII);
  hold(oplock(kExclusive), kLevelII);
  EXPECT_EQ(node->close(plain), Status::success);
  hold(lease(1, kAll), kRead);  // level II is there: no handle caching beside it
}

TEST_F(OplockTest, AreNotForDirectories) {
  EXPECT_EQ(open_path("", oplock(kBatch), How{}), Status::success);
  EXPECT_EQ(node->last.create.caching.kind, Caching::none);
}

TEST_F(OplockTest, ThatAllowWritingBreakBeforeAnotherOpensTheFile) {
  hold(oplock(kBatch), kBatch);
  EXPECT_EQ(open(), Status::pending);
  const auto waiting = settled();
  EXPECT_EQ(next_break(), "7>1!");
  EXPECT_EQ(open(), Status::pending);  // still
  EXPECT_EQ(next_break(), "");         // but it is told once
  EXPECT_EQ(node->now(waiting), Status::pending);
  EXPECT_EQ(acknowledge(kLevelII), Status::success);
  EXPECT_EQ(node->now(waiting), Status::success);
  EXPECT_EQ(open(oplock(kBatch)), Status::success);
  EXPECT_EQ(node->last.create.caching.state, kLevelII);
}

TEST_F(OplockTest, BreakToNothingBeforeTheFileIsOverwritten) {
  hold(oplock(kExclusive), kExclusive);
  EXPECT_EQ(open({}, {.disposition = Disposition::overwrite}), Status::pending);
  EXPECT_EQ(next_break(), "5>0!");
  EXPECT_EQ(acknowledge(kLevelII), Status::invalid_oplock_protocol);
  EXPECT_EQ(acknowledge(0), Status::success);
  EXPECT_EQ(open({}, {.disposition = Disposition::overwrite}), Status::success);
}

TEST_F(OplockTest, DoNotBreakForThoseWhoLookAtAttributesOnly) {
  hold(oplock(kBatch), kBatch);
  EXPECT_EQ(open({}, {.access = access::kReadAttributes | access::kSynchronize}), Status::success);
  EXPECT_EQ(next_break(), "");
}

TEST_F(OplockTest, ThatKeepHandlesBreakBeforeSharingIsDenied) {
  EXPECT_EQ(open(oplock(kBatch), {.share = 0}), Status::success);
  const std::uint64_t holder = node->last.open;
  EXPECT_EQ(open(), Status::pending);
  EXPECT_EQ(next_break(), "7>1!");
  EXPECT_EQ(node->close(holder), Status::success);  // an answer too
  EXPECT_EQ(open(oplock(kExclusive), {.share = 0}), Status::success);
  EXPECT_EQ(open(), Status::sharing_violation);  // an exclusive one keeps no handle
  EXPECT_EQ(next_break(), "");
}

TEST_F(OplockTest, OfLevelIIBreakWithWritesWithoutAnAnswer) {
  const std::uint64_t writer = hold({}, 0);
  hold(oplock(kLevelII), kLevelII);
  EXPECT_EQ(node->write(writer, 0, "x"), Status::success);
  EXPECT_EQ(next_break(), "1>0");
  EXPECT_EQ(acknowledge(0), Status::invalid_oplock_protocol);
  hold(oplock(kLevelII), kLevelII);
  EXPECT_EQ(node->write(node->last.open, 0, "x"), Status::success);
  EXPECT_EQ(next_break(), "1>0");  // the writer's own too
  hold(oplock(kLevelII), kLevelII);
  EXPECT_EQ(node->set_size(writer, 100), Status::success);
  EXPECT_EQ(next_break(), "1>0");
}

TEST_F(OplockTest, ThatNobodyAnswersAreTakenAfterHalfAMinute) {
  const std::uint64_t holder = hold(oplock(kBatch), kBatch);
  EXPECT_EQ(open(), Status::pending);
  const auto waiting = settled();
  EXPECT_EQ(next_break(), "7>1!");
  loop.run_for(std::chrono::seconds(34));
  EXPECT_FALSE(waiting->has_value());
  loop.run_for(std::chrono::seconds(2));
  EXPECT_EQ(node->now(waiting), Status::success);
  EXPECT_EQ(acknowledge(kLevelII), Status::invalid_oplock_protocol);
  EXPECT_EQ(open(), Status::success);
  EXPECT_EQ(node->close(holder), Status::success);
}

TEST_F(OplockTest, BreaksAreToldToWhoeverAsksLater) {
  const auto early = node->begin(make(OplockMinor::next_break));
  hold(oplock(kBatch), kBatch);
  EXPECT_EQ(open(), Status::pending);
  EXPECT_EQ(node->now(early), Status::success);
  EXPECT_EQ((*early)->oplock.answers, 1U);
}

TEST_F(OplockTest, LeasesAreSharedByTheOpensOfTheirKeyAndGrow) {
  hold(lease(1, kRead), kRead);
  hold(lease(1, kRH), kRH);
  hold(lease(1, kRW), kRH);  // not a superset
  hold(lease(1, kAll), kAll);
  EXPECT_EQ(node->last.create.caching.epoch, 3U);
  hold(lease(1, kRead), kAll);
  EXPECT_EQ(next_break(), "");
  EXPECT_EQ(open_path("another", lease(1, kRead), How{}), Status::invalid_parameter);
  EXPECT_EQ(open_path("another", lease(1, kRead, 2), How{}), Status::success);
}

TEST_F(OplockTest, LeasesGrowByAllThatIsAskedForOrNotAtAll) {
  hold(lease(1, kRead), kRead);
  hold(lease(2, kRead), kRead);
  hold(lease(1, kAll), kRead);  // the other key forbids to write
  hold(lease(1, kRH), kRH);
}

TEST_F(OplockTest, AreNotGrantedBesideOneThatAllowsWriting) {
  hold(oplock(kExclusive), kExclusive);
  How attributes;
  attributes.access = access::kReadAttributes | access::kSynchronize;
  EXPECT_EQ(open(oplock(kLevelII), attributes), Status::success);
  EXPECT_EQ(node->last.create.caching.state, 0);
  EXPECT_EQ(next_break(), "");
}

TEST_F(OplockTest, LeasesOfOtherKeysBreakTheRightToWrite) {
  hold(lease(1, kAll), kAll);
  EXPECT_EQ(open(lease(2, kAll)), Status::pending);
  EXPECT_EQ(next_break(), "7>3!");
  EXPECT_EQ(open(lease(1, kAll)), Status::success);  // the holder itself is told that it breaks
  EXPECT_EQ(node->last.create.caching.breaking, 1U);
  EXPECT_EQ(acknowledge(kAll), Status::request_not_accepted);
  EXPECT_EQ(acknowledge(kRH), Status::success);
  EXPECT_EQ(acknowledge(kRH), Status::unsuccessful);
  EXPECT_EQ(open(lease(2, kAll)), Status::success);
  EXPECT_EQ(node->last.create.caching.state, kRH);
}

TEST_F(OplockTest, LeasesThatMoreIsAskedOfWhileTheyBreakGoDownInSteps) {
  hold(lease(1, kAll), kAll);
  EXPECT_EQ(open(), Status::pending);
  EXPECT_EQ(next_break(), "7>3!");
  EXPECT_EQ(open({}, {.disposition = Disposition::overwrite}), Status::pending);
  EXPECT_EQ(next_break(), "");
  EXPECT_EQ(acknowledge(kRH), Status::success);
  EXPECT_EQ(next_break(), "3>1!");
  EXPECT_EQ(open(), Status::pending);
  EXPECT_EQ(acknowledge(kRead), Status::success);
  EXPECT_EQ(next_break(), "1>0");
  EXPECT_EQ(open(), Status::success);
}

TEST_F(OplockTest, LeasesGiveUpHandlesBeforeTheFileIsRenamed) {
  hold(lease(1, kRH), kRH);
  const std::uint64_t renames = hold({}, 0);
  EXPECT_EQ(node->rename(renames, "moved"), Status::pending);
  EXPECT_EQ(next_break(), "3>1!");
  EXPECT_EQ(acknowledge(kRead), Status::success);
  EXPECT_EQ(node->rename(renames, "moved"), Status::success);
}

TEST_F(OplockTest, LeasesGiveUpHandlesBeforeTheFileIsMarkedForDeletion) {
  hold(lease(1, kRH), kRH);
  const std::uint64_t deletes = hold({}, 0);
  EXPECT_EQ(node->dispose(deletes, false), Status::success);
  EXPECT_EQ(node->dispose(deletes), Status::pending);
  EXPECT_EQ(next_break(), "3>1!");
  EXPECT_EQ(acknowledge(kRead), Status::success);
  EXPECT_EQ(node->dispose(deletes), Status::success);
}

TEST_F(OplockTest, LeasesGiveUpHandlesWhenTheFileIsDeletedByAClose) {
  const std::uint64_t cached = hold(lease(1, kRH), kRH);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open,
                                .access = access::kDelete,
                                .options = option::kDeleteOnClose}),
            Status::success);
  const std::uint64_t deletes = node->last.open;
  EXPECT_EQ(next_break(), "");
  EXPECT_EQ(node->close(deletes), Status::success);
  EXPECT_EQ(next_break(), "3>1!");
  EXPECT_EQ(node->close(cached), Status::success);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
}

TEST_F(OplockTest, OfAStreamEndWithItsCloseAndWhoWaitedGoesOn) {
  EXPECT_EQ(open_path("file:stream", oplock(kBatch), How{}), Status::success);
  EXPECT_EQ(node->last.create.caching.state, kBatch);
  const std::uint64_t holder = node->last.open;
  EXPECT_EQ(open_path("file:stream", {}, How{}), Status::pending);
  const auto waiting = settled();
  EXPECT_EQ(node->now(waiting), Status::pending);
  EXPECT_EQ(node->close(holder), Status::success);
  EXPECT_EQ(node->now(waiting), Status::success);
  EXPECT_EQ(open_path("file:stream", {}, How{}), Status::success);
}

TEST_F(OplockTest, LevelIIEndsWithASizeThatIsSetEvenIfItStaysAsItWas) {
  hold(oplock(kLevelII), kLevelII);
  const std::uint64_t other = hold({}, 0);
  EXPECT_EQ(node->set_size(other, 0), Status::success);
  EXPECT_EQ(next_break(), "1>0");
}

TEST_F(OplockTest, BreaksOfALeaseAreToldToAnOpenThatIsThere) {
  const auto open_in = [this](std::uint32_t session) {
    Irp made = node->irp(Major::create);
    made.session = session;
    made.create.create_disposition = static_cast<std::uint32_t>(Disposition::open_if);
    made.create.desired_access = access::kReadData;
    made.create.share_access = TestNode::kShareAll;
    made.create.caching = lease(1, kRH);
    EXPECT_EQ(node->run_with(made, "file").status, Status::success);
    return node->last.open;
  };
  const std::uint64_t first = open_in(1);
  const std::uint64_t second = open_in(2);
  EXPECT_EQ(node->close(first), Status::success);
  EXPECT_EQ(open({}, {.disposition = Disposition::overwrite}), Status::success);
  EXPECT_EQ(next_break(), "3>0!");
  EXPECT_EQ(told.session, 2U);
  EXPECT_EQ(told.open, second);
}

TEST_F(OplockTest, GoWithTheVolume) {
  hold(oplock(kBatch), kBatch);
  const auto listening = node->begin(make(OplockMinor::next_break));
  EXPECT_EQ(open(), Status::pending);
  EXPECT_EQ(node->now(listening), Status::success);
  const auto again = node->begin(make(OplockMinor::next_break));
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  EXPECT_EQ(node->now(again), Status::volume_dismounted);
}

}  // namespace
}  // namespace understudy
