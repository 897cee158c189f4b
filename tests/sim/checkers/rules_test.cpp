// No checker is blind: each is shown a short history, told event by event, that breaks its rule,
// and the same history without the fault.
#include "tests/sim/checkers/rules.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "iomgr/local/local_host.h"

namespace understudy::sim {
namespace {

/// A history that is made up: one LUN, whose medium does what the test says.
class Told {
 public:
  Told()
      : disk_(std::make_shared<MemoryDisk>()),
        ledger_({disk_}),
        medium_(host_.seams(Layer::fs_cache), disk_) {
    tell({.what = What::locked, .life = 1, .copies = &no_copies_});
    tell({.what = What::claimed, .life = 1, .place = {1, 0}});
    tell({.what = What::mirroring_on, .life = 1});
  }

  void tell(Event event) {
    if (ledger_.take(event)) {
      Event first = event;
      first.what = What::serving;
      ledger_.begin_serving(first);
      judge(first);
      ledger_.take(event);
    }
    judge(event);
  }
  bool broke(int rule) const {
    return std::ranges::any_of(findings_.all(),
                               [rule](const Finding& finding) { return finding.rule == rule; });
  }
  bool all_kept() const { return findings_.all().empty(); }

  std::uint64_t send(std::uint64_t irp, bool is_read = false) {
    Request& request = ledger_.new_request();
    request.is_read = is_read;
    request.length = 100;
    request.known_before = ledger_.lun(0).known;
    const std::uint64_t id = request.id;
    tell({.what = What::issued, .life = 1, .irp = irp, .request = id});
    return id;
  }
  /// A create of `name` gets its place.
  Effects log(std::uint64_t irp, std::uint64_t lsn, std::uint64_t epoch = 1,
              std::uint32_t life = 1) {
    Effects effects;
    effects.header.effect = Effect::create;
    effects.header.epoch = epoch;
    effects.header.lsn = lsn;
    effects.header.object = 100 + lsn;
    effects.header.parent = kRootObject;
    effects.name = "file" + std::to_string(lsn);
    tell({.what = What::logged, .life = life, .irp = irp, .effects = &effects});
    return effects;
  }
  void copy(std::uint64_t lsn, std::uint64_t first = 1) {
    copies_.clear();
    for (; first <= lsn; ++first) copies_.push_back({1, first});
    tell({.what = What::stored, .node = 1, .life = 2, .place = {1, lsn}, .copies = &copies_});
  }
  void acknowledge(std::uint64_t irp, std::uint64_t lsn, std::uint32_t life = 1) {
    tell({.what = What::acknowledged, .life = life, .place = {1, lsn}, .irp = irp});
  }
  void answer(std::uint64_t request, Status status = Status::success,
              const std::vector<std::uint8_t>* bytes = nullptr) {
    tell({.what = What::answered, .request = request, .status = status, .bytes = bytes});
  }
  /// The operation's cells and, then, the slot. Without `really` only the slot.
  void flush(const Effects& effects, bool really = true) {
    if (really) {
      const ObjectState state{effects.header.size,          effects.header.attributes,
                              effects.header.creation_time, effects.header.access_time,
                              effects.header.write_time,    effects.header.change_time};
      ObjectCells cells;
      cells.object = effects.header.object;
      cells.create = true;
      cells.state = state;
      run(medium_.write_objects(std::span(&cells, 1)));
      run(medium_.sync_objects(std::span(&cells.object, 1)));
      const EntryCell entry{kRootObject, effects.name, effects.header.object, false};
      run(medium_.write_entries(std::span(&entry, 1)));
      run(medium_.sync_directories(std::span(&entry.directory, 1)));
    }
    const Applied applied{0, effects.header.epoch, effects.header.lsn, 0};
    run(medium_.write_applied(applied));
    tell({.what = What::applied, .life = 1, .place = effects.place()});
  }
  MemoryDisk& disk() { return *disk_; }

 private:
  void judge(const Event& event) {
    for (const Rule& rule : rules()) rule.look(event, ledger_, findings_);
  }
  void run(Task<Status> task) {
    scope_.spawn([](Task<Status> what) -> Task<void> {
      const Status status = co_await what;
      EXPECT_EQ(status, Status::success);
    }(std::move(task)));
    loop_.run_ready();
  }

