// The way of unwritten operations to the medium (design: section 5): always a prefix of the log, in
// steps with a sync after each, and never anything forgotten before the step that makes it durable
// has succeeded (rules 6 and 12).
#include <algorithm>
#include <set>

#include "fs_cache/file_constants.h"
#include "fs_cache/flush_plan.h"
#include "fs_cache/volume.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {

std::vector<ObjectId> ids_of(const std::vector<ObjectCells>& objects) {
  std::vector<ObjectId> ids;
  for (const ObjectCells& cells : objects) ids.push_back(cells.object);
  return ids;
}

std::vector<ObjectId> directories_of(std::span<const EntryCell> entries) {
  std::set<ObjectId> directories;
  for (const EntryCell& entry : entries) directories.insert(entry.directory);
  return {directories.begin(), directories.end()};
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
  co_return status;
}

Task<Status> Volume::flush(Lsn upto) {
  co_await flush_turn_.acquire();
  const CreditGuard turn(flush_turn_);
  upto = std::min(upto, last_lsn_);
  // An intent on the medium says that all objects of its flush are durable as they were to be. So
  // nothing touches an object before that flush is through.
  if (upto > durable_ && intended_ > durable_) {
    const Status finished = co_await attempt(intended_);
    if (failed(finished)) co_return finished;
  }
  if (upto <= durable_) co_return Status::success;
  const Status status = co_await attempt(upto);
  co_return status;
}

Task<Status> Volume::attempt(Lsn upto) {
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
  if (holds == MediumHolds::nothing_of_the_prefix) leave_out_brief_opens(plan);
  Applied applied{0, records->back().header.epoch, upto, applied_.mirror};
  if (planted(Mutant::applied_says_too_much)) applied.lsn = last_lsn_;
  Status status = Status::success;
  if (planted(Mutant::applied_before_entries)) status = co_await mark_applied(applied);
  if (planted(Mutant::remove_before_applied))
    status = co_await medium_->remove_objects(plan.removed);
  if (ok(status)) status = co_await write_plan(plan, applied);
  if (failed(status) && planted(Mutant::forget_after_failed_flush)) settle(upto, plan);
  if (failed(status)) co_return status;
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

/// What came and went within the prefix was never there to be removed.
void Volume::leave_out_brief_opens(FlushPlan& plan) const {
  std::erase_if(plan.properties, [this](const PropertyCell& cell) {
    return cell.kind == PropertyKind::open && cell.bytes.empty() && !open_cells_.contains(cell.id);
  });
}

/// Steps 1 to 4 of the flush that `applied` will tell of.
Task<Status> Volume::write_plan(FlushPlan& plan, const Applied& applied) {
  Status status = co_await complete_plan(plan);
  if (failed(status)) co_return status;
  const bool trusts_last_attempt =
      planted(Mutant::retry_without_rewriting) && failed_sync_ == applied.lsn;
  const bool written = intended_ == applied.lsn;
  if (!trusts_last_attempt && !written) status = co_await medium_->write_objects(plan.objects);
  if (failed(status)) co_return status;
  const std::vector<ObjectId> objects = ids_of(plan.objects);
  if (!planted(Mutant::no_object_sync) && !written)
    status = co_await medium_->sync_objects(objects);
  failed_sync_ = failed(status) ? applied.lsn : 0;
  if (ok(status) && !plan.properties.empty())
    status = co_await medium_->write_properties(plan.properties);
  if (failed(status)) co_return status;
  // A crash may leave some of these names, or one that a failed sync has made look durable. This
  // tells what they were to be: another memory's log may lack the last of them, or be lost.
  if (!plan.entries.empty() && !planted(Mutant::rename_without_intent)) {
    const Intent intent{applied.epoch, applied.lsn, plan.entries};
    intended_ = applied.lsn;  // even if it fails: it may be there
    status = co_await medium_->write_intent(intent);
    if (failed(status)) co_return status;
  }
  status = co_await write_names(plan.entries);
  co_return status;
}

/// Steps 3 and 4. New names are durable before old ones go, so at no moment an object that moves
/// has none.
Task<Status> Volume::write_names(std::span<const EntryCell> entries) {
  const auto first_gone = std::ranges::find(entries, ObjectId{0}, &EntryCell::object);
  const auto links = static_cast<std::size_t>(first_gone - entries.begin());
  for (const auto part : {entries.first(links), entries.subspan(links)}) {
    if (part.empty()) continue;
    Status status = co_await medium_->write_entries(part);
    const std::vector<ObjectId> directories = directories_of(part);
    if (ok(status) && !planted(Mutant::no_directory_sync))
      status = co_await medium_->sync_directories(directories);
    if (failed(status)) co_return status;
  }
  co_return Status::success;
}

/// At a mount: the names of a flush that a crash interrupted. Everything else of it was
/// durable before its intent was.
Task<Status> Volume::finish_intent() {
  const Result<Intent> intent = co_await medium_->read_intent();
  if (!intent) co_return intent.status();
  if (intent->lsn <= applied_.lsn) co_return Status::success;
  seams_.log.warning("finishes an interrupted flush", {{"lun", lun()}, {"lsn", intent->lsn}});
  const Status written = co_await write_names(intent->entries);
  if (failed(written)) co_return written;
  const Applied applied{0, intent->epoch, intent->lsn, applied_.mirror};
  co_return co_await mark_applied(applied);
}

/// A record that changes an entry, or a stream, says when, but not what else its directory or file
/// is: that the medium knows.
Task<Status> Volume::complete_plan(FlushPlan& plan) {
  for (const auto& [directory, time] : plan.entry_times) {
    Result<ObjectState> state = co_await medium_->read_state(directory);
    if (!state) co_return state.status();
    state->write_time = time;
    state->change_time = time;
    ObjectCells cells;
    cells.object = directory;
    cells.directory = (state->attributes & attribute::kDirectory) != 0;
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
  if (planted(Mutant::mirror_not_named)) mirror = 0;
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
  for (const PropertyCell& cell : plan.properties) {
    if (cell.kind != PropertyKind::open) continue;
    if (cell.bytes.empty()) {
      open_cells_.erase(cell.id);
    } else {
      open_cells_.insert(cell.id);
    }
  }
  durable_ = upto;
  show_books();
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
