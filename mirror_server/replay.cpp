// STEP 314: after a takeover the partner's unwritten operations go to the medium, through this
// node's own ff_driver. They are forgotten only when the medium has them durably, so that a replay
// that failed can be run again (rule 10).
#include "iomgr/mutant.h"
#include "mirror_server/mirror_server.h"

namespace understudy {

/// What the records of one replay share while they are on their way.
struct MirrorServer::Replay {
  explicit Replay(Executor& executor) : slots(executor, bounds::kMaxOutstandingReplay) {}
  Credits slots;
  Status status = Status::success;  // the first failure
  std::uint64_t operations = 0;
};

Task<Status> MirrorServer::replay(Irp& irp) {
  const std::uint32_t lun = irp.lun;
  irp.replay.operations = 0;
  Status status = seams().faults.pass("replay.begin");
  if (ok(status))
    status = store_.begin_replay(lun, irp.replay.applied_epoch, irp.replay.applied_lsn);
  if (failed(status)) {
    log().error("no replay",
                {{"lun", lun}, {"applied_lsn", irp.replay.applied_lsn}, {"status", status}});
    co_return status;
  }
  status = co_await write_records(lun, irp.replay.operations);
  const bool forgets = ok(status) && planted(Mutant::replay_forgets_before_durable);
  if (forgets) store_.end_replay(lun, true);
  if (ok(status) && !planted(Mutant::replay_without_flush)) status = co_await make_durable(lun);
  if (ok(status)) status = seams().faults.pass("replay.end");
  if (!forgets) store_.end_replay(lun, ok(status));
  room_changed();
  if (failed(status)) {
    ++errors_;
    log().error("replay failed, its records are kept", {{"lun", lun}, {"status", status}});
  } else {
    log().info("replayed", {{"lun", lun}, {"operations", irp.replay.operations}});
  }
  co_return status;
}

/// Sends the records in LSN order, several at once: ff_driver and fs_cache keep the order in which
/// they get them.
Task<Status> MirrorServer::write_records(std::uint32_t lun, std::uint64_t& operations) {
  Replay replay(executor());
  for (const MirrorStore::Stored& stored : store_.records(lun)) {
    co_await replay.slots.acquire();
    if (&stored == &store_.records(lun).back() && planted(Mutant::replay_stops_early)) {
      replay.slots.release(1);
      break;
    }
    if (ok(replay.status)) replay.status = seams().faults.pass("replay.each");
    if (failed(replay.status)) {
      replay.slots.release(1);
      break;
    }
    spawn(write_one(lun, stored, replay));
  }
  co_await replay.slots.acquire(bounds::kMaxOutstandingReplay);
  operations = replay.operations;
  co_return replay.status;
}

Task<void> MirrorServer::write_one(std::uint32_t lun, MirrorStore::Stored stored, Replay& replay) {
  Irp irp = make_irp(Major::mirror, MirrorMinor::replay);
  irp.lun = lun;
  irp.epoch = store_.epoch(lun);
  irp.lsn = stored.lsn;
  irp.record = stored.record;
  trace().step(Step::s314, irp);
  const Status status = co_await call(Layer::ff_driver, irp);
  if (ok(status)) {
    ++replay.operations;
  } else if (ok(replay.status)) {
    replay.status = status;
  }
  replay.slots.release(1);
}

Task<Status> MirrorServer::make_durable(std::uint32_t lun) {
  const Status fault = seams().faults.pass("replay.flush");
  if (failed(fault)) co_return fault;
  Irp irp = make_irp(Major::flush_buffers);
  irp.lun = lun;
  const Status status = co_await call(Layer::ff_driver, irp);
  co_return status;
}

}  // namespace understudy
