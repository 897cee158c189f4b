// Taking LUNs and giving them up: the sequences of orders of docs/contracts.md.
#include "cluster_app/answer.h"
#include "cluster_app/cluster_app.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {

constexpr Duration kLockPatience = std::chrono::seconds(10);
constexpr Duration kLockPause = std::chrono::milliseconds(20);
constexpr Duration kRetryPause = std::chrono::seconds(2);
constexpr Duration kPromise = std::chrono::seconds(10);
constexpr Duration kAskLimit = std::chrono::seconds(30);

/// The lock that the owner holds for its life has not fallen yet.
bool held(Status status) {
  return status == Status::sharing_violation || status == Status::file_lock_conflict;
}

}  // namespace

void ClusterApp::set_phase(std::uint32_t lun, LunPhase phase) {
  luns_.at(lun).phase = phase;
  phase_changed_.pulse();
  link_.beat();
}

void ClusterApp::warn_of_loss(std::uint32_t lun, const NodeConfig& mirror) {
  log().warning("served from the medium alone: what was only in the two nodes' memories is lost",
                {{"lun", config_.luns.at(lun).name}, {"mirror_was_at", mirror.name}});
}

/// What it said a moment ago does not count: the last copies may have come since.
Task<bool> ClusterApp::partner_has_no_copies() {
  if (partner_gone()) co_return !fence_.memory_survives(partner().name);
  const auto answer = co_await link_.ask(question("copies"), kAskLimit);
  co_return answer&& flag_of(*answer, "ok") && number_of(*answer, "copies") == 0;
}

/// STEPs 310 and 312: own the LUN. A dead owner's lock falls a moment after it; a LUN whose last
/// operations are only in the partner's memory is not mounted while that memory may be there.
Task<Status> ClusterApp::mount_patiently(std::uint32_t lun, Irp& mounted) {
  const Time patience = executor().now() + kLockPatience;
  Status status = co_await mount(lun, planted(Mutant::loss_always_accepted), mounted);
  while (held(status) && executor().now() < patience) {
    co_await sleep_for(executor(), kLockPause);
    status = co_await mount(lun, false, mounted);
  }
  if (status == Status::device_not_ready) {
    const bool lost = co_await partner_has_no_copies();
    if (!lost) co_return status;
    warn_of_loss(lun, partner());
    status = co_await mount(lun, true, mounted);
  } else if (ok(status) && mounted.mount.mirror == settings_.self + 1 &&
             !luns_.at(lun).seen_at_partner && arena().header().lives == 0) {
    warn_of_loss(lun, self());  // the mirror store that is meant died with an earlier incarnation
  }
  co_return status;
}

/// STEP 314. Once mounted, a LUN is not let go before the replay is durable: to give it up would
/// declare the medium complete. A medium that fails is tried again until somebody repairs it or the
/// node ends; then it ends as one that failed, for the partner to fence.
Task<Status> ClusterApp::replay_patiently(std::uint32_t lun, const Irp& mounted,
                                          std::uint64_t& operations_replayed) {
  if (planted(Mutant::takeover_without_replay)) co_return Status::success;
  while (true) {
    Irp replay = make_irp(Major::cluster, ClusterMinor::replay);
    replay.lun = lun;
    replay.epoch = mounted.epoch;
    replay.replay.applied_epoch = mounted.mount.applied_epoch;
    replay.replay.applied_lsn = mounted.mount.applied_lsn;
    trace().step(Step::s314, replay);
    Status status = seams().faults.pass("take.replay");
    if (ok(status)) status = co_await order(Layer::mirror_server, replay, {});
    if (ok(status)) operations_replayed += replay.replay.operations;
    if (ok(status)) co_return status;
    if (state_ == NodeState::stopping) {
      end(1, "LUN " + config_.luns.at(lun).name + " is taken, but its replay fails with " +
                 std::string(to_string(status)));
      co_return status;
    }
    luns_.at(lun).problem = "replay fails with " + std::string(to_string(status));
    log().error("replay failed, and is tried again",
                {{"lun", config_.luns.at(lun).name}, {"status", status}});
    co_await sleep_for(executor(), kRetryPause);
  }
}

