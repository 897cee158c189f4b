// Durable opens whose client is away (MS-SMB2 3.3.1.10, 3.3.4.7, 3.3.5.9.13): who may have their
// place, what becomes of breaks that nobody hears, and how they end without their client.
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A client that is back asks for its opens at once.
constexpr Duration kTimeToAsk = seconds(1);
constexpr Duration kTryAgain = seconds(1);  // an end that did not get through

template <std::size_t N>
bool is_zero(const std::uint8_t (&bytes)[N]) {
  return std::all_of(std::begin(bytes), std::end(bytes),
                     [](std::uint8_t byte) { return byte == 0; });
}

/// What a CREATE that is sent again finds its open by.
OpenGuids guids_of(const DurableRequest& request) {
  static_assert(sizeof request.create_guid + sizeof request.client_guid == sizeof(OpenGuids));
  OpenGuids guids{};
  const auto rest = std::ranges::copy(request.create_guid, guids.begin()).out;
  std::ranges::copy(request.client_guid, rest);
  return guids;
}

}  // namespace

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
    give_up_break(*open.oplock);
  return true;
}

/// Until `guarded` nobody gets what it keeps from him.
void Volume::disconnect(Open& open, Time guarded) {
  DurableOpen& durable = *open.durable;
  durable.connected = false;
  durable.wanted = false;
  durable.tried = Time::min();
  durable.deadline = seams_.executor.now() + milliseconds(durable.request.timeout_ms);
  durable.guarded = durable.request.kind == DurableKind::persistent ? durable.deadline : guarded;
  kept_.insert(open.id);
  if (durable.request.kind != DurableKind::durable)
    kept_by_guids_.emplace(guids_of(durable.request), open.id);
  kept_changed_.pulse();
}

/// Its client is back, or it ends.
void Volume::keep_no_more(const Open& open) {
  if (kept_.erase(open.id) == 0) return;
  kept_by_guids_.erase({guids_of(open.durable->request), open.id});
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
  stop_timer(oplock);
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

/// The client that was asked is away and will not answer. Where nobody may take its open it stays:
/// with what the break left of it, or, if it may have written into its cache, with all of it, which
/// is_kept_from() others.
void Volume::give_up_break(Oplock& oplock) {
  const bool stays = std::any_of(oplock.opens.begin(), oplock.opens.end(), [this](auto id) {
    return opens_.at(id)->durable->request.kind == DurableKind::persistent;
  });
  if (!stays) {
    end_orphan(oplock);
    return;
  }
  stop_timer(oplock);
  oplock.breaking = false;
  if ((oplock.state & caching::kWrite) == 0) oplock.state &= oplock.required;
  wake_settled(*oplock.node);
}

void Volume::end_orphan(Oplock& oplock) {
  stop_timer(oplock);
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
  const OpenGuids guids = guids_of(request);
  const auto found = kept_by_guids_.lower_bound({guids, 0});
  if (found == kept_by_guids_.end() || found->first != guids) return nullptr;
  return opens_.at(found->second).get();
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

Task<void> Volume::run_keeper(std::function<Task<Status>(std::uint64_t)> send_close) {
  while (!gone_) {
    const Time now = seams_.executor.now();
    Time next = Time::max();
    std::vector<std::uint64_t> due;
    for (const std::uint64_t id : kept_) {
      DurableOpen& durable = *opens_.at(id)->durable;
      const Time attempt = std::max(durable.deadline, durable.tried + kTryAgain);
      if (attempt <= now) {
        durable.tried = now;
        due.push_back(id);
      }
      next = std::min(next, attempt <= now ? now + kTryAgain : attempt);
    }
    for (const std::uint64_t id : due) {
      const auto found = opens_.find(id);
      const bool over = found != opens_.end() && found->second->is_disconnected() &&
                        found->second->durable->deadline <= seams_.executor.now();
      if (!over) continue;  // its client was back meanwhile
      const Status status = co_await send_close(id);
      static_cast<void>(status);  // whose client is back stays
    }
    if (!due.empty()) continue;
    if (kept_.empty()) {
      co_await kept_changed_.wait();
    } else {
      const bool changed = co_await kept_changed_.wait_until(next);
      static_cast<void>(changed);
    }
  }
}

}  // namespace understudy
