// NTLMSSP as a server speaks it (MS-NLMP): the three messages, and the keys and proofs of NTLMv2.
// NTLMv1 and LM responses are recognised only to be refused.
//
//    client                                   server
//      | NEGOTIATE_MESSAGE    (flags)           |
//      |--------------------------------------->|
//      |   CHALLENGE_MESSAGE (flags, 8 random   |
//      |<------------------  bytes, target info)|
//      | AUTHENTICATE_MESSAGE (names, proof,    |
//      |--------------------------------------->| key, MIC over all three)
//
// Pure functions; the state is the Authenticator's. Parsers give views into the message, with every
// offset and length checked against its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netstack/auth/crypto.h"

namespace understudy::auth {

/// How the server calls itself in the target info (MS-NLMP section 2.2.2.1). UTF-8; an empty name
/// is left out. Both nodes of a cluster give the same, because they are one server to the client.
struct ServerNames {
  std::string netbios_computer;
  std::string netbios_domain;
  std::string dns_computer;
  std::string dns_domain;
};

namespace ntlmssp {

using Challenge = std::array<std::uint8_t, 8>;

/// NegotiateFlags, MS-NLMP section 2.2.2.5.
enum Flag : std::uint32_t {
  flag_unicode = 0x00000001,
  flag_request_target = 0x00000004,
  flag_sign = 0x00000010,
  flag_seal = 0x00000020,
  flag_ntlm = 0x00000200,
  flag_always_sign = 0x00008000,
  flag_target_type_server = 0x00020000,
  flag_extended_session_security = 0x00080000,
  flag_target_info = 0x00800000,
  flag_version = 0x02000000,
  flag_128 = 0x20000000,
  flag_key_exchange = 0x40000000,
  flag_56 = 0x80000000,
};

/// Whether `token` is an NTLMSSP message and not SPNEGO.
bool is_ntlmssp(ConstBytes token);

/// Flags of a NEGOTIATE_MESSAGE (section 2.2.1.1); nullopt if it is none or if its client cannot do
/// Unicode. The names in it are not looked at: nobody needs them, and some clients send the message
/// without them.
std::optional<std::uint32_t> parse_negotiate(ConstBytes message);

/// The flags of the CHALLENGE_MESSAGE: what the client asked for and the server can do.
std::uint32_t challenge_flags(std::uint32_t client_flags);

/// CHALLENGE_MESSAGE (section 2.2.1.2). `filetime` counts 100 ns from 1601; it is in the target
/// info so that clients add a MIC (section 3.1.5.1.2).
std::vector<std::uint8_t> build_challenge(std::uint32_t flags, const Challenge& challenge,
                                          const ServerNames& names, std::uint64_t filetime);

/// AUTHENTICATE_MESSAGE (section 2.2.1.3). Views into the message.
struct Authenticate {
  ConstBytes lm_response;
  ConstBytes nt_response;
  ConstBytes domain;       // UTF-16LE
  ConstBytes user;         // UTF-16LE
  ConstBytes workstation;  // UTF-16LE
  ConstBytes encrypted_session_key;
  std::uint32_t flags = 0;
};
std::optional<Authenticate> parse_authenticate(ConstBytes message);

/// Whether the message is of a client that wants in without a name (section 3.2.5.1.2).
bool is_anonymous(const Authenticate& message);

/// An answer as short as that is NTLM version 1.
inline constexpr std::size_t ntlm_v1_response_size = 24;

/// NTLMv2_RESPONSE (section 2.2.2.8). Views into it.
struct NtlmV2Response {
  ConstBytes proof;  // NTProofStr, 16 bytes
  ConstBytes blob;   // "temp" of section 3.3.2: what the proof covers
};
/// nullopt: NTLMv1 (24 bytes), or nothing that is NTLMv2.
std::optional<NtlmV2Response> parse_ntlm_v2_response(ConstBytes nt_response);

/// MsvAvFlags of the AV pairs in the blob, 0 if there is none; nullopt if the pairs are malformed.
std::optional<std::uint32_t> av_flags(ConstBytes blob);
inline constexpr std::uint32_t av_flag_mic_present = 0x00000002;

/// NTOWFv2 (section 3.3.2): the key that user and password make. User and domain as they were sent.
Block response_key(const Block& nt_hash, ConstBytes user, ConstBytes domain);
/// NTProofStr (section 3.3.2).
Block nt_proof(const Block& response_key, const Challenge& challenge, ConstBytes blob);
/// SessionBaseKey (section 3.3.2), which for NTLMv2 is the KeyExchangeKey too (section 3.4.5.1).
Block session_base_key(const Block& response_key, ConstBytes proof);
/// ExportedSessionKey out of EncryptedRandomSessionKey (section 3.2.5.1.2), 16 bytes.
Block decrypt_session_key(const Block& key_exchange_key, ConstBytes encrypted);

/// Whether the MIC in `authenticate` is right for the three messages as they went over the wire
/// (section 3.2.5.1.2). False too for a message without room for one.
bool verify_mic(const Block& exported_session_key, ConstBytes negotiate, ConstBytes challenge,
                ConstBytes authenticate);

enum class Direction { client_to_server, server_to_client };

/// The signature of the first message in one direction, sequence number 0
/// (sections 3.4.4.2, 3.4.5.2, 3.4.5.3). In SMB there is only one such message, the list of
/// mechanisms of SPNEGO. Only for contexts with flag_extended_session_security.
Block first_signature(const Block& exported_session_key, std::uint32_t flags, Direction direction,
                      ConstBytes message);

}  // namespace ntlmssp
}  // namespace understudy::auth
