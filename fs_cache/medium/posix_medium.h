// The storage medium on a directory of a POSIX file system, where any program of the host can read
// the share's files. The layer's side of it: which blocking work to run, fault points, open files,
// the log. The work itself is in posix_layout, posix_objects, posix_entries, applied_slots and
// owner_file.
//
// Threads meet here, and only here. Each call is one offloaded work (a read whose bytes are in the
// page cache is none). Work touches what its call gave it, the folders' descriptors and path, which
// never change, and nothing else of this class: all members belong to the layer's thread. So there
// is no lock.
// The executor must have ended what it has offloaded before the coroutines that wait for it, or
// this object, are destroyed.
//
// Statuses beside those of the interface: STATUS_DEVICE_NOT_READY before lock() or after unlock(),
// STATUS_NO_SUCH_DEVICE (no directory there, or no LUN), STATUS_DIRECTORY_NOT_EMPTY (lock() on a
// directory that is not empty and no LUN), STATUS_NOT_SUPPORTED (file system without extended
// attributes), STATUS_OBJECT_NAME_NOT_FOUND (no such object), and what status_of_errno makes of an
// error of the host.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "fs_cache/medium/descriptor_cache.h"
#include "fs_cache/medium/fault_points.h"
#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_entries.h"
#include "fs_cache/medium/posix_layout.h"
#include "iomgr/seams.h"

namespace understudy {

class PosixMedium : public Medium {
 public:
  /// `path`: the directory of the LUN, which must exist. Nothing is touched before
  /// lock() or one of those that need no lock.
  PosixMedium(const Seams& seams, const std::string& path);

  Task<Status> lock() override;
  Task<void> unlock() override;
  /// read_owner, claim, read_applied and the mailbox need no lock, but a LUN.
  Task<Result<Ownership>> read_owner() override;
  Task<Status> claim(Ownership ownership) override;
  Task<Result<Applied>> read_applied() override;
  Task<Status> recover() override;
  Task<Result<Intent>> read_intent() override;

  Task<Result<ObjectState>> read_state(ObjectId object) override;
  Task<Result<std::vector<ListedEntry>>> list(ObjectId directory) override;
  Task<Result<std::size_t>> read(ObjectId object, std::uint64_t offset, Bytes out) override;
  Task<Result<std::vector<AllocatedRange>>> allocated_ranges(ObjectId object, std::uint64_t from,
                                                             std::uint64_t to,
                                                             std::size_t most) override;
  Task<Result<Space>> space() override;
  Task<Result<std::vector<std::uint8_t>>> read_property(PropertyKind kind,
                                                        std::uint64_t id) override;
  Task<Result<std::vector<PropertyCell>>> list_properties(PropertyKind kind) override;

  Task<Status> write_objects(std::span<const ObjectCells> objects) override;
  Task<Status> sync_objects(std::span<const ObjectId> objects) override;
  Task<Status> write_properties(std::span<const PropertyCell> properties) override;
  Task<Status> write_intent(const Intent& intent) override;
  Task<Status> write_entries(std::span<const EntryCell> entries) override;
  Task<Status> sync_directories(std::span<const ObjectId> directories) override;
  /// The medium counts generations itself: it ignores the one in `applied`.
  Task<Status> write_applied(const Applied& applied) override;
  Task<Status> remove_objects(std::span<const ObjectId> objects) override;

  Task<Status> write_mailbox(std::uint32_t area, MailboxSlot slot, bool durable) override;
  Task<Result<MailboxSlot>> read_mailbox(std::uint32_t area, std::uint32_t node,
                                         bool durable) override;

 private:
  using Folders = std::shared_ptr<const LunFolders>;
  using Part = std::function<IoOutcome(std::size_t)>;

  /// What has been written and not yet synced. A file stays open from write to sync, so that its
  /// descriptor gets to know of every write-back error in between.
  struct Unsynced {
    std::map<ObjectId, SharedFile> files;
    std::set<std::string> folders;  // below .understudy, that got new objects
    bool too_many = false;          // to be kept: the next sync is one of the whole file system
  };

  /// Runs parts 0 .. parts-1 in order until one fails, in one offloaded work. FaultPoints belong to
  /// the layer's thread: when `points.between` is armed, each part is a work of its own and the
  /// point is passed here, between them.
  Task<Status> run(CallPoints points, std::size_t parts, Part part);
  /// Opens the folders of a LUN that is there, if they are not open.
  Task<Status> attach();
  Status report(const IoFailure& failure);
  void report(const Notices& notices);
  void remember_written(std::span<const ObjectCells> objects, std::span<const SharedFile> files);
  Task<Status> sync_whole(CallPoints points, Folders folders);

  Executor& executor_;
  FaultPoints& faults_;
  Log& log_;
  const std::string path_;

  FileDescriptor lock_;
  Folders folders_;
  DescriptorCache files_;
  Unsynced unsynced_;
  std::size_t intent_slot_ = 0;         // the one that was read or written last
  std::vector<StaleName> ended_names_;  // their entries are unlinked, not yet durably
};

}  // namespace understudy
