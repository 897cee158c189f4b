// SESSION_SETUP: MS-SMB2 sections 2.2.5, 2.2.6, 3.3.5.5. Who the client is, auth::Authenticator
// finds out; here its tokens are carried, keys are made of the result, and a session that the
// client lost is cleared away.
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/token.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint8_t kFlagBinding = 1;
constexpr std::uint16_t kSessionFlagIsNull = 2;
constexpr std::uint16_t kSessionFlagEncryptData = 4;

struct Setup {
  std::uint8_t flags;
  std::uint8_t security_mode;
  std::uint64_t previous_session;
  ConstBytes token;
};

std::optional<Setup> parse(const Request& request) {
  WireReader body = request.body();
  Setup setup{};
  body.skip(2);
  setup.flags = body.u8();
  setup.security_mode = body.u8();
  body.skip(8);  // Capabilities, Channel
  const std::uint16_t offset = body.u16();
  const std::uint16_t length = body.u16();
  setup.previous_session = body.u64();
  const std::optional<ConstBytes> token = request.buffer(offset, length);
  if (!body.ok() || !token) return std::nullopt;
  setup.token = *token;
  return setup;
}

void put_token(Reply& reply, const Session& session, ConstBytes token) {
  constexpr std::size_t kFixed = 8;
  WireWriter body;
  body.u16(9);
  body.u16(static_cast<std::uint16_t>((session.anonymous ? kSessionFlagIsNull : 0) |
                                      (session.encrypts ? kSessionFlagEncryptData : 0)));
  body.u16(static_cast<std::uint16_t>(kHeaderSize + kFixed));
  body.u16(static_cast<std::uint16_t>(token.size()));
  body.append(token);
  if (token.empty()) body.u8(0);
  reply.put(body.bytes());
}

/// `from_valid`: a session of somebody proves itself once more; it may become nobody's.
std::shared_ptr<Logon> begin_logon(Connection& connection, bool from_valid) {
  auto logon = std::make_shared<Logon>();
  logon->config = connection.server().config();
  logon->preauth = connection.negotiation->preauth;
  const std::string& name = logon->config->name;
  logon->authenticator = std::make_unique<auth::Authenticator>(
      logon->config->accounts, connection.netstack().random(),
      auth::ServerNames{name, name, name, ""}, connection.netstack().executor().wall_time());
  if (from_valid) logon->authenticator->allow_anonymous();
  return logon;
}

auth::SessionKeys derive_keys(const Connection& connection, const Logon& logon) {
  return auth::derive_session_keys(connection.negotiation->dialect, connection.negotiation->cipher,
                                   logon.authenticator->session_key(), logon.preauth.value());
}

/// The client is known: section 3.3.5.5.3.
void make_valid(Connection& connection, Session& session, const Setup& setup, const Logon& logon) {
  session.user = logon.authenticator->user();
  session.token = make_token(*logon.config, session.user);
  session.anonymous = logon.authenticator->anonymous();
  if (session.signer != nullptr) return;  // it proved itself once more; the keys stay
  const Negotiation& agreed = *connection.negotiation;
  const auth::SessionKeys keys = derive_keys(connection, logon);
  session.signer = std::make_shared<auth::Signer>(agreed.signing, keys.signing);
  session.find_channel(connection)->signer = session.signer;
  if (agreed.cipher != auth::Cipher::none) session.sealer.emplace(agreed.cipher, keys);
  session.encrypts = logon.config->encryption == Encryption::required;
  session.signing_required =
      logon.config->signing_required || (setup.security_mode & kSigningRequired) != 0;
  session.state = Session::State::valid;
  connection.logged_on();
}

/// Section 3.3.5.5.3: the client reconnects and says which session it had before. The same user's
/// it must be.
Task<void> end_previous(Connection& connection, std::uint64_t id, const Session& now) {
  const auto& sessions = connection.netstack().sessions();
  const auto found = sessions.find(id);
  if (found == sessions.end() || id == now.id()) co_return;
  const std::shared_ptr<Session> previous = found->second;
  if (previous->state != Session::State::valid || previous->user != now.user) co_return;
  if (now.anonymous) co_return;  // nobody is nobody's owner
  co_await connection.end_session(previous);
}

/// The session that the request is about: a new one, or one of the connection's that is in progress
/// or proves itself once more.
Result<std::shared_ptr<Session>> own_session(Connection& connection, const Request& request) {
  if (request.header.session_id != 0) {
    if (request.session == nullptr) return Status::user_session_deleted;
    return request.session;
  }
  std::shared_ptr<Session> session = connection.add_session();
  if (session == nullptr) return Status::insufficient_resources;
  return session;
}

std::shared_ptr<Session> session_anywhere(Connection& connection, const Request& request) {
  const auto& sessions = connection.netstack().sessions();
  const auto found = sessions.find(request.header.session_id);
  return found == sessions.end() ? nullptr : found->second;
}

bool signed_for(const Session& session, const Request& request) {
  return request.header.has(kFlagSigned) && session.signer != nullptr &&
         session.signer->verify(request.message);
}

