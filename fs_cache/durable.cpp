// Opens that outlive their connection and their node (MS-SMB2 3.3.1.10, 3.3.5.9.6, 3.3.5.9.7,
// 3.3.5.9.10, 3.3.5.9.12): what of an open is recorded, and who may have it back.
//
// A durable open is a cell of the LUN like a name: CREATE, LOCK, a changed name and CLOSE record
// its state, the partner has it before the client hears of the open, and who mounts the LUN next
// restores it, disconnected (restore_opens.cpp). Oplocks that have been broken since are not
// recorded: a client that comes back after that says itself what it still has, and gets no more
// than that. While its client is away: kept_opens.cpp.
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"
#include "iomgr/unicode.h"

namespace understudy {
namespace {

using std::chrono::milliseconds;

// As Windows: of version 1 no client can say how long.
constexpr milliseconds kTimeoutOfVersion1 = std::chrono::minutes(16);
constexpr milliseconds kDefaultTimeout = std::chrono::minutes(5);
constexpr milliseconds kMostTimeout = std::chrono::minutes(5);

milliseconds timeout_of(const DurableRequest& request) {
  if (request.kind == DurableKind::durable) return kTimeoutOfVersion1;
  if (request.timeout_ms == 0) return kDefaultTimeout;
  return std::min(milliseconds(request.timeout_ms), kMostTimeout);
}

}  // namespace

Result<DurableRequest> durable_request(ConstBytes bytes) {
  DurableRequest request{};
  if (bytes.size() != sizeof request) return Status::invalid_parameter;
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(&request));
  if (request.kind > DurableKind::persistent) return Status::invalid_parameter;
  return request;
}

/// Section 3.3.5.9.6, 3.3.5.9.10: a file, with a batch oplock or a lease that keeps handles; a
/// persistent open needs neither.
void Volume::grant_durable(Irp& irp, const CreateRequest& request, Open& open) {
  if (!request.wants_durable()) return;
  const DurableRequest& asked = *request.durable;
  const Caching& granted = irp.create.caching;
  const bool keeps_handle = (granted.state & caching::kHandle) != 0 && granted.breaking == 0;
  const bool persistent = asked.kind == DurableKind::persistent;
  if ((open.node->is_directory() && !persistent) || !(keeps_handle || persistent)) return;
  open.durable = std::make_unique<DurableOpen>();
  open.durable->request = asked;
  open.durable->request.replay = 0;
  open.durable->request.timeout_ms = static_cast<std::uint32_t>(timeout_of(asked).count());
  open.durable->create_action = irp.create.create_action;
  irp.create.durable = asked.kind;
  irp.create.timeout_ms = open.durable->request.timeout_ms;
}

OpenState Volume::state_of(const Open& open) const {
  OpenState state;
  state.request = open.durable->request;
  state.object = open.node->id;
  state.path = path_of(open.link);
  state.former = open.durable->former;
  state.access = open.access;
  state.share = open.share;
  state.options = open.options;
  state.create_action = open.durable->create_action;
  state.delete_pending = open.durable->deletes;
  state.keeps_write_time = open.keeps_write_time;
  state.keeps_change_time = open.keeps_change_time;
  if (open.oplock != nullptr) state.caching = caching_of(*open.oplock);
  state.lock_sequences = open.durable->lock_sequences;
  if (open.node->locks != nullptr) {
    for (const RangeLock& lock : open.node->locks->held) {
      if (lock.open == open.id) state.locks.push_back(lock);
    }
  }
  return state;
}

std::size_t Volume::room_for_state(const Open& open) {
  if (open.durable == nullptr) return 0;
  const std::size_t locks = open.node->locks == nullptr ? 0 : open.node->locks->held.size();
  return kPropertyHeader + open_state_size(path_of(open.link).size(), locks + 1);
}

/// Records the state of an open as it is now: nothing else of the LUN has changed.
void Volume::note_open(Irp& irp, const Open& open, Reservation reservation) {
  note_opens(irp, {&open}, {}, std::move(reservation));
}

void Volume::note_opens(Irp& irp, const std::vector<const Open*>& opens,
                        std::vector<Property> properties, Reservation reservation,
                        const std::optional<RecordHeader>& beside) {
  std::vector<std::vector<std::uint8_t>> states;
  states.reserve(opens.size());
  for (const Open* open : opens) {
    states.push_back(encode_open_state(state_of(*open)));
    properties.push_back({PropertyKind::open, open->id, states.back()});
  }
  if (properties.empty() && !beside) return;
  RecordHeader effect;
  effect.effect = Effect::note;
  if (beside) effect = *beside;
  const Logged logged = commit(irp, std::move(reservation), effect, {}, {}, {}, properties);
  static_cast<void>(logged);
}

/// That a name is to be deleted is the name's, whoever said it; who mounts the LUN next hears of it
/// from a durable open of it. Which one has to say so now, when `but` does not; nullptr: one says
/// so already, or there is none.
Open* Volume::heir(const Link& link, const Open* but) {
  Open* heir = nullptr;
  for (Open* each : link.node->opens) {
    if (each->link != &link || each == but || each->durable == nullptr) continue;
    if (each->durable->deletes) return nullptr;
    heir = each;
  }
  return heir;
}

