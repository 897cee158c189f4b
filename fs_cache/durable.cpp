// Opens that outlive their connection and their node (MS-SMB2 3.3.1.10, 3.3.5.9.6 to 3.3.5.9.12):
// what of an open is recorded, who may have it back, and how it ends without its client.
//
// A durable open is a cell of the LUN like a name: CREATE, LOCK, a changed name and CLOSE record
// its state, the partner has it before the client hears of the open, and who mounts the LUN next
// restores it, disconnected. Oplocks that have been broken since are not recorded: a client that
// comes back after that says itself what it still has, and gets no more than that.
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"
#include "iomgr/unicode.h"

namespace understudy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long nobody else gets what a restored open keeps from him: clients notice a dead server by
/// their own time-outs.
constexpr Duration kGrace = seconds(30);
/// A client that is back asks for its opens at once.
constexpr Duration kTimeToAsk = seconds(1);
constexpr Duration kTryAgain = seconds(1);  // an end that did not get through

// As Windows: of version 1 no client can say how long.
constexpr milliseconds kTimeoutOfVersion1 = std::chrono::minutes(16);
constexpr milliseconds kDefaultTimeout = std::chrono::minutes(5);
constexpr milliseconds kMostTimeout = std::chrono::minutes(5);

template <std::size_t N>
bool same(const std::uint8_t (&one)[N], const std::uint8_t (&other)[N]) {
  return std::equal(std::begin(one), std::end(one), std::begin(other));
}

template <std::size_t N>
bool is_zero(const std::uint8_t (&bytes)[N]) {
  return std::all_of(std::begin(bytes), std::end(bytes),
                     [](std::uint8_t byte) { return byte == 0; });
}

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
  state.access = open.access;
  state.share = open.share;
  state.options = open.options;
  state.create_action = open.durable->create_action;
  state.delete_pending = open.link != nullptr && open.link->delete_pending;
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
  const std::vector<std::uint8_t> state = encode_open_state(state_of(open));
  RecordHeader effect;
  effect.effect = Effect::note;
  const Logged logged = commit(irp, std::move(reservation), effect, {}, {}, {},
                               {{PropertyKind::open, open.id, state}});
  static_cast<void>(logged);
}

/// The connection is gone; true: the open is kept for its client.
bool Volume::keep_open(Open& open) {
  if (open.durable == nullptr) return false;
  const bool persistent = open.durable->request.kind == DurableKind::persistent;
  const bool handle = open.oplock != nullptr && (open.oplock->state & caching::kHandle) != 0;
  if (!persistent && !handle) return false;
  const Time now = seams_.executor.now();
  disconnect(open, now);
  // Nobody will answer a break any more.
  if (open.oplock != nullptr && open.oplock->breaking && is_orphaned(*open.oplock))
    end_orphan(*open.oplock);
  return true;
}

/// Until `guarded` nobody gets what it keeps from him.
void Volume::disconnect(Open& open, Time guarded) {
  DurableOpen& durable = *open.durable;
  durable.connected = false;
  durable.wanted = false;
  durable.deadline = seams_.executor.now() + milliseconds(durable.request.timeout_ms);
  durable.guarded = durable.request.kind == DurableKind::persistent ? durable.deadline : guarded;
  kept_.insert(open.id);
  kept_changed_.pulse();
}

/// Somebody needs what the open has: it ends as soon as it may.
void Volume::want_back(Open& open) {
  DurableOpen& durable = *open.durable;
  durable.wanted = true;
  durable.deadline = std::min(durable.deadline, std::max(seams_.executor.now(), durable.guarded));
  kept_changed_.pulse();
}

/// The open waits for the client that asks, and for its user.
bool Volume::is_own(const Open& open, const DurableRequest& who) {
  return open.is_disconnected() && !is_zero(who.client_guid) &&
         same(open.durable->request.client_guid, who.client_guid) &&
         same(open.durable->request.owner, who.owner);
}

/// An IRP with a DurableRequest as payload is about an open that its client, who asks, has not
/// taken back yet.
Status Volume::check_asker(const Irp& irp, const Open& open) const {
  if (irp.payload.length == 0) return Status::success;
  const std::optional<Bytes> payload = seams_.arena.bytes(irp.payload);
  if (!payload) return Status::invalid_parameter;
  const Result<DurableRequest> who = durable_request(*payload);
  if (!who) return who.status();
  return is_own(open, *who) ? Status::success : Status::file_closed;
}

/// The open stands in the way of its own client, which has not asked for it: it ends if that does
/// not follow soon. Such a client does not know it; the answer to its CREATE, or its CLOSE, was
/// lost with the connection, and it made no retry of it.
void Volume::want_back_soon(Open& open) {
  DurableOpen& durable = *open.durable;
  durable.wanted = true;
  durable.deadline = std::min(durable.deadline, seams_.executor.now() + kTimeToAsk);
  kept_changed_.pulse();
}

