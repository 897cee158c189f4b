// SESSION_SETUP: MS-SMB2 sections 2.2.5, 2.2.6, 3.3.5.5. Who the client is, auth::Authenticator
// finds out; here its tokens are carried, keys are made of the result, and a session that the
// client lost is cleared away.
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint8_t kFlagBinding = 1;
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
  body.u16(session.encrypts ? kSessionFlagEncryptData : 0);
  body.u16(static_cast<std::uint16_t>(kHeaderSize + kFixed));
  body.u16(static_cast<std::uint16_t>(token.size()));
  body.append(token);
  if (token.empty()) body.u8(0);
  reply.put(body.bytes());
}

void begin_exchange(Connection& connection, Session& session) {
  session.config = connection.server().config();
  session.preauth = connection.negotiation->preauth;
  const std::string& name = session.config->name;
  session.authenticator = std::make_unique<auth::Authenticator>(
      session.config->accounts, connection.netstack().random(),
      auth::ServerNames{name, name, name, ""}, connection.netstack().executor().wall_time());
}

/// The client is known: sections 3.3.5.5.3.
void make_valid(Connection& connection, Session& session, const Setup& setup) {
  session.user = session.authenticator->user();
  if (session.signer) return;  // it proved itself once more; the keys stay
  const Negotiation& agreed = *connection.negotiation;
  const auth::SessionKeys keys = auth::derive_session_keys(
      agreed.dialect, agreed.cipher, session.authenticator->session_key(), session.preauth.value());
  session.signer.emplace(agreed.signing, keys.signing);
  if (agreed.cipher != auth::Cipher::none) session.sealer.emplace(agreed.cipher, keys);
  session.encrypts = session.config->encryption == Encryption::required;
  session.signing_required =
      session.config->signing_required || (setup.security_mode & kSigningRequired) != 0;
  session.state = Session::State::valid;
  connection.logged_on();
}

/// Section 3.3.5.5.3: the client reconnects and says which session it had before. The same user's
/// it must be.
Task<void> end_previous(Netstack& netstack, std::uint64_t id, const Session& now) {
  const auto found = netstack.sessions().find(id);
  if (found == netstack.sessions().end() || id == now.id()) co_return;
  const std::shared_ptr<Session> previous = found->second;
  if (previous->state != Session::State::valid || previous->user != now.user) co_return;
  co_await previous->connection().end_session(previous);
}

}  // namespace

Task<Status> session_setup(Connection& connection, Request& request, Reply& reply) {
  const std::optional<Setup> setup = parse(request);
  if (!setup) co_return Status::invalid_parameter;
  if ((setup->flags & kFlagBinding) != 0)
    co_return Status::request_not_accepted;  // no multichannel

  // Section 3.3.5.5, step 1: who cannot encrypt is not let in where everybody must.
  if (connection.server().config()->encryption == Encryption::required &&
      connection.negotiation->cipher == auth::Cipher::none) {
    co_return Status::access_denied;
  }
  std::shared_ptr<Session> session = request.session;
  if (request.header.session_id == 0) session = connection.add_session();
  if (session == nullptr) {
    co_return request.header.session_id == 0 ? Status::insufficient_resources
                                             : Status::user_session_deleted;
  }
  if (session->authenticator == nullptr) begin_exchange(connection, *session);
  if (connection.negotiation->dialect == kDialect311) session->preauth.update(request.message);

  const auth::Authenticator::Result result = session->authenticator->accept(setup->token);
  reply.session_id = session->id();
  if (result.status == Status::more_processing_required) {
    put_token(reply, *session, result.token);
    reply.hash = {session, &session->preauth};
    co_return result.status;
  }
  if (failed(result.status)) {
    connection.netstack().log().warning("logon failed", {{"status", result.status}});
    co_await connection.end_session(session);
    co_return result.status;
  }
  make_valid(connection, *session, *setup);
  session->authenticator.reset();
  session->config.reset();
  co_await end_previous(connection.netstack(), setup->previous_session, *session);
  reply.signer = session;
  put_token(reply, *session, result.token);
  co_return Status::success;
}

}  // namespace understudy::smb2
