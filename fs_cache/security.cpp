// Security descriptors and extended attributes of what is open (MS-FSA 2.1.5.14.3, 2.1.5.14.4,
// 2.1.5.17, 2.1.5.12): asked for, set, and loaded from the medium. Who may do what is decided in
// security/.
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/security/access_check.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

/// What an open must be allowed to have these parts read, or set.
std::uint32_t needed_access(std::uint32_t parts, bool set) {
  std::uint32_t needed = 0;
  const std::uint32_t of_owner = selection::kOwner | selection::kGroup | selection::kLabel;
  if ((parts & of_owner) != 0) needed |= set ? access::kWriteOwner : access::kReadControl;
  if ((parts & selection::kDacl) != 0) needed |= set ? access::kWriteDac : access::kReadControl;
  // Nobody has that. Parts that are not kept here, of claims and policies, cannot be set either.
  const std::uint32_t kept = of_owner | selection::kDacl | selection::kSacl;
  if ((parts & selection::kSacl) != 0) needed |= access::kSystemSecurity;
  if ((parts & ~kept) != 0) needed |= set ? access::kSystemSecurity : access::kReadControl;
  return needed;
}

bool may_all(const Open& open, std::uint32_t needed) {
  return (needed & ~open.access) == 0;
}

Status answer(Irp& irp, ConstBytes bytes, std::optional<Bytes> room) {
  if (!room) return Status::invalid_parameter;
  if (bytes.size() > room->size()) return Status::buffer_too_small;
  irp.information = bytes.size();
  std::copy(bytes.begin(), bytes.end(), room->begin());
  irp.payload.length = static_cast<std::uint32_t>(bytes.size());
  return Status::success;
}

Result<NodeProperties> with_descriptor(const Node& node, const SecurityDescriptor& change,
                                       std::uint32_t parts, const Token& token) {
  NodeProperties after = node.properties;
  SecurityDescriptor descriptor =
      after.descriptor != nullptr ? *after.descriptor : default_descriptor(token);
  const Status merged = merge_descriptor(descriptor, change, parts, token);
  if (failed(merged)) return merged;
  const Result<std::vector<std::uint8_t>> storable = encode_descriptor(descriptor);
  if (!storable) return storable.status();
  after.descriptor = std::make_shared<const SecurityDescriptor>(std::move(descriptor));
  return after;
}

Result<NodeProperties> with_extended(const NodeProperties& before,
                                     const ExtendedAttributes& changes) {
  NodeProperties after = before;
  ExtendedAttributes all = after.extended != nullptr ? *after.extended : ExtendedAttributes();
  const Status merged = merge_attributes(all, changes);
  if (failed(merged)) return merged;
  after.extended =
      all.empty() ? nullptr : std::make_shared<const ExtendedAttributes>(std::move(all));
  return after;
}

}  // namespace

std::uint32_t maximal_access(const Node& node, const Node* parent, const Token& token) {
  if (node.properties.descriptor == nullptr) return access::kAllOfAFile;
  std::uint32_t granted = maximal_access(*node.properties.descriptor, token);
  if (parent == nullptr) return granted;
  const std::uint32_t above = maximal_access(*parent, nullptr, token);
  if ((above & access::kDeleteChild) != 0) granted |= access::kDelete;
  if ((above & access::kReadData) != 0) granted |= access::kReadAttributes;
  return granted;
}

const Node* lacks_properties(const Walk& walk) {
  const Node* const above = walk.file_link != nullptr ? walk.file_link->parent : walk.parent;
  for (const Node* node :
       {static_cast<const Node*>(walk.node), static_cast<const Node*>(walk.file), above}) {
    if (node != nullptr && node->lacks_properties()) return node;
  }
  return nullptr;
}

