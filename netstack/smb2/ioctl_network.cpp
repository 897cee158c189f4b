// Controls about the connection: MS-SMB2 sections 2.2.31.4, 2.2.32.5, 3.3.5.15.11, 3.3.5.15.12.
#include <arpa/inet.h>

#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/ioctl.h"
#include "netstack/smb2/negotiate.h"

namespace understudy::smb2 {
namespace {

/// SOCKADDR_STORAGE (section 2.2.32.5.1) of the host in "host:port" or "[host]:port". nullopt: a
/// name, which no client could use.
std::optional<std::array<std::uint8_t, 128>> socket_address(const Endpoint& endpoint) {
  std::string host = endpoint.substr(0, endpoint.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::array<std::uint8_t, 128> address{};
  if (inet_pton(AF_INET, host.c_str(), &address[4]) == 1) {
    address[0] = 0x02;  // InterNetwork
    return address;
  }
  if (inet_pton(AF_INET6, host.c_str(), &address[8]) == 1) {
    address[0] = 0x17;  // InterNetworkV6
    return address;
  }
  return std::nullopt;
}

}  // namespace

/// Where a client finds more channels: at the address where it found this one, so that it stays
/// with the node. "RSS capable" says that several connections to it are worth having.
Task<Status> network_interfaces(Connection& connection, Request&, const Ioctl& ioctl,
                                Reply& reply) {
  constexpr std::uint32_t kRssCapable = 1;
  constexpr std::uint64_t kLinkSpeed = 1'000'000'000;  // bits per second; the host's is not known
  if (!connection.negotiation->multi_channel()) co_return Status::not_supported;
  const auto address = socket_address(connection.server().config()->address);
  if (!address) co_return Status::not_supported;
  WireWriter output;
  output.u32(0);  // no next one
  output.u32(1);  // IfIndex
  output.u32(kRssCapable);
  output.u32(0);
  output.u64(kLinkSpeed);
  output.append(*address);
  co_return put_output(reply, ioctl, output.bytes());
}

/// Section 3.3.5.15.12: the client asks, under the signature that it has now, whether it negotiated
/// what both sides meant. If not, somebody sits between, and the connection ends.
Task<Status> validate_negotiate(Connection& connection, Request&, const Ioctl& ioctl,
                                Reply& reply) {
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
    co_return Status::access_denied;
  }
  const std::shared_ptr<const ServerConfig> config = connection.server().config();
  WireWriter output;
  output.u32(agreed.server_capabilities);
  output.append(config->guid());
  output.u16(security_mode_of(*config));
  output.u16(agreed.dialect);
  co_return put_output(reply, ioctl, output.bytes());
}

}  // namespace understudy::smb2
