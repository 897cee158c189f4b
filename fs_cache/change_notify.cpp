// IRP_MN_NOTIFY_CHANGE_DIRECTORY (MS-FSA 2.1.5.11, 2.1.4.1): who watches a directory, and what it
// is told.
#include <algorithm>
#include <cstring>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"
#include "iomgr/unicode.h"

namespace understudy {

void Watch::add(ChangeAction action, const std::string& path, Lsn lsn) {
  shows = std::max(shows, lsn);
  if (lost) return;
  const bool said = !changes.empty() && action == ChangeAction::modified &&
                    changes.back().action == action && changes.back().path == path;
  if (said) return;
  constexpr std::size_t kFixed = 12;  // MS-FSCC 2.7.1
  const std::size_t size = (kFixed + 2 * utf16_length(path).value_or(path.size()) + 3) / 4 * 4;
  if (bytes + size > capacity) {
    clear();
    lost = true;
    return;
  }
  bytes += size;
  changes.push_back({action, path});
}

void Watch::clear() {
  changes.clear();
  bytes = 0;
  lost = false;
}

Result<Watch*> Volume::find_watch(const Irp& irp) {
  const Result<Open*> found = find_open(irp);
  if (!found) return found.status();
  Open& open = **found;
  if (!open.node->is_directory()) return Status::invalid_parameter;
  if (!open.may(access::kReadData)) return Status::access_denied;
  if (open.link != nullptr && open.link->delete_pending) return Status::delete_pending;
  if (open.watch == nullptr) {
    open.watch = std::make_unique<Watch>(
        Watch{irp.notify.filter, irp.notify.tree != 0,
              std::min<std::size_t>(irp.notify.capacity, bounds::kMaxBytesToNotify)});
    ++watches_;
  }
  return open.watch.get();
}

Task<Status> Volume::fetch_changes(Irp& irp) {
  const std::optional<Bytes> room = seams_.arena.room(irp.payload);
  if (!room) co_return Status::invalid_parameter;
  const Result<Watch*> found = find_watch(irp);
  if (!found) co_return found.status();
  Watch& watch = **found;
  if (!watch.has_news()) co_return Status::pending;
  show(irp, watch.shows);
  std::size_t used = 0;
  bool fits = !watch.lost;
  for (const Watch::Change& change : watch.changes) {
    const std::size_t size = (sizeof(ChangeEntry) + change.path.size() + 3) / 4 * 4;
    fits = fits && size <= room->size() - used;
    if (!fits) break;
    const ChangeEntry entry{static_cast<std::uint32_t>(change.action),
                            static_cast<std::uint32_t>(change.path.size())};
    std::uint8_t* const at = room->data() + used;
    std::memset(at, 0, size);
    std::memcpy(at, &entry, sizeof entry);
    std::memcpy(at + sizeof entry, change.path.data(), change.path.size());
    used += size;
  }
  watch.clear();
  if (!fits) co_return Status::notify_enum_dir;
  irp.information = used;
  irp.payload.length = static_cast<std::uint32_t>(used);
  co_return Status::success;
}

Task<Status> Volume::wait_for_change(Irp& irp) {
  const Result<Watch*> found = find_watch(irp);
  // Who waits had the handle a moment ago: it was closed, which ends the waiting.
  if (!found && found.status() == Status::file_closed) co_return Status::notify_cleanup;
  if (!found) co_return found.status();
  Watch& watch = **found;
  if (watch.has_news()) co_return Status::success;
  std::erase_if(watch.waiters, [this](std::uint64_t id) { return !pended_.contains(id); });
  watch.waiters.push_back(irp.id);
  const Status status = co_await pended_.wait(irp.id);
  co_return status;
}

/// Tells everybody who watches one of the directories above the name, as operation `lsn`.
void Volume::changed(const Link* link, ChangeAction action, std::uint32_t what, Lsn lsn,
                     const std::string& stream) {
  if (watches_ == 0 || link == nullptr) return;
  std::string path = stream.empty() ? link->name : link->name + ':' + stream;
  for (bool direct = true;; direct = false) {
    for (const Open* open : link->parent->opens) {
      Watch* const watch = open->watch.get();
      if (watch == nullptr || (watch->filter & what) == 0 || !(direct || watch->tree)) continue;
      watch->add(action, path, lsn);
      wake_one(*watch, Status::success);
    }
    if (link->parent->names.empty()) return;  // the root
    link = link->parent->names.front();
    path.insert(0, link->name + '\\');
  }
}

/// Bytes or size of what is open.
void Volume::changed_data(const Open& open, std::uint32_t what, Lsn lsn) {
  if (!open.node->is_stream()) return changed(open.link, ChangeAction::modified, what, lsn);
  std::uint32_t of_stream = 0;
  if ((what & change::kSize) != 0) of_stream |= change::kStreamSize;
  if ((what & change::kLastWrite) != 0) of_stream |= change::kStreamWrite;
  changed(open.file_link, ChangeAction::modified_stream, of_stream, lsn, open.link->name);
}

void Volume::changed_name(const Link& link, ChangeAction action, Lsn lsn) {
  changed(&link, action, link.node->is_directory() ? change::kDirectoryName : change::kFileName,
          lsn);
}

bool Volume::wake_one(Watch& watch, Status status) {
  while (!watch.waiters.empty()) {
    const std::uint64_t id = watch.waiters.front();
    watch.waiters.pop_front();
    if (pended_.complete(id, status)) return true;
  }
  return false;
}

void Volume::end_watch(Open& open) {
  if (open.watch == nullptr) return;
  while (wake_one(*open.watch, Status::notify_cleanup)) {
  }
  open.watch.reset();
  --watches_;
}

/// Nobody opens the directory any more, so nothing will change in it.
void Volume::will_be_deleted(const Node& directory) {
  for (const Open* open : directory.opens) {
    if (open->watch == nullptr) continue;
    while (wake_one(*open->watch, Status::delete_pending)) {
    }
  }
}

}  // namespace understudy
