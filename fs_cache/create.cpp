// CREATE: opens what is there, makes what is not, by disposition and options (MS-FSA 2.1.5.1).
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/share_mode.h"
#include "fs_cache/volume.h"

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

/// Behind the path of a CREATE: who asks, and what a new file shall have. Nobody named: it is the
/// server itself.
Status parse_properties(ConstBytes bytes, Volume::CreateRequest& request) {
  const Result<std::vector<Property>> list = decode_properties(bytes);
  if (!list) return Status::invalid_parameter;
  Token token = system_token();
  if (const Property* given = find_property(*list, PropertyKind::token); given != nullptr) {
    Result<Token> decoded = decode_token(given->bytes);
    if (!decoded) return Status::invalid_parameter;
    token = std::move(*decoded);
  }
  request.token = std::make_shared<const Token>(std::move(token));
  const Property* descriptor = find_property(*list, PropertyKind::security_descriptor);
  if (descriptor != nullptr) {
    Result<SecurityDescriptor> decoded = decode_descriptor(descriptor->bytes);
    if (!decoded) return decoded.status();
    request.descriptor = std::move(*decoded);
  }
  const Property* extended = find_property(*list, PropertyKind::extended_attributes);
  if (extended == nullptr) return Status::success;
  std::size_t wrong_at = 0;
  Result<ExtendedAttributes> decoded = decode_attributes(extended->bytes, wrong_at);
  if (!decoded) return decoded.status();
  request.extended = std::move(*decoded);
  return Status::success;
}

/// What an open must be granted, beside what it asks for in so many words.
std::uint32_t needed_access(const Volume::CreateRequest& request) {
  std::uint32_t needed = request.access & access::kAllOfAFile;
  if (request.overwrites()) needed |= access::kWriteData;
  if (request.has(option::kDeleteOnClose)) needed |= access::kDelete;
  return needed;
}

}  // namespace

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
  const std::optional<Bytes> text = seams_.arena.bytes(irp.payload);
  if (!text || contradictory(create) || create.properties_length > text->size())
    return Status::invalid_parameter;
  const std::size_t path_length = text->size() - create.properties_length;
  if ((create.create_options & option::kOpenByFileId) != 0) return Status::not_supported;
  Result<Path> path = parse_path(as_text(text->first(path_length)));
  if (!path) return path.status();
  CreateRequest request{std::move(*path),      static_cast<Disposition>(create.create_disposition),
                        create.desired_access, create.share_access,
                        create.create_options, create.attributes & attribute::kSettable,
                        create.caching,        nullptr,
                        std::nullopt,          std::nullopt};
  const Status properties = parse_properties(text->subspan(path_length), request);
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

Task<Status> Volume::create(Irp& irp) {
  const Result<CreateRequest> request = parse_create(irp);
  if (!request) co_return request.status();
  Reservation reservation;
  std::size_t reserved = 0;  // bytes of properties
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
    if (walk.node != nullptr && (ok(allowed) || violation) &&
        break_for_open(*request, *walk.node, violation)) {
      irp.create.facts.object = walk.node->id;
      co_return Status::pending;
    }
    if (failed(allowed)) co_return allowed;
    const bool changes = walk.node == nullptr || request->overwrites();
    NodeProperties properties;
    std::size_t needs = 0;
    if (changes) {
      Result<NodeProperties> after = properties_after(*request, walk.parent, walk.node);
      if (!after) co_return after.status();
      properties = std::move(*after);
      const NodeProperties before = walk.node == nullptr ? NodeProperties() : walk.node->properties;
      needs = PropertyChange(before, properties).size();
    }
    if (changes && (!reservation || needs > reserved)) {
      const std::size_t name =
          request->path.components.empty() ? 0 : request->path.components.back().size();
      reservation = Reservation();
      Result<Reservation> room = co_await reserve(name, needs);
      if (!room) co_return room.status();
      reservation = std::move(*room);
      reserved = needs;
      continue;
    }
    finish_create(irp, *request, walk, properties, std::move(reservation));
    co_return Status::success;
  }
}

