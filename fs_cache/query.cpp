// What is asked of one open, of the volume, and FLUSH, which ff_driver brings to its end.
#include <algorithm>
#include <cstring>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"

namespace understudy {

/// STATUS_BUFFER_OVERFLOW, with the name cut, when there is no room for it. No room at all: nobody
/// wants the name.
Task<Status> Volume::query_information(Irp& irp) {
  if (irp.minor == static_cast<std::uint8_t>(QueryMinor::streams)) {
    const Status listed = co_await query_streams(irp);
    co_return listed;
  }
  if (irp.minor == static_cast<std::uint8_t>(QueryMinor::security))
    co_return co_await query_security(irp);
  if (irp.minor == static_cast<std::uint8_t>(QueryMinor::extended_attributes))
    co_return co_await query_extended(irp);
  if (irp.minor == static_cast<std::uint8_t>(QueryMinor::allocated_ranges))
    co_return co_await query_allocated_ranges(irp);
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  const Open& open = **found;
  const std::optional<Bytes> room = seams_.arena.room(irp.payload);
  if (!room) co_return Status::invalid_parameter;
  show(irp, std::max(open.node->last_lsn, path_shows(open)));
  irp.query.facts = facts_of(open, now());
  irp.query.access = open.access;
  irp.query.options = open.options;
  if (room->empty()) co_return Status::success;
  const std::string path = path_of(open);
  const std::size_t length = std::min(path.size(), room->size());
  std::copy_n(path.begin(), length, room->begin());
  irp.payload.length = static_cast<std::uint32_t>(length);
  irp.information = length;
  co_return length < path.size() ? Status::buffer_overflow : Status::success;
}

Task<Status> Volume::query_volume(Irp& irp) {
  const Result<Space> space = co_await medium_->space();
  if (!space) co_return space.status();
  const Node& root = names_.root();
  show(irp, root.last_lsn);
  irp.volume.total_bytes = space->total_bytes;
  irp.volume.free_bytes = space->free_bytes - std::min(space->free_bytes, cache_.bytes());
  irp.volume.creation_time = root.state.creation_time;
  // The same on every node that will ever own the LUN.
  irp.volume.serial = (root.state.creation_time ^ (root.state.creation_time >> 32)) & 0xFFFFFFFF;
  co_return Status::success;
}

Task<Status> Volume::flush_buffers(Irp& irp) {
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  const Open& open = **found;
  const Status allowed = check_asker(irp, open);
  if (failed(allowed)) co_return allowed;
  if (!open.may(access::kWriteData | access::kAppendData)) co_return Status::access_denied;
  open.node->late_write_time.show();
  show(irp, std::max(open.node->last_lsn, path_shows(open)));
  co_return Status::success;
}

Status Volume::flush_all(Irp& irp) const {
  irp.shows = last_lsn_ > durable_ ? last_lsn_ : 0;
  irp.epoch = epoch_;
  return Status::success;
}

}  // namespace understudy
