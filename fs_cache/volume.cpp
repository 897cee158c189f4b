#include "fs_cache/volume.h"

#include <algorithm>

#include "iomgr/check.h"
#include "iomgr/mutant.h"
#include "iomgr/stepping.h"

namespace understudy {

Volume::Volume(const Seams& seams, std::shared_ptr<LogSpace> space, std::unique_ptr<Medium> medium,
               VolumeOptions options)
    : seams_(seams),
      options_(options),
      space_(space),
      medium_(std::move(medium)),
      cache_(space),
      names_(seams.executor, *medium_, seams.log, options.max_objects),
      lazy_writer_(seams.executor, cache_, space, options.lazy_writer),
      kept_changed_(seams.executor),
      flush_turn_(seams.executor, 1),
      pended_(seams.executor),
      order_turn_(seams.executor, 1),
      replay_turn_(seams.executor, 1),
      idle_(seams.executor) {}

Task<Status> Volume::mount(Irp& irp) {
  const Status locked = co_await medium_->lock();
  if (failed(locked)) co_return locked;
  const Status status = co_await take_ownership(irp);
  if (failed(status)) co_await medium_->unlock();
  co_return status;
}

Task<Status> Volume::take_ownership(Irp& irp) {
  seams_.trace.step(Step::s310, irp);
  MountParameters& mount = irp.mount;
  const Result<Ownership> owner = co_await medium_->read_owner();
  if (!owner) co_return owner.status();
  const Result<Applied> applied = co_await medium_->read_applied();
  if (!applied) co_return applied.status();
  mount.owner = owner->node;
  mount.applied_epoch = applied->epoch;
  mount.applied_lsn = applied->lsn;
  mount.mirror = applied->mirror;
  const bool mirror_elsewhere = applied->mirror != 0 && applied->mirror != mount.node + 1;
  if (mirror_elsewhere && mount.accept_loss == 0 && !planted(Mutant::mount_ignores_mirror))
    co_return Status::device_not_ready;

  seams_.trace.step(Step::s312, irp);
  const Status recovered = co_await medium_->recover();
  if (failed(recovered)) co_return recovered;
  const Status claimed =
      co_await claim_next_epoch({std::max(owner->epoch, applied->epoch), mount.node});
  if (failed(claimed)) co_return claimed;
  applied_ = *applied;
  const Status finished = co_await finish_intent();
  if (failed(finished)) co_return finished;
  mount.applied_epoch = applied_.epoch;
  mount.applied_lsn = applied_.lsn;
  last_lsn_ = durable_ = applied_.lsn;
  const Result<Space> space = co_await medium_->space();
  if (!space) co_return space.status();
  free_bytes_ = space->free_bytes;
  irp.epoch = epoch_;
  show_books();
  co_return Status::success;
}

/// What a debugger reads (iomgr/stepping.h).
void Volume::show_books() {
  if (lun() >= bounds::kMaxLuns) return;
  LunBooks& books = seams_.arena.stepping().books.at(lun());
  books.epoch = gone_ ? 0 : epoch_;
  books.last = gone_ ? 0 : last_lsn_;
  books.durable = gone_ ? 0 : durable_;
}

Task<Status> Volume::claim_next_epoch(Ownership owner) {
  Status status = Status::success;
  if (owner.epoch == 0 || !planted(Mutant::epoch_not_raised)) {
    ++owner.epoch;
    status = co_await medium_->claim(owner);
  }
  if (failed(status)) co_return status;
  epoch_ = owner.epoch;
  node_ = owner.node;
  objects_made_ = 0;
  co_return Status::success;
}

Task<Status> Volume::dismount(Irp& irp) {
  leaving_ = true;
  while (active_ > 0) co_await idle_.wait();
  co_await order_turn_.acquire();
  const CreditGuard turn(order_turn_);
  Status status = co_await flush(last_lsn_);
  if (ok(status)) {
    co_await close_everything();
    status = co_await flush(last_lsn_);
  }
  if (ok(status)) status = co_await set_mirror(0);
  if (failed(status)) {
    leaving_ = false;  // still mounted, and nothing is lost
    co_return status;
  }
  co_await medium_->unlock();
  lazy_writer_.stop();
  gone_ = true;
  show_books();
  kept_changed_.set();
  pended_.complete_all(Status::volume_dismounted);
  irp.lsn = durable_;
  co_return Status::success;
}

/// Durable opens stay recorded, for whoever mounts the LUN next.
Task<void> Volume::close_everything() {
  std::vector<std::uint64_t> all;
  for (const auto& [id, open] : opens_) all.push_back(id);
  for (const std::uint64_t id : all) {
    Irp irp;
    irp.open = id;
    irp.close.client_gone = 1;
    const Status status = co_await close(irp);
    if (failed(status))
      seams_.log.warning("close at dismount", {{"lun", lun()}, {"status", status}});
  }
}

Task<Status> Volume::degrade(Irp& irp) {
  co_await order_turn_.acquire();
  const CreditGuard turn(order_turn_);
  seams_.trace.step(Step::s318, irp);
  const Status flushed = co_await flush(last_lsn_);
  if (failed(flushed)) co_return flushed;
  irp.lsn = durable_;
  co_return co_await set_mirror(0);
}

Task<Status> Volume::new_epoch(Irp& irp) {
  co_await order_turn_.acquire();
  const CreditGuard turn(order_turn_);
  const Status flushed = co_await flush(last_lsn_);
  if (failed(flushed)) co_return flushed;
  const Status claimed = co_await claim_next_epoch({epoch_, node_});
  if (failed(claimed)) co_return claimed;
  show_books();
  const Status marked = co_await set_mirror(irp.mount.mirror);
  if (failed(marked)) co_return marked;
  irp.epoch = epoch_;
  irp.lsn = durable_;
  show_books();
  co_return Status::success;
}

Task<Status> Volume::replay(Irp& irp) {
  co_await replay_turn_.acquire();  // records come many at a time: none may overtake another
  const CreditGuard turn(replay_turn_);
  if (serving_ || leaving_) co_return Status::device_not_ready;
  const std::optional<Bytes> record = seams_.arena.bytes(irp.record);
  if (!record || record->size() > bounds::kMaxRecord) co_return Status::invalid_parameter;
  seams_.trace.step(Step::s314, irp);
  Result<Reservation> reservation = co_await reserve_for_replay(record->size());
  if (!reservation) co_return reservation.status();
  bool known = false;  // a replay that failed is run again: what it brought the first time is here
  const Status status =
      cache_.add_copy(std::move(*reservation), *record, [this, &known](const RecordHeader& header) {
        const bool next = header.lsn <= last_lsn_ + 1;
        if (header.lun != lun() || header.epoch >= epoch_ || !next) {
          return Status::invalid_parameter;
        }
        known = header.lsn <= last_lsn_;
        return known ? Status::object_name_collision : Status::success;
      });
  if (known) co_return Status::success;
  if (failed(status)) co_return status;
  last_lsn_ = cache_.last();
  show_books();
  replayed_ = true;
  irp.lsn = last_lsn_;
  lazy_writer_.notice();
  co_return Status::success;
}

/// ff_driver does not serve this volume yet, so nobody else would flush to make room.
Task<Result<Reservation>> Volume::reserve_for_replay(std::size_t bytes) {
  Reservation reservation = space_->try_reserve(bytes);
  while (!reservation && !cache_.empty()) {
    const Status flushed = co_await flush(last_lsn_);
    if (failed(flushed)) co_return flushed;
    reservation = space_->try_reserve(bytes);
  }
  if (reservation) co_return std::move(reservation);
  Result<Reservation> waited = co_await space_->reserve(bytes);
  co_return std::move(waited);
}

/// Replay is durable before the first operation of a client (rule 8), which reads the names from
/// the medium. What another node's memory, or this one's mirror store, held beyond the medium is
/// there now or known to be lost: unless this epoch's mirror is named already, the slot says that
/// the medium is enough.
Task<Status> Volume::begin_serving() {
  co_await order_turn_.acquire();
  const CreditGuard turn(order_turn_);
  if (serving_) co_return Status::success;
  Status status = co_await flush(last_lsn_);
  if (ok(status) && applied_.epoch < epoch_) status = co_await set_mirror(0);
  if (ok(status)) status = co_await names_.load_root();
  if (failed(status)) co_return status;
  if (ok(status)) status = co_await restore_opens();
  if (failed(status)) co_return status;
  if (!cache_.empty()) co_return Status::device_not_ready;  // a record was replayed meanwhile
  serving_ = true;
  co_return Status::success;
}

Task<Status> Volume::serve(Irp& irp, Operation operation) {
  irp.lsn = 0;
  irp.shows = 0;
  irp.record = {};
  irp.information = 0;
  if (leaving_) co_return Status::volume_dismounted;
  ++active_;
  Status status = Status::success;
  if (!serving_) status = co_await begin_serving();
  if (ok(status)) status = co_await (this->*operation)(irp);
  irp.epoch = epoch_;
  if (irp.shows <= durable_) irp.shows = 0;  // nobody has to wait for what is on the medium
  if (--active_ == 0) idle_.pulse();
  co_return status;
}

Task<Status> Volume::control(Irp& irp, Operation operation) {
  irp.lsn = 0;
  irp.shows = 0;
  irp.record = {};
  irp.information = 0;
  if (leaving_) co_return Status::volume_dismounted;
  co_return co_await (this->*operation)(irp);
}

Task<Status> Volume::cancel(Irp& irp) {
  co_return pended_.complete(irp.cancel.id, Status::cancelled) ? Status::success
                                                               : Status::not_found;
}

Result<Open*> Volume::find_open(const Irp& irp) {
  const auto found = opens_.find(irp.open);
  if (found == opens_.end()) return Status::file_closed;
  return found->second.get();
}

Task<Result<Reservation>> Volume::reserve(std::size_t names, std::size_t data) {
  return space_->reserve(sizeof(RecordHeader) + names + data);
}

RecordHeader Volume::effect_on(Effect effect, ObjectId object, const ObjectState& after) {
  RecordHeader header;
  header.effect = effect;
  header.object = object;
  header.size = after.size;
  header.attributes = after.attributes;
  header.creation_time = after.creation_time;
  header.access_time = after.access_time;
  header.write_time = after.write_time;
  header.change_time = after.change_time;
  return header;
}

Volume::Logged Volume::commit(Irp& irp, Reservation reservation, RecordHeader effect,
                              std::string_view name, std::string_view target_name, ConstBytes data,
                              const std::vector<Property>& properties) {
  effect.lun = lun();
  effect.epoch = epoch_;
  effect.lsn = ++last_lsn_;
  irp.record = cache_.add(std::move(reservation), effect, name, target_name, data, properties);
  irp.lsn = effect.lsn;
  irp.epoch = epoch_;
  show(irp, effect.lsn);
  show_books();
  seams_.trace.step(Step::s406, irp);
  lazy_writer_.notice();
  return {effect.lsn, cache_.data_of(irp.record, data.size())};
}

/// Never given again: the epoch is in it.
ObjectId Volume::new_object_id() {
  const std::uint64_t epoch = planted(Mutant::object_ids_start_again) ? 1 : epoch_;
  return (epoch << 40) | ++objects_made_;
}

void Volume::changed_entries(Node& changed, FileTime time) {
  Node& directory = changed.file();
  directory.state.write_time = time;
  directory.state.change_time = time;
}

}  // namespace understudy
