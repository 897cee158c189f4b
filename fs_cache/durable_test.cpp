// Durable opens: granted, kept while their client is away, given back, and restored by who mounts
// the LUN after a node has died.
#include "fs_cache/fs_cache_fixture.h"
#include "fs_cache/open_state.h"

namespace understudy {
namespace {

using std::chrono::seconds;

class Durable : public FsCacheTest {
 protected:
  static DurableRequest request(DurableKind kind, std::uint8_t guid = 1) {
    DurableRequest made{};
    made.kind = kind;
    made.client_guid[0] = 1;
    if (kind != DurableKind::durable) made.create_guid[0] = guid;
    made.owner[0] = 7;
    return made;
  }
  static Caching batch() {
    Caching asked{};
    asked.kind = Caching::oplock;
    asked.state = caching::kAll;
    return asked;
  }
  static Caching lease(std::uint8_t state, std::uint8_t key = 1) {
    Caching asked{};
    asked.kind = Caching::lease;
    asked.state = state;
    asked.version = 2;
    asked.client[0] = 1;
    asked.key[0] = key;
    return asked;
  }
  static std::string add_request(Irp& made, std::string_view path, const DurableRequest& asked) {
    const auto* const raw = reinterpret_cast<const std::uint8_t*>(&asked);
    const std::vector<Property> properties = {
        {PropertyKind::durable, 0, {raw, sizeof(DurableRequest)}}};
    std::string payload(path);
    payload.resize(path.size() + properties_size(properties));
    encode_properties(properties,
                      Bytes(reinterpret_cast<std::uint8_t*>(payload.data()) + path.size(),
                            payload.size() - path.size()));
    made.create.properties_length = static_cast<std::uint32_t>(payload.size() - path.size());
    return payload;
  }
  Irp with_request(Irp made, std::string_view path, const DurableRequest& asked) {
    const std::string payload = add_request(made, path, asked);
    return node->run_with(made, payload, 1024);
  }
  Irp create_irp(Caching caching, std::uint32_t share = TestNode::kShareAll) {
    Irp made = node->irp(Major::create);
    made.create.create_disposition = static_cast<std::uint32_t>(Disposition::open_if);
    made.create.desired_access = TestNode::kAll;
    made.create.share_access = share;
    made.create.caching = caching;
    return made;
  }
  /// Opens "file" so that it is durable.
  std::uint64_t hold(const DurableRequest& asked, Caching caching = batch(),
                     std::uint32_t share = TestNode::kShareAll) {
    EXPECT_EQ(with_request(create_irp(caching, share), "file", asked).status, Status::success);
    EXPECT_EQ(node->last.create.durable, asked.kind);
    EXPECT_NE(node->last.lsn, 0U);
    return node->last.open;
  }
  Status client_goes(std::uint64_t open) {
    Irp made = node->irp(Major::close);
    made.open = open;
    made.close.client_gone = kClientGone;
    return node->run(made).status;
  }
  Status reclaim(std::uint64_t open, const DurableRequest& asked, Caching caching = {},
                 std::string_view path = "file") {
    Irp made = node->irp(Major::reclaim);
    made.open = open;
    made.create.caching = caching;
    return with_request(made, path, asked).status;
  }
  std::shared_ptr<std::optional<Irp>> wait_until_settled(std::uint64_t object) {
    Irp made = node->irp(Major::oplock, static_cast<std::uint8_t>(OplockMinor::settled));
    made.oplock.object = object;
    return node->begin(made);
  }
  Status lock(std::uint64_t open, std::uint64_t offset, std::uint16_t sequence = 0) {
    Irp made = node->irp(Major::lock_control, static_cast<std::uint8_t>(LockMinor::lock));
    made.open = open;
    made.lock = {offset, 1, 1, sequence, sequence};
    return node->run(made).status;
  }
};

TEST_F(Durable, IsWhatKeepsAHandleOrIsPersistent) {
  EXPECT_EQ(with_request(create_irp({}), "file", request(DurableKind::durable)).status,
            Status::success);
  EXPECT_EQ(node->last.create.durable, DurableKind::none);
  EXPECT_EQ(client_goes(node->last.open), Status::success);
  EXPECT_EQ(node->close(node->last.open), Status::file_closed);

  hold(request(DurableKind::durable_v2), lease(caching::kRead | caching::kHandle));
  EXPECT_EQ(node->last.create.timeout_ms, 300'000U);
  hold(request(DurableKind::persistent, 2), {});
}

TEST_F(Durable, WaitsForItsClientAndForNobodyElse) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked);
  EXPECT_EQ(reclaim(open, asked), Status::object_name_not_found);  // its client is there
  EXPECT_EQ(client_goes(open), Status::success);
  DurableRequest other = asked;
  other.create_guid[5] = 1;
  EXPECT_EQ(reclaim(open, other), Status::object_name_not_found);
  other = asked;
  other.owner[3] = 1;
  EXPECT_EQ(reclaim(open, other), Status::access_denied);
  EXPECT_EQ(reclaim(open, asked, lease(caching::kAll)), Status::object_name_not_found);
  EXPECT_EQ(reclaim(open + 1, asked), Status::object_name_not_found);
  EXPECT_EQ(reclaim(open, asked), Status::success);
  EXPECT_EQ(node->last.open, open);
  EXPECT_EQ(node->last.create.desired_access, TestNode::kAll);
  EXPECT_EQ(node->last.create.caching.state, caching::kAll);
  EXPECT_EQ(node->write(open, 0, "still mine"), Status::success);
  EXPECT_EQ(node->close(open), Status::success);
  EXPECT_EQ(reclaim(open, asked), Status::object_name_not_found);
}

TEST_F(Durable, IsFoundByTheGuidOfItsCreateAndByARetryOfIt) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked);
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(reclaim(0, asked), Status::success);
  EXPECT_EQ(node->last.open, open);
  EXPECT_EQ(client_goes(open), Status::success);
  DurableRequest again = asked;
  again.replay = 1;
  EXPECT_EQ(with_request(create_irp(batch()), "file", again).status, Status::success);
  EXPECT_EQ(node->last.open, open);
  EXPECT_EQ(node->last.create.create_action, static_cast<std::uint16_t>(CreateAction::created));
}

