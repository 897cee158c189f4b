// READ: MS-SMB2 sections 2.2.19, 2.2.20, 3.3.5.12. The IRP's payload is the reply's data, where it
// will be sent from.
#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::size_t kFixed = 16;
constexpr std::uint64_t kMaxOffset = INT64_MAX;

void put_fixed(Reply& reply, std::uint32_t length) {
  WireWriter body;
  body.u16(17);
  body.u8(static_cast<std::uint8_t>(kHeaderSize + kFixed));
  body.u8(0);
  body.u32(length);
  body.u64(0);
  std::copy(body.bytes().begin(), body.bytes().end(), reply.room().begin());
  // The byte that StructureSize counts is there even without data.
  if (length == 0) reply.room()[kFixed] = 0;
  reply.set_size(kFixed + std::max<std::uint32_t>(length, 1));
}

Status read_pipe(rpc::Pipe& pipe, std::uint32_t length, std::uint32_t minimum, Reply& reply) {
  const Result<std::vector<std::uint8_t>> data = pipe.read(length);
  if (!data) return data.status();
  if (data->size() < minimum) return Status::end_of_file;
  std::copy(data->begin(), data->end(), reply.room().begin() + kFixed);
  put_fixed(reply, static_cast<std::uint32_t>(data->size()));
  return pipe.pending() ? Status::buffer_overflow : Status::success;
}

}  // namespace

Task<Status> read(Connection& connection, Request& request, Reply& reply) {
  WireReader parser = request.body();
  parser.skip(4);
  const std::uint32_t length = parser.u32();
  const std::uint64_t offset = parser.u64();
  parser.skip(16);
  const std::uint32_t minimum = parser.u32();
  Open& open = *request.open;

  if (length > connection.negotiation->max_transfer() || offset > kMaxOffset ||
      length > kMaxOffset - offset) {
    co_return Status::invalid_parameter;
  }
  if (length + kFixed + 1 > reply.room().size()) co_return Status::insufficient_resources;
  if (open.pipe != nullptr) co_return read_pipe(*open.pipe, length, minimum, reply);
  if (open.directory) co_return Status::invalid_device_request;
  if (!open.may_any(kReadData | kExecute)) co_return Status::access_denied;

  Irp irp = connection.netstack().irp(Major::read, *open.tree);
  irp.open = open.handle;
  irp.payload = {reply.arena_offset() + kFixed, length, length};
  irp.read = {offset, length, minimum};
  const Status status = co_await connection.netstack().ask(irp);
  if (failed(status)) co_return status;
  if (irp.information > length) co_return Status::unexpected_io_error;
  if (irp.information < minimum || (irp.information == 0 && length > 0))
    co_return Status::end_of_file;
  open.position = offset + irp.information;
  put_fixed(reply, static_cast<std::uint32_t>(irp.information));
  co_return Status::success;
}

}  // namespace understudy::smb2
