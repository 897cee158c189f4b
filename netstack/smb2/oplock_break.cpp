// OPLOCK_BREAK, the client's acknowledgement: MS-SMB2 sections 2.2.24, 2.2.25, 3.3.5.22.
#include <algorithm>
#include <array>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/oplock.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint16_t kOplockSize = 24;
constexpr std::uint16_t kLeaseSize = 36;

Irp acknowledgement(Netstack& netstack, const Tree& tree) {
  Irp irp = netstack.irp(Major::oplock, tree);
  irp.minor = static_cast<std::uint8_t>(OplockMinor::acknowledge);
  return irp;
}

Task<Status> acknowledge_oplock(Netstack& netstack, Request& request, Reply& reply) {
  WireReader body = request.body();
  body.skip(2);
  const std::uint8_t level = body.u8();
  body.skip(5);
  FileId id;
  id.persistent = body.u64();
  id.of_session = body.u64();
  if (!body.ok() || level == kLevelLease) co_return Status::invalid_parameter;
  const std::shared_ptr<Open> open = request.session->find_open(id);
  if (open == nullptr || open->pipe != nullptr) co_return Status::file_closed;
  Irp irp = acknowledgement(netstack, *open->tree);
  irp.open = open->handle;
  irp.oplock.caching.kind = Caching::oplock;
  irp.oplock.caching.state = state_of_level(level);
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  if (open->caching != nullptr) open->caching->state = irp.oplock.caching.state;
  WireWriter answer;
  answer.u16(kOplockSize);
  answer.u8(level);
  answer.zeros(5);
  answer.u64(id.persistent);
  answer.u64(id.of_session);
  reply.put(answer.bytes());
  co_return Status::success;
}

Task<Status> acknowledge_lease(Connection& connection, Request& request, Reply& reply) {
  Netstack& netstack = connection.netstack();
  WireReader body = request.body();
  body.skip(8);
  const ConstBytes key = body.take(16);
  const std::uint32_t state = body.u32();
  body.skip(8);
  if (!body.ok()) co_return Status::invalid_parameter;
  if ((state & ~std::uint32_t{caching::kAll}) != 0) co_return Status::request_not_accepted;
  const std::shared_ptr<Tree> tree = request.session->find_tree(request.header.tree_id);
  if (tree == nullptr) co_return Status::network_name_deleted;
  Irp irp = acknowledgement(netstack, *tree);
  Caching& caching = irp.oplock.caching;
  caching.kind = Caching::lease;
  caching.state = static_cast<std::uint8_t>(state);
  const auto& guid = connection.negotiation->client_guid;
  std::copy(guid.begin(), guid.end(), caching.client);
  std::copy(key.begin(), key.end(), caching.key);
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  if (const auto lease = netstack.opens().find_lease(caching)) {
    lease->state = caching.state;
    lease->breaking = 0;
  }
  WireWriter answer;
  answer.u16(kLeaseSize);
  answer.zeros(6);
  answer.append(caching.key);
  answer.u32(state);
  answer.zeros(8);
  reply.put(answer.bytes());
  co_return Status::success;
}

}  // namespace

Task<Status> oplock_break(Connection& connection, Request& request, Reply& reply) {
  WireReader body = request.body();
  const std::uint16_t size = body.u16();
  Status status = Status::invalid_parameter;
  if (size == kOplockSize) {
    status = co_await acknowledge_oplock(connection.netstack(), request, reply);
  } else if (size == kLeaseSize) {
    status = co_await acknowledge_lease(connection, request, reply);
  }
  co_return status;
}

}  // namespace understudy::smb2