TEST_F(Durable, OfALeaseComesBackWithItsNameAndAsItIsButAfterATakeoverWithWhatTheClientStillHas) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked, lease(caching::kAll));
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(reclaim(open, asked, lease(caching::kAll), "other"), Status::invalid_parameter);
  EXPECT_EQ(reclaim(open, asked, lease(caching::kAll, 9)), Status::object_name_not_found);
  EXPECT_EQ(reclaim(open, asked), Status::object_name_not_found);
  EXPECT_EQ(reclaim(open, asked, lease(caching::kRead | caching::kHandle), "FILE"),
            Status::success);
  EXPECT_EQ(node->last.create.caching.state, caching::kAll);
  take_over();
  EXPECT_EQ(reclaim(open, asked, lease(caching::kRead | caching::kHandle)), Status::success);
  EXPECT_EQ(node->last.create.caching.state, caching::kRead | caching::kHandle);
}

TEST_F(Durable, IsNotMadeASecondTimeWithItsGuidUnlessItIsARetry) {
  DurableRequest asked = request(DurableKind::persistent);
  const std::uint64_t open = hold(asked, {});
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(with_request(create_irp({}), "file", asked).status, Status::duplicate_objectid);
  asked.replay = 1;
  EXPECT_EQ(with_request(create_irp({}), "file", asked).status, Status::success);
  EXPECT_EQ(node->last.open, open);
}

TEST_F(Durable, OfVersion2ComesBackToWhoShowsItsIdAlone) {
  const std::uint64_t open = hold(request(DurableKind::durable_v2));
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(reclaim(open, request(DurableKind::durable)), Status::success);
}

TEST_F(Durable, WithAnOplockComesBackToAnotherMachineOfItsOwnerButNotWithALease) {
  DurableRequest elsewhere = request(DurableKind::durable_v2);
  elsewhere.client_guid[0] = 2;
  const std::uint64_t open = hold(request(DurableKind::durable_v2));
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(reclaim(open, elsewhere), Status::success);
  EXPECT_EQ(node->close(open), Status::success);
  const std::uint64_t leased = hold(request(DurableKind::durable_v2), lease(caching::kAll));
  EXPECT_EQ(client_goes(leased), Status::success);
  EXPECT_EQ(reclaim(leased, elsewhere, lease(caching::kAll)), Status::object_name_not_found);
}

