// The way of unwritten operations to the medium (design: section 5): always a prefix of the log, in
// steps with a sync after each, and never anything forgotten before the step that makes it durable
// has succeeded (rules 6 and 12).
#include <algorithm>

#include "fs_cache/flush_plan.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

std::vector<ObjectId> ids_of(const std::vector<ObjectCells>& objects) {
  std::vector<ObjectId> ids;
  for (const ObjectCells& cells : objects) ids.push_back(cells.object);
  return ids;
}

}  // namespace

Task<Status> Volume::lazy_write(Irp& irp) {
  const std::size_t operations = cache_.operations();
  const std::uint64_t bytes = cache_.bytes();
  seams_.trace.step(Step::s414, irp);
  const Status status = co_await flush(irp.lsn);
  irp.lsn = durable_;
  irp.lazy_write.operations = operations - std::min(operations, cache_.operations());
  irp.lazy_write.bytes = bytes - std::min(bytes, cache_.bytes());
  seams_.trace.step(ok(status) ? Step::s420 : Step::s422, irp);
  co_return status;
}

Task<Status> Volume::flush(Lsn upto) {
  co_await flush_turn_.acquire();
  const CreditGuard turn(flush_turn_);
  upto = std::min(upto, last_lsn_);
  if (upto <= durable_) co_return Status::success;
  // What an attempt before this one may have left on the medium is written again, all of it.
  upto = std::max(upto, attempted_);
  const MediumHolds holds = replayed_ || attempted_ > durable_ ? MediumHolds::perhaps_some_of_it
                                                               : MediumHolds::nothing_of_the_prefix;
  attempted_ = upto;
  ++flushes_begun_;
  const Status status = co_await write_prefix(upto, holds);
  if (failed(status)) {
    seams_.log.error("flush failed",
                     {{"lun", lun()}, {"durable", durable_}, {"upto", upto}, {"status", status}});
  }
  co_return status;
}

Task<Status> Volume::write_prefix(Lsn upto, MediumHolds holds) {
  const Status begin = seams_.faults.pass("flush.begin");
  if (failed(begin)) co_return begin;
  const Result<std::vector<Record>> records = cache_.records(upto);
  if (!records) co_return records.status();
  FlushPlan plan = fold(*records, holds);
  Status status = co_await write_plan(plan);
  if (failed(status)) co_return status;
  const Applied applied{0, records->back().header.epoch, upto, applied_.mirror};
  status = co_await mark_applied(applied);
  if (failed(status)) co_return status;
  status = seams_.faults.pass("flush.end");
  if (failed(status)) co_return status;
  settle(upto, plan);
  co_await remove_orphans();
  const Result<Space> space = co_await medium_->space();
  if (space) free_bytes_ = space->free_bytes;
  co_return Status::success;
}

/// Steps 1 to 4.
Task<Status> Volume::write_plan(FlushPlan& plan) {
  Status status = co_await complete_plan(plan);
  if (failed(status)) co_return status;
  status = co_await medium_->write_objects(plan.objects);
  if (failed(status)) co_return status;
  const std::vector<ObjectId> objects = ids_of(plan.objects);
  status = co_await medium_->sync_objects(objects);
  if (failed(status)) co_return status;
  status = co_await write_names(plan);
  co_return status;
}

/// Steps 3 and 4. New names are durable before old ones go: degraded, no log elsewhere would know
/// of an object that has lost one name and not got the other.
Task<Status> Volume::write_names(const FlushPlan& plan) {
  const std::span<const EntryCell> entries = plan.entries;
  const auto first_gone = std::ranges::find(entries, ObjectId{0}, &EntryCell::object);
  const auto links = static_cast<std::size_t>(first_gone - entries.begin());
  for (const auto part : {entries.first(links), entries.subspan(links)}) {
    if (part.empty()) continue;
    Status status = co_await medium_->write_entries(part);
    if (ok(status)) status = co_await medium_->sync_directories(plan.directories);
    if (failed(status)) co_return status;
  }
  co_return Status::success;
}

/// A record that changes an entry says when, but not what else its directory is: that the medium
/// knows.
Task<Status> Volume::complete_plan(FlushPlan& plan) {
  for (const auto& [directory, time] : plan.entry_times) {
    Result<ObjectState> state = co_await medium_->read_state(directory);
    if (!state) co_return state.status();
    state->write_time = time;
    state->change_time = time;
    ObjectCells cells;
    cells.object = directory;
    cells.directory = true;
    cells.state = *state;
    plan.objects.push_back(std::move(cells));
  }
  co_return Status::success;
}

/// Step 5.
Task<Status> Volume::mark_applied(Applied applied) {
  applied.generation = applied_.generation + 1;
  const Status status = co_await medium_->write_applied(applied);
  if (ok(status)) applied_ = applied;
  co_return status;
}

Task<Status> Volume::set_mirror(std::uint32_t mirror) {
  co_await flush_turn_.acquire();
  const CreditGuard turn(flush_turn_);
  if (mirror == 0 && applied_.mirror == 0) co_return Status::success;
  const Applied applied{0, epoch_, durable_, mirror};
  co_return co_await mark_applied(applied);
}

/// The medium is the truth for everything up to `upto` now. Extents first: they point into the
/// records.
void Volume::settle(Lsn upto, const FlushPlan& plan) {
  for (const ObjectCells& cells : plan.objects) {
    Node* node = names_.find(cells.object);
    if (node != nullptr) node->settle(upto, cells.state->size);
  }
  durable_ = upto;
  cache_.forget(upto);
  if (cache_.empty()) replayed_ = false;
  names_.settle(upto);
  orphans_.insert(orphans_.end(), plan.removed.begin(), plan.removed.end());
}

/// Step 7. What cannot be removed now wastes room, nothing else: it stays on the list.
Task<void> Volume::remove_orphans() {
  if (orphans_.empty()) co_return;
  const Status status = co_await medium_->remove_objects(orphans_);
  if (ok(status)) {
    orphans_.clear();
  } else {
    seams_.log.warning("objects without a name stay", {{"lun", lun()}, {"status", status}});
  }
}

}  // namespace understudy
