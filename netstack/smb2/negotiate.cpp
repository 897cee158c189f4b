// NEGOTIATE: MS-SMB2 sections 2.2.3, 2.2.4, 3.3.5.3 (SMB1's multi-protocol opening) and 3.3.5.4. No
// compression: its context is checked and not answered.
#include "netstack/smb2/negotiate.h"

#include <algorithm>
#include <optional>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint16_t kContextPreauth = 1;      // SMB2_PREAUTH_INTEGRITY_CAPABILITIES
constexpr std::uint16_t kContextEncryption = 2;   // SMB2_ENCRYPTION_CAPABILITIES
constexpr std::uint16_t kContextCompression = 3;  // SMB2_COMPRESSION_CAPABILITIES
constexpr std::uint16_t kContextSigning = 8;      // SMB2_SIGNING_CAPABILITIES
constexpr std::uint16_t kSha512 = 1;
constexpr std::size_t kSaltSize = 32;
constexpr std::size_t kMaxContexts = 32;
constexpr std::size_t kMaxDialects = 64;

/// The client's offer, from either protocol.
struct Offer {
  std::vector<std::uint16_t> dialects;
  std::uint16_t security_mode = 0;
  std::uint32_t capabilities = 0;
  std::array<std::uint8_t, 16> guid{};
  std::uint32_t context_offset = 0;
  std::uint16_t context_count = 0;
};

/// What its contexts say (section 2.2.3.1).
struct Contexts {
  bool preauth = false;
  bool sha512 = false;
  bool encryption = false;
  bool compression = false;
  bool signing = false;
  auth::Cipher cipher = auth::Cipher::none;  // the first of the client's that we know
  std::optional<auth::SigningAlgorithm> algorithm;
};

/// SMB_COM_NEGOTIATE of MS-CIFS section 2.2.4.52.1. Only the names of SMB2 in it count.
std::optional<Offer> parse_smb1(ConstBytes frame) {
  constexpr std::size_t kSmb1Header = 32;
  WireReader reader(frame);
  reader.skip(4);
  const std::uint8_t command = reader.u8();
  reader.skip(kSmb1Header - 5);
  const std::uint8_t words = reader.u8();
  const std::uint16_t count = reader.u16();
  std::string_view names = as_text(reader.take(count));
  if (!reader.ok() || command != 0x72 || words != 0) return std::nullopt;
  Offer offer;
  while (!names.empty()) {
    const std::size_t end = names.find('\0');
    if (names.front() != '\2' || end == std::string_view::npos) return std::nullopt;
    const std::string_view name = names.substr(1, end - 1);
    names.remove_prefix(end + 1);
    if (name == "SMB 2.002") offer.dialects.push_back(kDialect202);
    if (name == "SMB 2.???") offer.dialects.push_back(kDialectWildcard);
  }
  return offer;
}

std::optional<Offer> parse(const Request& request) {
  Offer offer;
  WireReader body = request.body();
  const std::uint16_t structure_size = body.u16();
  const std::uint16_t count = body.u16();
  offer.security_mode = body.u16();
  body.skip(2);
  offer.capabilities = body.u32();
  const ConstBytes guid = body.take(offer.guid.size());
  std::copy(guid.begin(), guid.end(), offer.guid.begin());
  offer.context_offset = body.u32();
  offer.context_count = body.u16();
  body.skip(2);
  if (!body.ok() || structure_size != 36 || count == 0 || count > kMaxDialects) return std::nullopt;
  for (std::uint16_t i = 0; i < count; ++i) offer.dialects.push_back(body.u16());
  return body.ok() ? std::optional(offer) : std::nullopt;
}

std::vector<std::uint16_t> read_list(WireReader& reader, std::uint16_t count) {
  std::vector<std::uint16_t> list;
  for (std::uint16_t i = 0; i < count && reader.ok(); ++i) list.push_back(reader.u16());
  return list;
}