TEST_F(Durable, EndsForWhoeverOpensTheFileWhileItsClientIsAway) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked, batch(), 0);
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(node->open("file"), Status::pending);
  const auto settled = wait_until_settled(node->last.create.facts.object);
  EXPECT_EQ(node->now(settled), Status::success);
  EXPECT_EQ(node->open("file"), Status::success);
  EXPECT_EQ(reclaim(open, asked), Status::object_name_not_found);
}

TEST_F(Durable, EndsWhenItsTimeIsOver) {
  DurableRequest asked = request(DurableKind::durable_v2);
  asked.timeout_ms = 10'000;
  const std::uint64_t open = hold(asked);
  EXPECT_EQ(client_goes(open), Status::success);
  loop.run_for(seconds(9));
  EXPECT_EQ(reclaim(open, asked), Status::success);
  EXPECT_EQ(client_goes(open), Status::success);
  loop.run_for(seconds(11));
  EXPECT_EQ(reclaim(open, asked), Status::object_name_not_found);
}

TEST_F(Durable, IfPersistentMakesWayForNobody) {
  const DurableRequest asked = request(DurableKind::persistent);
  const std::uint64_t open = hold(asked, {}, 0);
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(node->open("file"), Status::file_not_available);
  EXPECT_EQ(reclaim(open, asked), Status::success);
  EXPECT_EQ(node->open("file"), Status::sharing_violation);
}

/// Its answers, or its CLOSE, may have been lost with the connection or the node.
TEST_F(Durable, IfPersistentMakesWayForItsOwnClientWhenThatIsBackAndDoesNotAskForIt) {
  for (const bool node_dies : {false, true}) {
    const std::uint64_t open =
        hold(request(DurableKind::persistent), lease(caching::kAll), TestNode::kShareAll);
    EXPECT_EQ(client_goes(open), Status::success);
    if (node_dies) take_over();
    DurableRequest stranger = request(DurableKind::persistent, 2);
    stranger.client_guid[0] = 2;
    EXPECT_EQ(with_request(create_irp({}), "file", stranger).status, Status::file_not_available);
    const DurableRequest anew = request(DurableKind::persistent, 3);
    EXPECT_EQ(with_request(create_irp(lease(caching::kAll, 2)), "file", anew).status,
              Status::pending);
    const auto settled = wait_until_settled(node->last.create.facts.object);
    loop.run_for(std::chrono::milliseconds(900));
    EXPECT_EQ(node->now(settled), Status::pending);
    loop.run_for(std::chrono::milliseconds(200));
    EXPECT_EQ(node->now(settled), Status::success);
    EXPECT_EQ(with_request(create_irp(lease(caching::kAll, 2)), "file", anew).status,
              Status::success);
    EXPECT_EQ(node->last.create.caching.state, caching::kAll);
    EXPECT_EQ(node->close(node->last.open), Status::success);
    EXPECT_EQ(reclaim(open, request(DurableKind::persistent), lease(caching::kAll)),
              Status::object_name_not_found);
  }
}

TEST_F(Durable, IsItsClientsAgainIfThatAsksForItInTimeThoughItWantsTheFileOtherwiseToo) {
  const DurableRequest asked = request(DurableKind::persistent);
  const std::uint64_t open = hold(asked, lease(caching::kAll));
  EXPECT_EQ(client_goes(open), Status::success);
  const DurableRequest anew = request(DurableKind::persistent, 3);
  EXPECT_EQ(with_request(create_irp(lease(caching::kAll, 2)), "file", anew).status,
            Status::pending);
  const auto settled = wait_until_settled(node->last.create.facts.object);
  EXPECT_EQ(reclaim(open, asked, lease(caching::kAll)), Status::success);
  EXPECT_EQ(node->now(settled), Status::success);
  loop.run_for(seconds(2));
  EXPECT_EQ(node->write(open, 0, "still mine"), Status::success);
}

