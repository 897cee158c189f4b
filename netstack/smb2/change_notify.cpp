// CHANGE_NOTIFY: MS-SMB2 sections 2.2.35, 2.2.36, 3.3.5.19.
#include <algorithm>
#include <cstring>

#include "iomgr/bounds.h"
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/compound.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/names.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint16_t kWatchTree = 0x0001;
constexpr std::size_t kFixed = 8;

/// FILE_NOTIFY_INFORMATION (MS-FSCC 2.7.1) of the changes that fs_cache listed. nullopt: that is no
/// list.
std::optional<std::vector<std::uint8_t>> convert(ConstBytes changes) {
  WireWriter writer;
  std::size_t last = 0;
  while (!changes.empty()) {
    ChangeEntry entry;
    if (changes.size() < sizeof entry) return std::nullopt;
    std::memcpy(&entry, changes.data(), sizeof entry);
    const std::size_t size = (sizeof entry + std::size_t{entry.name_length} + 3) / 4 * 4;
    if (size > changes.size()) return std::nullopt;
    const std::vector<std::uint8_t> name =
        text_to_wire(as_text(changes.subspan(sizeof entry, entry.name_length)));
    changes = changes.subspan(size);
    writer.align(4);
    if (writer.size() > 0) writer.patch(last, static_cast<std::uint32_t>(writer.size() - last));
    last = writer.size();
    writer.u32(0);
    writer.u32(entry.action);
    writer.u32(static_cast<std::uint32_t>(name.size()));
    writer.append(name);
  }
  return writer.release();
}

bool put_changes(Reply& reply, ConstBytes changes) {
  WireWriter head;
  head.u16(9);
  head.u16(changes.empty() ? 0 : static_cast<std::uint16_t>(kHeaderSize + kFixed));
  head.u32(static_cast<std::uint32_t>(changes.size()));
  if (changes.empty()) head.u8(0);
  return reply.put(head.bytes(), changes);
}

/// Asks fs_cache what has changed; STATUS_PENDING: nothing yet.
Task<Status> fetch(Netstack& netstack, Irp irp, std::uint32_t most, Reply& reply) {
  irp.minor = static_cast<std::uint8_t>(NotifyMinor::fetch);
  Buffer listed = co_await netstack.scratch().acquire(bounds::kMaxBytesToNotify);
  irp.payload = listed.ref(0);
  const Status status = co_await netstack.ask(irp);
  if (status != Status::success) co_return status;
  if (irp.information > listed.bytes().size()) co_return Status::unexpected_io_error;
  const std::optional<std::vector<std::uint8_t>> changes =
      convert(listed.bytes().first(irp.information));
  if (!changes) co_return Status::unexpected_io_error;
  if (changes->size() > most || !put_changes(reply, *changes)) co_return Status::notify_enum_dir;
  co_return Status::success;
}

}  // namespace

Task<Status> change_notify(Connection& connection, Request& request, Reply& reply) {
  Netstack& netstack = connection.netstack();
  WireReader body = request.body();
  body.skip(2);
  const std::uint16_t flags = body.u16();
  const std::uint32_t most = body.u32();
  body.skip(16);
  const std::uint32_t filter = body.u32();
  const std::shared_ptr<Open> open = request.open;
  if (most > connection.negotiation->max_transfer() || !open->directory)
    co_return Status::invalid_parameter;

  Irp irp = netstack.irp(Major::notify_change, *open->tree);
  irp.open = open->handle;
  irp.notify = {filter, (flags & kWatchTree) != 0 ? 1U : 0U, most, 0};
  Status status = co_await fetch(netstack, irp, most, reply);
  while (status == Status::pending) {
    Irp wait = netstack.irp(Major::notify_change, *open->tree);
    wait.minor = static_cast<std::uint8_t>(NotifyMinor::wait);
    wait.open = irp.open;
    wait.notify = irp.notify;
    status = co_await request.compound->pend(request, reply, wait);
    if (status == Status::success) status = co_await fetch(netstack, irp, most, reply);
  }
  if (ok(status) && status != Status::success) put_changes(reply, {});
  co_return status;
}

}  // namespace understudy::smb2