Status Volume::check_create(const CreateRequest& request, const Walk& walk) const {
  if (failed(walk.status)) return walk.status;
  if (opens_.size() >= bounds::kMaxOpensPerVolume) return Status::too_many_opened_files;
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
  return check_sharing(node.opens, access, request.share);
}

/// The decision has been taken; nothing fails from here on.
void Volume::finish_create(Irp& irp, const CreateRequest& request, const Walk& walk,
                           const NodeProperties& properties, Reservation reservation) {
  Node* node = walk.node;
  Link* link = walk.link;
  CreateAction action = CreateAction::opened;
  if (node == nullptr) {
    link = &make_object(irp, request, *walk.parent, properties, std::move(reservation));
    node = link->node;
    action = CreateAction::created;
  } else if (request.overwrites()) {
    overwrite(irp, request, *node, link, properties, std::move(reservation));
    action = request.disposition == Disposition::supersede ? CreateAction::superseded
                                                           : CreateAction::overwritten;
  }
  if (action != CreateAction::opened && !node->is_directory())
    node->reserved_allocation = std::min(irp.create.allocation_size, bounds::kMaxFileSize);
  const std::uint32_t maximal = maximal_access(*node, walk.parent, *request.token);
  const bool made = action == CreateAction::created;
  const std::uint32_t access = granted_access(request.access, maximal, made ? nullptr : node);
  Open& open = add_open(request, access, *node, link);
  grant_oplock(irp, open);
  irp.open = open.id;
  irp.create.create_action = static_cast<std::uint16_t>(action);
  irp.create.desired_access = access;
  irp.create.facts = facts_of(*node, link);
  irp.create.facts.maximal_access = maximal;
}

Link& Volume::make_object(Irp& irp, const CreateRequest& request, Node& parent,
                          const NodeProperties& properties, Reservation reservation) {
  const FileTime time = now();
  ObjectState state;
  state.attributes = request.wants_directory()
                         ? (request.attributes & ~attribute::kTemporary) | attribute::kDirectory
                         : request.attributes | attribute::kArchive;
  state.attributes |= properties.attributes();
  state.creation_time = state.access_time = state.write_time = state.change_time = time;
  const ObjectId object = new_object_id();
  const std::string& name = request.path.components.back();
  RecordHeader effect = effect_on(Effect::create, object, state);
  effect.parent = parent.id;
  const PropertyChange change({}, properties);
  const Logged logged =
      commit(irp, std::move(reservation), effect, name, {}, {}, change.assignments(object));
  Node& node = names_.add_object(object, state, logged.lsn);
  node.properties = properties;
  changed_entries(parent, time);
  Link& link = names_.add_link(parent, name, node, logged.lsn);
  changed_name(link, ChangeAction::added, logged.lsn);
  return link;
}

void Volume::overwrite(Irp& irp, const CreateRequest& request, Node& node, const Link* link,
                       NodeProperties properties, Reservation reservation) {
  ObjectState state = node.state;
  const std::uint32_t kept = request.disposition == Disposition::supersede ? 0 : state.attributes;
  state.attributes = (kept & ~attribute::kInternal) | request.attributes | attribute::kArchive |
                     properties.attributes();
  state.access_time = state.write_time = state.change_time = now();
  state.size = 0;
  const PropertyChange change(node.properties, properties);
  const Logged logged = commit(irp, std::move(reservation), effect_on(Effect::set, node.id, state),
                               {}, {}, {}, change.assignments(node.id));
  node.properties = std::move(properties);
  node.resize(0, logged.lsn);
  node.state = state;
  node.last_lsn = logged.lsn;
  node.reserved_allocation = 0;
  changed(link, ChangeAction::modified, change::kAttributes | change::kSize | change::kLastWrite,
          logged.lsn);
}

Open& Volume::add_open(const CreateRequest& request, std::uint32_t access, Node& node, Link* link) {
  auto made = std::make_unique<Open>(Open{(epoch_ << 32) | ++opens_made_, &node, link, access,
                                          request.share, request.options, request.token});
  Open& open = *made;
  opens_.emplace(open.id, std::move(made));
  node.opens.push_back(&open);
  if (link != nullptr) ++link->opens;
  return open;
}

}  // namespace understudy
