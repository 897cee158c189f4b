// fs_cache: the file system and the unwritten-data cache of a node, the lowest layer of the stack.
// It answers the operations of clients from memory and the medium, keeps what they change in its
// log, and writes it to the medium when ff_driver passes it down a second time.
//
// Invariant: one Volume for each LUN that this node owns, and none for any other (rule 7).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "fs_cache/mailboxes.h"
#include "fs_cache/volume.h"
#include "iomgr/driver.h"

namespace understudy {

class FsCache : public Driver {
 public:
  FsCache(Seams seams, MediumFactory make_medium);

 private:
  Task<Status> serve(Irp& irp, Volume::Operation operation);
  Task<Status> control(Irp& irp, Volume::Operation operation);
  Task<Status> notify_change(Irp& irp);
  Task<Status> lock_control(Irp& irp);
  Task<Status> oplock(Irp& irp);
  Task<Status> flush_buffers(Irp& irp);
  Task<Status> lazy_write(Irp& irp);
  Task<Status> mirror(Irp& irp);
  Task<Status> cluster(Irp& irp);

  Task<Status> report(Irp& irp);
  Task<Status> mount(Irp& irp);
  Task<Status> make_volume(Irp& irp);
  Task<Status> dismount(Irp& irp);
  Task<Status> degrade(Irp& irp);
  Task<Status> new_epoch(Irp& irp);
  Task<Status> mailbox(Irp& irp);

  Task<void> run_keeper(std::shared_ptr<Volume> volume);
  Task<Status> send_close_up(std::uint32_t lun, std::uint64_t open);
  Task<void> run_lazy_writer(std::shared_ptr<Volume> volume);
  Task<Status> send_lazy_write(std::uint32_t lun, Lsn upto);

  /// Keeps in mind whether the medium took the last flush.
  Status remember(std::uint32_t lun, Status flushed);
  /// Null when the LUN is not mounted. Coroutines keep what they got, whatever becomes of the LUN.
  std::shared_ptr<Volume> volume(std::uint32_t lun) const;

  MediumFactory make_medium_;
  std::shared_ptr<LogSpace> space_;
  std::shared_ptr<StorageWatch> watch_;
  std::map<std::uint32_t, std::shared_ptr<Volume>> volumes_;
  std::set<std::uint32_t> mounting_;
  std::set<std::uint32_t> failing_;  // LUNs whose last flush the medium refused
  Mailboxes mailboxes_;
};

/// fs_cache with media that `make_medium` makes ...
std::unique_ptr<Driver> make_fs_cache(Seams seams, MediumFactory make_medium);
/// ... and on directories of the host, as a node runs it.
std::unique_ptr<Driver> make_fs_cache(Seams seams);

}  // namespace understudy
