// LOCK: MS-SMB2 sections 2.2.26, 2.2.27, 3.3.5.14. One IRP a range.
#include <vector>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/compound.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kShared = 0x1;
constexpr std::uint32_t kExclusive = 0x2;
constexpr std::uint32_t kUnlock = 0x4;
constexpr std::uint32_t kFailImmediately = 0x10;
constexpr std::size_t kElementSize = 24;

struct Element {
  std::uint64_t offset;
  std::uint64_t length;
  std::uint32_t flags;

  bool waits() const { return (flags & kFailImmediately) == 0; }
  bool is_lock() const {
    const std::uint32_t kind = flags & ~kFailImmediately;
    return kind == kShared || kind == kExclusive;
  }
};

/// nullopt: not so many are there, or none.
std::optional<std::vector<Element>> parse(WireReader body, std::uint16_t count) {
  if (count == 0 || body.remaining() < count * kElementSize) return std::nullopt;
  std::vector<Element> elements(count);
  for (Element& element : elements) {
    element.offset = body.u64();
    element.length = body.u64();
    element.flags = body.u32();
    body.skip(4);
  }
  return elements;
}

/// LockSequence of the request (section 2.2.26); all zeros: it has none that counts.
struct Sequence {
  std::uint16_t index = 0;  // from 1 on
  std::uint16_t number = 0;
};

Irp make(Netstack& netstack, const Open& open, LockMinor minor, const Element& element,
         Sequence sequence = {}) {
  Irp irp = netstack.irp(Major::lock_control, *open.tree);
  irp.minor = static_cast<std::uint8_t>(minor);
  irp.open = open.handle;
  irp.lock = {element.offset, element.length, (element.flags & kExclusive) != 0 ? 1U : 0U,
              sequence.index, sequence.number};
  return irp;
}

/// Section 3.3.5.14.1: what has been unlocked before one that fails stays unlocked.
Task<Status> unlock_all(Netstack& netstack, const Open& open, std::vector<Element> elements,
                        Sequence sequence = {}) {
  for (const Element& element : elements) {
    if (element.flags != kUnlock) co_return Status::invalid_parameter;
    const bool last = &element == &elements.back();
    Irp irp = make(netstack, open, LockMinor::unlock, element, last ? sequence : Sequence{});
    const Status status = co_await netstack.ask(irp);
    if (failed(status)) co_return status;
  }
  co_return Status::success;
}

/// Section 3.3.5.14.2: all or nothing.
Task<Status> lock_all(Netstack& netstack, Request& request, Reply& reply,
                      std::vector<Element> elements, Sequence sequence) {
  const std::shared_ptr<Open> open = request.open;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const bool may_wait = elements.size() == 1 || !elements[i].waits();
    bool waited = false;
    Status status = elements[i].is_lock() && may_wait ? Status::success : Status::invalid_parameter;
    while (ok(status)) {
      const bool last = i + 1 == elements.size();
      Irp irp = make(netstack, *open, LockMinor::lock, elements[i], last ? sequence : Sequence{});
      status = co_await netstack.ask(irp);
      // Nothing was in its way any more, and its handle was closed in the same moment: it was
      // granted, and went with the handle.
      if (waited && status == Status::file_closed) status = Status::success;
      if (status != Status::lock_not_granted || !elements[i].waits()) break;
      Irp wait = make(netstack, *open, LockMinor::wait, elements[i]);
      status = co_await request.compound->pend(request, reply, wait);
      waited = true;
    }
    if (ok(status)) continue;
    elements.resize(i);
    for (Element& taken : elements) taken.flags = kUnlock;
    const Status undone = co_await unlock_all(netstack, *open, std::move(elements));
    static_cast<void>(undone);  // if the handle was closed meanwhile, its locks are gone
    co_return status;
  }
  co_return Status::success;
}

}  // namespace

Task<Status> lock(Connection& connection, Request& request, Reply& reply) {
  Netstack& netstack = connection.netstack();
  WireReader body = request.body();
  body.skip(2);
  const std::uint16_t count = body.u16();
  const std::uint32_t sequence = body.u32();
  body.skip(16);
  std::optional<std::vector<Element>> elements = parse(body, count);
  if (!elements) co_return Status::invalid_parameter;
  const std::shared_ptr<Open> open = request.open;
  if (open->pipe != nullptr) co_return Status::invalid_device_request;

  LockSequence* const once =
      open->lock_sequences.find(sequence, connection.negotiation->dialect >= kDialect300);
  if (once != nullptr && once->is(sequence)) {
    reply.put_empty();
    co_return Status::success;
  }
  Sequence kept;
  if (once != nullptr) {
    once->forget();
    kept = {static_cast<std::uint16_t>(sequence >> 4), static_cast<std::uint16_t>(sequence & 0xF)};
  }
  Status status = Status::success;
  if (elements->front().flags == kUnlock) {
    status = co_await unlock_all(netstack, *open, std::move(*elements), kept);
  } else {
    status = co_await lock_all(netstack, request, reply, std::move(*elements), kept);
  }
  if (failed(status)) co_return status;
  if (once != nullptr) once->remember(sequence);
  reply.put_empty();
  co_return Status::success;
}

}  // namespace understudy::smb2
