// QUERY_INFO: MS-SMB2 sections 2.2.37, 2.2.38, 3.3.5.20.
#include "netstack/smb2/query_info.h"

#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

enum class InfoType : std::uint8_t { file = 1, volume = 2, security = 3, quota = 4 };

constexpr std::uint32_t kDescriptorParts = 0x0000FFFF;  // of AdditionalInformation

struct Query {
  InfoType type{};
  std::uint8_t which = 0;
  std::uint32_t output_length = 0;
  std::uint32_t additional = 0;
};

Query parse(const Request& request) {
  WireReader body = request.body();
  Query query;
  body.skip(2);
  query.type = static_cast<InfoType>(body.u8());
  query.which = body.u8();
  query.output_length = body.u32();
  body.skip(8);
  query.additional = body.u32();
  return query;
}

Status put_information(Reply& reply, ConstBytes information, Status status) {
  constexpr std::size_t kFixed = 8;
  WireWriter head;
  head.u16(9);
  head.u16(static_cast<std::uint16_t>(kHeaderSize + kFixed));
  head.u32(static_cast<std::uint32_t>(information.size()));
  return reply.put(head.bytes(), information) ? status : Status::insufficient_resources;
}

Status put_cut(Reply& reply, const Information& information, std::uint32_t output_length) {
  if (output_length < information.fixed) return Status::info_length_mismatch;
  const ConstBytes all = information.bytes;
  if (output_length < all.size()) {
    return put_information(reply, all.first(output_length), Status::buffer_overflow);
  }
  return put_information(reply, all, information.status);
}

Status query_security(const Query& query, const Open& open, Reply& reply) {
  // Nothing is asked, so nothing is needed (MS-FSA 2.1.5.14).
  if ((query.additional & kDescriptorParts) != 0 && !open.may(kReadControl))
    return Status::access_denied;
  const std::vector<std::uint8_t> descriptor = security_information(query.additional);
  if (descriptor.size() > query.output_length) {
    WireWriter needed;
    needed.u32(static_cast<std::uint32_t>(descriptor.size()));
    reply.error_data = needed.release();
    return Status::buffer_too_small;
  }
  return put_information(reply, descriptor, Status::success);
}

}  // namespace

Task<Status> query_info(Connection& connection, Request& request, Reply& reply) {
  const Open& open = *request.open;
  const Query query = parse(request);
  if (query.output_length > connection.negotiation->max_transfer())
    co_return Status::invalid_parameter;
  if (open.pipe != nullptr) co_return Status::invalid_device_request;
  switch (query.type) {
    case InfoType::file: {
      const Result<Information> information =
          co_await file_information(connection.netstack(), open, query.which);
      if (!information) co_return information.status();
      co_return put_cut(reply, *information, query.output_length);
    }
    case InfoType::volume: {
      const Result<Information> information =
          co_await volume_information(connection.netstack(), open, query.which);
      if (!information) co_return information.status();
      co_return put_cut(reply, *information, query.output_length);
    }
    case InfoType::security:
      co_return query_security(query, open, reply);
    case InfoType::quota:
      co_return Status::not_supported;
  }
  co_return Status::invalid_parameter;
}

}  // namespace understudy::smb2
