// QUERY_INFO: MS-SMB2 sections 2.2.37, 2.2.38, 3.3.5.20.
#include "netstack/smb2/query_info.h"

#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/file_classes.h"

namespace understudy::smb2 {
namespace {

enum class InfoType : std::uint8_t { file = 1, volume = 2, security = 3, quota = 4 };

struct Query {
  InfoType type{};
  std::uint8_t which = 0;
  std::uint32_t output_length = 0;
  std::uint32_t additional = 0;
  std::uint32_t flags = 0;
  ConstBytes input;
};

std::optional<Query> parse(const Request& request) {
  WireReader body = request.body();
  Query query;
  body.skip(2);
  query.type = static_cast<InfoType>(body.u8());
  query.which = body.u8();
  query.output_length = body.u32();
  const std::uint16_t input_offset = body.u16();
  body.skip(2);
  const std::uint32_t input_length = body.u32();
  query.additional = body.u32();
  query.flags = body.u32();
  const std::optional<ConstBytes> input = request.buffer(input_offset, input_length);
  if (!input) return std::nullopt;
  query.input = *input;
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

Task<Status> query_security(Netstack& netstack, const Query& query, const Open& open,
                            Reply& reply) {
  const Result<std::vector<std::uint8_t>> descriptor =
      co_await security_information(netstack, open, query.additional);
  if (!descriptor) co_return descriptor.status();
  if (descriptor->size() > query.output_length) {
    WireWriter needed;
    needed.u32(static_cast<std::uint32_t>(descriptor->size()));
    reply.error_data = needed.release();
    co_return Status::buffer_too_small;
  }
  co_return put_information(reply, *descriptor, Status::success);
}

/// Flags of QUERY_INFO, section 2.2.37: for extended attributes alone.
Task<Status> query_extended(Netstack& netstack, const Query& query, Open& open, Reply& reply) {
  constexpr std::uint32_t kRestartScan = 1;
  constexpr std::uint32_t kReturnSingleEntry = 2;
  constexpr std::uint32_t kIndexSpecified = 4;
  ExtendedQuery wanted;
  wanted.names = query.input;
  wanted.restart = (query.flags & kRestartScan) != 0;
  wanted.single = (query.flags & kReturnSingleEntry) != 0;
  if ((query.flags & kIndexSpecified) != 0) wanted.index = query.additional;
  wanted.room = std::min<std::size_t>(query.output_length, bounds::kMaxProperty);
  const Result<std::vector<std::uint8_t>> found =
      co_await extended_information(netstack, open, wanted);
  if (!found) co_return found.status();
  co_return put_information(reply, *found, Status::success);
}

}  // namespace

Task<Status> query_info(Connection& connection, Request& request, Reply& reply) {
  Open& open = *request.open;
  const std::optional<Query> parsed = parse(request);
  if (!parsed) co_return Status::invalid_parameter;
  const Query& query = *parsed;
  if (query.output_length > connection.negotiation->max_transfer())
    co_return Status::invalid_parameter;
  if (open.pipe != nullptr) co_return Status::invalid_device_request;
  switch (query.type) {
    case InfoType::file: {
      if (query.which == static_cast<std::uint8_t>(FileClass::full_ea))
        co_return co_await query_extended(connection.netstack(), query, open, reply);
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
      co_return co_await query_security(connection.netstack(), query, open, reply);
    case InfoType::quota:
      co_return Status::not_supported;
  }
  co_return Status::invalid_parameter;
}

}  // namespace understudy::smb2
