// FIG. 3 as the filter sees it: mirroring goes off when the partner is lost (STEPs 316, 318) and on
// again when it is back (STEP 334); mirrored operations of a failed partner pass on their way to
// the medium (STEP 314); LUNs come and go with ownership.
#include <algorithm>

#include "ff_driver/ff_driver.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {
constexpr Duration kRetryPause = std::chrono::milliseconds(200);
}

Task<Status> FfDriver::mirror(Irp& irp) {
  switch (static_cast<MirrorMinor>(irp.minor)) {
    case MirrorMinor::replay: {
      const Status replayed = co_await replay(irp);
      co_return replayed;
    }
    case MirrorMinor::partner_up:
      partner_up_ = true;
      ++partner_session_;
      for (const auto& [id, each] : luns_) {
        if (each->attached) spawn(turn_mirroring_on(*each));
      }
      co_return Status::success;
    case MirrorMinor::partner_down:
      partner_up_ = false;
      for (const auto& [id, each] : luns_) {
        if (each->attached) spawn(turn_mirroring_off(*each));
      }
      co_return Status::success;
    case MirrorMinor::full: {
      const Status relieved = co_await relieve_partner();
      co_return relieved;
    }
    default:
      co_return Status::invalid_device_request;
  }
}

Task<Status> FfDriver::cluster(Irp& irp) {
  Status status = Status::success;
  switch (static_cast<ClusterMinor>(irp.minor)) {
    case ClusterMinor::ping:
      irp.report = {};
      irp.report.completed = completed();
      irp.report.errors = storage_errors_;
      irp.report.mirroring = 1;
      for (const auto& [id, each] : luns_) {
        if (each->attached && each->mirroring == Mirroring::off) irp.report.mirroring = 0;
        if (each->attached) ++irp.report.opens;
      }
      if (irp.report.opens == 0) irp.report.mirroring = partner_up_ ? 1 : 0;
      co_return Status::success;
    case ClusterMinor::attach:
      status = co_await attach_lun(irp);
      co_return status;
    case ClusterMinor::detach:
      status = co_await detach_lun(irp);
      co_return status;
    default:
      co_return Status::invalid_device_request;
  }
}

/// STEP 314: a copy of the failed partner's operation, on its way through this filter and the cache
/// to the medium. The LUN serves nobody yet, and nothing is mirrored.
Task<Status> FfDriver::replay(Irp& irp) {
  if (irp.issuer != Layer::mirror_server || attached(irp.lun) != nullptr)
    co_return Status::invalid_device_request;
  trace().step(Step::s314, irp);
  const Status replayed = co_await call(Layer::fs_cache, irp);
  co_return replayed;
}

Task<Status> FfDriver::attach_lun(Irp& irp) {
  if (luns_.size() >= bounds::kMaxLuns && !luns_.contains(irp.lun))
    co_return Status::insufficient_resources;
  if (attached(irp.lun) != nullptr) co_return Status::object_name_collision;
  if (irp.mount.degraded > DegradedWrites::write_back) co_return Status::invalid_parameter;
  Lun& fresh = lun(irp.lun);
  fresh.partner = irp.mount.mirror;
  fresh.degraded = irp.mount.degraded;
  if (fresh.degraded == DegradedWrites::write_back)
    log().warning("unsafe by order: degraded, answers do not wait for the medium",
                  {{"lun", irp.lun}});
  fresh.attached = true;
  if (partner_up_) spawn(turn_mirroring_on(fresh));
  co_return Status::success;
}

/// New operations wait at the gate and then find the LUN gone; everything accepted is on the medium
/// when it completes.
Task<Status> FfDriver::detach_lun(Irp& irp) {
  Lun* const leaving = attached(irp.lun);
  if (leaving == nullptr) co_return Status::volume_dismounted;
  co_await leaving->turn.acquire();
  const CreditGuard turn(leaving->turn);
  co_await leaving->gate.close();
  co_await write_through(*leaving, leaving->executed);
  leaving->mirroring = Mirroring::off;
  leaving->attached = false;
  leaving->gate.open();
  co_return Status::success;
}

