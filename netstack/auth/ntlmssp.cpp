#include "netstack/auth/ntlmssp.h"

#include <algorithm>

#include "iomgr/check.h"
#include "iomgr/hmac.h"
#include "iomgr/unicode.h"

namespace understudy::auth::ntlmssp {
namespace {

constexpr std::array<std::uint8_t, 8> signature = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};
constexpr std::uint32_t type_negotiate = 1;
constexpr std::uint32_t type_challenge = 2;
constexpr std::uint32_t type_authenticate = 3;

constexpr std::size_t negotiate_min_size = 16;     // up to and including the flags
constexpr std::size_t challenge_header_size = 56;  // up to and including the version
constexpr std::size_t authenticate_min_size = 64;  // up to and including the flags
constexpr std::size_t mic_offset = 72;
constexpr std::size_t mic_end = 88;
constexpr std::size_t blob_header_size = 28;  // of the NTLMv2 blob, before the AV pairs

// AV_PAIR ids, MS-NLMP section 2.2.2.1.
constexpr std::uint16_t av_end = 0;
constexpr std::uint16_t av_netbios_computer = 1;
constexpr std::uint16_t av_netbios_domain = 2;
constexpr std::uint16_t av_dns_computer = 3;
constexpr std::uint16_t av_dns_domain = 4;
constexpr std::uint16_t av_flags_id = 6;
constexpr std::uint16_t av_timestamp = 7;

// Readers: the caller has checked that the bytes are there.
std::uint16_t read16(ConstBytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] | (bytes[at + 1] << 8));
}
std::uint32_t read32(ConstBytes bytes, std::size_t at) {
  return read16(bytes, at) | (static_cast<std::uint32_t>(read16(bytes, at + 2)) << 16);
}

/// Appends `size` bytes, least significant first.
void append(std::vector<std::uint8_t>& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i)
    out.push_back(static_cast<std::uint8_t>((value >> (8 * i)) & 0xFF));
}
void append(std::vector<std::uint8_t>& out, ConstBytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Length, maximum length and offset of a part of the message.
void append_fields(std::vector<std::uint8_t>& out, std::size_t length, std::size_t offset) {
  append(out, length, 2);
  append(out, length, 2);
  append(out, offset, 4);
}

bool has_type(ConstBytes message, std::uint32_t type, std::size_t min_size) {
  return message.size() >= min_size && is_ntlmssp(message) && read32(message, 8) == type;
}

/// The part whose length and offset stand at `at`.
std::optional<ConstBytes> part(ConstBytes message, std::size_t at) {
  const std::size_t length = read16(message, at);
  const std::size_t offset = read32(message, at + 4);
  if (length == 0) return ConstBytes();  // offsets of empty parts are often nonsense
  if (offset > message.size() || length > message.size() - offset) return std::nullopt;
  return message.subspan(offset, length);
}

/// A name in UTF-16LE. The configuration has been checked before it comes here.
std::vector<std::uint8_t> wide(std::string_view text) {
  auto converted = utf16le_from_utf8(text);
  UNDERSTUDY_CHECK(converted && converted->size() <= 1024);
  return std::move(*converted);
}

std::vector<std::uint8_t> target_info(const ServerNames& names, std::uint64_t filetime) {
  std::vector<std::uint8_t> out;
  const auto add_name = [&](std::uint16_t id, std::string_view name) {
    if (name.empty()) return;
    const auto value = wide(name);
    append(out, id, 2);
    append(out, value.size(), 2);
    append(out, value);
  };
  add_name(av_netbios_domain, names.netbios_domain);
  add_name(av_netbios_computer, names.netbios_computer);
  add_name(av_dns_domain, names.dns_domain);
  add_name(av_dns_computer, names.dns_computer);
  append(out, av_timestamp, 2);
  append(out, 8, 2);
  append(out, filetime, 8);
  append(out, av_end, 2);
  append(out, 0, 2);
  return out;
}

/// SIGNKEY and SEALKEY (MS-NLMP sections 3.4.5.2 and 3.4.5.3): the constants end with a NUL that
/// counts.
Block subkey(ConstBytes key, Direction direction, std::string_view purpose) {
  const std::string_view way =
      direction == Direction::client_to_server ? "client-to-server" : "server-to-client";
  const std::string text =
      "session key to " + std::string(way) + " " + std::string(purpose) + " key magic constant";
  return md5(pieces({key, ConstBytes(as_bytes({text.c_str(), text.size() + 1}))}));
}

/// SEALKEY uses as much of the key as was negotiated.
ConstBytes sealing_part(const Block& key, std::uint32_t flags) {
  if ((flags & flag_128) != 0) return key;
  return ConstBytes(key).first((flags & flag_56) != 0 ? 7 : 5);
}

}  // namespace

bool is_ntlmssp(ConstBytes token) {
  return token.size() >= signature.size() &&
         std::equal(signature.begin(), signature.end(), token.begin());
}

std::optional<std::uint32_t> parse_negotiate(ConstBytes message) {
  if (!has_type(message, type_negotiate, negotiate_min_size)) return std::nullopt;
  const std::uint32_t flags = read32(message, 12);
  if ((flags & flag_unicode) == 0) return std::nullopt;
  return flags;
}

std::uint32_t challenge_flags(std::uint32_t client_flags) {
  constexpr std::uint32_t always =
      flag_unicode | flag_ntlm | flag_request_target | flag_target_type_server | flag_target_info;
  constexpr std::uint32_t if_asked = flag_sign | flag_seal | flag_always_sign |
                                     flag_extended_session_security | flag_version | flag_128 |
                                     flag_key_exchange | flag_56;
  return always | (client_flags & if_asked);
}

