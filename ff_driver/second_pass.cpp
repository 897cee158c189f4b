// FIG. 4 after the acknowledgement: the filter sees the operations for a second time, on their way
// from the unwritten-data cache to the medium, and has the partner's copies purged.
#include <algorithm>

#include "ff_driver/ff_driver.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {
constexpr Duration kRetryPause = std::chrono::milliseconds(200);
}

/// A client's flush, or the end of a replay (mirror_server, before the LUN is attached): everything
/// that the reply shows is on the medium when it completes.
Task<Status> FfDriver::flush_buffers(Irp& irp) {
  Lun& of = lun(irp.lun);
  Status status = Status::success;
  if (irp.issuer == Layer::mirror_server) {
    status = co_await pass_down(of, irp);
  } else {
    status = co_await operation(irp);
  }
  if (failed(status)) co_return status;
  const Status written = co_await write_to_medium(of, irp.shows);
  co_return written;
}

/// The lazy writer asks to write up to irp.lsn. Nothing goes to the medium that the partner does
/// not have (rule 4).
Task<Status> FfDriver::lazy_write(Irp& irp) {
  Lun& of = lun(irp.lun);
  if (of.mirroring == Mirroring::on && !planted(Mutant::flush_unmirrored))
    irp.lsn = std::min(irp.lsn, of.safe.value());
  const Status written = co_await write_to_medium(of, irp.lsn);
  irp.lsn = of.durable;
  co_return written;
}

Task<Status> FfDriver::write_to_medium(Lun& lun, std::uint64_t lsn) {
  if (lsn <= lun.durable) co_return Status::success;
  Irp irp = make_irp(Major::lazy_write);
  irp.lun = lun.id;
  irp.lsn = lsn;
  trace().step(Step::s414, irp);
  if (planted(Mutant::purge_before_durable)) spawn(purge(lun, lsn));
  Status written = co_await call(Layer::fs_cache, irp);
  trace().step(Step::s416, irp);
  if (failed(written) && planted(Mutant::failed_flush_is_success)) {
    irp.lsn = lsn;
    written = Status::success;
  }
  if (failed(written)) {
    trace().step(Step::s422, irp);
    co_await tell_failure(lun, written);
    co_return written;
  }
  lun.durable = std::max(lun.durable, irp.lsn);
  lun.safe.raise(lun.durable);
  const std::uint64_t purgeable =
      planted(Mutant::purge_beyond_durable) ? lun.safe.value() : lun.durable;
  if (lun.mirroring == Mirroring::on) spawn(purge(lun, purgeable));  // STEP 418
  trace().step(Step::s420, irp);
  co_return written;
}

/// The degraded write, and what a client wants written through: tries until the medium has it (STEP
/// 422: another attempt). One flush at a time: degraded, it takes whatever else has happened along
/// (those who wait for their turn find it done), unless each operation is to be written directly;
/// mirrored, nothing beyond `lsn` may go (rule 4). A client whose operation could neither be
/// mirrored nor written is not answered: an error would have to mean that it is in no later state
/// (rule 3), and the log still holds it.
Task<void> FfDriver::write_through(Lun& lun, std::uint64_t lsn) {
  while (lun.durable < lsn) {
    const Status written = co_await write_in_turn(lun, lsn);
    if (failed(written)) co_await sleep_for(executor(), kRetryPause);
  }
}

Task<Status> FfDriver::write_in_turn(Lun& lun, std::uint64_t lsn) {
  co_await lun.flushing.acquire();
  const CreditGuard turn(lun.flushing);
  if (lsn <= lun.durable) co_return Status::success;  // the one before took it along
  const bool together = lun.mirroring == Mirroring::off && lun.degraded != DegradedWrites::direct;
  const Status written =
      co_await write_to_medium(lun, together ? std::max(lsn, lun.executed) : lsn);
  co_return written;
}

/// The partner's store is full: what it holds is written to the medium, so that it can purge it,
/// even if nothing on this side wants that yet (a held lazy writer, a smaller store over there).
Task<Status> FfDriver::relieve_partner() {
  Status worst = Status::success;
  for (const auto& [id, each] : luns_) {
    if (!each->attached || each->mirroring == Mirroring::off) continue;
    const Status written = co_await write_to_medium(*each, each->safe.value());
    if (failed(written)) worst = written;
  }
  co_return worst;
}

Task<void> FfDriver::purge(Lun& lun, std::uint64_t lsn) {
  Irp irp = make_irp(Major::mirror, MirrorMinor::purge);
  irp.lun = lun.id;
  irp.lsn = lsn;
  trace().step(Step::s418, irp);
  // If it fails the partner is gone, and its copies with it.
  static_cast<void>(co_await call(Layer::rd_driver, irp));
}

/// The signal of unsuccessful completion (claims 2 and 21 as amended).
Task<void> FfDriver::tell_failure(Lun& lun, Status status) {
  ++storage_errors_;
  log().error("the medium refused a write", {{"lun", lun.id}, {"status", status}});
  report(EventKind::storage_error, lun.id);
  if (lun.mirroring == Mirroring::off || planted(Mutant::failure_not_told)) co_return;
  Irp irp = make_irp(Major::mirror, MirrorMinor::failed);
  irp.lun = lun.id;
  irp.status = status;
  static_cast<void>(co_await call(Layer::rd_driver, irp));
}

}  // namespace understudy