TEST_F(Durable, IsFlushedAndClosedForItsOwnClientThoughThatHasNotAskedForItYet) {
  DurableRequest who = request(DurableKind::none, 0);
  const auto ask = [this](Major major, std::uint64_t open, const DurableRequest& asking) {
    Irp made = node->irp(major);
    made.open = open;
    const auto* const raw = reinterpret_cast<const char*>(&asking);
    return node->run_with(made, std::string(raw, sizeof asking), 0).status;
  };
  const auto flush = [&](std::uint64_t open, const DurableRequest& asking) {
    return ask(Major::flush_buffers, open, asking);
  };
  const std::uint64_t open = hold(request(DurableKind::persistent), lease(caching::kAll));
  EXPECT_EQ(node->write(open, 0, "data"), Status::success);
  EXPECT_EQ(flush(open, who), Status::file_closed) << "its client has it";
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(flush(open, who), Status::success);
  EXPECT_GT(node->last.shows, 0U);
  who.owner[0] = 9;
  EXPECT_EQ(flush(open, who), Status::file_closed);
  who = request(DurableKind::none, 0);
  who.client_guid[0] = 9;
  EXPECT_EQ(flush(open, who), Status::file_closed);
  EXPECT_EQ(ask(Major::close, open, who), Status::file_closed);
  who = request(DurableKind::none, 0);
  EXPECT_EQ(flush(open + 1, who), Status::file_closed);
  EXPECT_EQ(ask(Major::close, open, who), Status::success);
  EXPECT_EQ(reclaim(open, request(DurableKind::persistent), lease(caching::kAll)),
            Status::object_name_not_found);
}

TEST_F(Durable, DoesNotKeepItsOwnClientFromDeletingTheFile) {
  for (const std::uint8_t state :
       {caching::kAll, std::uint8_t(caching::kRead | caching::kHandle)}) {
    const std::uint64_t lost = hold(request(DurableKind::persistent), lease(state));
    EXPECT_EQ(client_goes(lost), Status::success);
    take_over();
    Irp remove = create_irp({});
    remove.create.create_options = option::kDeleteOnClose;
    const DurableRequest who = request(DurableKind::none, 0);
    EXPECT_EQ(with_request(remove, "file", who).status, Status::pending);
    const auto settled = wait_until_settled(node->last.create.facts.object);
    loop.run_for(seconds(2));
    EXPECT_EQ(node->now(settled), Status::success);
    EXPECT_EQ(with_request(remove, "file", who).status, Status::success);
    EXPECT_EQ(node->close(node->last.open), Status::success);
    EXPECT_EQ(node->open("file", {.disposition = Disposition::open}),
              Status::object_name_not_found);
  }
}

TEST_F(Durable, OutlivesItsNodeWithLocksNameAndSequences) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked, lease(caching::kRead | caching::kHandle));
  EXPECT_EQ(node->write(open, 0, "before"), Status::success);
  EXPECT_EQ(lock(open, 3, 5), Status::success);
  EXPECT_EQ(node->rename(open, "renamed"), Status::success);
  EXPECT_EQ(node->flush(node->last.lsn - 1), Status::success);
  take_over();
  EXPECT_EQ(reclaim(open, asked, lease(caching::kRead | caching::kHandle), "renamed"),
            Status::success);
  ReclaimedOpen back{};
  ASSERT_GE(node->answer.size(), sizeof back);
  EXPECT_EQ(node->last.information, sizeof back);
  EXPECT_EQ(node->last.create.facts.size, 6U);
  const std::uint64_t other = node->must_open("renamed");
  EXPECT_EQ(lock(other, 3), Status::lock_not_granted);
  EXPECT_EQ(node->write(open, 6, " and after"), Status::success);
  EXPECT_EQ(node->close(open), Status::success);
  EXPECT_EQ(lock(other, 3), Status::success);
  take_over();
  EXPECT_EQ(node->content("renamed"), "before and after");
  EXPECT_EQ(reclaim(open, asked, lease(caching::kRead | caching::kHandle), "renamed"),
            Status::object_name_not_found);
}

TEST_F(Durable, ComesBackUnderTheNameBeforeARenameWhoseAnswerWasLostAndTheRenameIsDoneOnce) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const Caching caching = lease(caching::kRead | caching::kHandle);
  const std::uint64_t open = hold(asked, caching);
  EXPECT_EQ(node->rename(open, "renamed"), Status::success);
  take_over();
  EXPECT_EQ(reclaim(open, asked, caching, "another"), Status::invalid_parameter);
  EXPECT_EQ(reclaim(open, asked, caching, "FILE"), Status::success);
  EXPECT_EQ(node->rename(open, "renamed"), Status::success);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
  EXPECT_EQ(node->open("renamed", {.disposition = Disposition::open}), Status::success);
}