/// Mount, replay, attach. Nothing is offered to clients here: see offer(). Whatever our mirror
/// store holds of the LUN is replayed or dropped before anybody is served (rule 8); mostly that is
/// nothing.
Task<Status> ClusterApp::take(std::uint32_t lun, std::uint64_t& operations_replayed) {
  OwnLun& own = luns_.at(lun);
  set_phase(lun, LunPhase::taking);
  Irp mounted;
  Status status = seams().faults.pass("take.mount");
  if (ok(status)) status = co_await mount_patiently(lun, mounted);
  trace().step(Step::s310, mounted);
  trace().step(Step::s312, mounted);
  if (ok(status)) {
    own.epoch = mounted.epoch;
    status = co_await replay_patiently(lun, mounted, operations_replayed);
  }
  if (ok(status)) {
    Irp attach = make_irp(Major::cluster, ClusterMinor::attach);
    attach.lun = lun;
    attach.epoch = mounted.epoch;
    attach.mount = mounted.mount;
    attach.mount.mirror = partner_index() + 1;
    attach.mount.degraded = config_.degraded_writes;
    status = seams().faults.pass("take.attach");
    if (ok(status)) status = co_await order(Layer::ff_driver, attach, {});
    if (failed(status))
      end(1, "ff_driver refuses LUN " + config_.luns.at(lun).name + ": " +
                 std::string(to_string(status)));
  }
  if (failed(status)) {
    own.problem = "cannot be taken: " + std::string(to_string(status));
    if (status == Status::device_not_ready && partner_gone()) {
      own.problem = "waits for node " + partner().name +
                    ", whose memory holds its last operations: start it with `cluster_app node " +
                    partner().name + "`";
    }
    own.retry_at = executor().now() + kRetryPause;
    log().error("cannot take LUN", {{"lun", config_.luns.at(lun).name}, {"status", status}});
    set_phase(lun, LunPhase::none);
    // Not with exit code 0 while our mirror store may have what the medium has not.
    if (state_ == NodeState::stopping && status != Status::device_not_ready)
      end(1, "LUN " + config_.luns.at(lun).name + " " + own.problem);
    co_return status;
  }
  own.problem.clear();
  log().info("LUN is owned here", {{"lun", config_.luns.at(lun).name}, {"epoch", own.epoch}});
  set_phase(lun, LunPhase::serving);
  co_return Status::success;
}

/// A LUN at home here that nobody owns, with the partner alive or never there. If its last
/// operations are in the partner's memory, the partner takes it and writes them; we are its mirror
/// then.
Task<void> ClusterApp::settle(std::uint32_t lun) {
  OwnLun& own = luns_.at(lun);
  std::uint64_t replayed = 0;
  const Status status = co_await take(lun, replayed);
  if (ok(status)) {
    static_cast<void>(co_await offer());
    co_return;
  }
  if (status != Status::device_not_ready || !membership_.heartbeat()) co_return;
  log().info("the partner holds the last operations of this LUN and is asked to take it",
             {{"lun", config_.luns.at(lun).name}});
  own.promised_until = executor().now() + kAskLimit;
  const std::vector<std::uint32_t> just_it(1, lun);
  const auto answer = co_await link_.ask(question("take", just_it), kAskLimit);
  if (answer && flag_of(*answer, "ok")) {
    own.problem.clear();
  } else {
    own.promised_until = executor().now() + kRetryPause;
    own.problem =
        "its last operations are in the partner's memory, and the partner could not take it";
  }
}

/// Unserve, detach, dismount: when it completes, the medium has everything and the partner may take
/// the LUN.
Task<Status> ClusterApp::give_up(std::uint32_t lun) {
  OwnLun& own = luns_.at(lun);
  set_phase(lun, LunPhase::releasing);
  static_cast<void>(co_await offer());
  Status status = co_await order_lun(Layer::ff_driver, ClusterMinor::detach, lun);
  if (ok(status)) status = co_await order_lun(Layer::fs_cache, ClusterMinor::dismount, lun);
  if (failed(status)) {
    // It may be half given up, with operations that only we and the partner's mirror know: fail as
    // a whole, and the partner replays.
    end(1, "LUN " + config_.luns.at(lun).name +
               " cannot be given up: " + std::string(to_string(status)));
    co_return status;
  }
  log().info("LUN is given up", {{"lun", config_.luns.at(lun).name}});
  own.promised_until = executor().now() + kPromise;
  set_phase(lun, LunPhase::none);
  co_return Status::success;
}

}  // namespace understudy
