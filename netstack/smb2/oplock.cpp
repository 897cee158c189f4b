#include "netstack/smb2/oplock.h"

#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kLeaseBreaking = 0x2;
constexpr std::uint32_t kParentKeySet = 0x4;
constexpr std::uint32_t kAcknowledgementRequired = 0x1;
constexpr std::uint64_t kNoMessageId = ~std::uint64_t{0};

/// Section 2.2.23.1.
std::vector<std::uint8_t> oplock_body(const Open& open, const Caching& caching) {
  WireWriter body;
  body.u16(24);
  body.u8(level_of_state(caching.state));
  body.zeros(5);
  body.u64(open.id.persistent);
  body.u64(open.id.of_session);
  return body.release();
}

/// Section 2.2.23.2.
std::vector<std::uint8_t> lease_body(const OplockParameters& oplock) {
  const Caching& caching = oplock.caching;
  WireWriter body;
  body.u16(44);
  body.u16(caching.version == 2 ? caching.epoch : 0);
  body.u32(oplock.answers != 0 ? kAcknowledgementRequired : 0);
  body.append(caching.key);
  body.u32(oplock.from);
  body.u32(caching.state);
  body.zeros(12);
  return body.release();
}

/// Whose break it is. An oplock is a session's; a lease is a client's, and of its user's sessions
/// it hears of the break in the oldest, as from Windows.
std::shared_ptr<Session> addressee(Netstack& netstack, const Irp& irp) {
  const auto asked = netstack.sessions().find(irp.session);
  if (asked == netstack.sessions().end()) return nullptr;
  if (irp.oplock.caching.kind != Caching::lease) return asked->second;
  const auto& client = irp.oplock.caching.client;
  std::shared_ptr<Session> oldest;
  for (const auto& [id, session] : netstack.sessions()) {
    const auto& guid = session->negotiation->client_guid;
    const bool reachable = session->state == Session::State::valid &&
                           session->open_channel() != nullptr &&
                           session->user == asked->second->user;
    if (!reachable || !std::equal(guid.begin(), guid.end(), std::begin(client))) continue;
    if (oldest == nullptr || session->begun < oldest->begun) oldest = session;
  }
  return oldest;
}

}  // namespace

std::uint8_t state_of_level(std::uint8_t level) {
  switch (level) {
    case kLevelII:
      return caching::kRead;
    case kLevelExclusive:
      return caching::kRead | caching::kWrite;
    case kLevelBatch:
      return caching::kAll;
    default:
      return 0;
  }
}

std::uint8_t level_of_state(std::uint8_t state) {
  if (state == caching::kAll) return kLevelBatch;
  if ((state & caching::kWrite) != 0) return kLevelExclusive;
  return (state & caching::kRead) != 0 ? kLevelII : kLevelNone;
}

Caching asked_caching(std::uint8_t level, const CreateContexts& contexts,
                      const Negotiation& negotiation) {
  Caching asked{};
  if (level != kLevelLease) {
    asked.state = state_of_level(level);
    asked.kind = asked.state == 0 ? Caching::none : Caching::oplock;
    return asked;
  }
  if (!contexts.lease || !negotiation.leasing()) return asked;
  const LeaseContext& lease = *contexts.lease;
  if (lease.version == 2 && negotiation.dialect < kDialect300) return asked;
  asked.kind = Caching::lease;
  std::copy(negotiation.client_guid.begin(), negotiation.client_guid.end(), asked.client);
  std::copy(lease.key.begin(), lease.key.end(), asked.key);
  asked.state = static_cast<std::uint8_t>(lease.state & caching::kAll);
  asked.version = lease.version;
  asked.epoch = lease.epoch;
  return asked;
}

std::uint8_t answer_caching(const Caching& granted, CreateContexts& contexts) {
  if (granted.kind != Caching::lease || !contexts.lease) {
    contexts.lease.reset();
    return granted.kind == Caching::oplock ? level_of_state(granted.state) : kLevelNone;
  }
  LeaseContext& lease = *contexts.lease;
  lease.state = granted.state;
  lease.version = granted.version;
  lease.epoch = granted.epoch;
  lease.flags &= granted.version == 2 ? kParentKeySet : 0;
  if ((lease.flags & kParentKeySet) == 0) lease.parent = {};
  if (granted.breaking != 0) lease.flags |= kLeaseBreaking;
  return kLevelLease;
}

void send_break(Netstack& netstack, const Irp& irp) {
  const std::shared_ptr<Session> session = addressee(netstack, irp);
  if (session == nullptr) return;
  std::vector<std::uint8_t> body;
  if (irp.oplock.caching.kind == Caching::lease) {
    if (const auto lease = netstack.opens().find_lease(irp.oplock.caching)) {
      *lease = irp.oplock.caching;
      lease->breaking = irp.oplock.answers != 0 ? 1 : 0;
    }
    body = lease_body(irp.oplock);
  } else {
    const std::shared_ptr<Open> open = session->find_handle(irp.lun, irp.open);
    if (open == nullptr) return;
    if (open->caching != nullptr) open->caching->state = irp.oplock.caching.state;
    body = oplock_body(*open, irp.oplock.caching);
  }
  Header header;
  header.command = static_cast<std::uint16_t>(Command::oplock_break);
  header.flags = kFlagServerToRedir;
  header.message_id = kNoMessageId;
  if (Connection* const channel = session->open_channel()) channel->post(header, body, session);
}

}  // namespace understudy::smb2