TEST_F(Durable, IsMarkedForDeletionOnceMoreWhenTheAnswerWasLost) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked);
  EXPECT_EQ(node->dispose(open), Status::success);
  take_over();
  EXPECT_EQ(reclaim(open, asked), Status::success);
  EXPECT_EQ(node->dispose(open), Status::success);
  EXPECT_EQ(node->close(open), Status::success);
  EXPECT_EQ(reclaim(open, asked), Status::object_name_not_found);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
}

TEST_F(Durable, IsNotDeletedByATakeoverAfterSomebodyElseTookTheMarkOfDeletionBack) {
  const DurableRequest asked = request(DurableKind::persistent);
  const std::uint64_t open = hold(asked, {});
  const std::uint64_t other = node->must_open("file");
  EXPECT_EQ(node->dispose(open), Status::success);
  EXPECT_EQ(node->dispose(other, false), Status::success);
  EXPECT_EQ(node->close(other), Status::success);
  take_over();
  EXPECT_EQ(reclaim(open, asked), Status::success);
  EXPECT_EQ(node->close(open), Status::success);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::success);
}

TEST_F(Durable, KeepsTheMarkOfDeletionThatSomebodyElseSetForWhoTakesOver) {
  for (const bool by_close : {false, true}) {
    const DurableRequest asked = request(DurableKind::persistent);
    const std::uint64_t open = hold(asked, {});
    const std::uint64_t other =
        node->must_open("file", {.options = by_close ? option::kDeleteOnClose : 0});
    if (!by_close) {
      EXPECT_EQ(node->dispose(other), Status::success);
    }
    EXPECT_EQ(node->close(other), Status::success);
    take_over();
    EXPECT_EQ(reclaim(open, asked), Status::success);
    EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::delete_pending);
    EXPECT_EQ(node->close(open), Status::success);
    EXPECT_EQ(node->open("file", {.disposition = Disposition::open}),
              Status::object_name_not_found);
  }
}

TEST_F(Durable, OfAClientThatDidNotHearOfABreakComesBackWithWhatTheBreakLeft) {
  const DurableRequest asked = request(DurableKind::persistent);
  const Caching caching = lease(caching::kRead | caching::kHandle);
  const std::uint64_t open = hold(asked, caching);
  const std::uint64_t other = node->must_open("file");
  EXPECT_EQ(node->write(other, 0, "new"), Status::success);  // its client has not answered yet
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(reclaim(open, asked, caching), Status::success);
  EXPECT_EQ(node->last.create.caching.state, 0);
}

TEST_F(Durable, WithABreakThatWasGivenUpIsAskedAgainAndTheOldTimeOutIsForgotten) {
  const DurableRequest asked = request(DurableKind::persistent);
  const Caching caching = lease(caching::kAll);
  const std::uint64_t open = hold(asked, caching);
  EXPECT_EQ(node->open("file"), Status::pending);
  const auto settled = wait_until_settled(node->last.create.facts.object);
  loop.run_for(seconds(5));
  EXPECT_EQ(client_goes(open), Status::success);
  EXPECT_EQ(node->now(settled), Status::success) << "nobody waits for a client that is away";
  EXPECT_EQ(node->open("file"), Status::file_not_available);
  EXPECT_EQ(reclaim(open, asked, caching), Status::success);
  EXPECT_EQ(node->last.create.caching.state, caching::kAll);
  loop.run_for(seconds(40));
  EXPECT_EQ(node->open("file"), Status::pending) << "the lease is as it was given back";
}

TEST_F(Durable, IsKeptFromOthersForATimeOfGraceAfterATakeover) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked, batch(), 0);
  take_over();
  EXPECT_EQ(node->open("file"), Status::pending);
  const auto settled = wait_until_settled(node->last.create.facts.object);
  loop.run_for(seconds(5));
  EXPECT_EQ(node->now(settled), Status::pending);
  EXPECT_EQ(reclaim(open, asked), Status::success);
  EXPECT_EQ(node->now(settled), Status::success);
  take_over();
  EXPECT_EQ(node->open("file"), Status::pending);
  const auto again = wait_until_settled(node->last.create.facts.object);
  loop.run_for(seconds(31));
  EXPECT_EQ(node->now(again), Status::success);
  EXPECT_EQ(node->open("file"), Status::success);
  EXPECT_EQ(reclaim(open, asked), Status::object_name_not_found);
}

