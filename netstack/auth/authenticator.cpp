#include "netstack/auth/authenticator.h"

#include <utility>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "iomgr/hmac.h"
#include "iomgr/unicode.h"
#include "netstack/auth/spnego.h"

namespace understudy::auth {
namespace {

// A security buffer's length has 16 bits on the wire (MS-SMB2 section 2.2.5).
constexpr std::size_t max_token_size = 0xFFFF;

/// The account's part of what the client calls the user: `user@realm` comes with an empty domain.
std::string_view without_realm(std::string_view name) {
  return name.substr(0, name.find('@'));
}

}  // namespace

Authenticator::Authenticator(const Accounts& accounts, Random& random, ServerNames names,
                             std::uint64_t now_filetime)
    : accounts_(accounts), random_(random), names_(std::move(names)), now_filetime_(now_filetime) {}

Authenticator::~Authenticator() {
  wipe(session_key_);
}

std::vector<std::uint8_t> Authenticator::initial_token() {
  return spnego::build_initial_token();
}

const Block& Authenticator::session_key() const {
  UNDERSTUDY_CHECK(state_ == State::succeeded);
  return session_key_;
}

Authenticator::Result Authenticator::accept(ConstBytes token) {
  const bool decided = state_ == State::succeeded || state_ == State::failed;
  if (decided || token.size() > max_token_size) return {};
  Result result = ntlmssp::is_ntlmssp(token) ? accept_ntlmssp(token) : accept_spnego(token);
  switch (result.status) {
    case Status::more_processing_required:
      break;
    case Status::success:
      state_ = State::succeeded;
      break;
    default:
      state_ = State::failed;
      user_.clear();
      wipe(session_key_);
      result.token.clear();
  }
  return result;
}

Authenticator::Result Authenticator::accept_ntlmssp(ConstBytes message) {
  if (state_ == State::expects_negotiate) return challenge(message);
  return {authenticate(message), {}};
}

Authenticator::Result Authenticator::accept_spnego(ConstBytes token) {
  const auto parsed = spnego::parse(token);
  if (!parsed) return {};

  ConstBytes message;
  ConstBytes client_mic;
  spnego::Answer answer;
  if (const auto* init = std::get_if<spnego::NegTokenInit>(&*parsed)) {
    if (!mech_types_.empty() || state_ != State::expects_negotiate) return {};
    if (!init->offers_ntlmssp) return {Status::logon_failure, {}};
    if (init->mech_types.size() > bounds::kMaxUnprovenBytes) return {};
    mech_types_.assign(init->mech_types.begin(), init->mech_types.end());
    // A guess for another mechanism is dropped; the client starts again with the one it is told,
    // and both sides prove by MICs that nobody changed the list (RFC 4178 section 5).
    if (init->prefers_ntlmssp) message = init->mech_token.value_or(ConstBytes());
    answer.state =
        init->prefers_ntlmssp ? spnego::NegState::accept_incomplete : spnego::NegState::request_mic;
  } else {
    const auto& response = std::get<spnego::NegTokenResp>(*parsed);
    if (mech_types_.empty() || !response.response_token) return {};
    message = *response.response_token;
    client_mic = response.mech_list_mic.value_or(ConstBytes());
    answer.state = spnego::NegState::accept_incomplete;
  }
  answer.names_ntlmssp = !std::exchange(mechanism_named_, true);
  if (message.empty()) {
    return {Status::more_processing_required, spnego::build_answer(answer)};
  }

  const Result inner = accept_ntlmssp(message);
  Block mic{};
  if (inner.status == Status::success) {
    answer.state = spnego::NegState::accept_completed;
    if (!client_mic.empty()) {
      if (!verify_mech_list_mic(client_mic)) return {Status::logon_failure, {}};
      mic = ntlmssp::first_signature(session_key_, flags_, ntlmssp::Direction::server_to_client,
                                     mech_types_);
      answer.mech_list_mic = mic;
    }
  }
  answer.response_token = inner.token;
  return {inner.status, spnego::build_answer(answer)};
}

Authenticator::Result Authenticator::challenge(ConstBytes negotiate) {
  const auto client_flags = ntlmssp::parse_negotiate(negotiate);
  if (!client_flags || negotiate.size() > bounds::kMaxUnprovenBytes) return {};
  flags_ = ntlmssp::challenge_flags(*client_flags);
  random_.fill(server_challenge_);
  negotiate_.assign(negotiate.begin(), negotiate.end());
  challenge_ = ntlmssp::build_challenge(flags_, server_challenge_, names_, now_filetime_);
  state_ = State::expects_authenticate;
  return {Status::more_processing_required, challenge_};
}

Status Authenticator::authenticate(ConstBytes bytes) {
  const auto message = ntlmssp::parse_authenticate(bytes);
  if (!message) return Status::invalid_parameter;
  flags_ &= message->flags;  // the client has the last word, among what it was offered
  if (ntlmssp::is_anonymous(*message)) {
    anonymous_ = true;
    // Nobody's key is known to everybody: there is nothing that a MIC could prove.
    return may_be_anonymous_ ? take_session_key(*message, Block{}) : Status::logon_failure;
  }
  Block key_exchange_key{};
  const Status verified = verify_user(*message, key_exchange_key);
  if (verified != Status::success) return verified;

  const Status taken = take_session_key(*message, key_exchange_key);
  if (taken != Status::success) return taken;
  // The flag that promises a MIC is itself covered by the proof that was just verified.
  const auto av_flags =
      ntlmssp::av_flags(ntlmssp::parse_ntlm_v2_response(message->nt_response)->blob);
  if ((*av_flags & ntlmssp::av_flag_mic_present) != 0 &&
      !ntlmssp::verify_mic(session_key_, negotiate_, challenge_, bytes)) {
    return Status::logon_failure;
  }
  return Status::success;
}

Status Authenticator::take_session_key(const ntlmssp::Authenticate& message,
                                       const Block& key_exchange_key) {
  session_key_ = key_exchange_key;
  if ((flags_ & ntlmssp::flag_key_exchange) == 0) return Status::success;
  if (message.encrypted_session_key.size() != session_key_.size()) return Status::invalid_parameter;
  session_key_ = ntlmssp::decrypt_session_key(key_exchange_key, message.encrypted_session_key);
  return Status::success;
}

Status Authenticator::verify_user(const ntlmssp::Authenticate& message, Block& session_base_key) {
  const auto name = utf8_from_utf16le(message.user);
  if (!name) return Status::invalid_parameter;
  const auto response = ntlmssp::parse_ntlm_v2_response(message.nt_response);
  if (!response) {
    const bool version_one = message.nt_response.size() <= ntlmssp::ntlm_v1_response_size;
    return version_one ? Status::logon_failure : Status::invalid_parameter;
  }
  if (!ntlmssp::av_flags(response->blob)) return Status::invalid_parameter;

  // A name that is not there costs the same work as a wrong password, so time tells nothing.
  const Account* const account = accounts_.find(without_realm(*name));
  const Block nt_hash = account != nullptr ? account->nt_hash : Block{};
  const Block key = ntlmssp::response_key(nt_hash, message.user, message.domain);
  const Block proof = ntlmssp::nt_proof(key, server_challenge_, response->blob);
  const bool proven = equal_in_constant_time(proof, response->proof);
  if (account == nullptr || !proven) return Status::logon_failure;
  user_ = account->name;
  session_base_key = ntlmssp::session_base_key(key, response->proof);
  return Status::success;
}

bool Authenticator::verify_mech_list_mic(ConstBytes mic) const {
  if ((flags_ & ntlmssp::flag_extended_session_security) == 0) return false;
  const Block expected = ntlmssp::first_signature(
      session_key_, flags_, ntlmssp::Direction::client_to_server, mech_types_);
  return equal_in_constant_time(expected, mic);
}

}  // namespace understudy::auth