/// Sections 3.3.5.9.7 and 3.3.5.9.12.
Status Volume::check_reclaim(const Open& open, const DurableRequest& request, const Caching& lease,
                             std::string_view path) const {
  const DurableRequest& its = open.durable->request;
  if (open.durable->connected || open.durable->wanted_at_once(seams_.executor.now()))
    return Status::object_name_not_found;
  // DHnC shows no GUID; that of an open of version 1 is all zeros.
  const bool shows_guid = request.kind != DurableKind::durable;
  if (shows_guid && !same(its.create_guid, request.create_guid))
    return Status::object_name_not_found;
  const bool leased = open.oplock != nullptr && open.oplock->is_lease();
  const bool lease_shown = lease.kind == Caching::lease;
  if (leased != lease_shown) return Status::object_name_not_found;
  if (leased && !same(its.client_guid, request.client_guid)) return Status::object_name_not_found;
  if (leased && open.oplock->key != lease_key(lease)) return Status::object_name_not_found;
  if (!same(its.owner, request.owner)) return Status::access_denied;
  return !leased || goes_by(open, path) ? Status::success : Status::invalid_parameter;
}

/// Its own rename may be the last that the client did not hear of: then it still shows the old
/// name.
bool Volume::goes_by(const Open& open, std::string_view path) const {
  if (fold(path) == fold(path_of(open.link))) return true;
  const std::uint32_t former = open.durable->former;
  return former != 0 && former == name_check(path);
}

void Volume::give_back(Irp& irp, Open& open) {
  DurableOpen& durable = *open.durable;
  const bool orphaned = open.oplock != nullptr && is_orphaned(*open.oplock);
  durable.connected = true;
  open.session = irp.session;
  keep_no_more(open);
  CreateParameters& create = irp.create;
  if (open.oplock != nullptr) {
    Oplock& oplock = *open.oplock;
    if (orphaned) oplock.breaking = false;
    // Else what the client says of the state does not count.
    if (durable.restored && create.caching.kind == Caching::lease)
      oplock.state = static_cast<std::uint8_t>(oplock.state & create.caching.state);
    create.caching = caching_of(oplock);
  } else {
    create.caching = {};
  }
  durable.restored = false;
  show(irp, std::max(open.node->last_lsn, path_shows(open.link)));
  irp.open = open.id;
  create.desired_access = open.access;
  create.share_access = open.share;
  create.create_options = open.options;
  create.create_action = durable.create_action;
  create.durable = durable.request.kind;
  create.timeout_ms = durable.request.timeout_ms;
  create.facts = facts_of(*open.node, open.link, now());
  const Node* const above = open.link == nullptr ? nullptr : open.link->parent;
  create.facts.maximal_access =
      open.node->lacks_properties() ? open.access : maximal_access(*open.node, above, *open.token);
  wake_settled(*open.node);
}

/// Section 3.3.5.9.10: a CREATE that is sent again finds the open that it has made.
Status Volume::give_back_replayed(Irp& irp, Open& open, const DurableRequest& request) {
  if (!same(open.durable->request.owner, request.owner)) return Status::access_denied;
  if (open.durable->wanted_at_once(seams_.executor.now())) return Status::object_name_not_found;
  give_back(irp, open);
  return Status::success;
}

Task<Status> Volume::reclaim(Irp& irp) {
  const std::optional<Bytes> payload = seams_.arena.bytes(irp.payload);
  if (!payload || irp.create.properties_length > payload->size())
    co_return Status::invalid_parameter;
  const std::size_t text = payload->size() - irp.create.properties_length;
  const std::string path(as_text(payload->first(text)));
  const auto properties = decode_properties(payload->subspan(text));
  if (!properties) co_return Status::invalid_parameter;
  const Property* const asked = find_property(*properties, PropertyKind::durable);
  if (asked == nullptr) co_return Status::invalid_parameter;
  const Result<DurableRequest> request = durable_request(asked->bytes);
  if (!request) co_return request.status();
  ReclaimedOpen reclaimed{};
  BufferRef room = irp.payload;
  room.length = room.capacity;
  const std::optional<Bytes> out = seams_.arena.bytes(room);
  if (!out || out->size() < sizeof reclaimed) co_return Status::buffer_too_small;

  Open* open = nullptr;
  if (irp.open == 0) {
    open = find_kept(*request);
  } else if (const auto found = opens_.find(irp.open); found != opens_.end()) {
    open = found->second.get();
  }
  if (open == nullptr || open->durable == nullptr) co_return Status::object_name_not_found;
  const Status allowed = check_reclaim(*open, *request, irp.create.caching, path);
  if (failed(allowed)) co_return allowed;
  if (const Property* const given = find_property(*properties, PropertyKind::token)) {
    Result<Token> token = decode_token(given->bytes);
    if (!token) co_return Status::invalid_parameter;
    open->token = std::make_shared<const Token>(std::move(*token));
  }
  give_back(irp, *open);

  reclaimed.request = open->durable->request;
  std::copy(open->durable->lock_sequences.begin(), open->durable->lock_sequences.end(),
            std::begin(reclaimed.lock_sequences));
  const auto* const raw = reinterpret_cast<const std::uint8_t*>(&reclaimed);
  std::copy(raw, raw + sizeof reclaimed, out->begin());
  irp.payload.length = sizeof reclaimed;
  irp.information = sizeof reclaimed;
  co_return Status::success;
}

}  // namespace understudy