  VirtualLoop loop_;
  Wire wire_;
  LocalHost host_{loop_, wire_, "a"};
  std::shared_ptr<MemoryDisk> disk_;
  Ledger ledger_;
  MemoryMedium medium_;
  Findings findings_;
  std::vector<Place> copies_;
  const std::vector<Place> no_copies_;
  TaskScope scope_;
};

TEST(Rule1, AnAcknowledgementBeforeTheCopyBreaksIt) {
  Told good;
  const std::uint64_t request = good.send(1);
  good.log(1, 1);
  good.copy(1);
  good.acknowledge(1, 1);
  good.answer(request);
  EXPECT_TRUE(good.all_kept());
  Told bad;
  bad.send(1);
  bad.log(1, 1);
  bad.acknowledge(1, 1);
  EXPECT_TRUE(bad.broke(1));
}

TEST(Rule1, AnAcknowledgedOperationThatTheNewOwnerLacksBreaksIt) {
  for (const bool copy_lost : {false, true}) {
    Told told;
    const std::uint64_t request = told.send(1);
    told.log(1, 1);
    told.copy(1);
    told.acknowledge(1, 1);
    told.answer(request);
    told.tell({.what = What::node_died, .life = 1});
    if (copy_lost) told.tell({.what = What::memory_lost, .node = 1, .life = 2});
    const std::vector<Place> none;
    told.tell({.what = What::locked, .node = 1, .life = 2, .copies = &none});
    told.tell({.what = What::claimed, .node = 1, .life = 2, .place = {2, 0}});
    told.log(2, 1, 2, 2);
    EXPECT_EQ(told.broke(1), !copy_lost);
    EXPECT_FALSE(told.broke(7));
  }
}

TEST(Rule2, ALowerPlaceThanWhatWasKnownBreaksIt) {
  Told told;
  const std::uint64_t first = told.send(1);
  told.log(1, 5);
  told.copy(5);
  told.acknowledge(1, 5);
  told.answer(first);
  told.send(2);
  EXPECT_TRUE(told.all_kept());
  told.log(2, 4);
  EXPECT_TRUE(told.broke(2));
}

TEST(Rule3, AnErrorForWhatHasAPlaceBreaksIt) {
  Told told;
  const std::uint64_t request = told.send(1);
  told.log(1, 1);
  told.copy(1);
  told.answer(request, Status::access_denied);
  EXPECT_TRUE(told.broke(3));
}

TEST(Rule4, AFlushBeyondWhatIsMirroredBreaksIt) {
  Told told;
  const std::vector<Place> none;
  told.send(1);
  told.log(1, 1);
  told.copy(1);
  told.log(2, 2);
  told.tell({.what = What::flush_asked, .life = 1, .place = {1, 1}, .copies = &none});
  EXPECT_TRUE(told.all_kept());
  told.tell({.what = What::flush_asked, .life = 1, .place = {1, 2}, .copies = &none});
  EXPECT_TRUE(told.broke(4));
}

TEST(Rule5, AListingOfANameThatIsNotSafeBreaksIt) {
  for (const bool copied : {false, true}) {
    Told told;
    told.send(1);
    told.log(1, 1);
    if (copied) told.copy(1);
    Event open{.what = What::completed,
               .life = 1,
               .irp = 2,
               .open = 7,
               .object = kRootObject,
               .major = Major::create};
    told.send(2);
    told.tell(open);
    const std::uint64_t look = told.send(3, true);
    told.tell({.what = What::begun, .life = 1, .irp = 3, .open = 7});
    told.tell({.what = What::completed, .life = 1, .irp = 3, .open = 7, .major = Major::read});
    told.acknowledge(3, 0);
    const std::vector<std::uint8_t> names = {'f', 'i', 'l', 'e', '1', '\n'};
    told.answer(look, Status::success, &names);
    EXPECT_EQ(told.broke(5), !copied);
    EXPECT_FALSE(told.broke(9));
  }
}

TEST(Rule6, ASlotThatSaysMoreThanTheMediumHoldsBreaksIt) {
  for (const bool really : {false, true}) {
    Told told;
    told.send(1);
    const Effects effects = told.log(1, 1);
    told.copy(1);
    told.flush(effects, really);
    EXPECT_EQ(told.broke(6), !really);
  }
}

TEST(Rule6, APurgeOfWhatIsNotDurableOrOfMoreThanAPrefixBreaksIt) {
  Told early;
  early.send(1);
  early.log(1, 1);
  early.copy(1);
  const std::vector<Place> none;
  early.tell({.what = What::purged, .node = 1, .life = 2, .place = {1, 1}, .copies = &none});
  EXPECT_TRUE(early.broke(6));
  Told more;
  more.send(1);
  const Effects first = more.log(1, 1);
  more.log(2, 2);
  more.copy(2);
  more.flush(first);
  EXPECT_TRUE(more.all_kept());
  more.tell({.what = What::purged, .node = 1, .life = 2, .place = {1, 1}, .copies = &none});
  EXPECT_TRUE(more.broke(6));
}

TEST(Rule7, AnAcknowledgementOrAWriteOfAnOldOwnerBreaksIt) {
  for (const What what : {What::written, What::acknowledged}) {
    Told told;
    told.tell({.what = What::node_died, .life = 1});
    const std::vector<Place> none;
    told.tell({.what = What::locked, .node = 1, .life = 2, .copies = &none});
    EXPECT_TRUE(told.all_kept());
    told.tell({.what = what, .life = 1});
    EXPECT_TRUE(told.broke(7));
  }
}

TEST(Rule7, TakingALunFromOneThatHoldsItBreaksIt) {
  Told told;
  const std::vector<Place> none;
  told.tell({.what = What::locked, .node = 1, .life = 2, .copies = &none});
  EXPECT_TRUE(told.broke(7));
}

TEST(Rule7, ServiceWithoutANewEpochBreaksIt) {
  Told told;
  told.tell({.what = What::node_died, .life = 1});
  const std::vector<Place> none;
  told.tell({.what = What::locked, .node = 1, .life = 2, .copies = &none});
  told.log(1, 1, 1, 2);
  EXPECT_TRUE(told.broke(7));
}

TEST(Rule8, ServiceBeforeTheReplayIsDurableBreaksIt) {
  Told told;
  const std::uint64_t request = told.send(1);
  told.log(1, 1);
  told.copy(1);
  told.acknowledge(1, 1);
  told.answer(request);
  told.tell({.what = What::node_died, .life = 1});
  const std::vector<Place> copies = {{1, 1}};
  told.tell({.what = What::locked, .node = 1, .life = 2, .copies = &copies});
  EXPECT_TRUE(told.all_kept());
  told.log(2, 1, 2, 2);
  EXPECT_TRUE(told.broke(8));
}

TEST(Rule9, AReadOfAStateThatNeverWasBreaksIt) {
  Told told;
  told.send(1);
  told.tell({.what = What::completed,
             .life = 1,
             .irp = 1,
             .open = 7,
             .object = kRootObject,
             .major = Major::create});
  const std::uint64_t look = told.send(2, true);
  told.tell({.what = What::begun, .life = 1, .irp = 2, .open = 7});
  told.tell({.what = What::completed, .life = 1, .irp = 2, .open = 7, .major = Major::read});
  told.acknowledge(2, 0);
  const std::vector<std::uint8_t> ghost = {'g', '\n'};
  told.answer(look, Status::success, &ghost);
  EXPECT_TRUE(told.broke(9));
}

TEST(Rule9, AReadOfAnOldStateBreaksIt) {
  Told told;
  told.send(1);
  told.tell({.what = What::completed,
             .life = 1,
             .irp = 1,
             .open = 7,
             .object = kRootObject,
             .major = Major::create});
  // The read is worked on before the write, and sent after the write's answer: it came too late.
  told.tell({.what = What::begun, .life = 1, .irp = 3, .open = 7});
  told.tell({.what = What::completed, .life = 1, .irp = 3, .open = 7, .major = Major::read});
  const std::uint64_t write = told.send(2);
  told.log(2, 1);
  told.copy(1);
  told.acknowledge(2, 1);
  told.answer(write);
  const std::uint64_t look = told.send(3, true);
  const std::vector<std::uint8_t> nothing;
  told.answer(look, Status::success, &nothing);
  EXPECT_TRUE(told.broke(9));
}

TEST(Rule10, ASecondOperationOfOneRequestBreaksIt) {
  Told told;
  told.send(1);
  told.log(1, 1);
  EXPECT_TRUE(told.all_kept());
  told.log(1, 2);
  EXPECT_TRUE(told.broke(10));
}

TEST(Rule10, AReplayOfSomethingElseBreaksIt) {
  Told told;
  told.send(1);
  Effects effects = told.log(1, 1);
  told.tell({.what = What::replayed, .life = 2, .effects = &effects});
  EXPECT_TRUE(told.all_kept());
  effects.name = "another";
  told.tell({.what = What::replayed, .life = 2, .effects = &effects});
  EXPECT_TRUE(told.broke(10));
}

TEST(Rule11, AnAcknowledgementBeforeEverythingOlderIsOnTheMediumBreaksIt) {
  for (const bool flushed : {false, true}) {
    Told told;
    told.send(1);
    const Effects first = told.log(1, 1);
    told.tell({.what = What::mirroring_off, .life = 1});
    const Effects second = told.log(2, 2);
    if (flushed) {
      told.flush(first);
      told.flush(second);
    }
    told.acknowledge(2, 2);
    EXPECT_EQ(told.broke(11), !flushed);
  }
}

TEST(Rule12, ASlotThatMovesOnAfterAFailedSyncBreaksIt) {
  for (const bool written_again : {false, true}) {
    Told told;
    told.send(1);
    const Effects effects = told.log(1, 1);
    told.copy(1);
    told.tell({.what = What::sync_failed, .life = 1});
    told.flush(effects, written_again);
    EXPECT_EQ(told.broke(12), !written_again);
    EXPECT_FALSE(told.broke(6));
  }
}

TEST(Rule12, FailuresThatThePartnerIsNotToldBreakIt) {
  for (const bool told_it : {false, true}) {
    Told told;
    const std::vector<Place> none;
    for (int i = 0; i < 2; ++i) {
      told.tell({.what = What::flush_failed, .life = 1});
      if (told_it) told.tell({.what = What::failure_told, .life = 1});
    }
    told.tell({.what = What::flush_asked, .life = 1, .place = {1, 0}, .copies = &none});
    EXPECT_EQ(told.broke(12), !told_it);
  }
}

}  // namespace
}  // namespace understudy::sim