bool contains(const std::vector<std::uint16_t>& list, std::uint16_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_cipher(std::uint16_t value) {
  return value >= static_cast<std::uint16_t>(auth::Cipher::aes_128_ccm) &&
         value <= static_cast<std::uint16_t>(auth::Cipher::aes_256_gcm);
}

bool read_context(std::uint16_t type, ConstBytes data, Contexts& contexts) {
  WireReader reader(data);
  const std::uint16_t count = reader.u16();
  if (type == kContextPreauth) {
    if (std::exchange(contexts.preauth, true)) return false;
    const std::uint16_t salt = reader.u16();
    const std::vector<std::uint16_t> hashes = read_list(reader, count);
    reader.skip(salt);
    contexts.sha512 = contains(hashes, kSha512);
    return reader.ok() && count > 0;
  }
  if (type == kContextEncryption) {
    if (std::exchange(contexts.encryption, true)) return false;
    const std::vector<std::uint16_t> offered = read_list(reader, count);
    const auto known = std::find_if(offered.begin(), offered.end(), is_cipher);
    if (known != offered.end()) contexts.cipher = static_cast<auth::Cipher>(*known);
    return reader.ok() && count > 0;
  }
  if (type == kContextCompression) {
    if (std::exchange(contexts.compression, true)) return false;
    reader.skip(6);  // padding, flags
    read_list(reader, count);
    return reader.ok() && count > 0;
  }
  if (type == kContextSigning) {
    if (std::exchange(contexts.signing, true)) return false;
    const std::vector<std::uint16_t> offered = read_list(reader, count);
    // The fastest first.
    for (const auto algorithm : {auth::SigningAlgorithm::aes_gmac, auth::SigningAlgorithm::aes_cmac,
                                 auth::SigningAlgorithm::hmac_sha256}) {
      if (!contexts.algorithm && contains(offered, static_cast<std::uint16_t>(algorithm))) {
        contexts.algorithm = algorithm;
      }
    }
    return reader.ok() && count > 0;
  }
  return true;  // a context that we do not know changes nothing
}

Status parse_contexts(const Request& request, const Offer& offer, Contexts& contexts) {
  if (offer.context_count > kMaxContexts) return Status::invalid_parameter;
  WireReader reader(request.message);
  reader.seek(offer.context_offset);
  for (std::uint16_t i = 0; i < offer.context_count; ++i) {
    if (i > 0) reader.seek((reader.position() + 7) / 8 * 8);
    const std::uint16_t type = reader.u16();
    const std::uint16_t length = reader.u16();
    reader.skip(4);
    const ConstBytes data = reader.take(length);
    if (!reader.ok() || !read_context(type, data, contexts)) return Status::invalid_parameter;
  }
  if (!contexts.preauth) return Status::invalid_parameter;
  return contexts.sha512 ? Status::success : Status::smb_no_preauth_integrity_hash_overlap;
}

void begin_context(WireWriter& writer, std::uint16_t type, std::size_t length) {
  writer.align(8);
  writer.u16(type);
  writer.u16(static_cast<std::uint16_t>(length));
  writer.u32(0);
}

/// The reply's contexts; returns how many.
std::uint16_t put_contexts(WireWriter& writer, const Contexts& contexts, Random& random) {
  std::uint16_t count = 1;
  begin_context(writer, kContextPreauth, 6 + kSaltSize);
  writer.u16(1);
  writer.u16(kSaltSize);
  writer.u16(kSha512);
  std::array<std::uint8_t, kSaltSize> salt{};
  random.fill(salt);
  writer.append(salt);
  if (contexts.encryption) {
    ++count;
    begin_context(writer, kContextEncryption, 4);
    writer.u16(1);
    writer.u16(static_cast<std::uint16_t>(contexts.cipher));  // 0: none in common
  }
  if (contexts.algorithm) {
    ++count;
    begin_context(writer, kContextSigning, 4);
    writer.u16(1);
    writer.u16(static_cast<std::uint16_t>(*contexts.algorithm));
  }
  return count;
}

/// Section 3.3.5.4: in 3.1.1 a context chooses the cipher, before that a capability of both sides
/// means the only one that there is.
auth::Cipher choose_cipher(std::uint16_t dialect, const Offer& offer, const Contexts& contexts,
                           Encryption encryption) {
  if (encryption == Encryption::off || dialect < kDialect300) return auth::Cipher::none;
  if (dialect == kDialect311) return contexts.cipher;
  const bool capable = (offer.capabilities & kCapabilityEncryption) != 0;
  return capable ? auth::Cipher::aes_128_ccm : auth::Cipher::none;
}

std::vector<std::uint8_t> response(Connection& connection, const Contexts& contexts) {
  const Negotiation& agreed = *connection.negotiation;
  const std::shared_ptr<const ServerConfig> config = connection.server().config();
  const std::vector<std::uint8_t> token = auth::Authenticator::initial_token();
  constexpr std::size_t kFixed = 64;
  WireWriter body;
  body.u16(65);
  body.u16(security_mode_of(*config));
  body.u16(agreed.dialect);
  body.u16(0);  // NegotiateContextCount, below
  body.append(config->guid());
  body.u32(agreed.server_capabilities);
  for (int i = 0; i < 3; ++i) body.u32(agreed.max_transfer());
  body.u64(connection.netstack().executor().wall_time());
  body.u64(connection.server().start_time());
  body.u16(static_cast<std::uint16_t>(kHeaderSize + kFixed));
  body.u16(static_cast<std::uint16_t>(token.size()));
  body.u32(0);  // NegotiateContextOffset
  body.append(token);
  if (agreed.dialect == kDialect311) {
    body.align(8);
    const auto offset = static_cast<std::uint32_t>(kHeaderSize + body.size());
    const std::uint16_t count = put_contexts(body, contexts, connection.netstack().random());
    body.patch<std::uint16_t>(6, count);
    body.patch<std::uint32_t>(60, offset);
  }
  return body.release();
}

}  // namespace

