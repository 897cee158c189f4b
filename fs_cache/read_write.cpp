// READ and WRITE (MS-FSA 2.1.5.3, 2.1.5.4). A read lays the unwritten bytes over those of the
// medium; there is no cache of clean pages here, the kernel below the medium has one.
#include <algorithm>
#include <cstring>
#include <limits>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {

constexpr std::uint64_t kLargestOffset = std::numeric_limits<std::int64_t>::max();
// The medium also needs room for what is not data.
constexpr std::uint64_t kSpareBytes = bounds::kMiB;

}  // namespace

Task<Status> Volume::read(Irp& irp) {
  const ReadParameters ask = irp.read;
  const std::optional<Bytes> room = seams_.arena.room(irp.payload);
  if (!room || ask.length > room->size() || ask.length > bounds::kMaxTransfer ||
      ask.offset > kLargestOffset) {
    co_return Status::invalid_parameter;
  }
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    const Open& open = **found;
    const Node& node = *open.node;
    if (node.is_directory()) co_return Status::invalid_device_request;
    if (!open.may(access::kReadData | access::kExecute)) co_return Status::access_denied;
    if (locked_against(open, ask.offset, ask.length, false)) co_return Status::file_lock_conflict;
    show(irp, node.last_lsn);
    const bool flushed_size = planted(Mutant::read_ends_at_old_size) && node.unwritten != nullptr;
    const std::uint64_t size = flushed_size ? node.unwritten->medium_size : node.state.size;
    const std::uint64_t rest = size - std::min(size, ask.offset);
    const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(ask.length, rest));
    if (ask.length > 0 && (length == 0 || length < ask.minimum)) co_return Status::end_of_file;

    const Bytes out = room->first(length);
    const Lsn content_lsn = node.content_lsn;
    const std::uint64_t flushes = flushes_begun_;
    const Status status = co_await read_bytes(node, ask.offset, out);
    const Result<Open*> still = find_open(irp);
    if (!still) co_return still.status();
    if (failed(status)) co_return status;
    // A flush that began meanwhile may have brought later bytes to the medium than those that were
    // laid over it.
    if ((*still)->node->content_lsn != content_lsn && flushes_begun_ != flushes) continue;
    irp.information = length;
    irp.payload.length = length;
    co_return Status::success;
  }
}

/// Fills `out` from the log at once, then the holes from the medium; `node` is not looked at after
/// that.
Task<Status> Volume::read_bytes(const Node& node, std::uint64_t offset, Bytes out) {
  const ObjectId object = node.id;
  std::uint64_t medium_size = node.state.size;
  std::vector<Extents::Hole> holes;
  if (node.unwritten != nullptr && !planted(Mutant::read_ignores_unwritten)) {
    medium_size = node.unwritten->medium_size;
    holes = node.unwritten->extents.read(offset, out);
  } else if (!out.empty()) {
    holes.push_back({offset, out.size()});
  }
  for (const Extents::Hole& hole : holes) {
    Bytes gap = out.subspan(hole.offset - offset, hole.length);
    const std::uint64_t there = medium_size - std::min(medium_size, hole.offset);
    const Bytes from_medium = gap.first(std::min<std::uint64_t>(gap.size(), there));
    std::size_t got = 0;
    if (!from_medium.empty()) {
      const Result<std::size_t> read = co_await medium_->read(object, hole.offset, from_medium);
      if (!read) co_return read.status();
      got = std::min(*read, from_medium.size());
    }
    std::fill(gap.begin() + static_cast<std::ptrdiff_t>(got), gap.end(), std::uint8_t{0});
  }
  co_return Status::success;
}

/// Where the bytes go, if they may: the end of the file for kAppend and for an open that may only
/// append.
Result<std::uint64_t> Volume::check_write(const Irp& irp, const Open& open,
                                          std::size_t length) const {
  const Node& node = *open.node;
  if (node.is_directory()) return Status::invalid_device_request;
  if (!open.may(access::kWriteData | access::kAppendData)) return Status::access_denied;
  const bool append = irp.write.offset == kAppend || !open.may(access::kWriteData);
  const std::uint64_t offset = append ? node.state.size : irp.write.offset;
  if (offset > kLargestOffset - length) return Status::invalid_parameter;
  if (length > 0 && offset + length > bounds::kMaxFileSize) return Status::invalid_parameter;
  if (locked_against(open, offset, length, true)) return Status::file_lock_conflict;
  if (cache_.bytes() + length + kSpareBytes > free_bytes_) return Status::disk_full;
  return offset;
}