std::vector<std::uint8_t> build_challenge(std::uint32_t flags, const Challenge& challenge,
                                          const ServerNames& names, std::uint64_t filetime) {
  const auto target_name = wide(names.netbios_computer);
  const auto info = target_info(names, filetime);
  std::vector<std::uint8_t> out;
  append(out, signature);
  append(out, type_challenge, 4);
  append_fields(out, target_name.size(), challenge_header_size);
  append(out, flags, 4);
  append(out, challenge);
  append(out, 0, 8);  // reserved
  append_fields(out, info.size(), challenge_header_size + target_name.size());
  // Version 6.1 with NTLMSSP_REVISION_W2K3 (section 2.2.2.10): clients read nothing out of it.
  const bool with_version = (flags & flag_version) != 0;
  append(out, with_version ? 0x0F00000000000106 : 0, 8);
  UNDERSTUDY_CHECK(out.size() == challenge_header_size);
  append(out, target_name);
  append(out, info);
  return out;
}

std::optional<Authenticate> parse_authenticate(ConstBytes message) {
  if (!has_type(message, type_authenticate, authenticate_min_size)) return std::nullopt;
  const auto lm_response = part(message, 12);
  const auto nt_response = part(message, 20);
  const auto domain = part(message, 28);
  const auto user = part(message, 36);
  const auto workstation = part(message, 44);
  const auto key = part(message, 52);
  if (!lm_response || !nt_response || !domain || !user || !workstation || !key) {
    return std::nullopt;
  }
  return Authenticate{*lm_response, *nt_response,       *domain, *user, *workstation,
                      *key,         read32(message, 60)};
}

bool is_anonymous(const Authenticate& message) {
  const ConstBytes lm = message.lm_response;
  return message.user.empty() && message.nt_response.empty() &&
         (lm.empty() || (lm.size() == 1 && lm[0] == 0));
}

std::optional<NtlmV2Response> parse_ntlm_v2_response(ConstBytes nt_response) {
  constexpr std::size_t proof_size = 16;
  if (nt_response.size() < proof_size + blob_header_size) return std::nullopt;
  const ConstBytes blob = nt_response.subspan(proof_size);
  if (blob[0] != 1 || blob[1] != 1) return std::nullopt;  // RespType and HiRespType
  return NtlmV2Response{nt_response.first(proof_size), blob};
}

std::optional<std::uint32_t> av_flags(ConstBytes blob) {
  if (blob.size() < blob_header_size) return std::nullopt;
  ConstBytes rest = blob.subspan(blob_header_size);
  std::uint32_t flags = 0;
  while (!rest.empty()) {  // the end may be marked by MsvAvEOL or be the end of the blob
    if (rest.size() < 4) return std::nullopt;
    const std::uint16_t id = read16(rest, 0);
    const std::size_t length = read16(rest, 2);
    if (id == av_end) break;
    if (length > rest.size() - 4) return std::nullopt;
    if (id == av_flags_id) {
      if (length != 4) return std::nullopt;
      flags = read32(rest, 4);
    }
    rest = rest.subspan(4 + length);
  }
  return flags;
}

Block response_key(const Block& nt_hash, ConstBytes user, ConstBytes domain) {
  // Only the user's name is in upper case here; the domain's stays as it was typed.
  const auto name = utf8_from_utf16le(user);
  const auto upper = name ? utf16le_from_utf8(fold(*name)) : std::nullopt;
  const ConstBytes upper_user = upper ? ConstBytes(*upper) : user;
  return hmac_md5(nt_hash, pieces({upper_user, domain}));
}

Block nt_proof(const Block& response_key, const Challenge& challenge, ConstBytes blob) {
  return hmac_md5(response_key, pieces({challenge, blob}));
}

Block session_base_key(const Block& response_key, ConstBytes proof) {
  return hmac_md5(response_key, pieces({proof}));
}

Block decrypt_session_key(const Block& key_exchange_key, ConstBytes encrypted) {
  Block key{};
  UNDERSTUDY_CHECK(encrypted.size() == key.size());
  std::copy(encrypted.begin(), encrypted.end(), key.begin());
  Rc4(key_exchange_key).apply(key);
  return key;
}

bool verify_mic(const Block& exported_session_key, ConstBytes negotiate, ConstBytes challenge,
                ConstBytes authenticate) {
  if (authenticate.size() < mic_end) return false;
  constexpr Block zeros{};
  const Block expected =
      hmac_md5(exported_session_key, pieces({negotiate, challenge, authenticate.first(mic_offset),
                                             zeros, authenticate.subspan(mic_end)}));
  return equal_in_constant_time(expected, authenticate.subspan(mic_offset, mic_end - mic_offset));
}

Block first_signature(const Block& exported_session_key, std::uint32_t flags, Direction direction,
                      ConstBytes message) {
  constexpr std::array<std::uint8_t, 4> version = {1, 0, 0, 0};
  constexpr std::array<std::uint8_t, 4> sequence_number = {0, 0, 0, 0};
  const Block signing_key = subkey(exported_session_key, direction, "signing");
  Block digest = hmac_md5(signing_key, pieces({sequence_number, message}));
  const Bytes checksum = Bytes(digest).first(8);
  if ((flags & flag_key_exchange) != 0) {
    const ConstBytes sealing_base = sealing_part(exported_session_key, flags);
    Rc4(subkey(sealing_base, direction, "sealing")).apply(checksum);
  }
  Block result{};  // version, checksum, sequence number
  std::copy(version.begin(), version.end(), result.begin());
  std::copy(checksum.begin(), checksum.end(), result.begin() + 4);
  std::copy(sequence_number.begin(), sequence_number.end(), result.begin() + 12);
  return result;
}

}  // namespace understudy::auth::ntlmssp
