// Named streams: which there are, and how they end (MS-FSA 2.1.5.4, 2.1.5.12.33).
#include "fs_cache/streams.h"

#include <algorithm>
#include <cstring>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

constexpr std::size_t kGoneHeader = 10;

/// Adds one record of the answer; false: no room.
bool put_entry(Bytes room, std::size_t& used, std::string_view name, const FileFacts& facts) {
  StreamEntry entry{};
  entry.name_length = static_cast<std::uint32_t>(name.size());
  entry.size = static_cast<std::uint32_t>((sizeof entry + name.size() + 7) / 8 * 8);
  entry.bytes = facts.size;
  entry.allocation = facts.allocation_size;
  if (entry.size > room.size() - used) return false;
  std::uint8_t* const at = room.data() + used;
  std::memset(at, 0, entry.size);
  std::memcpy(at, &entry, sizeof entry);
  std::memcpy(at + sizeof entry, name.data(), name.size());
  used += entry.size;
  return true;
}

bool takes_part_in_sharing(const Open& open) {
  constexpr std::uint32_t kShared = access::kReadData | access::kExecute | access::kWriteData |
                                    access::kAppendData | access::kDelete;
  return open.may(kShared);
}

}  // namespace

std::vector<std::uint8_t> encode_gone_streams(const std::vector<GoneStream>& streams) {
  std::vector<std::uint8_t> bytes;
  for (const GoneStream& stream : streams) {
    const auto length = static_cast<std::uint16_t>(stream.name.size());
    std::uint8_t head[kGoneHeader];
    std::memcpy(head, &stream.object, sizeof stream.object);
    std::memcpy(head + sizeof stream.object, &length, sizeof length);
    bytes.insert(bytes.end(), std::begin(head), std::end(head));
    bytes.insert(bytes.end(), stream.name.begin(), stream.name.end());
  }
  return bytes;
}

std::vector<GoneStream> decode_gone_streams(ConstBytes bytes) {
  std::vector<GoneStream> streams;
  while (bytes.size() >= kGoneHeader) {
    GoneStream stream;
    std::uint16_t length = 0;
    std::memcpy(&stream.object, bytes.data(), sizeof stream.object);
    std::memcpy(&length, bytes.data() + sizeof stream.object, sizeof length);
    bytes = bytes.subspan(kGoneHeader);
    if (length > bytes.size()) break;
    stream.name = as_text(bytes.first(length));
    bytes = bytes.subspan(length);
    streams.push_back(std::move(stream));
  }
  return streams;
}

std::vector<GoneStream> unopened_streams(const Node& file) {
  std::vector<GoneStream> streams;
  if (file.streams == nullptr || file.streams->directory == nullptr) return streams;
  for (const auto& [key, link] : file.streams->directory->links) {
    if (link->opens == 0) streams.push_back({link->node->id, link->name});
  }
  return streams;
}

bool has_open_streams(const Node& file) {
  if (file.streams == nullptr || file.streams->directory == nullptr) return false;
  return std::ranges::any_of(file.streams->directory->links,
                             [](const auto& entry) { return entry.second->opens > 0; });
}

Status check_streams_sharing(const Node& file) {
  if (!has_open_streams(file)) return Status::success;
  for (const auto& [key, link] : file.streams->directory->links) {
    for (const Open* open : link->node->opens) {
      if (takes_part_in_sharing(*open) && (open->share & share::kDelete) == 0)
        return Status::sharing_violation;
    }
  }
  return Status::success;
}

/// A change of a stream is one of its file (MS-FSA 2.1.4.17), unless this open keeps the times.
/// Whether `effect` says so now.
bool Volume::touch_file(RecordHeader& effect, const Open& open) {
  if (!open.node->is_stream() || open.keeps_write_time || open.keeps_change_time) return false;
  effect.parent = streams_of(open.node->file().id);
  return true;
}

void Volume::file_touched(Node& stream, const RecordHeader& effect, Lsn lsn) {
  Node& file = stream.file();
  file.state.write_time = effect.change_time;
  file.state.change_time = effect.change_time;
  file.last_lsn = lsn;
}