/// STEP 334. The partner's store is empty: it gets everything from the next operation on, and all
/// before that is on the medium first. A new epoch, so that nothing of an earlier store can be
/// mistaken for it.
Task<void> FfDriver::turn_mirroring_on(Lun& lun) {
  co_await lun.turn.acquire();
  const CreditGuard turn(lun.turn);
  if (!lun.attached || !partner_up_ || lun.mirroring == Mirroring::on) co_return;
  const std::uint64_t session = partner_session_;
  co_await lun.gate.close();

  Irp epoch = make_irp(Major::cluster, ClusterMinor::new_epoch);
  epoch.lun = lun.id;
  epoch.mount.mirror = lun.partner;
  Status status = co_await call(Layer::fs_cache, epoch);
  if (ok(status)) {
    lun.executed = std::max(lun.executed, epoch.lsn);
    lun.durable = std::max(lun.durable, epoch.lsn);
    lun.safe.raise(epoch.lsn);
    Irp begin = make_irp(Major::mirror, MirrorMinor::begin);
    begin.lun = lun.id;
    begin.epoch = epoch.epoch;
    begin.lsn = epoch.lsn + 1;
    status = co_await call(Layer::rd_driver, begin);
  }
  if (ok(status) && partner_up_ && session == partner_session_) {
    lun.mirroring = Mirroring::on;
    trace().step(Step::s334, epoch);
    log().info("mirroring on",
               {{"lun", lun.id}, {"epoch", epoch.epoch}, {"from_lsn", epoch.lsn + 1}});
    report(EventKind::mirroring_on, lun.id);
  } else {
    log().warning("mirroring stays off for now", {{"lun", lun.id}, {"status", status}});
    spawn(try_mirroring_again(lun));
  }
  lun.gate.open();
}

/// The medium or the partner refused, and the partner is still there: nothing else would ever try
/// again.
Task<void> FfDriver::try_mirroring_again(Lun& lun) {
  const std::uint64_t session = partner_session_;
  co_await sleep_for(executor(), kRetryPause);
  if (session == partner_session_) co_await turn_mirroring_on(lun);
}

/// STEPs 316 and 318. Operations go on at once, each through to the medium; those whose copies were
/// lost with the partner wait here until the medium has them (rule 11).
Task<void> FfDriver::turn_mirroring_off(Lun& lun) {
  const bool was_on = std::exchange(lun.mirroring, Mirroring::off) == Mirroring::on;
  co_await lun.turn.acquire();
  const CreditGuard turn(lun.turn);
  if (!lun.attached) co_return;
  Irp order = make_irp(Major::cluster, ClusterMinor::degraded);
  if (was_on) {
    trace().step(Step::s316, order);
    log().warning("mirroring off", {{"lun", lun.id}});
    report(EventKind::mirroring_off, lun.id);
  }
  if (planted(Mutant::degrade_forgets_own_writes)) lun.safe.raise(lun.executed);
  Status status = Status::pending;
  std::uint64_t everything = 0;
  do {
    everything = lun.executed;
    order = make_irp(Major::cluster, ClusterMinor::degraded);
    order.lun = lun.id;
    order.flag.flag = 1;
    trace().step(Step::s318, order);
    status = co_await call(Layer::fs_cache, order);
    if (ok(status)) break;
    co_await tell_failure(lun, status);
    co_await sleep_for(executor(), kRetryPause);
  } while (lun.attached);
  lun.durable = std::max(lun.durable, everything);
  lun.safe.raise(everything);
}

void FfDriver::report(EventKind kind, std::uint32_t lun_id) {
  spawn([](FfDriver& self, EventKind what, std::uint32_t of) -> Task<void> {
    Irp event = self.make_irp(Major::cluster, ClusterMinor::event);
    event.lun = of;
    event.event.kind = what;
    static_cast<void>(co_await self.call(Layer::cluster_app, event));
  }(*this, kind, lun_id));
}

}  // namespace understudy
