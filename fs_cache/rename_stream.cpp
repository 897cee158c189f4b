// RENAME of a stream (MS-FSA 2.1.5.14.11): to another name of the same file, ":new", or to its
// default stream, "::$DATA".
#include <algorithm>

#include "fs_cache/file_constants.h"
#include "fs_cache/streams.h"
#include "fs_cache/volume.h"
#include "iomgr/unicode.h"

namespace understudy {
namespace {

Link* find_stream(const Node& file, const std::string& name) {
  const auto& links = file.streams->directory->links;
  const auto found = links.find(fold(name));
  return found == links.end() ? nullptr : found->second.get();
}

}  // namespace

Task<Status> Volume::rename_stream(Irp& irp, const Path& path) {
  Reservation reservation;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    if (!open.node->is_stream()) co_return Status::not_supported;  // the data becomes a stream
    show(irp, std::max(open.node->last_lsn, path_shows(open)));
    show(irp, open.link->parent->directory->last_lsn);
    Link* const target = path.has_stream() ? find_stream(open.node->file(), path.stream) : nullptr;
    const Status allowed = check_stream_target(irp, open, path, target);
    if (failed(allowed)) co_return allowed;
    if (target == open.link && open.link->name == path.stream) co_return Status::success;
    if (!reservation) {
      const std::size_t name = bounds::kMaxNameBytes;
      Result<Reservation> reserved = co_await reserve(2 * name, name);
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    if (path.has_stream()) {
      put_stream_name(irp, open, target == open.link ? nullptr : target, path.stream,
                      std::move(reservation));
    } else {
      become_default(irp, open, std::move(reservation));
    }
    co_return Status::success;
  }
}

/// A target is taken over only if it is empty and nobody has it open.
Status Volume::check_stream_target(const Irp& irp, const Open& open, const Path& path,
                                   const Link* target) const {
  // A path, so another file perhaps: Windows opens what it leads to, without sharing it.
  if (!path.components.empty() || (!path.has_stream() && !path.names_data))
    return Status::sharing_violation;
  if (!open.may(access::kDelete)) return Status::access_denied;
  const bool file_goes = open.file_link != nullptr && open.file_link->delete_pending;
  if (file_goes || open.link->delete_pending) return Status::delete_pending;
  const Node& file = open.node->file();
  if (path.names_data) {
    if (file.is_directory()) return Status::invalid_parameter;
    if (irp.set.replace == 0) return Status::object_name_collision;
    if (file.state.size != 0 || !file.opens.empty() || open.link->opens > 1)
      return Status::invalid_parameter;
    // One record would have to hold all bytes of the stream.
    return open.node->state.size == 0 ? Status::success : Status::not_supported;
  }
  if (target == nullptr || target == open.link) return Status::success;
  if (irp.set.replace == 0) return Status::object_name_collision;
  if (target->delete_pending) return Status::delete_pending;
  const bool in_use = target->opens > 0 || target->node->state.size != 0;
  return in_use ? Status::invalid_parameter : Status::success;
}

void Volume::put_stream_name(Irp& irp, Open& open, Link* replaced, const std::string& name,
                             Reservation reservation) {
  Node& node = *open.node;
  Node& streams = *open.link->parent;
  ObjectState state = node.state;
  state.change_time = now();
  RecordHeader effect = effect_on(Effect::rename, node.id, state);
  effect.parent = effect.target_parent = streams.id;
  std::string old_spelling;
  if (replaced != nullptr) {
    effect.replaced = replaced->node->id;
    effect.flags |= kRemovesReplaced;
    if (replaced->name != name) old_spelling = replaced->name;
  }
  const Logged logged =
      commit(irp, std::move(reservation), effect, open.link->name, name, as_bytes(old_spelling));
  node.state = state;
  changed_entries(streams, state.change_time);
  if (replaced != nullptr) names_.remove_link(*replaced, logged.lsn);
  changed(open.file_link, ChangeAction::removed_stream, change::kStreamName, logged.lsn,
          open.link->name);
  names_.move_link(*open.link, streams, name, logged.lsn);
  changed(open.file_link, ChangeAction::added_stream, change::kStreamName, logged.lsn, name);
}

/// Both are empty: the stream goes, and the handle is one of the file.
void Volume::become_default(Irp& irp, Open& open, Reservation reservation) {
  Node& stream = *open.node;
  Node& file = stream.file();
  Link& link = *open.link;
  end_locks(open);
  end_oplock(open);
  std::erase(stream.opens, &open);
  wake_settled(stream);
  --link.opens;
  open.node = &file;
  open.link = std::exchange(open.file_link, nullptr);
  file.opens.push_back(&open);
  remove_stream(irp, link, open.link, std::move(reservation));
}

}  // namespace understudy
