// The file-system filter driver (140 in FIG. 2). It stands between netstack and fs_cache and sees
// every operation twice: on its way into the unwritten-data cache, when it hands a copy to the
// redirect filter and acknowledges once both stores have it (FIG. 4, STEPs 400-412), and on its way
// to the medium, when it has the partner's copy purged (STEPs 414-422). It turns mirroring off when
// the partner is gone (STEPs 316, 318) and on again (STEP 334).
//
// Invariant: Lun::safe is the LSN up to which every operation is in both memories or on the medium.
// Nothing is answered that shows more (rules 1, 5); nothing beyond it is written to the medium
// while mirroring is on (rule 4).
#pragma once

#include <map>
#include <memory>

#include "ff_driver/gate.h"
#include "iomgr/driver.h"

namespace understudy {

class FfDriver : public Driver {
 public:
  explicit FfDriver(Seams seams);
  ~FfDriver() override { cancel_all(); }

 private:
  enum class Mirroring { off, on };

  /// What the filter knows of one LUN. It stays when the LUN is detached: LSNs only rise, so what
  /// it says of an earlier ownership is still true in the next.
  struct Lun {
    Lun(std::uint32_t number, Executor& executor)
        : id(number), safe(executor), gate(executor), turn(executor, 1), flushing(executor, 1) {}
    const std::uint32_t id;
    bool attached = false;  // serves clients
    Mirroring mirroring = Mirroring::off;
    DegradedWrites degraded = DegradedWrites::write_through;  // while it is off
    std::uint32_t partner = 0;   // its index + 1, for the `applied` slot
    std::uint64_t executed = 0;  // highest LSN that fs_cache has completed to us
    std::uint64_t durable = 0;   // highest LSN on the medium
    Watermark safe;
    Gate gate;         // client operations are inside
    Credits turn;      // mirroring changes one step at a time
    Credits flushing;  // one flush for those who wait for one: the next takes all of them
  };

  // FIG. 4, first half: operation.cpp
  Task<Status> operation(Irp& irp);
  Task<Status> control(Irp& irp);
  Task<Status> operation_degraded(Lun& lun, Irp& irp);
  Task<Status> pass_down(Lun& lun, Irp& irp);
  Task<Status> redirect(Lun& lun, const Irp& irp);
  Status acknowledge(Irp& irp, Status status);

  // FIG. 4, second half: second_pass.cpp
  Task<Status> flush_buffers(Irp& irp);
  Task<Status> lazy_write(Irp& irp);
  Task<Status> write_to_medium(Lun& lun, std::uint64_t lsn);
  Task<void> write_through(Lun& lun, std::uint64_t lsn);
  Task<Status> write_in_turn(Lun& lun, std::uint64_t lsn);
  Task<Status> relieve_partner();
  Task<void> purge(Lun& lun, std::uint64_t lsn);
  Task<void> tell_failure(Lun& lun, Status status);

  // FIG. 3 as the filter sees it: mirroring.cpp
  Task<Status> mirror(Irp& irp);
  Task<Status> cluster(Irp& irp);
  Task<Status> replay(Irp& irp);
  Task<Status> attach_lun(Irp& irp);
  Task<Status> detach_lun(Irp& irp);
  Task<void> turn_mirroring_on(Lun& lun);
  Task<void> try_mirroring_again(Lun& lun);
  Task<void> turn_mirroring_off(Lun& lun);
  void report(EventKind kind, std::uint32_t lun);

  Lun& lun(std::uint32_t id);
  Lun* attached(std::uint32_t id);

  bool partner_up_ = false;
  std::uint64_t partner_session_ = 0;  // counts partner_up
  std::uint32_t storage_errors_ = 0;
  std::map<std::uint32_t, std::unique_ptr<Lun>> luns_;
};

std::unique_ptr<Driver> make_ff_driver(Seams seams);

}  // namespace understudy
