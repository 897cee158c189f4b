#include "fs_cache/medium/posix_medium.h"

#include <sys/statvfs.h>
#include <sys/uio.h>

#include <algorithm>
#include <filesystem>

#include "fs_cache/medium/applied_slots.h"
#include "fs_cache/medium/entry_name.h"
#include "fs_cache/medium/intent_file.h"
#include "fs_cache/medium/mailbox_slots.h"
#include "fs_cache/medium/owner_file.h"
#include "fs_cache/medium/property_files.h"
#include "iomgr/bounds.h"

namespace understudy {
namespace {

std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path full = std::filesystem::absolute(path, error);
  return error ? path : full.string();
}

/// Reads what the page cache has, without waiting for the disk. True if that was all there is to
/// read.
bool read_now(const FileDescriptor& file, std::uint64_t offset, Bytes out, std::size_t& done) {
  while (done < out.size()) {
    const iovec part{out.data() + done, out.size() - done};
    const ssize_t count =
        preadv2(file.get(), &part, 1, static_cast<off_t>(offset + done), RWF_NOWAIT);
    if (count < 0) return false;
    if (count == 0) return true;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

IoOutcome clear_temporary_names(const LunFolders& folders) {
  std::vector<std::string> names;
  const auto collect = [&](const std::string& name, unsigned char) -> IoOutcome {
    names.push_back(name);
    return {};
  };
  if (auto failure = for_each_name(folders.temporary.get(), ".", collect)) return failure;
  for (const std::string& name : names) {
    if (auto failure = unlink_at(folders.temporary.get(), name)) return failure;
  }
  return {};
}

IoOutcome recover_lun(const LunFolders& folders) {
  if (auto failure = clear_temporary_names(folders)) return failure;
  // A killed predecessor left changes in the page cache that it never synced. What follows finds
  // them done and builds on them, so they become durable first.
  if (auto failure = sync_file_system(folders.root.get(), folders.path)) return failure;
  return drop_all_stale_names(folders);
}

IoOutcome read_space(const LunFolders& folders, Space& out) {
  struct statvfs found {};
  if (fstatvfs(folders.root.get(), &found) != 0) return failed_call("fstatvfs", folders.path);
  out.total_bytes = std::uint64_t{found.f_blocks} * found.f_frsize;
  out.free_bytes = std::uint64_t{found.f_bavail} * found.f_frsize;
  return {};
}

std::vector<ObjectId> without_repeats(std::span<const ObjectId> objects) {
  const std::set<ObjectId> once(objects.begin(), objects.end());
  return {once.begin(), once.end()};
}

}  // namespace

PosixMedium::PosixMedium(const Seams& seams, const std::string& path)
    : executor_(seams.executor),
      faults_(seams.faults),
      log_(seams.log),
      path_(absolute(path)),
      files_(bounds::kMaxMediumDescriptors) {}

Task<Status> PosixMedium::run(CallPoints points, std::size_t parts, Part part) {
  const Status before = faults_.pass(points.before);
  if (before == FaultPoints::kStalled) co_await never{};
  if (failed(before)) co_return before;
  const std::size_t stride = faults_.armed(points.between) ? 1 : parts;
  IoOutcome failure;
  for (std::size_t first = 0; first < parts; first += stride) {
    if (first > 0) {
      const Status between = faults_.pass(points.between);
      if (between == FaultPoints::kStalled) co_await never{};
      if (failed(between)) co_return between;
    }
    const std::size_t last = std::min(parts, first + stride);
    offload work{executor_, [&part, &failure, first, last] {
                   for (std::size_t i = first; i < last && !failure; ++i) failure = part(i);
                 }};
    co_await work;
    if (failure) co_return report(*failure);
  }
  const Status done = faults_.pass(points.done);
  if (done == FaultPoints::kStalled) co_await never{};
  co_return done;
}

Status PosixMedium::report(const IoFailure& failure) {
  // The answer to a question is no fault.
  const bool answer = failure.status == Status::sharing_violation ||
                      failure.status == Status::object_name_collision ||
                      failure.status == Status::object_name_not_found;
  const std::string cause =
      failure.error == 0 ? "" : std::generic_category().message(failure.error);
  log_.write(answer ? Log::Level::info : Log::Level::error, "medium",
             {{"lun", path_},
              {"what", failure.what},
              {"path", failure.path},
              {"errno", failure.error},
              {"cause", cause},
              {"status", failure.status}});
  return failure.status;
}

void PosixMedium::report(const Notices& notices) {
  for (const Notice& notice : notices) {
    log_.warning("medium", {{"lun", path_}, {"what", notice.what}, {"path", notice.path}});
  }
}

// Ownership.

Task<Status> PosixMedium::lock() {
  UNDERSTUDY_CHECK(!lock_);
  FileDescriptor taken;
  const auto folders = std::make_shared<LunFolders>();
  const Status status = co_await run(medium_points::kLock, 1, [&](std::size_t) -> IoOutcome {
    if (auto failure = lock_lun(path_, taken)) return failure;
    return open_folders(path_, *folders);
  });
  if (failed(status)) co_return status;
  lock_ = std::move(taken);
  folders_ = folders;
  co_return status;
}

Task<void> PosixMedium::unlock() {
  const Folders folders = std::move(folders_);
  DescriptorCache files = std::exchange(files_, DescriptorCache(bounds::kMaxMediumDescriptors));
  Unsynced unsynced = std::exchange(unsynced_, {});
  FileDescriptor taken = std::move(lock_);
  ended_names_.clear();
  offload work{executor_, [&] {
                 files.clear();
                 unsynced = {};
                 taken = FileDescriptor();
               }};
  co_await work;
}

Task<Status> PosixMedium::attach() {
  if (folders_ != nullptr) co_return Status::success;
  const auto folders = std::make_shared<LunFolders>();
  const Status status =
      co_await run({}, 1, [&](std::size_t) -> IoOutcome { return open_folders(path_, *folders); });
  if (failed(status)) co_return status;
  folders_ = folders;
  co_return status;
}

Task<Result<Ownership>> PosixMedium::read_owner() {
  const Status attached = co_await attach();
  if (failed(attached)) co_return attached;
  const Folders folders = folders_;
  Ownership owner;
  const Status status = co_await run(medium_points::kOwner, 1,
                                     [&](std::size_t) { return read_owner_file(*folders, owner); });
  if (failed(status)) co_return status;
  co_return owner;
}

Task<Status> PosixMedium::claim(Ownership ownership) {
  const Status attached = co_await attach();
  if (failed(attached)) co_return attached;
  const Folders folders = folders_;
  std::string temporary;
  const Status status = co_await run(medium_points::kClaim, 2, [&](std::size_t i) {
    return i == 0 ? prepare_claim(*folders, ownership, temporary)
                  : finish_claim(*folders, ownership, temporary);
  });
  co_return status;
}

Task<Result<Applied>> PosixMedium::read_applied() {
  const Status attached = co_await attach();
  if (failed(attached)) co_return attached;
  const Folders folders = folders_;
  Applied applied;
  const Status status = co_await run(medium_points::kReadApplied, 1, [&](std::size_t) {
    return read_applied_slots(folders->base.get(), applied);
  });
  if (failed(status)) co_return status;
  co_return applied;
}

Task<Status> PosixMedium::recover() {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  const Status status =
      co_await run(medium_points::kRecover, 1, [&](std::size_t) { return recover_lun(*folders); });
  co_return status;
}

Task<Result<Intent>> PosixMedium::read_intent() {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  Intent intent;
  const Status status = co_await run(medium_points::kReadIntent, 1, [&](std::size_t) {
    return read_intent_slots(*folders, intent_slot_, intent);
  });
  if (failed(status)) co_return status;
  co_return intent;
}

// Reading.

Task<Result<ObjectState>> PosixMedium::read_state(ObjectId object) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  SharedFile file = files_.find(object);
  ObjectState state;
  const Status status = co_await run(medium_points::kState, 1, [&](std::size_t) {
    return read_object_state(*folders, object, file, state);
  });
  if (failed(status)) co_return status;
  co_return state;
}

Task<Result<std::vector<ListedEntry>>> PosixMedium::list(ObjectId directory) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  std::vector<ListedEntry> entries;
  Notices notices;
  const Status status = co_await run(medium_points::kList, 1, [&](std::size_t) {
    return list_directory(*folders, directory, entries, notices);
  });
  report(notices);
  if (failed(status)) co_return status;
  co_return entries;
}