Task<Status> Volume::write(Irp& irp) {
  if (irp.write.zeros > 0) co_return co_await write_zeros(irp);
  const std::optional<Bytes> data = seams_.arena.bytes(irp.payload);
  if (!data || data->size() > bounds::kMaxTransfer) co_return Status::invalid_parameter;
  Reservation reservation;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    Node& node = *open.node;
    show(irp, node.last_lsn);
    const Result<std::uint64_t> offset = check_write(irp, open, data->size());
    if (!offset) co_return offset.status();
    if (data->empty()) co_return Status::success;
    if (!reservation) {
      Result<Reservation> reserved = co_await reserve(0, data->size());
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    put(irp, open, *offset, ConstBytes(*data), std::move(reservation));
    irp.information = data->size();
    if ((open.options & option::kWriteThrough) != 0) irp.write.write_through = 1;
    co_return Status::success;
  }
}

/// MS-FSA 2.1.5.9.39. Zeros take no room: not in the log, and not on the medium if it can do
/// without.
Task<Status> Volume::write_zeros(Irp& irp) {
  const std::uint64_t offset = irp.write.offset;
  if (offset > kLargestOffset || irp.write.zeros > kLargestOffset - offset)
    co_return Status::invalid_parameter;
  Reservation reservation;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    const Open& open = **found;
    const Node& node = *open.node;
    show(irp, node.last_lsn);
    if (node.is_directory()) co_return Status::invalid_device_request;
    if (!open.may(access::kWriteData)) co_return Status::access_denied;
    const std::uint64_t rest = node.state.size - std::min(node.state.size, offset);
    const std::uint64_t length = std::min(rest, irp.write.zeros);
    if (locked_against(open, offset, length, true)) co_return Status::file_lock_conflict;
    if (length == 0) co_return Status::success;
    if (!reservation) {
      Result<Reservation> reserved = co_await reserve(0, sizeof length);
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    put(irp, open, offset, Content::zeros(length), std::move(reservation));
    irp.information = length;
    if ((open.options & option::kWriteThrough) != 0) irp.write.write_through = 1;
    co_return Status::success;
  }
}

void Volume::put(Irp& irp, const Open& open, std::uint64_t offset, const Content& content,
                 Reservation reservation) {
  Node& node = *open.node;
  ObjectState state = node.state;
  const FileTime time = now();
  state.size = std::max(state.size, offset + content.size());
  state.attributes |= attribute::kArchive;
  if (!open.keeps_write_time) state.write_time = time;
  if (!open.keeps_change_time) state.change_time = time;
  const std::uint64_t length = content.size();
  const auto* const length_bytes = reinterpret_cast<const std::uint8_t*>(&length);
  const bool zeros = content.is_zeros();
  const ConstBytes data = zeros ? ConstBytes(length_bytes, sizeof length) : content.bytes();
  RecordHeader effect = effect_on(zeros ? Effect::zero : Effect::write, node.id, state);
  if (planted(Mutant::size_not_logged)) effect.size = node.state.size;
  effect.offset = offset;
  const bool touches_file = touch_file(effect, open);
  const Logged logged = commit(irp, std::move(reservation), effect, {}, {}, data);
  node.unwritten_data().extents.write(offset, zeros ? content : Content(logged.data), logged.lsn);
  node.content_lsn = node.last_lsn = logged.lsn;
  const std::uint32_t grown = state.size != node.state.size ? change::kSize : 0;
  if (options_.late_write_times && !open.keeps_write_time)
    node.late_write_time.write(node.state.write_time, time);
  node.state = state;
  if (touches_file) file_touched(node, effect, logged.lsn);
  break_readers(open);
  changed_data(open, change::kLastWrite | grown, logged.lsn);
}

}  // namespace understudy
