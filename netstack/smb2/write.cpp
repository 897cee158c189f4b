// WRITE: MS-SMB2 sections 2.2.21, 2.2.22, 3.3.5.13. The IRP's payload is the data in the frame,
// where the socket put it.
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kFlagWriteThrough = 1;
constexpr std::uint32_t kOptionWriteThrough = 2;  // FILE_WRITE_THROUGH, section 2.2.13
constexpr std::uint64_t kMaxOffset = INT64_MAX;

void put_count(Reply& reply, std::uint32_t count) {
  WireWriter body;
  body.u16(17);
  body.u16(0);
  body.u32(count);
  body.u64(0);
  body.u8(0);
  reply.put(body.bytes());
}

}  // namespace

Task<Status> write(Connection& connection, Request& request, Reply& reply) {
  WireReader parser = request.body();
  parser.skip(2);
  const std::uint16_t data_offset = parser.u16();
  const std::uint32_t length = parser.u32();
  const std::uint64_t offset = parser.u64();
  parser.skip(16 + 12);
  const std::uint32_t flags = parser.u32();
  Open& open = *request.open;

  const std::optional<ConstBytes> data = request.buffer(data_offset, length);
  if (!data || length > connection.negotiation->max_transfer()) co_return Status::invalid_parameter;
  if (open.pipe != nullptr) {
    const Status status = open.pipe->write(*data);
    if (ok(status)) put_count(reply, length);
    co_return status;
  }
  if (offset > kMaxOffset || length > kMaxOffset - offset) co_return Status::invalid_parameter;
  if (open.directory) co_return Status::invalid_device_request;
  if (!open.may_any(kWriteData | kAppendData)) co_return Status::access_denied;
  if (length > 0) {
    Irp irp = connection.netstack().irp(Major::write, *open.tree);
    irp.open = open.handle;
    irp.payload = {request.arena_offset + data_offset, length, length};
    // A handle that may only append writes at the end, whatever the offset says.
    irp.write.offset = open.may(kWriteData) ? offset : kAppend;
    irp.write.write_through =
        (flags & kFlagWriteThrough) != 0 || (open.options & kOptionWriteThrough) != 0 ? 1 : 0;
    const Status status = co_await connection.netstack().ask(irp);
    if (failed(status)) co_return status;
    open.position = offset + length;
  }
  put_count(reply, length);
  co_return Status::success;
}

}  // namespace understudy::smb2