/// STATUS_BUFFER_OVERFLOW: as many as there was room for.
Task<Status> Volume::query_streams(Irp& irp) {
  const std::optional<Bytes> room = seams_.arena.room(irp.payload);
  if (!room) co_return Status::invalid_parameter;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Node& file = (*found)->node->file();
    if (Node* const streams = names_.unloaded_streams(file)) {
      const Status loaded = co_await names_.load(streams->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    show(irp, std::max(file.last_lsn, path_shows(**found)));
    std::size_t used = 0;
    bool fits = true;
    if (!file.is_directory())
      fits = put_entry(*room, used, "::$DATA", facts_of(file, nullptr, now()));
    if (file.streams != nullptr) {
      show(irp, file.streams->directory->last_lsn);
      for (const auto& [key, link] : file.streams->directory->links) {
        const FileFacts facts = facts_of(*link->node, link.get(), now());
        show(irp, link->node->last_lsn);
        fits = fits && put_entry(*room, used, ':' + link->name + ":$DATA", facts);
      }
    }
    irp.information = used;
    irp.payload.length = static_cast<std::uint32_t>(used);
    co_return fits ? Status::success : Status::buffer_overflow;
  }
}

/// The last handle of a file that is to be deleted may be one of a stream. Then the stream goes
/// with the file, in one record.
Task<Status> Volume::close_stream(Irp& irp) {
  Reservation reservation;
  Status loaded = Status::success;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    Node& file = open.node->file();
    Link& link = *open.link;
    Link* const file_link = open.file_link;
    const bool deletes = link.delete_pending || (open.options & option::kDeleteOnClose) != 0;
    const bool stream_goes = deletes && link.opens == 1;
    bool file_goes = file_link != nullptr && file_link->delete_pending && file_link->opens == 1;
    if (file_goes && file.is_directory() && file.directory == nullptr && ok(loaded)) {
      loaded = co_await names_.load(file.id);
      continue;
    }
    if (file.is_directory()) file_goes = file_goes && ok(loaded) && file.directory->links.empty();
    if ((stream_goes || file_goes) && !reservation) {
      const std::size_t name = bounds::kMaxNameBytes;
      Result<Reservation> reserved = co_await reserve(name, kGoneHeader + name);
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    show(irp, std::max(open.node->last_lsn, path_shows(open)));
    if (irp.close.post_query != 0) irp.close.facts = facts_of(open, now());
    if (deletes) link.delete_pending = true;
    leave(open);
    if (file_goes) {
      std::vector<GoneStream> streams;
      if (stream_goes && file.links > 1) streams.push_back({link.node->id, link.name});
      remove_name(irp, *file_link, std::move(reservation), streams);
    } else if (stream_goes) {
      remove_stream(irp, link, file_link, std::move(reservation));
    }
    co_return Status::success;
  }
}

void Volume::remove_stream(Irp& irp, Link& stream, const Link* file_link, Reservation reservation) {
  ObjectState state = stream.node->state;
  state.change_time = now();
  RecordHeader effect = effect_on(Effect::unlink, stream.node->id, state);
  effect.parent = stream.parent->id;
  effect.flags |= kRemovesObject;
  const Logged logged = commit(irp, std::move(reservation), effect, stream.name);
  changed_entries(*stream.parent, state.change_time);
  changed(file_link, ChangeAction::removed_stream, change::kStreamName, logged.lsn, stream.name);
  names_.remove_link(stream, logged.lsn);
}

/// What operation `lsn` says of streams that are gone, in memory.
void Volume::streams_removed(Node& file, const Link* file_link, const std::vector<GoneStream>& gone,
                             Lsn lsn) {
  for (const GoneStream& stream : gone) {
    const Node* const node = names_.find(stream.object);
    Link& link = *node->names.front();
    changed(file_link, ChangeAction::removed_stream, change::kStreamName, lsn, link.name);
    names_.remove_link(link, lsn);
  }
  file.last_lsn = lsn;
}

}  // namespace understudy
