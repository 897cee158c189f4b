// Durable and persistent handles in CREATE (MS-SMB2 sections 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10,
// 3.3.5.9.12, 3.3.5.9.13). Which opens are kept and given back is fs_cache's to say, so that it
// holds on the other node too; here is what the protocol says beside that.
#include <algorithm>
#include <cstring>

#include "iomgr/unicode.h"
#include "netstack/auth/crypto.h"
#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/create.h"
#include "netstack/smb2/oplock.h"

namespace understudy::smb2 {
namespace {

/// Section 3.3.5.9.6 and the like: an open without this is not worth keeping, others may change the
/// file at any time.
bool asks_for_handle(const Create& create) {
  if (create.level == kLevelBatch) return true;
  return create.level == kLevelLease && create.contexts.lease &&
         (create.contexts.lease->state & caching::kHandle) != 0;
}

bool persistent_here(Connection& connection, const Request& request) {
  return request.tree->share.continuously_available && connection.negotiation->persistent_handles();
}

void copy_guid(const Guid& from, std::uint8_t (&to)[16]) {
  std::copy(from.begin(), from.end(), to);
}

template <std::size_t kSize>
bool same(const std::uint8_t (&a)[kSize], const std::uint8_t (&b)[kSize]) {
  return std::equal(std::begin(a), std::end(a), std::begin(b));
}

/// Section 3.3.5.9.10: a replay asks for the same lease, or for an oplock where there was one.
bool fits(const Caching& asked, const Open& open) {
  const bool has_lease = open.caching != nullptr && open.caching->kind == Caching::lease;
  if (asked.kind != Caching::lease) return !has_lease;
  return has_lease && same(asked.key, open.caching->key);
}

}  // namespace

DurableRequest whose(const Connection& connection, const Request& request) {
  DurableRequest durable{};
  copy_guid(connection.negotiation->client_guid, durable.client_guid);
  const std::string user = fold(request.session->user);
  const auth::Sha256Digest owner = auth::sha256(auth::pieces({as_bytes(user)}));
  std::copy(owner.begin(), owner.end(), durable.owner);
  return durable;
}

Task<Status> ask_kept(Connection& connection, const Request& request, Major major) {
  constexpr std::size_t kFileIdAt = 8;  // in both
  if (request.tree->share.kind == Share::Kind::pipe) co_return Status::file_closed;
  Netstack& netstack = connection.netstack();
  WireReader body = request.body();
  body.seek(kFileIdAt);
  Irp irp = netstack.irp(major, *request.tree);
  irp.open = body.u64();
  if (irp.open == 0) co_return Status::file_closed;
  const DurableRequest who = whose(connection, request);
  const Buffer payload = co_await netstack.scratch().acquire(sizeof who);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&who);
  std::copy(bytes, bytes + sizeof who, payload.bytes().begin());
  irp.payload = payload.ref(sizeof who);
  const Status status = co_await netstack.ask(irp);
  co_return status;
}

Status settle_durable(Connection& connection, const Request& request, Create& create) {
  CreateContexts& contexts = create.contexts;
  if (!connection.negotiation->smb3()) {
    contexts.durable_v2.reset();
    contexts.reconnect_v2.reset();
    contexts.app_instance.reset();
  }
  if (connection.negotiation->dialect != kDialect311) contexts.app_version.reset();
  if (contexts.app_instance == Guid{}) contexts.app_instance.reset();  // nobody's
  const bool first = contexts.durable || contexts.reconnect;
  const bool second = contexts.durable_v2 || contexts.reconnect_v2;
  if ((first && second) || (contexts.durable_v2 && contexts.reconnect_v2))
    return Status::invalid_parameter;

  DurableRequest& durable = create.durable = whose(connection, request);
  if (contexts.app_instance) copy_guid(*contexts.app_instance, durable.app_instance);
  if (contexts.durable_v2) {
    const DurableContext& asked = *contexts.durable_v2;
    copy_guid(asked.create_guid, durable.create_guid);
    durable.timeout_ms = asked.timeout_ms;
    durable.replay = request.header.has(kFlagReplay) ? 1 : 0;
    if (asks_for_handle(create)) durable.kind = DurableKind::durable_v2;
    if (asked.persistent && persistent_here(connection, request))
      durable.kind = DurableKind::persistent;
  } else if (contexts.durable && asks_for_handle(create)) {
    durable.kind = DurableKind::durable;
  }
  return Status::success;
}

