// IOCTL: MS-SMB2 sections 2.2.31, 2.2.32, 3.3.5.15: the form, and which control is asked.
#include "netstack/smb2/ioctl.h"

#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kIsFsctl = 1;
constexpr std::size_t kFixed = 48;

std::optional<Ioctl> parse(const Request& request, std::uint32_t& flags) {
  WireReader body = request.body();
  Ioctl ioctl;
  body.skip(4);
  ioctl.code = body.u32();
  ioctl.file_id.persistent = body.u64();
  ioctl.file_id.of_session = body.u64();
  const std::uint32_t input_offset = body.u32();
  const std::uint32_t input_count = body.u32();
  body.skip(12);
  ioctl.most_output = body.u32();
  flags = body.u32();
  const std::optional<ConstBytes> input = request.buffer(input_offset, input_count);
  if (!body.ok() || !input) return std::nullopt;
  ioctl.input = *input;
  return ioctl;
}

/// FSCTL_PIPE_TRANSCEIVE: a write and a read in one (section 3.3.5.15.10).
Task<Status> transceive(Connection&, Request& request, const Ioctl& ioctl, Reply& reply) {
  if (request.open->pipe == nullptr) co_return Status::invalid_device_request;
  rpc::Pipe& pipe = *request.open->pipe;
  const Status written = pipe.write(ioctl.input);
  if (failed(written)) co_return written;
  const Result<std::vector<std::uint8_t>> output =
      pipe.read(std::min<std::size_t>(output_room(reply), ioctl.most_output));
  if (!output) co_return output.status();
  const Status put = put_output(reply, ioctl, *output);
  if (failed(put)) co_return put;
  co_return pipe.pending() ? Status::buffer_overflow : Status::success;
}

Task<Status> no_referrals(Connection&, Request&, const Ioctl&, Reply&) {
  co_return Status::fs_driver_required;  // section 3.3.5.15.2: there is no DFS
}

Task<Status> no_reparse_point(Connection&, Request&, const Ioctl&, Reply&) {
  co_return Status::not_a_reparse_point;
}

struct Row {
  std::uint32_t code;
  bool needs_open;
  Control control;
};

constexpr Row kTable[] = {
    {0x00060194, false, no_referrals},           // FSCTL_DFS_GET_REFERRALS
    {0x000601B0, false, no_referrals},           // FSCTL_DFS_GET_REFERRALS_EX
    {0x001401FC, false, network_interfaces},     // FSCTL_QUERY_NETWORK_INTERFACE_INFO
    {0x00140204, false, validate_negotiate},     // FSCTL_VALIDATE_NEGOTIATE_INFO
    {0x0011C017, true, transceive},              // FSCTL_PIPE_TRANSCEIVE
    {0x000900A8, true, no_reparse_point},        // FSCTL_GET_REPARSE_POINT
    {0x00140078, true, request_resume_key},      // FSCTL_SRV_REQUEST_RESUME_KEY
    {0x001440F2, true, copy_chunk},              // FSCTL_SRV_COPYCHUNK
    {0x001480F2, true, copy_chunk},              // FSCTL_SRV_COPYCHUNK_WRITE
    {0x0009009C, true, get_object_id},           // FSCTL_GET_OBJECT_ID
    {0x000900C0, true, get_object_id},           // FSCTL_CREATE_OR_GET_OBJECT_ID
    {0x0009003C, true, get_compression},         // FSCTL_GET_COMPRESSION
    {0x0009C040, true, set_compression},         // FSCTL_SET_COMPRESSION
    {0x000900C4, true, set_sparse},              // FSCTL_SET_SPARSE
    {0x000980C8, true, set_zero_data},           // FSCTL_SET_ZERO_DATA
    {0x000940CF, true, query_allocated_ranges},  // FSCTL_QUERY_ALLOCATED_RANGES
};

}  // namespace

std::size_t output_room(const Reply& reply) {
  return reply.room().size() - kFixed - 1;
}

Status put_output(Reply& reply, const Ioctl& ioctl, ConstBytes output) {
  if (output.size() > ioctl.most_output) return Status::buffer_too_small;
  const auto offset = static_cast<std::uint32_t>(kHeaderSize + kFixed);
  WireWriter body;
  body.u16(49);
  body.u16(0);
  body.u32(ioctl.code);
  body.u64(ioctl.file_id.persistent);
  body.u64(ioctl.file_id.of_session);
  body.u32(offset);
  body.u32(0);
  body.u32(offset);
  body.u32(static_cast<std::uint32_t>(output.size()));
  body.u64(0);
  body.append(output);
  if (output.empty()) body.u8(0);
  return reply.put(body.bytes()) ? Status::success : Status::insufficient_resources;
}

Task<Status> ioctl(Connection& connection, Request& request, Reply& reply) {
  std::uint32_t flags = 0;
  std::optional<Ioctl> ioctl = parse(request, flags);
  if (!ioctl) co_return Status::invalid_parameter;
  if (flags != kIsFsctl) co_return Status::not_supported;
  if (request.open != nullptr) ioctl->file_id = request.open->id;
  const auto* row = std::find_if(std::begin(kTable), std::end(kTable),
                                 [&ioctl](const Row& each) { return each.code == ioctl->code; });
  const bool known = row != std::end(kTable);
  if (request.open == nullptr && (known ? row->needs_open : !ioctl->file_id.is_previous()))
    co_return Status::file_closed;
  if (!known) co_return Status::invalid_device_request;
  // Section 3.3.5.15: what is about the connection takes no file.
  if (!row->needs_open && !ioctl->file_id.is_previous()) co_return Status::invalid_parameter;
  const Status status = co_await row->control(connection, request, *ioctl, reply);
  co_return status;
}

}  // namespace understudy::smb2