/// True: all that have the oplock are opens of the client that it has not asked for; a break is
/// settled when it has, or they have ended.
bool Volume::break_own_orphan(Oplock& oplock, const DurableRequest& who) {
  const auto own = [&](std::uint64_t id) {
    const auto found = opens_.find(id);
    return found != opens_.end() && is_own(*found->second, who);
  };
  if (oplock.opens.empty() || !std::all_of(oplock.opens.begin(), oplock.opens.end(), own))
    return false;
  oplock.breaking = true;
  oplock.offered = oplock.required = 0;
  for (const std::uint64_t id : oplock.opens) want_back_soon(*opens_.at(id));
  return true;
}

/// A name goes only with the last open of its file.
bool Volume::wait_for_own_client(const CreateRequest& request, const Node& node) {
  bool waits = false;
  for (Open* open : node.opens) {
    if (!request.durable || !is_own(*open, *request.durable)) continue;
    want_back_soon(*open);
    waits = true;
  }
  return waits;
}

bool Volume::is_orphaned(const Oplock& oplock) const {
  return !oplock.opens.empty() &&
         std::all_of(oplock.opens.begin(), oplock.opens.end(), [this](std::uint64_t id) {
           const auto found = opens_.find(id);
           return found != opens_.end() && found->second->is_disconnected();
         });
}

/// A break that nobody hears (section 3.3.4.7). Who might have written into its cache, or loses
/// what made the open durable, loses the open; in its time of grace, and where nobody may take the
/// open, the client learns when it comes back that it has less.
void Volume::break_orphan(const std::shared_ptr<Oplock>& oplock, std::uint8_t to) {
  const Time now = seams_.executor.now();
  const bool stays =
      std::any_of(oplock->opens.begin(), oplock->opens.end(), [this, now](std::uint64_t id) {
        const DurableOpen& durable = *opens_.at(id)->durable;
        return durable.guarded > now || durable.request.kind == DurableKind::persistent;
      });
  const bool cached_writes = (oplock->state & caching::kWrite) != 0;
  if ((stays && !cached_writes) || oplock->state == caching::kRead) {
    oplock->state = to;
    ++oplock->epoch;
  } else {
    end_orphan(*oplock);
  }
}

void Volume::end_orphan(Oplock& oplock) {
  oplock.breaking = true;
  oplock.offered = oplock.required = 0;
  for (const std::uint64_t id : oplock.opens) want_back(*opens_.at(id));
}

bool Volume::is_wanted(const Node& node) {
  return std::any_of(node.opens.begin(), node.opens.end(), [](const Open* open) {
    return open->is_disconnected() && open->durable->wanted;
  });
}

Open* Volume::find_kept(const DurableRequest& request) {
  for (const std::uint64_t id : kept_) {
    Open& open = *opens_.at(id);
    const DurableRequest& its = open.durable->request;
    if (its.kind != DurableKind::durable && same(its.create_guid, request.create_guid) &&
        same(its.client_guid, request.client_guid)) {
      return &open;
    }
  }
  return nullptr;
}

/// Section 3.3.5.9.13: the same application on another client: the open there is over.
const Node* Volume::end_app_instance(const DurableRequest& request) {
  const Node* waits = nullptr;
  if (is_zero(request.app_instance)) return nullptr;
  for (const std::uint64_t id : kept_) {
    Open& open = *opens_.at(id);
    const DurableRequest& its = open.durable->request;
    if (!same(its.app_instance, request.app_instance) || same(its.client_guid, request.client_guid))
      continue;
    open.durable->guarded = seams_.executor.now();
    want_back(open);
    waits = open.node;
  }
  return waits;
}

/// Sections 3.3.5.9.7 and 3.3.5.9.12.
Status Volume::check_reclaim(const Open& open, const DurableRequest& request, const Caching& lease,
                             const Path& path) const {
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
  const Result<Path> own = parse_path(path_of(open.link));
  const auto equal = [](const std::string& one, const std::string& other) {
    return fold(one) == fold(other);
  };
  if (leased && (!own || !std::ranges::equal(own->components, path.components, equal)))
    return Status::invalid_parameter;
  return Status::success;
}

