// Controls of a file: MS-FSCC section 2.3 with the rules of MS-FSA section 2.1.5.9.
#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/ioctl.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint64_t kMaxOffset = INT64_MAX;

Task<Result<FileFacts>> facts_of(Netstack& netstack, const Open& open) {
  Buffer name = co_await netstack.scratch().acquire(bounds::kMaxPathBytes);
  Irp irp = netstack.irp(Major::query_information, *open.tree);
  irp.open = open.handle;
  irp.payload = name.ref(0);
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  co_return irp.query.facts;
}

}  // namespace

/// FILE_OBJECTID_BUFFER (MS-FSCC 2.1.3.1). Every file has an id from its birth on, so that creating
/// one is getting it.
Task<Status> get_object_id(Connection& connection, Request& request, const Ioctl& ioctl,
                           Reply& reply) {
  if (request.open->pipe != nullptr) co_return Status::invalid_device_request;
  const Result<FileFacts> facts = co_await facts_of(connection.netstack(), *request.open);
  if (!facts) co_return facts.status();
  const std::uint64_t volume = request.tree->share.lun;
  WireWriter output;
  output.u64(facts->object);
  output.u64(volume);
  output.u64(volume);  // where it was born, and as what
  output.u64(0);
  output.u64(facts->object);
  output.u64(volume);
  output.zeros(16);
  co_return put_output(reply, ioctl, output.bytes());
}

/// Nothing is compressed.
Task<Status> get_compression(Connection&, Request& request, const Ioctl& ioctl, Reply& reply) {
  if (request.open->pipe != nullptr) co_return Status::invalid_device_request;
  WireWriter output;
  output.u16(0);
  co_return put_output(reply, ioctl, output.bytes());
}

Task<Status> set_compression(Connection&, Request& request, const Ioctl& ioctl, Reply& reply) {
  WireReader input(ioctl.input);
  const std::uint16_t format = input.u16();
  if (!input.ok()) co_return Status::invalid_parameter;
  if (request.open->pipe != nullptr) co_return Status::invalid_device_request;
  if (!request.open->may(kReadData | kWriteData)) co_return Status::access_denied;
  if (format != 0) co_return Status::not_supported;
  co_return put_output(reply, ioctl, {});
}

/// FILE_SET_SPARSE_BUFFER: one byte, which may be left out.
Task<Status> set_sparse(Connection& connection, Request& request, const Ioctl& ioctl,
                        Reply& reply) {
  constexpr std::uint32_t kAttributeSparse = 0x200;
  Netstack& netstack = connection.netstack();
  const Open& open = *request.open;
  if (open.pipe != nullptr) co_return Status::invalid_device_request;
  if (open.directory) co_return Status::invalid_parameter;
  Irp irp = netstack.irp(SetMinor::sparse, *open.tree);
  irp.open = open.handle;
  const bool sparse = ioctl.input.empty() || ioctl.input.front() != 0;
  irp.set.attributes = sparse ? kAttributeSparse : 0;
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  co_return put_output(reply, ioctl, {});
}

/// FILE_ZERO_DATA_INFORMATION: bytes below the end of the file become zeros.
Task<Status> set_zero_data(Connection& connection, Request& request, const Ioctl& ioctl,
                           Reply& reply) {
  Netstack& netstack = connection.netstack();
  const Open& open = *request.open;
  WireReader input(ioctl.input);
  const std::uint64_t from = input.u64();
  const std::uint64_t beyond = input.u64();
  if (!input.ok() || from > kMaxOffset || beyond > kMaxOffset || from > beyond)
    co_return Status::invalid_parameter;
  if (open.pipe != nullptr || open.directory) co_return Status::invalid_device_request;
  if (!open.may(kWriteData)) co_return Status::access_denied;
  if (from < beyond) {
    Irp irp = netstack.irp(Major::write, *open.tree);
    irp.open = open.handle;
    irp.write.offset = from;
    irp.write.zeros = beyond - from;
    const Status status = co_await netstack.ask(irp);
    if (failed(status)) co_return status;
  }
  co_return put_output(reply, ioctl, {});
}

/// FILE_ALLOCATED_RANGE_BUFFER.
Task<Status> query_allocated_ranges(Connection& connection, Request& request, const Ioctl& ioctl,
                                    Reply& reply) {
  Netstack& netstack = connection.netstack();
  const Open& open = *request.open;
  WireReader input(ioctl.input);
  const std::uint64_t from = input.u64();
  const std::uint64_t length = input.u64();
  if (!input.ok() || from > kMaxOffset || length > kMaxOffset - from)
    co_return Status::invalid_parameter;
  if (open.pipe != nullptr || open.directory) co_return Status::invalid_device_request;
  if (!open.may(kReadData)) co_return Status::access_denied;
  const std::size_t room = std::min<std::size_t>(ioctl.most_output, output_room(reply));
  Buffer ranges = co_await netstack.scratch().acquire(std::max(room, sizeof(AllocatedRange)));
  Irp irp = netstack.irp(Major::query_information, *open.tree);
  irp.minor = static_cast<std::uint8_t>(QueryMinor::allocated_ranges);
  irp.open = open.handle;
  irp.query.offset = from;
  irp.query.length = length;
  irp.payload = ranges.ref(0);
  irp.payload.capacity = static_cast<std::uint32_t>(room);
  const Status status = co_await netstack.ask(irp);
  if (failed(status) && status != Status::buffer_overflow) co_return status;
  if (irp.information > room) co_return Status::unexpected_io_error;
  if (failed(status) && irp.information == 0) co_return Status::buffer_too_small;
  const Status put = put_output(reply, ioctl, ranges.bytes().first(irp.information));
  co_return failed(put) ? put : status;
}

}  // namespace understudy::smb2