Status security_request(const std::vector<Property>& properties, Volume::CreateRequest& request) {
  Token token = system_token();
  if (const Property* given = find_property(properties, PropertyKind::token); given != nullptr) {
    Result<Token> decoded = decode_token(given->bytes);
    if (!decoded) return Status::invalid_parameter;
    token = std::move(*decoded);
  }
  request.token = std::make_shared<const Token>(std::move(token));
  const Property* descriptor = find_property(properties, PropertyKind::security_descriptor);
  if (descriptor != nullptr) {
    Result<SecurityDescriptor> decoded = decode_descriptor(descriptor->bytes);
    if (!decoded) return decoded.status();
    request.descriptor = std::move(*decoded);
  }
  const Property* extended = find_property(properties, PropertyKind::extended_attributes);
  if (extended == nullptr) return Status::success;
  std::size_t wrong_at = 0;
  Result<ExtendedAttributes> decoded = decode_attributes(extended->bytes, wrong_at);
  if (!decoded) return decoded.status();
  request.extended = std::move(*decoded);
  return Status::success;
}

Result<NodeProperties> properties_after(const Volume::CreateRequest& request, const Walk& walk) {
  NodeProperties after;
  if (walk.file != nullptr) return after;  // a stream has none of its own
  if (walk.node != nullptr) {
    if (!request.overwrites()) return walk.node->properties;
    after.descriptor = walk.node->properties.descriptor;
  } else {
    const SecurityDescriptor* above = walk.parent->properties.descriptor.get();
    const SecurityDescriptor* wanted = request.descriptor ? &*request.descriptor : nullptr;
    if (above != nullptr || wanted != nullptr) {
      Result<SecurityDescriptor> made =
          inherit_descriptor(above, wanted, *request.token, request.wants_directory());
      if (!made) return made.status();
      const Result<std::vector<std::uint8_t>> storable = encode_descriptor(*made);
      if (!storable) return storable.status();
      after.descriptor = std::make_shared<const SecurityDescriptor>(std::move(*made));
    }
  }
  if (!request.extended) return after;
  return with_extended(after, *request.extended);
}

/// Whoever awaits this looks again: everything may have changed. What was read counts only if
/// nobody has touched the object meanwhile.
Task<Status> Volume::load_properties(ObjectId object) {
  Node* node = names_.find(object);
  if (node == nullptr || !node->lacks_properties()) co_return Status::success;
  const Lsn as_of = node->last_lsn;
  const std::uint32_t attributes = node->state.attributes;
  NodeProperties loaded;
  if ((attributes & attribute::kHasDescriptor) != 0) {
    const auto bytes = co_await medium_->read_property(PropertyKind::security_descriptor, object);
    if (!bytes) co_return bytes.status();
    Result<SecurityDescriptor> descriptor = decode_descriptor(*bytes);
    if (!descriptor) co_return Status::file_corrupt;
    loaded.descriptor = std::make_shared<const SecurityDescriptor>(std::move(*descriptor));
  }
  if ((attributes & attribute::kHasExtended) != 0) {
    const auto bytes = co_await medium_->read_property(PropertyKind::extended_attributes, object);
    if (!bytes) co_return bytes.status();
    std::size_t wrong_at = 0;
    Result<ExtendedAttributes> extended = decode_attributes(*bytes, wrong_at);
    if (!extended) co_return Status::file_corrupt;
    loaded.extended = std::make_shared<const ExtendedAttributes>(std::move(*extended));
  }
  node = names_.find(object);
  if (node == nullptr || node->last_lsn != as_of) co_return Status::success;
  if (node->properties.descriptor == nullptr) node->properties.descriptor = loaded.descriptor;
  if (node->properties.extended == nullptr) node->properties.extended = loaded.extended;
  co_return Status::success;
}

