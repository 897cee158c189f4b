// Breaks of oplocks and leases, and their acknowledgement (MS-FSA 2.1.4.12, 2.1.5.17; MS-SMB2
// 3.3.4.6, 3.3.4.7, 3.3.5.22). Who has to wait for one completes with STATUS_PENDING and comes back
// when it is settled.
#include <algorithm>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

/// As Windows waits for an acknowledgement before it goes on without.
constexpr Duration kTimeToAcknowledge = std::chrono::seconds(35);

bool is_breaking(const Node& node) {
  return std::any_of(node.oplocks.begin(), node.oplocks.end(),
                     [](const auto& each) { return each->breaking; });
}

/// An oplock can be left with level II or nothing.
std::uint8_t possible(const Oplock& oplock, std::uint8_t state) {
  return oplock.is_lease() ? state : state & caching::kRead;
}

}  // namespace

LeaseKey lease_key(const Caching& caching) {
  LeaseKey key;
  std::copy(std::begin(caching.client), std::end(caching.client), key.begin());
  std::copy(std::begin(caching.key), std::end(caching.key), key.begin() + 16);
  return key;
}

Caching caching_of(const Oplock& oplock) {
  Caching caching{};
  std::copy(oplock.key.begin(), oplock.key.begin() + 16, std::begin(caching.client));
  std::copy(oplock.key.begin() + 16, oplock.key.end(), std::begin(caching.key));
  caching.kind = oplock.kind;
  caching.state = oplock.state;
  caching.breaking = oplock.breaking ? 1 : 0;
  caching.version = oplock.version;
  caching.epoch = oplock.epoch;
  return caching;
}

/// What `to` does not have is broken. Nobody is asked to answer who had nothing but kRead.
void Volume::break_oplock(const std::shared_ptr<Oplock>& oplock, std::uint8_t to) {
  to = possible(*oplock, to & oplock->state);
  if (is_orphaned(*oplock)) {
    if (to != oplock->state) break_orphan(oplock, to);
    return;
  }
  if (oplock->breaking) {
    oplock->required &= to;
    return;
  }
  if (to == oplock->state) return;
  ++oplock->epoch;
  if (oplock->state == caching::kRead) {
    tell_break(oplock, caching::kRead, 0, false);
    oplock->state = 0;
    return;
  }
  oplock->required = to;
  ask_to_break(oplock, to);
}

void Volume::ask_to_break(const std::shared_ptr<Oplock>& oplock, std::uint8_t to) {
  oplock->breaking = true;
  oplock->offered = to;
  tell_break(oplock, oplock->state, to, true);
  stop_timer(*oplock);
  const std::weak_ptr<Oplock> late = oplock;
  oplock->timer =
      seams_.executor.start_timer(seams_.executor.now() + kTimeToAcknowledge, [this, late] {
        const std::shared_ptr<Oplock> silent = late.lock();
        if (silent == nullptr) return;
        silent->timer = 0;
        silent->required = 0;
        settle_break(silent, 0);
      });
}

void Volume::tell_break(const std::shared_ptr<Oplock>& oplock, std::uint8_t from, std::uint8_t to,
                        bool answers) {
  oplocks_.breaks.push_back({oplock, from, to, oplock->epoch, answers});
  pended_.complete(std::exchange(oplocks_.listener, 0), Status::success);
}

/// The client keeps `state`. If more has to go meanwhile it is asked again, down to kRead first and
/// then, without an answer, to nothing.
void Volume::settle_break(const std::shared_ptr<Oplock>& oplock, std::uint8_t state) {
  stop_timer(*oplock);
  oplock->breaking = false;
  oplock->state = state;
  if (without(state, oplock->required) != 0) {
    const bool only_read = state == caching::kRead;
    if (!only_read) {
      ask_to_break(oplock, possible(*oplock, oplock->required | (state & caching::kRead)));
      return;
    }
    tell_break(oplock, caching::kRead, 0, false);
    oplock->state = 0;
  }
  wake_settled(*oplock->node);
}

void Volume::stop_timer(Oplock& oplock) {
  if (oplock.timer != 0) seams_.executor.cancel_timer(std::exchange(oplock.timer, 0));
}

void Volume::wake_settled(const Node& node) {
  if (is_breaking(node) || is_wanted(node)) return;
  const auto [first, last] = oplocks_.waiting.equal_range(node.id);
  for (auto each = first; each != last; ++each) pended_.complete(each->second, Status::success);
  oplocks_.waiting.erase(first, last);
}

