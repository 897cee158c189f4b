// SPNEGO (RFC 4178, MS-SPNG): the envelope around NTLMSSP in SESSION_SETUP and NEGOTIATE.
//
//    InitialContextToken ::= [APPLICATION 0] { OID of SPNEGO, NegotiationToken }     first token
//    NegotiationToken    ::= [0] NegTokenInit | [1] NegTokenResp                     later ones
//    NegTokenInit  ::= { [0] mechTypes, [1] reqFlags, [2] mechToken, [3] mechListMIC }
//    NegTokenResp  ::= { [0] negState, [1] supportedMech, [2] responseToken, [3] mechListMIC }
//
// The only mechanism offered is NTLMSSP. The parser takes DER from anyone: definite lengths, every
// one checked against what is there, fixed depth, no copies. Unknown fields are skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "iomgr/bytes.h"

namespace understudy::auth::spnego {

/// RFC 4178 section 4.2.2.
enum class NegState : std::uint8_t {
  accept_completed = 0,
  accept_incomplete = 1,
  reject = 2,
  request_mic = 3,
};

/// What a client sends first. The views point into the token.
struct NegTokenInit {
  ConstBytes mech_types;         // the MechTypeList with its tag: what mechListMIC covers
  bool offers_ntlmssp = false;   // anywhere in the list
  bool prefers_ntlmssp = false;  // at its head, so that mech_token is for NTLMSSP
  std::optional<ConstBytes> mech_token;
  std::optional<ConstBytes> mech_list_mic;
};

/// What a client sends then. The views point into the token.
struct NegTokenResp {
  std::optional<NegState> state;
  bool names_ntlmssp = false;  // supportedMech is there and is NTLMSSP
  std::optional<ConstBytes> response_token;
  std::optional<ConstBytes> mech_list_mic;
};

using Token = std::variant<NegTokenInit, NegTokenResp>;

/// nullopt for anything that is not one of the two tokens, cut short, or lies about a length.
std::optional<Token> parse(ConstBytes token);

/// The server's first word in the NEGOTIATE response: NegTokenInit2 (MS-SPNG section 2.2.1), with
/// NTLMSSP as the only mechanism and the fixed hint that Windows sends.
std::vector<std::uint8_t> build_initial_token();

/// What the server answers; an absent or empty part is left out. `names_ntlmssp` belongs into the
/// first answer (RFC 4178 section 4.2.2, supportedMech).
struct Answer {
  NegState state = NegState::reject;
  bool names_ntlmssp = false;
  ConstBytes response_token;
  ConstBytes mech_list_mic;
};
std::vector<std::uint8_t> build_answer(const Answer& answer);

}  // namespace understudy::auth::spnego
