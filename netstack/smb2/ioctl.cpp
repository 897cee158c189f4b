// IOCTL: MS-SMB2 sections 2.2.31, 2.2.32, 3.3.5.15.
#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/negotiate.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kDfsGetReferrals = 0x00060194;
constexpr std::uint32_t kDfsGetReferralsEx = 0x000601B0;
constexpr std::uint32_t kPipeTransceive = 0x0011C017;
constexpr std::uint32_t kGetReparsePoint = 0x000900A8;
constexpr std::uint32_t kValidateNegotiateInfo = 0x00140204;
constexpr std::uint32_t kIsFsctl = 1;
constexpr std::size_t kFixed = 48;

struct Ioctl {
  std::uint32_t code = 0;
  FileId file_id;
  ConstBytes input;
  std::uint32_t most_output = 0;
};

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

bool put_output(Reply& reply, const Ioctl& ioctl, ConstBytes output) {
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
  return reply.put(body.bytes());
}

/// Section 3.3.5.15.12: the client asks, under the signature that it has now, whether it negotiated
/// what both sides meant. If not, somebody sits between, and the connection ends.
Status validate_negotiate(Connection& connection, const Ioctl& ioctl, Reply& reply) {
  const Negotiation& agreed = *connection.negotiation;
  WireReader input(ioctl.input);
  const std::uint32_t capabilities = input.u32();
  const ConstBytes guid = input.take(agreed.client_guid.size());
  const std::uint16_t security_mode = input.u16();
  const std::uint16_t count = input.u16();
  std::vector<std::uint16_t> dialects;
  for (std::uint16_t i = 0; i < count && input.ok(); ++i) dialects.push_back(input.u16());
  const bool same =
      input.ok() && agreed.dialect != kDialect311 && capabilities == agreed.client_capabilities &&
      std::equal(guid.begin(), guid.end(), agreed.client_guid.begin()) &&
      security_mode == agreed.client_security_mode && choose_dialect(dialects) == agreed.dialect;
  if (!same) {
    connection.close();
    return Status::access_denied;
  }
  const std::shared_ptr<const ServerConfig> config = connection.server().config();
  WireWriter output;
  output.u32(agreed.server_capabilities);
  output.append(config->guid());
  output.u16(security_mode_of(*config));
  output.u16(agreed.dialect);
  if (output.size() > ioctl.most_output) return Status::buffer_too_small;
  put_output(reply, ioctl, output.bytes());
  return Status::success;
}

/// FSCTL_PIPE_TRANSCEIVE: a write and a read in one (section 3.3.5.15.10).
Status transceive(const Request& request, const Ioctl& ioctl, Reply& reply) {
  if (request.open == nullptr || request.open->pipe == nullptr)
    return Status::invalid_device_request;
  rpc::Pipe& pipe = *request.open->pipe;
  const Status written = pipe.write(ioctl.input);
  if (failed(written)) return written;
  const std::size_t room = reply.room().size() - kFixed - 1;
  const Result<std::vector<std::uint8_t>> output =
      pipe.read(std::min<std::size_t>(room, ioctl.most_output));
  if (!output) return output.status();
  put_output(reply, ioctl, *output);
  return pipe.pending() ? Status::buffer_overflow : Status::success;
}

}  // namespace

Task<Status> ioctl(Connection& connection, Request& request, Reply& reply) {
  std::uint32_t flags = 0;
  const std::optional<Ioctl> ioctl = parse(request, flags);
  if (!ioctl) co_return Status::invalid_parameter;
  if (flags != kIsFsctl) co_return Status::not_supported;
  switch (ioctl->code) {
    case kValidateNegotiateInfo:
      co_return validate_negotiate(connection, *ioctl, reply);
    case kPipeTransceive:
      co_return transceive(request, *ioctl, reply);
    case kDfsGetReferrals:
    case kDfsGetReferralsEx:
      co_return Status::not_found;
    case kGetReparsePoint:
      co_return request.open == nullptr ? Status::file_closed : Status::not_a_reparse_point;
    default:
      co_return Status::invalid_device_request;
  }
}

}  // namespace understudy::smb2