Task<Status> Volume::acknowledge_break(Irp& irp) {
  const Caching& caching = irp.oplock.caching;
  std::shared_ptr<Oplock> oplock;
  if (caching.kind == Caching::lease) {
    const auto found = oplocks_.leases.find(lease_key(caching));
    if (found == oplocks_.leases.end()) co_return Status::object_name_not_found;
    oplock = found->second;
    if (!oplock->breaking) co_return Status::unsuccessful;
    if (without(caching.state, oplock->offered) != 0) co_return Status::request_not_accepted;
  } else {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    oplock = (*found)->oplock;
    if (oplock == nullptr || oplock->is_lease() || !oplock->breaking ||
        without(caching.state, oplock->offered) != 0) {
      co_return Status::invalid_oplock_protocol;
    }
  }
  settle_break(oplock, caching.state);
  co_return Status::success;
}

/// Of a lease, the first open whose client is there.
const Open& Volume::told_of_break(const Oplock& oplock) const {
  for (const std::uint64_t id : oplock.opens) {
    const Open& open = *opens_.at(id);
    if (!open.is_disconnected()) return open;
  }
  return *opens_.at(oplock.opens.front());
}

Task<Status> Volume::next_break(Irp& irp) {
  for (;;) {
    while (!oplocks_.breaks.empty()) {
      const OplockBreak next = oplocks_.breaks.front();
      oplocks_.breaks.pop_front();
      const std::shared_ptr<Oplock> oplock = next.oplock.lock();
      if (oplock == nullptr || oplock->opens.empty()) continue;  // closed meanwhile
      irp.oplock.caching = caching_of(*oplock);
      irp.oplock.caching.breaking = 0;
      irp.oplock.caching.state = next.to;
      irp.oplock.caching.epoch = next.epoch;
      irp.oplock.from = next.from;
      irp.oplock.answers = next.answers ? 1 : 0;
      const Open& told = told_of_break(*oplock);
      irp.open = told.id;
      irp.session = told.session;
      co_return Status::success;
    }
    pended_.complete(std::exchange(oplocks_.listener, irp.id), Status::cancelled);
    const Status status = co_await pended_.wait(irp.id);
    if (status != Status::success) co_return status;
  }
}

Task<Status> Volume::wait_until_settled(Irp& irp) {
  const Node* const node = names_.find(irp.oplock.object);
  if (node == nullptr || !(is_breaking(*node) || is_wanted(*node))) co_return Status::success;
  std::erase_if(oplocks_.waiting,
                [this](const auto& each) { return !pended_.contains(each.second); });
  oplocks_.waiting.emplace(irp.oplock.object, irp.id);
  const Status status = co_await pended_.wait(irp.id);
  co_return status;
}

/// Something wrote to the file, or locked bytes of it: what others, and level II of whoever,
/// remember of it is old. It does not wait: they may read what they have until they hear of it.
void Volume::break_readers(const Open& open) {
  const std::vector<std::shared_ptr<Oplock>> all = open.node->oplocks;
  for (const std::shared_ptr<Oplock>& each : all) {
    const bool own = each == open.oplock && (each->is_lease() || each->state != caching::kRead);
    if (!own) break_oplock(each, 0);
  }
}

/// Before a name changes or is to go (MS-FSA 2.1.4.12), others give up the handles that they keep
/// for caching alone. Whether it has to be waited for.
bool Volume::break_handles(const Node& node, const Oplock* own) {
  bool waits = false;
  const std::vector<std::shared_ptr<Oplock>> all = node.oplocks;
  for (const std::shared_ptr<Oplock>& each : all) {
    if (each.get() == own || (each->state & caching::kHandle) == 0) continue;
    break_oplock(each, without(each->state, caching::kHandle));
    waits = waits || each->breaking;
  }
  return waits;
}

void Volume::end_oplock(Open& open) {
  const std::shared_ptr<Oplock> oplock = std::exchange(open.oplock, nullptr);
  if (oplock == nullptr) return;
  std::erase(oplock->opens, open.id);
  if (!oplock->opens.empty()) {
    if (oplock->breaking && is_orphaned(*oplock)) give_up_break(*oplock);
    return;
  }
  stop_timer(*oplock);
  std::erase(open.node->oplocks, oplock);
  if (oplock->is_lease()) oplocks_.leases.erase(oplock->key);
}

}  // namespace understudy