/// Whether the connection may become a channel of the session: section 3.3.5.5, step 1. AES-GMAC
/// goes with itself alone, and that is looked at before all else, as Windows does.
Status check_binding(Connection& connection, const Request& request, Session& session) {
  const Negotiation& ours = *connection.negotiation;
  const Negotiation& theirs = *session.negotiation;
  constexpr auto kGmac = auth::SigningAlgorithm::aes_gmac;
  if (theirs.signing == kGmac && ours.signing != kGmac) return Status::request_out_of_sequence;
  if (theirs.signing != kGmac && ours.signing == kGmac) return Status::not_supported;
  if (!ours.multi_channel()) return Status::request_not_accepted;
  if (theirs.dialect != ours.dialect || !request.header.has(kFlagSigned))
    return Status::invalid_parameter;
  if (theirs.cipher != ours.cipher) return Status::invalid_parameter;
  if (theirs.client_guid != ours.client_guid) return Status::user_session_deleted;
  if (session.state != Session::State::valid || !theirs.multi_channel())
    return Status::request_not_accepted;
  if (session.anonymous) return Status::not_supported;
  if (session.find_channel(connection) != nullptr) return Status::request_not_accepted;
  return signed_for(session, request) ? Status::success : Status::access_denied;
}

/// The session of which the connection wants to become a channel. A refusal is signed for who has
/// the session's key, and for nobody else.
Result<std::shared_ptr<Session>> session_to_bind(Connection& connection, const Request& request,
                                                 Reply& reply) {
  const std::shared_ptr<Session> session = session_anywhere(connection, request);
  if (session == nullptr) {
    return connection.negotiation->multi_channel() ? Status::user_session_deleted
                                                   : Status::request_not_accepted;
  }
  if (signed_for(*session, request)) reply.signer = session->signer;
  const Status status = check_binding(connection, request, *session);
  if (failed(status)) return status;
  return session;
}

/// The last step of a binding. Success is signed with the new channel's key, all else with the
/// session's.
Status become_channel(Connection& connection, const std::shared_ptr<Session>& session,
                      const Logon& logon, Reply& reply) {
  if (logon.authenticator->user() != session->user) return Status::access_denied;
  if (session->state != Session::State::valid) return Status::user_session_deleted;
  auto signer = std::make_shared<auth::Signer>(connection.negotiation->signing,
                                               derive_keys(connection, logon).signing);
  if (!connection.bind_session(session, signer)) return Status::insufficient_resources;
  reply.signer = std::move(signer);
  connection.logged_on();
  return Status::success;
}

Task<Status> fail(Connection& connection, std::shared_ptr<Session> session, bool binding,
                  Status status) {
  connection.netstack().log().warning("logon failed", {{"status", status}});
  connection.forget_logon(session->id());
  if (!binding) co_await connection.end_session(session);
  co_return status;
}

}  // namespace

Task<Status> session_setup(Connection& connection, Request& request, Reply& reply) {
  const std::optional<Setup> setup = parse(request);
  if (!setup) co_return Status::invalid_parameter;
  // Section 3.3.5.5, step 1: who cannot encrypt is not let in where everybody must.
  if (connection.server().config()->encryption == Encryption::required &&
      connection.negotiation->cipher == auth::Cipher::none) {
    co_return Status::access_denied;
  }
  const bool binding = (setup->flags & kFlagBinding) != 0;
  const Result<std::shared_ptr<Session>> found =
      binding ? session_to_bind(connection, request, reply) : own_session(connection, request);
  if (!found) co_return found.status();
  const std::shared_ptr<Session> session = *found;

  std::shared_ptr<Logon> logon = connection.logon(session->id());
  if (logon == nullptr) {
    const bool from_valid = !binding && session->state == Session::State::valid;
    logon = begin_logon(connection, from_valid);
    if (!connection.keep_logon(session->id(), logon)) co_return Status::insufficient_resources;
  }
  if (connection.negotiation->dialect == kDialect311) logon->preauth.update(request.message);
  const auth::Authenticator::Result result = logon->authenticator->accept(setup->token);
  reply.session_id = session->id();
  if (result.status == Status::more_processing_required) {
    put_token(reply, *session, result.token);
    reply.hash = {logon, &logon->preauth};
    co_return result.status;
  }
  Status status = result.status;
  if (ok(status) && binding) status = become_channel(connection, session, *logon, reply);
  if (failed(status)) co_return co_await fail(connection, session, binding, status);
  connection.forget_logon(session->id());
  if (!binding) {
    make_valid(connection, *session, *setup, *logon);
    co_await end_previous(connection, setup->previous_session, *session);
    const Channel* channel = session->find_channel(connection);
    if (channel == nullptr) co_return Status::user_session_deleted;  // ended meanwhile
    reply.signer = channel->signer;
  }
  put_token(reply, *session, result.token);
  co_return Status::success;
}

}  // namespace understudy::smb2
