// TREE_CONNECT: MS-SMB2 sections 2.2.9, 2.2.10, 3.3.5.7. Every account may use every share.
#include "iomgr/unicode.h"
#include "netstack/server.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint8_t kShareTypeDisk = 1;
constexpr std::uint8_t kShareTypePipe = 2;
constexpr std::uint32_t kShareFlagEncryptData = 0x00008000;
constexpr std::uint32_t kShareContinuouslyAvailable = 0x00000010;
constexpr std::uint32_t kPipeAccess = 0x001F00A9;  // MaximalAccess of IPC$, as Windows has it

/// The name behind \\server\; the server's own name is not looked at, clients call it as they
/// please.
std::optional<std::string> share_name(const Request& request) {
  WireReader body = request.body();
  body.skip(4);
  const std::uint16_t offset = body.u16();
  const std::uint16_t length = body.u16();
  const std::optional<ConstBytes> raw = request.buffer(offset, length);
  if (!raw) return std::nullopt;
  std::optional<std::string> path = utf8_from_utf16le(*raw);
  if (!path || !path->starts_with("\\\\")) return std::nullopt;
  const std::size_t divider = path->find('\\', 2);
  if (divider == std::string::npos) return std::nullopt;
  return path->substr(divider + 1);
}

}  // namespace

Task<Status> tree_connect(Connection& connection, Request& request, Reply& reply) {
  // Section 3.3.5.7: in 3.1.1 an attacker must not be able to change this request.
  if (connection.negotiation->dialect == kDialect311 && !request.signed_ && !request.sealed)
    co_return Status::access_denied;
  const std::optional<std::string> name = share_name(request);
  if (!name) co_return Status::invalid_parameter;
  const std::shared_ptr<const ServerConfig> config = connection.server().config();
  const Share* share = config->find_share(*name);
  if (share == nullptr) co_return Status::bad_network_name;
  if (share->encrypted && connection.negotiation->cipher == auth::Cipher::none)
    co_return Status::access_denied;
  const Result<std::shared_ptr<Tree>> tree = request.session->add_tree(*share);
  if (!tree) co_return tree.status();

  const bool pipe = share->kind == Share::Kind::pipe;
  reply.tree_id = (*tree)->id;
  WireWriter body;
  body.u16(16);
  body.u8(pipe ? kShareTypePipe : kShareTypeDisk);
  body.u8(0);
  body.u32(share->encrypted ? kShareFlagEncryptData : 0);
  const bool available =
      share->continuously_available && connection.negotiation->persistent_handles();
  body.u32(available ? kShareContinuouslyAvailable : 0);
  body.u32(pipe ? kPipeAccess : kAllAccess);
  reply.put(body.bytes());
  co_return Status::success;
}

}  // namespace understudy::smb2