Task<Status> reclaim(Connection& connection, Request& request, Reply& reply, Create& create) {
  Netstack& netstack = connection.netstack();
  const bool second = create.contexts.reconnect_v2.has_value();
  const ReconnectContext shown =
      second ? *create.contexts.reconnect_v2 : *create.contexts.reconnect;
  create.durable.kind = !second            ? DurableKind::durable
                        : shown.persistent ? DurableKind::persistent
                                           : DurableKind::durable_v2;
  copy_guid(shown.create_guid, create.durable.create_guid);
  // The lease counts whatever level was asked for: it has to be the one that the open has.
  create.parameters.caching = asked_caching(create.contexts.lease ? kLevelLease : kLevelNone,
                                            create.contexts, *connection.negotiation);

  Irp irp = netstack.irp(Major::reclaim, *request.tree);
  irp.open = shown.persistent_id;
  Buffer payload;
  Status status = Status::object_name_not_found;
  // 0 would mean "whichever has the GUID".
  if (irp.open != 0) status = co_await ask(netstack, irp, create, payload);
  if (status == Status::object_name_not_found && shown.persistent &&
      persistent_here(connection, request)) {
    irp = netstack.irp(Major::reclaim, *request.tree);
    status = co_await ask(netstack, irp, create, payload);
  }
  if (failed(status)) co_return status;

  ReclaimedOpen reclaimed{};
  std::memcpy(&reclaimed, payload.bytes().data(), sizeof reclaimed);
  payload.release();
  constexpr std::uint16_t kFileOpened = 1;
  create.parameters.create_action = kFileOpened;  // whatever its CREATE did
  create.parameters.facts = irp.create.facts;
  create.durable = reclaimed.request;
  const std::shared_ptr<Open> open = make_open(connection, request, create, irp);
  for (std::size_t i = 0; i < LockSequences::kPlaces; ++i)
    open->lock_sequences[i].restore(reclaimed.lock_sequences[i]);
  create.level = answer_caching(irp.create.caching, create.contexts);
  if (create.level != kLevelNone) netstack.hear_breaks(irp.lun);
  // No DHnQ or DH2Q in this answer, whatever else came with the request.
  create.contexts.durable = false;
  status = co_await finish_open(connection, request, reply, create, open);
  co_return status;
}

Task<Status> replace_application(Connection& connection, const Request& request,
                                 const Create& create) {
  Netstack& netstack = connection.netstack();
  const DurableRequest& ours = create.durable;
  const std::string path = fold(create.path);
  std::shared_ptr<Open> found;
  std::shared_ptr<Session> session;
  for (const auto& [id, each] : netstack.sessions()) {
    found = each->find_application(ours, request.tree->share.lun, path);
    session = each;
    if (found != nullptr) break;
  }
  if (found == nullptr) co_return Status::success;
  const Durability& theirs = found->durability;
  if (theirs.versioned) {
    const std::optional<AppVersion>& version = create.contexts.app_version;
    const bool newer =
        version && (version->high > theirs.version_high ||
                    (version->high == theirs.version_high && version->low > theirs.version_low));
    if (!newer) co_return Status::file_forced_closed;
  }
  session->remove_open(*found);
  CloseParameters closed{};
  const Status ended = co_await close_handle(netstack, *found, closed);
  static_cast<void>(ended);
  co_return Status::success;
}

Status answer_again(Connection& connection, Request& request, Reply& reply, Create& create,
                    OpenTable::Place& place) {
  const OpenTable::Key key{connection.negotiation->client_guid,
                           create.contexts.durable_v2->create_guid};
  OpenTable& opens = connection.netstack().opens();
  const std::shared_ptr<OpenTable::Entry> entry = opens.find(key);
  if (entry == nullptr) {
    place = opens.reserve(key);
    return Status::not_found;
  }
  if (!request.header.has(kFlagReplay)) return Status::duplicate_objectid;
  const std::shared_ptr<Open> open = entry->open.lock();
  if (open == nullptr) return Status::file_not_available;  // still on its way
  if (request.session->find_open(open->id) != open) return Status::duplicate_objectid;
  if (open->tree != request.tree || !same(open->durability.request.owner, create.durable.owner) ||
      !fits(create.parameters.caching, *open)) {
    return Status::access_denied;
  }

  DurableKind durable = open->durability.request.kind;
  if (create.durable.kind == DurableKind::none && open->caching->kind != Caching::lease)
    durable = DurableKind::none;
  Caching left = *open->caching;
  if (left.kind == Caching::oplock) left.state &= create.parameters.caching.state;
  create.parameters.create_action = open->created.create_action;
  create.parameters.facts = open->created.facts;
  create.level = answer_caching(left, create.contexts);
  request.open = open;
  put_response(reply, *open, create, durable);
  return Status::success;
}

}  // namespace understudy::smb2
