// What CREATE does about oplocks: it breaks those of others that stand in its way, and gets its own
// (MS-FSA 2.1.5.1.2, 2.1.5.17; MS-SMB2 3.3.5.9.8, 3.3.5.9.11).
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/share_mode.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

using caching::kHandle;
using caching::kRead;
using caching::kWrite;

/// Opens for these alone touch nothing that is cached; leases allow one right more than oplocks.
bool is_stat_open(std::uint32_t granted, bool for_lease) {
  constexpr std::uint32_t kStat =
      access::kReadAttributes | access::kWriteAttributes | access::kSynchronize;
  return (granted & ~(kStat | (for_lease ? access::kReadControl : 0))) == 0;
}

bool can_be_granted(std::uint8_t state) {
  return (state & kRead) != 0 && without(state, caching::kAll) == 0;
}

}  // namespace

/// Whether the open of `node` has to wait for a break. `violation`: share modes forbid it as things
/// are; handles that are kept for caching alone may go.
bool Volume::break_for_open(const CreateRequest& request, Node& node, bool violation) {
  const std::uint32_t wanted = granted_access(request.access, access::kAllOfAFile, &node);
  const std::uint8_t mask = violation ? kHandle : kWrite;
  bool waits = false;
  const std::vector<std::shared_ptr<Oplock>> all = node.oplocks;
  for (const std::shared_ptr<Oplock>& each : all) {
    const bool own = each->is_lease() && request.caching.kind == Caching::lease &&
                     each->key == lease_key(request.caching);
    if (own || (is_stat_open(wanted, each->is_lease()) && !request.overwrites())) continue;
    const std::uint8_t held = each->state;
    std::uint8_t to = without(held, mask);
    if (request.overwrites() && !violation) to = 0;
    const bool own_orphan = to != held && (held & mask) != 0 && request.durable &&
                            break_own_orphan(*each, *request.durable);
    if (violation && to != held && !own_orphan && is_orphaned(*each)) {
      end_orphan(*each);
    } else if (to != held && !own_orphan) {
      break_oplock(each, to);
    }
    waits = waits || (each->breaking && ((held & mask) != 0 || to == held));
  }
  return waits;
}

/// Whether a persistent open whose client is away stands in the way of an open of `node`: nothing
/// takes its place (section 3.3.5.9, STATUS_FILE_NOT_AVAILABLE). What its own client might have
/// written into its cache keeps that client from nothing.
bool Volume::is_kept_from(const CreateRequest& request, const Node& node) const {
  const std::uint32_t wanted = granted_access(request.access, access::kAllOfAFile, &node);
  return std::any_of(node.opens.begin(), node.opens.end(), [&](Open* open) {
    if (!open->is_disconnected() || open->durable->request.kind != DurableKind::persistent)
      return false;
    const Oplock* const oplock = open->oplock.get();
    const bool own = oplock != nullptr && oplock->is_lease() &&
                     request.caching.kind == Caching::lease &&
                     oplock->key == lease_key(request.caching);
    const bool own_client = request.durable && is_own(*open, *request.durable);
    const bool cached_writes = !own && !own_client && oplock != nullptr &&
                               (oplock->state & kWrite) != 0 &&
                               !is_stat_open(wanted, oplock->is_lease());
    return cached_writes || failed(check_sharing({open}, wanted, request.share));
  });
}

/// A client's lease key is of one file.
Status Volume::check_lease(const CreateRequest& request, const Node* node) const {
  if (request.caching.kind != Caching::lease) return Status::success;
  const auto found = oplocks_.leases.find(lease_key(request.caching));
  return found == oplocks_.leases.end() || found->second->node == node ? Status::success
                                                                       : Status::invalid_parameter;
}

/// What of `wanted` the other opens of the file leave.
std::uint8_t Volume::grantable(const Open& open, const Caching& asked) const {
  const Node& node = *open.node;
  std::uint8_t state = can_be_granted(asked.state) ? asked.state : 0;
  bool others_keep_handles = false;
  bool others_have_oplocks = false;
  for (const Open* other : node.opens) {
    const Oplock* const oplock = other->oplock.get();
    const bool same = oplock != nullptr && oplock->is_lease() && asked.kind == Caching::lease &&
                      oplock->key == lease_key(asked);
    if (other == &open || same) continue;
    if (!is_stat_open(other->access, asked.kind == Caching::lease)) state = without(state, kWrite);
    if (oplock == nullptr || oplock->state == 0) continue;
    if ((oplock->state & kWrite) != 0) return 0;  // it has not seen what we open for
    state = without(state, kWrite);
    others_have_oplocks = others_have_oplocks || !oplock->is_lease();
    others_keep_handles = others_keep_handles || (oplock->state & kHandle) != 0;
  }
  if (node.locks != nullptr && !node.locks->held.empty()) state = 0;
  if (asked.kind == Caching::lease) return others_have_oplocks ? without(state, kHandle) : state;
  if (others_keep_handles) return 0;
  return (state & kWrite) != 0 ? state : without(state, kHandle);
}

void Volume::grant_oplock(Irp& irp, Open& open) {
  Caching& asked = irp.create.caching;
  const bool whole = asked.kind == Caching::oplock || asked.kind == Caching::lease;
  if (!whole || open.node->is_directory()) {
    asked = {};
    return;
  }
  const std::uint8_t state = grantable(open, asked);
  std::shared_ptr<Oplock> oplock;
  if (asked.kind == Caching::lease) {
    const auto found = oplocks_.leases.find(lease_key(asked));
    if (found != oplocks_.leases.end()) oplock = found->second;
  } else if (state == 0) {
    asked = {};
    return;
  }
  if (oplock == nullptr) {
    oplock = std::make_shared<Oplock>(
        Oplock{asked.kind, lease_key(asked), asked.version, open.node, {}});
    oplock->state = state;
    oplock->epoch = static_cast<std::uint16_t>(asked.epoch + 1);
    open.node->oplocks.push_back(oplock);
    if (oplock->is_lease()) oplocks_.leases.emplace(oplock->key, oplock);
  } else if (!oplock->breaking && state == asked.state && without(oplock->state, state) == 0 &&
             oplock->state != state) {
    oplock->state = state;  // all that was asked for and more than before, or as before
    ++oplock->epoch;
  }
  oplock->opens.push_back(open.id);
  open.oplock = oplock;
  asked = caching_of(*oplock);
}

/// As it was recorded; of several opens with the same lease the latest record counts.
void Volume::restore_oplock(Open& open, const Caching& recorded) {
  std::shared_ptr<Oplock> oplock;
  if (recorded.kind == Caching::lease) {
    const auto found = oplocks_.leases.find(lease_key(recorded));
    if (found != oplocks_.leases.end()) oplock = found->second;
  }
  if (oplock == nullptr) {
    oplock = std::make_shared<Oplock>(
        Oplock{recorded.kind, lease_key(recorded), recorded.version, open.node, {}});
    open.node->oplocks.push_back(oplock);
    if (oplock->is_lease()) oplocks_.leases.emplace(oplock->key, oplock);
  } else if (oplock->node != open.node) {
    return;  // damaged: a lease is of one file
  }
  if (oplock->opens.empty() || recorded.epoch >= oplock->epoch) {
    oplock->state = recorded.state;
    oplock->epoch = recorded.epoch;
  }
  oplock->opens.push_back(open.id);
  open.oplock = oplock;
}

}  // namespace understudy