std::uint16_t choose_dialect(const std::vector<std::uint16_t>& offered) {
  for (const std::uint16_t ours :
       {kDialect311, kDialect302, kDialect300, kDialect210, kDialect202}) {
    if (contains(offered, ours)) return ours;
  }
  return 0;
}

std::uint16_t security_mode_of(const ServerConfig& config) {
  return kSigningEnabled | (config.signing_required ? kSigningRequired : 0);
}

bool is_smb1(ConstBytes frame) {
  constexpr std::array<std::uint8_t, 4> kProtocolId = {0xFF, 'S', 'M', 'B'};
  return frame.size() >= kProtocolId.size() &&
         std::equal(kProtocolId.begin(), kProtocolId.end(), frame.begin());
}

Task<Status> negotiate(Connection& connection, Request& request, Reply& reply) {
  const bool smb1 = is_smb1(request.message);
  const std::optional<Offer> offer = smb1 ? parse_smb1(request.message) : parse(request);
  if (!offer) co_return Status::invalid_parameter;
  const bool wildcard = smb1 && contains(offer->dialects, kDialectWildcard);
  const std::uint16_t dialect = wildcard ? kDialectWildcard : choose_dialect(offer->dialects);
  if (dialect == 0) {
    if (smb1) connection.close();  // it would not understand an answer
    co_return Status::not_supported;
  }
  Contexts contexts;
  if (dialect == kDialect311) {
    const Status parsed = parse_contexts(request, *offer, contexts);
    if (failed(parsed)) co_return parsed;
  }

  Negotiation& agreed = *connection.negotiation;
  agreed.dialect = dialect;
  agreed.client_capabilities = offer->capabilities;
  agreed.client_security_mode = offer->security_mode;
  agreed.client_guid = offer->guid;
  agreed.signing = contexts.algorithm.value_or(auth::default_signing_algorithm(dialect));
  agreed.cipher = contexts.cipher =
      choose_cipher(dialect, *offer, contexts, connection.server().config()->encryption);
  agreed.server_capabilities = agreed.multi_credit() ? kCapabilityLargeMtu | kCapabilityLeasing : 0;
  // Section 3.3.5.4: these are answered only to clients that know them.
  if (agreed.multi_channel()) agreed.server_capabilities |= kCapabilityMultiChannel;
  if (dialect >= kDialect300 && dialect != kDialectWildcard)
    agreed.server_capabilities |= offer->capabilities & kCapabilityPersistentHandles;
  if (dialect != kDialect311 && agreed.cipher != auth::Cipher::none)
    agreed.server_capabilities |= kCapabilityEncryption;
  if (dialect == kDialect311) {
    agreed.preauth.update(request.message);
    reply.hash = {connection.negotiation, &agreed.preauth};
  }
  reply.put(response(connection, contexts));
  co_return Status::success;
}

}  // namespace understudy::smb2