Task<Result<std::size_t>> PosixMedium::read(ObjectId object, std::uint64_t offset, Bytes out) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  SharedFile file = files_.find(object);
  std::size_t at_once = 0;
  const bool all = file != nullptr && !faults_.armed(medium_points::kRead.before) &&
                   read_now(*file, offset, out, at_once);
  if (all) co_return at_once;
  std::size_t rest = 0;
  const Status status = co_await run(medium_points::kRead, 1, [&](std::size_t) {
    return read_object(*folders, object, file, offset + at_once, out.subspan(at_once), rest);
  });
  if (failed(status)) co_return status;
  if (lock_) files_.insert(object, std::move(file));
  co_return at_once + rest;
}

Task<Result<std::vector<AllocatedRange>>> PosixMedium::allocated_ranges(ObjectId object,
                                                                        std::uint64_t from,
                                                                        std::uint64_t to,
                                                                        std::size_t most) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  SharedFile file = files_.find(object);
  std::vector<AllocatedRange> ranges;
  const Status status = co_await run(medium_points::kAllocated, 1, [&](std::size_t) {
    return find_allocated_ranges(*folders, object, file, {from, to - from}, most, ranges);
  });
  if (failed(status)) co_return status;
  if (lock_) files_.insert(object, std::move(file));
  co_return ranges;
}