void Volume::give_back(Irp& irp, Open& open) {
  DurableOpen& durable = *open.durable;
  const bool orphaned = open.oplock != nullptr && is_orphaned(*open.oplock);
  durable.connected = true;
  kept_.erase(open.id);
  CreateParameters& create = irp.create;
  if (open.oplock != nullptr) {
    Oplock& oplock = *open.oplock;
    if (orphaned) oplock.breaking = false;
    oplock.session = irp.session;
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
  create.facts = facts_of(*open.node, open.link);
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
  const Result<Path> path = parse_path(as_text(payload->first(text)));
  if (!path) co_return path.status();
  const auto properties = decode_properties(payload->subspan(text));
  if (!properties) co_return Status::invalid_parameter;
  const Property* const asked = find_property(*properties, PropertyKind::durable);
  if (asked == nullptr) co_return Status::invalid_parameter;
  const Result<DurableRequest> request = durable_request(asked->bytes);
  if (!request) co_return request.status();

  Open* open = nullptr;
  if (irp.open == 0) {
    open = find_kept(*request);
  } else if (const auto found = opens_.find(irp.open); found != opens_.end()) {
    open = found->second.get();
  }
  if (open == nullptr || open->durable == nullptr) co_return Status::object_name_not_found;
  const Status allowed = check_reclaim(*open, *request, irp.create.caching, *path);
  if (failed(allowed)) co_return allowed;
  if (const Property* const given = find_property(*properties, PropertyKind::token)) {
    Result<Token> token = decode_token(given->bytes);
    if (!token) co_return Status::invalid_parameter;
    open->token = std::make_shared<const Token>(std::move(*token));
  }
  give_back(irp, *open);

  ReclaimedOpen reclaimed{};
  reclaimed.request = open->durable->request;
  std::copy(open->durable->lock_sequences.begin(), open->durable->lock_sequences.end(),
            std::begin(reclaimed.lock_sequences));
  BufferRef room = irp.payload;
  room.length = room.capacity;
  const std::optional<Bytes> out = seams_.arena.bytes(room);
  if (!out || out->size() < sizeof reclaimed) co_return Status::buffer_too_small;
  const auto* const raw = reinterpret_cast<const std::uint8_t*>(&reclaimed);
  std::copy(raw, raw + sizeof reclaimed, out->begin());
  irp.payload.length = sizeof reclaimed;
  irp.information = sizeof reclaimed;
  co_return Status::success;
}

/// At the end of a replay: all that the medium has are given up by whoever had the LUN before.
Task<Status> Volume::restore_opens() {
  const auto listed = co_await medium_->list_properties(PropertyKind::open);
  if (!listed) co_return listed.status();
  std::vector<PropertyCell> lost;
  for (const PropertyCell& cell : *listed) {
    if (opens_.contains(cell.id)) continue;
    const Status restored = co_await restore_open(cell);
    if (ok(restored)) continue;
    if (restored == Status::io_device_error) co_return restored;
    seams_.log.warning("a durable open is lost",
                       {{"lun", lun()}, {"open", cell.id}, {"status", restored}});
    lost.push_back({cell.kind, cell.id, {}});
  }
  if (lost.empty()) co_return Status::success;
  const Status removed = co_await medium_->write_properties(lost);
  co_return removed;
}

Task<Status> Volume::restore_open(const PropertyCell& cell) {
  const Result<OpenState> state = decode_open_state(cell.bytes, cell.id);
  if (!state) co_return state.status();
  const Result<Path> path = parse_path(state->path);
  if (!path) co_return path.status();
  if (opens_.size() >= bounds::kMaxOpensPerVolume) co_return Status::too_many_opened_files;
  for (;;) {
    const Walk walk = names_.walk(*path);
    if (walk.unloaded != nullptr) {
      const Status loaded = co_await names_.load(walk.unloaded->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    if (walk.node == nullptr || walk.node->id != state->object)
      co_return Status::object_name_not_found;
    restore(cell.id, *state, *walk.node, walk.link);
    co_return Status::success;
  }
}

void Volume::restore(std::uint64_t id, const OpenState& state, Node& node, Link* link) {
  auto made =
      std::make_unique<Open>(Open{id, &node, link, state.access, state.share, state.options});
  Open& open = *made;
  opens_.emplace(id, std::move(made));
  node.opens.push_back(&open);
  if (link != nullptr) {
    ++link->opens;
    link->delete_pending = link->delete_pending || state.delete_pending;
  }
  open.token = std::make_shared<const Token>(system_token());  // until its client is back
  open.keeps_write_time = state.keeps_write_time;
  open.keeps_change_time = state.keeps_change_time;
  open.durable = std::make_unique<DurableOpen>();
  open.durable->request = state.request;
  open.durable->create_action = state.create_action;
  open.durable->restored = true;
  open.durable->lock_sequences = state.lock_sequences;
  if (!state.locks.empty()) {
    if (node.locks == nullptr) node.locks = std::make_unique<RangeLocks>();
    node.locks->held.insert(node.locks->held.end(), state.locks.begin(), state.locks.end());
  }
  if (state.caching.kind != Caching::none) restore_oplock(open, state.caching);
  open_cells_.insert(id);
  disconnect(open, seams_.executor.now() + kGrace);
}

Task<void> Volume::run_keeper(std::function<Task<Status>(std::uint64_t)> send_close) {
  while (!gone_) {
    const Time now = seams_.executor.now();
    Open* next = nullptr;
    for (const std::uint64_t id : kept_) {
      Open& open = *opens_.at(id);
      if (next == nullptr || open.durable->deadline < next->durable->deadline) next = &open;
    }
    if (next == nullptr) {
      co_await kept_changed_.wait();
      continue;
    }
    if (next->durable->deadline > now) {
      const Time due = next->durable->deadline;
      const bool changed = co_await kept_changed_.wait_until(due);
      static_cast<void>(changed);
      continue;
    }
    const std::uint64_t id = next->id;
    next->durable->deadline = now + kTryAgain;
    const Status status = co_await send_close(id);
    static_cast<void>(status);  // what did not end is tried again
  }
}

}  // namespace understudy
