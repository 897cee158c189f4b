// CREATE of a named stream (MS-FSA 2.1.5.1): of a file that is there, or together with its file.
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/share_mode.h"
#include "fs_cache/streams.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

Status check_read_only(const Node& file, std::uint32_t desired, bool changes, bool deletes) {
  if (file.is_directory() || (file.state.attributes & attribute::kReadOnly) == 0)
    return Status::success;
  const std::uint32_t writes = access::kWriteData | access::kAppendData;
  if (changes || (desired & writes) != 0) return Status::access_denied;
  return deletes ? Status::cannot_delete : Status::success;
}

/// Somebody who may delete the file may delete its streams: that is to be shared.
bool file_may_be_deleted(const Node& file) {
  return std::ranges::any_of(file.opens,
                             [](const Open* open) { return open->may(access::kDelete); });
}

const Node* directory_of(const Link* link) {
  return link == nullptr ? nullptr : link->parent;
}

}  // namespace

Status Volume::check_stream(const CreateRequest& request, const Walk& walk) const {
  const Node& file = *walk.file;
  if (walk.file_link != nullptr && walk.file_link->delete_pending) return Status::delete_pending;
  if (walk.link != nullptr && walk.link->delete_pending) return Status::delete_pending;
  if (walk.node != nullptr && request.disposition == Disposition::create)
    return Status::object_name_collision;
  if (walk.node == nullptr && !request.makes_if_absent()) return Status::object_name_not_found;
  const bool changes = walk.node == nullptr || request.overwrites();
  const Status writable =
      check_read_only(file, request.access, changes, request.has(option::kDeleteOnClose));
  if (failed(writable)) return writable;
  const bool full =
      file.streams != nullptr && file.streams->directory->links.size() >= bounds::kMaxStreams;
  if (walk.node == nullptr && full) return Status::insufficient_resources;
  const std::uint32_t maximal = maximal_access(file, directory_of(walk.file_link), *request.token);
  const std::uint32_t needed = needed_access(request) | (changes ? access::kWriteData : 0);
  if ((needed & ~maximal) != 0 || maximal == 0) return Status::access_denied;
  const std::uint32_t access = granted_access(request.access, maximal, &file) |
                               (request.overwrites() ? access::kWriteData : 0);
  constexpr std::uint32_t kStream = access::kReadData | access::kWriteData | access::kAppendData |
                                    access::kExecute | access::kDelete;
  const bool keeps = (access & kStream) != 0 && (request.share & share::kDelete) == 0;
  if (keeps && file_may_be_deleted(file)) return Status::sharing_violation;
  if (walk.node == nullptr) return Status::success;
  return check_sharing(walk.node->opens, access, request.share);
}

void Volume::finish_create_stream(Irp& irp, const CreateRequest& request, const Walk& walk,
                                  const NodeProperties& properties, Reservation reservation) {
  Link* link = walk.link;
  Link* file_link = walk.file_link;
  CreateAction action = CreateAction::created;
  if (walk.file == nullptr) {
    link = &make_file_with_stream(irp, request, *walk.parent, properties, std::move(reservation),
                                  file_link);
  } else if (link == nullptr) {
    link = &make_stream(irp, request, *walk.file, file_link, std::move(reservation));
  } else if (request.overwrites()) {
    overwrite_stream(irp, *link->node, std::move(reservation));
    action = request.disposition == Disposition::supersede ? CreateAction::superseded
                                                           : CreateAction::overwritten;
  } else {
    action = CreateAction::opened;
  }
  Node& node = *link->node;
  if (action != CreateAction::opened)
    node.reserved_allocation = std::min(irp.create.allocation_size, bounds::kMaxFileSize);
  const std::uint32_t maximal =
      maximal_access(node.file(), directory_of(file_link), *request.token);
  const std::uint32_t access = granted_access(request.access, maximal, walk.file);
  answer_create(irp, add_open(request, access, node, link, file_link), action, maximal);
}

Link& Volume::make_stream(Irp& irp, const CreateRequest& request, Node& file, Link* file_link,
                          Reservation reservation) {
  const FileTime time = now();
  ObjectState state;
  state.creation_time = state.access_time = state.write_time = state.change_time = time;
  const ObjectId object = new_object_id();
  const std::string& name = request.path.stream;
  RecordHeader effect = effect_on(Effect::create, object, state);
  effect.parent = streams_of(file.id);
  const Logged logged = commit(irp, std::move(reservation), effect, name);
  Node& streams = names_.make_streams(file);
  Node& node = names_.add_object(object, state, logged.lsn);
  changed_entries(streams, time);
  Link& link = names_.add_link(streams, name, node, logged.lsn);
  changed(file_link, ChangeAction::added_stream, change::kStreamName, logged.lsn, name);
  return link;
}

/// One operation, so one record: after a crash there are both or neither.
Link& Volume::make_file_with_stream(Irp& irp, const CreateRequest& request, Node& parent,
                                    const NodeProperties& properties, Reservation reservation,
                                    Link*& file_link) {
  const FileTime time = now();
  ObjectState state;
  state.creation_time = state.access_time = state.write_time = state.change_time = time;
  ObjectState file_state = state;
  file_state.attributes = request.attributes | attribute::kArchive | properties.attributes();
  const ObjectId object = new_object_id();
  const ObjectId stream = new_object_id();
  const std::string& file_name = request.path.components.back();
  const std::string& name = request.path.stream;
  RecordHeader effect = effect_on(Effect::create, object, file_state);
  effect.parent = parent.id;
  effect.target_parent = streams_of(object);
  effect.replaced = stream;
  const PropertyChange change({}, properties);
  const Logged logged =
      commit(irp, std::move(reservation), effect, file_name, name, {}, change.assignments(object));
  Node& file = names_.add_object(object, file_state, logged.lsn);
  file.properties = properties;
  changed_entries(parent, time);
  file_link = &names_.add_link(parent, file_name, file, logged.lsn);
  changed_name(*file_link, ChangeAction::added, logged.lsn);
  Node& node = names_.add_object(stream, state, logged.lsn);
  Link& link = names_.add_link(names_.make_streams(file), name, node, logged.lsn);
  changed(file_link, ChangeAction::added_stream, change::kStreamName, logged.lsn, name);
  return link;
}

/// The bytes of the stream alone; what the file is stays.
void Volume::overwrite_stream(Irp& irp, Node& stream, Reservation reservation) {
  ObjectState state = stream.state;
  state.access_time = state.write_time = state.change_time = now();
  state.size = 0;
  RecordHeader effect = effect_on(Effect::set, stream.id, state);
  effect.parent = streams_of(stream.file().id);
  const Logged logged = commit(irp, std::move(reservation), effect);
  stream.resize(0, logged.lsn);
  stream.state = state;
  stream.last_lsn = logged.lsn;
  file_touched(stream, effect, logged.lsn);
}

}  // namespace understudy