Task<Result<Space>> PosixMedium::space() {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  Space space;
  const Status status = co_await run(medium_points::kSpace, 1,
                                     [&](std::size_t) { return read_space(*folders, space); });
  if (failed(status)) co_return status;
  co_return space;
}

Task<Result<std::vector<std::uint8_t>>> PosixMedium::read_property(PropertyKind kind,
                                                                   std::uint64_t id) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  std::vector<std::uint8_t> bytes;
  const Status status = co_await run(medium_points::kReadProperty, 1, [&](std::size_t) {
    return read_property_file(*folders, kind, id, bytes);
  });
  if (failed(status)) co_return status;
  co_return bytes;
}

Task<Result<std::vector<PropertyCell>>> PosixMedium::list_properties(PropertyKind kind) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  std::vector<PropertyCell> listed;
  const Status status = co_await run(medium_points::kReadProperty, 1, [&](std::size_t) {
    return list_property_files(*folders, kind, listed);
  });
  if (failed(status)) co_return status;
  co_return listed;
}

// Flushing.

Task<Status> PosixMedium::write_objects(std::span<const ObjectCells> objects) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  std::vector<SharedFile> files;
  for (const ObjectCells& cells : objects)
    files.push_back(cells.directory ? nullptr : files_.find(cells.object));
  const Status status = co_await run(medium_points::kObjects, objects.size(), [&](std::size_t i) {
    IoOutcome failure = write_object(*folders, objects[i], files[i]);
    if (i >= bounds::kMaxSyncedOneByOne)
      files[i].reset();  // one sync for all will follow: no need to keep it open
    return failure;
  });
  remember_written(objects, files);
  co_return status;
}

