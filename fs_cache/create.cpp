// CREATE: opens what is there, makes what is not, by disposition and options (MS-FSA 2.1.5.1).
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/share_mode.h"
#include "fs_cache/streams.h"
#include "fs_cache/volume.h"
#include "iomgr/check.h"

namespace understudy {

namespace {

bool contradictory(const CreateParameters& create) {
  const bool directory = (create.create_options & option::kDirectoryFile) != 0;
  const bool file = (create.create_options & option::kNonDirectoryFile) != 0;
  const auto disposition = static_cast<Disposition>(create.create_disposition);
  if (disposition > Disposition::overwrite_if) return true;
  const bool plain = disposition == Disposition::open || disposition == Disposition::create ||
                     disposition == Disposition::open_if;
  return directory && (file || !plain);
}

/// May this file be opened with `desired` access, or overwritten, or deleted when it is closed?
Status check_read_only(const Node& node, std::uint32_t desired, bool overwrites, bool deletes) {
  if (node.is_directory() || (node.state.attributes & attribute::kReadOnly) == 0)
    return Status::success;
  if (overwrites || (desired & (access::kWriteData | access::kAppendData)) != 0)
    return Status::access_denied;
  return deletes ? Status::cannot_delete : Status::success;
}

}  // namespace

std::uint32_t needed_access(const Volume::CreateRequest& request) {
  std::uint32_t needed = request.access & access::kAllOfAFile;
  if (request.overwrites()) needed |= access::kWriteData;
  if (request.has(option::kDeleteOnClose)) needed |= access::kDelete;
  return needed;
}

std::uint32_t granted_access(std::uint32_t desired, std::uint32_t maximal, const Node* existing) {
  if ((desired & access::kMaximumAllowed) == 0) return desired & access::kAllOfAFile;
  const bool read_only = existing != nullptr && !existing->is_directory() &&
                         (existing->state.attributes & attribute::kReadOnly) != 0;
  const std::uint32_t granted =
      read_only ? maximal & ~(access::kWriteData | access::kAppendData) : maximal;
  return granted | (desired & access::kAllOfAFile);
}

Result<Volume::CreateRequest> Volume::parse_create(const Irp& irp) const {
  const CreateParameters& create = irp.create;
  const std::optional<Bytes> payload = seams_.arena.bytes(irp.payload);
  if (!payload || create.properties_length > payload->size() || contradictory(create))
    return Status::invalid_parameter;
  const Bytes text = payload->first(payload->size() - create.properties_length);
  if ((create.create_options & option::kOpenByFileId) != 0) return Status::not_supported;
  Result<Path> path = parse_path(as_text(text));
  if (!path) return path.status();
  CreateRequest request{std::move(*path),
                        static_cast<Disposition>(create.create_disposition),
                        create.desired_access,
                        create.share_access,
                        create.create_options,
                        create.attributes & attribute::kSettable,
                        create.caching,
                        std::nullopt,
                        nullptr,
                        std::nullopt,
                        std::nullopt};
  const Status properties = parse_properties(payload->last(create.properties_length), request);
  if (failed(properties)) return properties;
  if ((create.desired_access & (access::kAllOfAFile | access::kMaximumAllowed)) == 0)
    return Status::access_denied;
  const bool may_delete =
      (create.desired_access & (access::kDelete | access::kMaximumAllowed)) != 0;
  if (request.has(option::kDeleteOnClose) && !may_delete) return Status::access_denied;
  if (request.path.directory_only && request.has(option::kNonDirectoryFile))
    return Status::object_name_invalid;
  return request;
}

Status Volume::parse_properties(ConstBytes bytes, CreateRequest& request) {
  const Result<std::vector<Property>> properties = decode_properties(bytes);
  if (!properties) return Status::invalid_parameter;
  if (const Property* const durable = find_property(*properties, PropertyKind::durable)) {
    const Result<DurableRequest> asked = durable_request(durable->bytes);
    if (!asked) return asked.status();
    request.durable = *asked;
  }
  return security_request(*properties, request);
}

Task<Status> Volume::create(Irp& irp) {
  const Result<CreateRequest> request = parse_create(irp);
  if (!request) co_return request.status();
  const bool replay = request->durable && request->durable->replay != 0;
  if (replay || (request->durable && request->durable->kind >= DurableKind::durable_v2)) {
    Open* const kept = find_kept(*request->durable);
    if (kept != nullptr && !replay) co_return Status::duplicate_objectid;
    if (kept != nullptr) co_return give_back_replayed(irp, *kept, *request->durable);
  }
  if (request->durable) {
    const Node* const ending = end_app_instance(*request->durable);
    if (ending != nullptr) {
      irp.create.facts.object = ending->id;
      co_return Status::pending;
    }
  }
  Reservation reservation;
  for (;;) {
    const Walk walk = names_.walk(request->path);
    if (walk.unloaded != nullptr) {
      const Status loaded = co_await names_.load(walk.unloaded->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    if (const Node* lacking = lacks_properties(walk); lacking != nullptr) {
      const Status loaded = co_await load_properties(lacking->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    show(irp, walk.node == nullptr ? walk.shows : std::max(walk.shows, walk.node->last_lsn));
    Status allowed = check_create(*request, walk);
    const bool violation = allowed == Status::sharing_violation;
    if (ok(allowed)) allowed = check_lease(*request, walk.node);
    if (walk.node != nullptr && (ok(allowed) || violation) && is_kept_from(*request, *walk.node))
      co_return Status::file_not_available;
    if (walk.node != nullptr && (ok(allowed) || violation) &&
        (break_for_open(*request, *walk.node, violation) ||
         (request->has(option::kDeleteOnClose) && wait_for_own_client(*request, *walk.node)))) {
      irp.create.facts.object = walk.node->id;
      co_return Status::pending;
    }
    if (failed(allowed)) co_return allowed;
    const bool overwrites_file =
        walk.node != nullptr && request->overwrites() && !request->path.has_stream();
    if (Node* const streams = overwrites_file ? names_.unloaded_streams(*walk.node) : nullptr) {
      const Status loaded = co_await names_.load(streams->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    const Result<NodeProperties> properties = properties_after(*request, walk);
    if (!properties) co_return properties.status();
    const std::size_t room = room_for_create(*request, walk, *properties);
    if (room > 0 && !reservation.holds(room)) {
      Result<Reservation> reserved = co_await space_->reserve(room);
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    finish_create(irp, *request, walk, *properties, std::move(reservation));
    co_return Status::success;
  }
}

Status Volume::check_create(const CreateRequest& request, const Walk& walk) const {
  if (failed(walk.status)) return walk.status;
  if (opens_.size() >= bounds::kMaxOpensPerVolume) return Status::too_many_opened_files;
  if (request.path.has_stream() && request.wants_directory()) return Status::not_a_directory;
  if (walk.file != nullptr) return check_stream(request, walk);
  if (walk.node != nullptr) return check_existing(request, walk);
  if (!request.makes_if_absent()) return Status::object_name_not_found;
  if (!walk.parent->names.empty() && walk.parent->names.front()->delete_pending)
    return Status::delete_pending;
  const std::uint32_t add = request.wants_directory() ? access::kAppendData : access::kWriteData;
  if ((maximal_access(*walk.parent, nullptr, *request.token) & add) == 0)
    return Status::access_denied;
  const bool read_only = (request.attributes & attribute::kReadOnly) != 0;
  if (read_only && request.has(option::kDeleteOnClose)) return Status::cannot_delete;
  return Status::success;
}

Status Volume::check_existing(const CreateRequest& request, const Walk& walk) const {
  const Node& node = *walk.node;
  if (walk.link != nullptr && walk.link->delete_pending) return Status::delete_pending;
  if (request.disposition == Disposition::create) return Status::object_name_collision;
  if (node.is_directory()) {
    if (request.path.names_data) {
      return request.wants_directory() ? Status::not_a_directory : Status::file_is_a_directory;
    }
    if (request.has(option::kNonDirectoryFile)) return Status::file_is_a_directory;
    if (request.overwrites()) return Status::object_name_collision;
    if (walk.link == nullptr && request.has(option::kDeleteOnClose)) return Status::cannot_delete;
  } else if (request.wants_directory()) {
    return Status::not_a_directory;
  }
  const Status writable = check_read_only(node, request.access, request.overwrites(),
                                          request.has(option::kDeleteOnClose));
  if (failed(writable)) return writable;
  if (request.overwrites()) {
    constexpr std::uint32_t kMustAgree = attribute::kHidden | attribute::kSystem;
    if ((node.state.attributes & kMustAgree & ~request.attributes) != 0)
      return Status::access_denied;
  }
  const std::uint32_t maximal = maximal_access(node, walk.parent, *request.token);
  if ((needed_access(request) & ~maximal) != 0 || maximal == 0) return Status::access_denied;
  // Overwriting writes, whatever the handle may do afterwards.
  const std::uint32_t access = granted_access(request.access, maximal, &node) |
                               (request.overwrites() ? access::kWriteData : 0);
  const bool deletes = (access & access::kDelete) != 0 || request.overwrites();
  const Status streams = deletes ? check_streams_sharing(node) : Status::success;
  return failed(streams) ? streams : check_sharing(node.opens, access, request.share);
}

/// Bytes of the record; 0: there is none, nothing changes.
std::size_t Volume::room_for_create(const CreateRequest& request, const Walk& walk,
                                    const NodeProperties& properties) const {
  const bool makes = walk.node == nullptr;
  const bool durable = request.wants_durable() && !request.path.has_stream();
  if (!makes && !request.overwrites() && !durable) return 0;
  std::size_t room = sizeof(RecordHeader);
  const std::vector<std::string>& names = request.path.components;  // none: a stream of the root
  const std::size_t name = names.empty() ? 0 : names.back().size();
  if (makes) room += name + request.path.stream.size();
  if (!makes && request.overwrites() && !request.path.has_stream())
    room += encode_gone_streams(unopened_streams(*walk.node)).size();
  if (makes || request.overwrites())
    room += PropertyChange(makes ? NodeProperties() : walk.node->properties, properties).size();
  if (!durable) return room;
  std::size_t path = path_of(walk.link).size();
  if (makes) {
    const Link* const parent = walk.parent->names.empty() ? nullptr : walk.parent->names.front();
    path = path_of(parent).size() + 1 + name;
  }
  return room + kPropertyHeader + open_state_size(path, 0);
}

/// The decision has been taken; nothing fails from here on. The memory changes first, as operation
/// `lsn`, for the record tells of the open too.
void Volume::finish_create(Irp& irp, const CreateRequest& request, const Walk& walk,
                           const NodeProperties& properties, Reservation reservation) {
  if (request.path.has_stream())
    return finish_create_stream(irp, request, walk, properties, std::move(reservation));
  const Lsn lsn = last_lsn_ + 1;
  Node* node = walk.node;
  Link* link = walk.link;
  const PropertyChange change(node == nullptr ? NodeProperties() : node->properties, properties);
  CreateAction action = CreateAction::opened;
  std::vector<GoneStream> gone;
  RecordHeader effect;
  effect.effect = Effect::note;
  if (node == nullptr) {
    effect = make_object(request, *walk.parent, properties, link);
    node = link->node;
    action = CreateAction::created;
  } else if (request.overwrites()) {
    gone = unopened_streams(*node);
    effect = overwrite(request, *node, properties);
    if (!gone.empty()) effect.flags |= kRemovesStreams;
    action = request.disposition == Disposition::supersede ? CreateAction::superseded
                                                           : CreateAction::overwritten;
  }
  if (action != CreateAction::opened && !node->is_directory())
    node->reserved_allocation = std::min(irp.create.allocation_size, bounds::kMaxFileSize);
  const std::uint32_t maximal = maximal_access(*node, walk.parent, *request.token);
  const bool made = action == CreateAction::created;
  const std::uint32_t access = granted_access(request.access, maximal, made ? nullptr : node);
  Open& open = add_open(request, access, *node, link);
  answer_create(irp, open, action, maximal);
  grant_durable(irp, request, open);
  if (action == CreateAction::opened && open.durable == nullptr) return;

  std::vector<std::uint8_t> state;
  if (open.durable != nullptr) state = encode_open_state(state_of(open));
  std::vector<Property> assigned;
  if (action != CreateAction::opened) assigned = change.assignments(node->id);
  if (open.durable != nullptr) assigned.push_back({PropertyKind::open, open.id, state});
  const std::string_view name =
      action == CreateAction::created ? std::string_view(link->name) : std::string_view();
  const Logged logged =
      commit(irp, std::move(reservation), effect, name, {}, encode_gone_streams(gone), assigned);
  UNDERSTUDY_CHECK(logged.lsn == lsn);
  if (action == CreateAction::created) {
    changed_name(*link, ChangeAction::added, lsn);
  } else if (action != CreateAction::opened) {
    streams_removed(*node, link, gone, lsn);
    if (node->streams != nullptr) {  // open ones go when they are closed
      for (const auto& [key, stream] : node->streams->directory->links)
        stream->delete_pending = true;
    }
    changed(link, ChangeAction::modified, change::kAttributes | change::kSize | change::kLastWrite,
            lsn);
  }
}

void Volume::answer_create(Irp& irp, Open& open, CreateAction action, std::uint32_t maximal) {
  open.session = irp.session;
  grant_oplock(irp, open);
  irp.open = open.id;
  irp.create.create_action = static_cast<std::uint16_t>(action);
  irp.create.desired_access = open.access;
  irp.create.facts = facts_of(open, now());
  irp.create.facts.maximal_access = maximal;
}

RecordHeader Volume::make_object(const CreateRequest& request, Node& parent,
                                 const NodeProperties& properties, Link*& link) {
  const FileTime time = now();
  ObjectState state;
  state.attributes = request.wants_directory()
                         ? (request.attributes & ~attribute::kTemporary) | attribute::kDirectory
                         : request.attributes | attribute::kArchive;
  state.attributes |= properties.attributes();
  state.creation_time = state.access_time = state.write_time = state.change_time = time;
  const ObjectId object = new_object_id();
  RecordHeader effect = effect_on(Effect::create, object, state);
  effect.parent = parent.id;
  Node& node = names_.add_object(object, state, last_lsn_ + 1);
  node.properties = properties;
  changed_entries(parent, time);
  link = &names_.add_link(parent, request.path.components.back(), node, last_lsn_ + 1);
  return effect;
}

RecordHeader Volume::overwrite(const CreateRequest& request, Node& node,
                               const NodeProperties& properties) {
  ObjectState state = node.state;
  const std::uint32_t kept = request.disposition == Disposition::supersede ? 0 : state.attributes;
  state.attributes = (kept & ~attribute::kInternal) | request.attributes | attribute::kArchive |
                     properties.attributes();
  state.access_time = state.write_time = state.change_time = now();
  state.size = 0;
  node.resize(0, last_lsn_ + 1);
  node.state = state;
  node.properties = properties;
  node.last_lsn = last_lsn_ + 1;
  node.reserved_allocation = 0;
  node.late_write_time.show();
  return effect_on(Effect::set, node.id, state);
}

Open& Volume::add_open(const CreateRequest& request, std::uint32_t access, Node& node, Link* link,
                       Link* file_link) {
  auto made = std::make_unique<Open>(Open{(epoch_ << 32) | ++opens_made_, &node, link, access,
                                          request.share, request.options, request.token});
  Open& open = *made;
  opens_.emplace(open.id, std::move(made));
  node.opens.push_back(&open);
  if (link != nullptr) ++link->opens;
  open.file_link = file_link;
  if (file_link != nullptr) ++file_link->opens;
  return open;
}

}  // namespace understudy
