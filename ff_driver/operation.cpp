// FIG. 4 from the top to the acknowledgement. Every operation of a client passes here, those that
// change nothing too: their replies wait until what they show is safe (rule 5).
#include <algorithm>

#include "ff_driver/ff_driver.h"
#include "iomgr/mutant.h"

namespace understudy {

Task<Status> FfDriver::operation(Irp& irp) {
  trace().step(Step::s400, irp);
  Lun* const lun = attached(irp.lun);
  if (lun == nullptr) co_return Status::volume_dismounted;
  const Gate::Pass inside = co_await lun->gate.enter();
  if (!lun->attached) co_return Status::volume_dismounted;

  trace().step(Step::s402, irp);
  if (lun->mirroring == Mirroring::off) {
    const Status degraded = co_await operation_degraded(*lun, irp);
    co_return degraded;
  }
  const Status cached = co_await pass_down(*lun, irp);  // STEP 406
  if (irp.lsn != 0) {
    const Status mirrored = co_await redirect(*lun, irp);  // STEP 408
    if (failed(mirrored) && planted(Mutant::error_for_what_is_logged)) co_return mirrored;
    if (failed(mirrored)) co_await write_through(*lun, irp.lsn);
  }
  trace().step(Step::s410, irp);
  if (irp.lsn != 0 || !planted(Mutant::reply_before_shown_is_mirrored))
    co_await lun->safe.reached(std::max(irp.lsn, irp.shows));
  if (irp.major == Major::write && irp.write.write_through != 0)
    co_await write_through(*lun, irp.lsn);
  co_return acknowledge(irp, cached);  // STEP 412
}

/// What concerns open handles alone (oplocks, waiting for a lock or a change): nothing to mirror,
/// nothing shown. It may be pended for long, so it is never inside the gate; fs_cache completes it
/// when the LUN leaves.
Task<Status> FfDriver::control(Irp& irp) {
  if (attached(irp.lun) == nullptr) co_return Status::volume_dismounted;
  irp.lsn = 0;
  irp.shows = 0;
  irp.record = {};
  const Status status = co_await call(Layer::fs_cache, irp);
  co_return status;
}

/// STEP 404, with one of the three protocols that STEP 318 names. Through the cache: the operation
/// and whatever else has happened meanwhile are flushed before the client hears of it. Direct: the
/// same, but each operation by itself. Back: the lazy writer will do it, and if this node dies
/// before, what the client was told is lost. What a reply shows beyond the operation is some other
/// operation's to write.
Task<Status> FfDriver::operation_degraded(Lun& lun, Irp& irp) {
  trace().step(Step::s404, irp);
  const Status cached = co_await pass_down(lun, irp);
  const bool back =
      lun.degraded == DegradedWrites::write_back || planted(Mutant::degraded_acknowledges_early);
  const bool asked = irp.major == Major::write && irp.write.write_through != 0;
  if (irp.lsn != 0 && (!back || asked)) co_await write_through(lun, irp.lsn);
  if (!back) co_await lun.safe.reached(irp.shows);
  co_return acknowledge(irp, cached);
}

Task<Status> FfDriver::pass_down(Lun& lun, Irp& irp) {
  irp.lsn = 0;
  irp.shows = 0;
  irp.record = {};
  trace().step(Step::s406, irp);
  const Status status = co_await call(Layer::fs_cache, irp);
  lun.executed = std::max(lun.executed, irp.lsn);
  co_return status;
}

/// Hands a copy to the redirect filter: the same IRP, as what the partner is to store. rd_driver
/// completes copies in LSN order, so each completion makes a prefix safe.
Task<Status> FfDriver::redirect(Lun& lun, const Irp& irp) {
  if (lun.mirroring == Mirroring::off) co_return Status::connection_reset;  // since STEP 402
  Irp copy = irp;
  copy.major = Major::mirror;
  copy.minor = static_cast<std::uint8_t>(MirrorMinor::append);
  copy.payload = {};
  trace().step(Step::s408, copy);
  if (planted(Mutant::acknowledge_before_mirrored)) {
    spawn([](FfDriver& self, Irp unawaited) -> Task<void> {
      static_cast<void>(co_await self.call(Layer::rd_driver, unawaited));
    }(*this, copy));
    lun.safe.raise(irp.lsn);
    co_return Status::success;
  }
  const Status mirrored = co_await call(Layer::rd_driver, copy);
  if (ok(mirrored)) lun.safe.raise(irp.lsn);
  co_return mirrored;
}

Status FfDriver::acknowledge(Irp& irp, Status status) {
  irp.record = {};  // the cache's business, not the client's
  trace().step(Step::s412, irp);
  return status;
}

}  // namespace understudy