void PosixMedium::remember_written(std::span<const ObjectCells> objects,
                                   std::span<const SharedFile> files) {
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const ObjectCells& cells = objects[i];
    // Whether the object was there already does not matter: a predecessor may have made it and died
    // before the sync.
    if (cells.create)
      unsynced_.folders.insert(cells.directory ? "dir" : "obj/" + bucket_name(cells.object));
    if (!cells.directory) files_.insert(cells.object, files[i]);
    if (!unsynced_.too_many && files[i] != nullptr) unsynced_.files.emplace(cells.object, files[i]);
  }
  if (objects.size() <= bounds::kMaxSyncedOneByOne &&
      unsynced_.files.size() <= bounds::kMaxSyncedOneByOne)
    return;
  unsynced_.too_many = true;
  unsynced_.files.clear();
}

Task<Status> PosixMedium::sync_whole(CallPoints points, Folders folders) {
  const Status status = co_await run(
      points, 1, [&](std::size_t) { return sync_file_system(folders->root.get(), folders->path); });
  co_return status;
}

Task<Status> PosixMedium::sync_objects(std::span<const ObjectId> objects) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  const std::vector<ObjectId> ids = without_repeats(objects);
  const std::vector<std::string> parents(unsynced_.folders.begin(), unsynced_.folders.end());
  if (unsynced_.too_many || ids.size() + parents.size() > bounds::kMaxSyncedOneByOne) {
    const Status whole = co_await sync_whole(medium_points::kObjectsSync, folders);
    if (ok(whole)) unsynced_ = {};
    co_return whole;
  }
  std::vector<SharedFile> files;
  for (const ObjectId id : ids) {
    const auto written = unsynced_.files.find(id);
    files.push_back(written == unsynced_.files.end() ? nullptr : written->second);
  }
  const Status status =
      co_await run(medium_points::kObjectsSync, ids.size() + parents.size(), [&](std::size_t i) {
        if (i < ids.size()) return sync_object(*folders, ids[i], files[i]);
        return sync_path(folders->base.get(), parents[i - ids.size()]);
      });
  if (failed(status)) co_return status;
  for (const ObjectId id : ids) unsynced_.files.erase(id);
  unsynced_.folders.clear();
  co_return status;
}

/// All under temporary names and durable there, then all where they belong, then that durable.
Task<Status> PosixMedium::write_properties(std::span<const PropertyCell> properties) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  const std::size_t count = properties.size();
  const bool one_by_one = count <= bounds::kMaxSyncedOneByOne;
  std::set<PropertyKind> kinds;
  for (const PropertyCell& property : properties) kinds.insert(property.kind);
  const auto sync_placed = [&]() -> IoOutcome {
    if (!one_by_one) return sync_file_system(folders->root.get(), folders->path);
    for (const PropertyKind kind : kinds) {
      if (auto failure = sync_property_folder(*folders, kind)) return failure;
    }
    return {};
  };
  const Status status =
      co_await run(medium_points::kProperties, 2 * count + 2, [&](std::size_t i) -> IoOutcome {
        if (i < count) return write_property_file(*folders, properties[i], i, one_by_one);
        if (i == count && one_by_one) return {};
        if (i == count) return sync_file_system(folders->root.get(), folders->path);
        const std::size_t placed = i - count - 1;
        return placed < count ? place_property_file(*folders, properties[placed], placed)
                              : sync_placed();
      });
  co_return status;
}

Task<Status> PosixMedium::write_intent(const Intent& intent) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  intent_slot_ = (intent_slot_ + 1) % kIntentSlots;  // even if it fails: it may be torn
  const Status status = co_await run(medium_points::kIntent, 1, [&](std::size_t) {
    return write_intent_slot(*folders, intent_slot_, intent);
  });
  co_return status;
}

Task<Status> PosixMedium::write_entries(std::span<const EntryCell> entries) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  for (const EntryCell& entry : entries) {
    if (entry.object != 0 || !is_valid_entry_name(entry.name)) continue;
    StoredName stored = stored_name(entry.name);
    if (stored.shortened) ended_names_.push_back({entry.directory, std::move(stored.text)});
  }
  Notices notices;
  const Status status =
      co_await run(medium_points::kEntries, 1 + entries.size(), [&](std::size_t i) {
        if (i == 0) return write_long_names(*folders, entries);
        return write_entry(*folders, entries[i - 1], notices);
      });
  report(notices);
  co_return status;
}