Task<Status> Volume::query_security(Irp& irp) {
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    const Node& node = open.node->file();
    show(irp, node.last_lsn);
    const std::uint32_t parts = irp.query.selection & selection::kParts;
    if (!may_all(open, needed_access(parts, false))) co_return Status::access_denied;
    if (node.lacks_properties()) {
      const Status loaded = co_await load_properties(node.id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    const auto& stored = node.properties.descriptor;
    const SecurityDescriptor all = stored != nullptr ? *stored : default_descriptor(*open.token);
    const Result<std::vector<std::uint8_t>> bytes = encode_descriptor(select(all, parts));
    if (!bytes) co_return bytes.status();
    co_return answer(irp, *bytes, seams_.arena.room(irp.payload));
  }
}

Task<Status> Volume::query_extended(Irp& irp) {
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    const Node& node = open.node->file();
    show(irp, node.last_lsn);
    if (!open.may(access::kReadEa)) co_return Status::access_denied;
    if (node.lacks_properties()) {
      const Status loaded = co_await load_properties(node.id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    if (node.properties.extended == nullptr) co_return Status::no_eas_on_file;
    const std::vector<std::uint8_t> bytes = encode_attributes(*node.properties.extended);
    co_return answer(irp, bytes, seams_.arena.room(irp.payload));
  }
}

Task<Status> Volume::set_security(Irp& irp) {
  const std::optional<Bytes> bytes = seams_.arena.bytes(irp.payload);
  if (!bytes) co_return Status::invalid_parameter;
  const Result<SecurityDescriptor> change = decode_descriptor(*bytes);
  if (!change) co_return change.status();
  const std::uint32_t parts = irp.set.selection;
  Reservation reservation;
  std::size_t reserved = 0;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    const Node& node = open.node->file();
    show(irp, node.last_lsn);
    if (!may_all(open, needed_access(parts & selection::kParts, true)))
      co_return Status::access_denied;
    if ((parts & selection::kParts) == 0) co_return Status::success;
    if (node.lacks_properties()) {
      const Status loaded = co_await load_properties(node.id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    Result<NodeProperties> after = with_descriptor(node, *change, parts, *open.token);
    if (!after) co_return after.status();
    const std::size_t needs = PropertyChange(node.properties, *after).size();
    if (needs > reserved || !reservation) {
      reservation = Reservation();
      Result<Reservation> room = co_await reserve(0, needs);
      if (!room) co_return room.status();
      reservation = std::move(*room);
      reserved = needs;
      continue;
    }
    set_properties(irp, open, change::kSecurity, std::move(*after), std::move(reservation));
    co_return Status::success;
  }
}

Task<Status> Volume::set_extended(Irp& irp) {
  const std::optional<Bytes> bytes = seams_.arena.bytes(irp.payload);
  if (!bytes) co_return Status::invalid_parameter;
  std::size_t wrong_at = 0;
  const Result<ExtendedAttributes> changes = decode_attributes(*bytes, wrong_at);
  irp.information = wrong_at;
  if (!changes) co_return changes.status();
  irp.information = 0;
  Reservation reservation;
  std::size_t reserved = 0;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    const Node& node = open.node->file();
    show(irp, node.last_lsn);
    if (!open.may(access::kWriteEa)) co_return Status::access_denied;
    if (node.lacks_properties()) {
      const Status loaded = co_await load_properties(node.id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    Result<NodeProperties> after = with_extended(node.properties, *changes);
    if (!after) co_return after.status();
    if (after->extended == nullptr && node.properties.extended == nullptr)
      co_return Status::success;  // what was not there has been removed
    const std::size_t needs = PropertyChange(node.properties, *after).size();
    if (needs > reserved || !reservation) {
      reservation = Reservation();
      Result<Reservation> room = co_await reserve(0, needs);
      if (!room) co_return room.status();
      reservation = std::move(*room);
      reserved = needs;
      continue;
    }
    set_properties(irp, open, change::kExtended, std::move(*after), std::move(reservation));
    co_return Status::success;
  }
}

void Volume::set_properties(Irp& irp, Open& open, std::uint32_t what, NodeProperties properties,
                            Reservation reservation) {
  Node& node = open.node->file();
  ObjectState state = node.state;
  state.attributes = (state.attributes & ~attribute::kInternal) | properties.attributes();
  if (!open.keeps_change_time) state.change_time = now();
  const PropertyChange change(node.properties, properties);
  const Logged logged = commit(irp, std::move(reservation), effect_on(Effect::set, node.id, state),
                               {}, {}, {}, change.assignments(node.id));
  node.state = state;
  node.properties = std::move(properties);
  node.last_lsn = logged.lsn;
  changed(open.file_link != nullptr ? open.file_link : open.link, ChangeAction::modified, what,
          logged.lsn);
}

}  // namespace understudy