TEST_F(Durable, IsThereAfterADismountAndTheFileIsDeletedByWhoClosesItLast) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked);
  EXPECT_EQ(node->dispose(open), Status::success);
  EXPECT_EQ(node->order(ClusterMinor::dismount), Status::success);
  take_over();
  EXPECT_EQ(node->open("file"), Status::delete_pending);
  EXPECT_EQ(reclaim(open, asked), Status::success);
  EXPECT_EQ(node->close(open), Status::success);
  EXPECT_EQ(node->open("file", {.disposition = Disposition::open}), Status::object_name_not_found);
}

TEST_F(Durable, StateThatIsCutAnywhereIsRefused) {
  OpenState state;
  state.request = request(DurableKind::durable_v2);
  state.path = "a\\file";
  state.locks = {{1, 2, true, 9}};
  const std::vector<std::uint8_t> bytes = encode_open_state(state);
  EXPECT_EQ(bytes.size(), open_state_size(state.path.size(), 1));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_open_state(ConstBytes(bytes).first(size), 9)) << size;
  const auto back = decode_open_state(bytes, 9);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->path, state.path);
  EXPECT_EQ(back->locks.at(0).open, 9U);
}

TEST_F(Durable, StateOfNothingSoundIsLostWithAWordInTheLogAndNoHarm) {
  hold(request(DurableKind::durable_v2));
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->current().properties.size(), 1U);
  disk->damage_properties();
  take_over();
  EXPECT_EQ(node->open("file"), Status::success);
  EXPECT_TRUE(disk->current().properties.empty());
}

TEST_F(Durable, IsNotLostWhenTheMediumFailsForAMomentWhileItIsRestored) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked);
  for (const char* const point : {"medium.property", "medium.list"}) {
    EXPECT_EQ(node->flush(), Status::success);
    take_over();
    node->faults().arm(point,
                       {.action = FaultAction::error, .status = Status::unexpected_io_error});
    EXPECT_EQ(node->open("other"), Status::unexpected_io_error) << point;
    EXPECT_EQ(reclaim(open, asked), Status::success) << point;
  }
}

TEST_F(Durable, StaysForItsClientWhenTheAnswerHasNoRoom) {
  const DurableRequest asked = request(DurableKind::durable_v2);
  const std::uint64_t open = hold(asked);
  EXPECT_EQ(client_goes(open), Status::success);
  Irp narrow = node->irp(Major::reclaim);
  narrow.open = open;
  narrow.payload = node->buffer(add_request(narrow, "file", asked));
  narrow.payload.capacity = narrow.payload.length;
  EXPECT_EQ(node->run(narrow).status, Status::buffer_too_small);
  EXPECT_EQ(reclaim(open, asked), Status::success);
}

TEST_F(Durable, EndsTogetherWithAllOthersWhoseTimeIsOver) {
  constexpr std::uint8_t kOpens = 20;
  DurableRequest asked = request(DurableKind::durable_v2);
  asked.timeout_ms = 10'000;
  for (std::uint8_t i = 0; i < kOpens; ++i) {
    asked.create_guid[1] = i;
    EXPECT_EQ(client_goes(hold(asked, lease(caching::kRead | caching::kHandle))), Status::success);
  }
  loop.run_for(seconds(11));
  for (std::uint8_t i = 0; i < kOpens; ++i) {
    asked.create_guid[1] = i;
    EXPECT_EQ(reclaim(0, asked), Status::object_name_not_found);
  }
}

TEST_F(Durable, LeavesNothingOnTheMediumWhenItWasBrief) {
  const std::uint64_t open = hold(request(DurableKind::durable_v2));
  EXPECT_EQ(node->close(open), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_TRUE(disk->current().properties.empty());
  const std::uint64_t longer = hold(request(DurableKind::durable_v2));
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_EQ(disk->durable().properties.size(), 1U);
  EXPECT_EQ(node->close(longer), Status::success);
  EXPECT_EQ(node->flush(), Status::success);
  EXPECT_TRUE(disk->durable().properties.empty());
}

}  // namespace
}  // namespace understudy