Task<Status> PosixMedium::sync_directories(std::span<const ObjectId> directories) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  const std::vector<ObjectId> ids = without_repeats(directories);
  Status status = Status::success;
  if (ids.size() > bounds::kMaxSyncedOneByOne) {
    status = co_await sync_whole(medium_points::kEntriesSync, folders);
  } else {
    status = co_await run(medium_points::kEntriesSync, ids.size(),
                          [&](std::size_t i) { return sync_directory(*folders, ids[i]); });
  }
  if (failed(status)) co_return status;
  const auto durable =
      std::stable_partition(ended_names_.begin(), ended_names_.end(), [&](const StaleName& name) {
        return !std::binary_search(ids.begin(), ids.end(), name.directory);
      });
  const std::vector<StaleName> stale(durable, ended_names_.end());
  ended_names_.erase(durable, ended_names_.end());
  if (stale.empty()) co_return status;
  const Status dropped =
      co_await run({}, 1, [&](std::size_t) { return drop_long_names(*folders, stale); });
  co_return dropped;
}

Task<Status> PosixMedium::write_applied(const Applied& applied) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  FileDescriptor file;
  const Status status = co_await run(medium_points::kApplied, 2, [&](std::size_t i) {
    return i == 0 ? write_applied_slot(folders->base.get(), applied, file) : sync_applied(file);
  });
  co_return status;
}

Task<Status> PosixMedium::remove_objects(std::span<const ObjectId> objects) {
  if (!lock_) co_return Status::device_not_ready;
  const Folders folders = folders_;
  // The last close of an unlinked file frees its blocks, which takes time: it happens in the work.
  std::vector<SharedFile> files;
  for (const ObjectId object : objects) {
    files.push_back(files_.take(object));
    unsynced_.files.erase(object);
  }
  Notices notices;
  std::vector<ObjectId> streams;
  const Status status = co_await run(medium_points::kRemove, objects.size(), [&](std::size_t i) {
    files[i].reset();
    if (auto failure = remove_streams(*folders, objects[i], streams, notices)) return failure;
    if (auto failure = remove_object(*folders, objects[i], notices)) return failure;
    if (auto failure = remove_properties_of(*folders, objects[i])) return failure;
    return drop_long_names_of(*folders, objects[i]);
  });
  report(notices);
  for (const ObjectId stream : streams) {
    files.push_back(files_.take(stream));
    unsynced_.files.erase(stream);
  }
  if (!streams.empty()) {
    const Status closed = co_await run({}, 1, [&](std::size_t) -> IoOutcome {
      files.clear();
      return {};
    });
    static_cast<void>(closed);
  }
  co_return status;
}

// The mailbox.

Task<Status> PosixMedium::write_mailbox(std::uint32_t area, MailboxSlot slot, bool durable) {
  const Status attached = co_await attach();
  if (failed(attached)) co_return attached;
  const Folders folders = folders_;
  const Status status = co_await run(medium_points::kMailboxWrite, 1, [&](std::size_t) {
    return write_mailbox_slot(*folders, area, slot, durable);
  });
  co_return status;
}

Task<Result<MailboxSlot>> PosixMedium::read_mailbox(std::uint32_t area, std::uint32_t node,
                                                    bool durable) {
  const Status attached = co_await attach();
  if (failed(attached)) co_return attached;
  const Folders folders = folders_;
  MailboxSlot slot{};
  Status found = Status::not_found;
  const Status status = co_await run(medium_points::kMailboxRead, 1, [&](std::size_t) {
    return read_mailbox_slot(*folders, area, node, durable, slot, found);
  });
  if (failed(status)) co_return status;
  if (failed(found)) co_return found;
  co_return slot;
}

}  // namespace understudy
