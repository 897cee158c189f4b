#include "netstack/auth/authenticator.h"

#include <gtest/gtest.h>

#include <random>

#include "iomgr/bounds.h"
#include "netstack/auth/spnego.h"
#include "netstack/auth/test_client.h"

namespace understudy::auth {
namespace {

using Token = TestClient::Token;
using Result = Authenticator::Result;

class CountingRandom final : public Random {
 public:
  void fill(Bytes out) override {
    for (std::uint8_t& byte : out) byte = ++last_;
  }

 private:
  std::uint8_t last_ = 0;
};

/// Gives the challenge of MS-NLMP section 4.2.
class ExampleRandom final : public Random {
 public:
  void fill(Bytes out) override {
    const auto bytes = from_hex("0123456789abcdef");
    ASSERT_EQ(out.size(), bytes.size());
    std::copy(bytes.begin(), bytes.end(), out.begin());
  }
};

Block hash_of(std::string_view password) {
  std::string error;
  return nt_hash(password, error).value_or(Block{});
}

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    std::string error;
    EXPECT_TRUE(accounts_.put("User", hash_of("Password"), error)) << error;
    EXPECT_TRUE(accounts_.put("other", hash_of("secret"), error)) << error;
    start();
  }

  /// A new exchange.
  void start() {
    server_.emplace(accounts_, random_, ServerNames{"UNDERSTUDY", "LAB", "understudy.lab", "lab"},
                    133000000000000000);
  }

  Token client_message(ConstBytes challenge) {
    return client_.authenticate(challenge, hash_of(client_.password));
  }

  /// The whole exchange without SPNEGO; the last answer of the server.
  Result log_on_raw() {
    const Result first = server_->accept(client_.negotiate());
    EXPECT_EQ(first.status, Status::more_processing_required);
    return server_->accept(client_message(first.token));
  }

  /// The NTLMSSP challenge in an answer of the server.
  static Token unwrap(const Token& answer) {
    const auto token = spnego::parse(answer);
    const auto* response = token ? std::get_if<spnego::NegTokenResp>(&*token) : nullptr;
    if (response == nullptr || !response->response_token) return {};
    return {response->response_token->begin(), response->response_token->end()};
  }

  Result log_on_with_spnego() {
    const Result first = server_->accept(client_.wrap_first(client_.negotiate()));
    EXPECT_EQ(first.status, Status::more_processing_required);
    const Token message = client_message(unwrap(first.token));
    const Token mic =
        client_.with_mech_list_mic ? client_.mech_list_mic("client-to-server") : Token();
    return server_->accept(client_.wrap_next(message, mic));
  }

  void expect_logged_on(const Result& result) {
    ASSERT_EQ(result.status, Status::success);
    EXPECT_EQ(server_->user(), "User");
    EXPECT_EQ(to_hex(server_->session_key()), to_hex(client_.session_key));
    EXPECT_FALSE(server_->anonymous());
  }

  void expect_refused(const Result& result, Status status = Status::logon_failure) {
    EXPECT_EQ(result.status, status);
    EXPECT_TRUE(result.token.empty());
    EXPECT_EQ(server_->user(), "");
    EXPECT_DEATH(static_cast<void>(server_->session_key()), "bugcheck");
    EXPECT_EQ(server_->accept(client_.negotiate()).status, Status::invalid_parameter);
  }

  Accounts accounts_;
  CountingRandom random_;
  std::optional<Authenticator> server_;
  TestClient client_;
};

TEST_F(AuthenticatorTest, LogsOnARawClient) {
  const Result result = log_on_raw();
  expect_logged_on(result);
  EXPECT_TRUE(result.token.empty());
}

TEST_F(AuthenticatorTest, LogsOnASpnegoClientAndAnswersItsMechListMic) {
  const Result result = log_on_with_spnego();
  expect_logged_on(result);
  const auto token = spnego::parse(result.token);
  ASSERT_TRUE(token);
  const auto& response = std::get<spnego::NegTokenResp>(*token);
  EXPECT_EQ(response.state, spnego::NegState::accept_completed);
  EXPECT_FALSE(response.response_token);
  ASSERT_TRUE(response.mech_list_mic);
  EXPECT_EQ(to_hex(*response.mech_list_mic), to_hex(client_.mech_list_mic("server-to-client")));
}

TEST_F(AuthenticatorTest, LogsOnASpnegoClientWithoutMechListMic) {
  client_.with_mech_list_mic = false;
  const Result result = log_on_with_spnego();
  expect_logged_on(result);
  EXPECT_EQ(to_hex(result.token), "a1073005a0030a0100");
}

TEST_F(AuthenticatorTest, LogsOnWithEveryCombinationOfFlags) {
  for (const std::uint32_t without : {0x40000000U, 0x20000000U, 0x00000030U, 0x80000000U}) {
    for (const bool with_mic : {true, false}) {
      start();
      client_ = {};
      client_.flags &= ~without;
      client_.with_mic = with_mic;
      client_.with_mech_list_mic = without != 0x20000000U;  // the test's client seals with 128 bits
      expect_logged_on(log_on_with_spnego());
    }
  }
}

TEST_F(AuthenticatorTest, LogsOnTheClientOfMsNlmpSection4243) {
  ExampleRandom random;
  Authenticator server(accounts_, random, {"Server", "Domain", "", ""}, 0);
  const Result first = server.accept(from_hex("4e544c4d5353500001000000358288e2"));
  ASSERT_EQ(first.status, Status::more_processing_required);
  const Result last = server.accept(from_hex(
      "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000"
      "100010005c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e0055007300"
      "65007200"
      "43004f004d005000550054004500520086c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab8"
      "51e51c96aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c00"
      "44006f006d00610069006e0001000c005300650072007600650072000000000000000000c5dad2544fc97990"
      "94ce1ce90bc9d03e"));
  ASSERT_EQ(last.status, Status::success);
  EXPECT_EQ(server.user(), "User");
  EXPECT_EQ(to_hex(server.session_key()), "55555555555555555555555555555555");
}

TEST_F(AuthenticatorTest, TakesAnyDomainAndNone) {
  for (const char* domain : {"", "ELSE", "dom.example"}) {
    start();
    client_.domain = domain;
    expect_logged_on(log_on_raw());
  }
}

TEST_F(AuthenticatorTest, TakesTheNameInAnyCaseAndWithARealm) {
  for (const char* user : {"USER", "uSeR", "user@dom.example", "User@"}) {
    start();
    client_.user = user;
    client_.domain = "";
    expect_logged_on(log_on_raw());
  }
}

TEST_F(AuthenticatorTest, RefusesAWrongPassword) {
  client_.password = "password";
  expect_refused(log_on_raw());
  start();
  expect_refused(log_on_with_spnego());
}

TEST_F(AuthenticatorTest, RefusesAnUnknownUser) {
  client_.user = "nobody";
  expect_refused(log_on_raw());
}

TEST_F(AuthenticatorTest, RefusesAnUnknownUserWhoKnowsTheHashThatStandsInForHis) {
  client_.user = "nobody";
  const Result first = server_->accept(client_.negotiate());
  expect_refused(server_->accept(client_.authenticate(first.token, Block{})));
}

TEST_F(AuthenticatorTest, RefusesTheRightPasswordOfSomebodyElse) {
  client_.user = "other";
  expect_refused(log_on_raw());
}

TEST_F(AuthenticatorTest, RefusesAnAnswerToAnotherChallenge) {
  const Result first = server_->accept(client_.negotiate());
  const Token message = client_message(first.token);
  start();
  const Result second = server_->accept(client_.negotiate());
  ASSERT_NE(second.token, first.token);
  expect_refused(server_->accept(message));
}

TEST_F(AuthenticatorTest, RefusesNtlmV1AndLm) {
  for (const std::size_t size : {24U, 0U}) {
    start();
    ASSERT_EQ(server_->accept(client_.negotiate()).status, Status::more_processing_required);
    expect_refused(server_->accept(client_.assemble(Token(24, 1), Token(size, 1), {})));
    EXPECT_FALSE(server_->anonymous());
  }
}

TEST_F(AuthenticatorTest, CallsAnAnswerInvalidThatIsOfNeitherVersion) {
  // Too long for the one, too short for the other, and with a list of pairs that leads out of it.
  for (const std::size_t size : {25U, 43U, 60U}) {
    start();
    ASSERT_EQ(server_->accept(client_.negotiate()).status, Status::more_processing_required);
    expect_refused(server_->accept(client_.assemble(Token(24, 1), Token(size, 1), {})),
                   Status::invalid_parameter);
  }
}

TEST_F(AuthenticatorTest, RefusesAnAnonymousClientAndSaysSo) {
  client_.user = "";
  for (const std::size_t size : {0U, 1U}) {
    start();
    ASSERT_EQ(server_->accept(client_.negotiate()).status, Status::more_processing_required);
    expect_refused(server_->accept(client_.assemble(Token(size), {}, {})));
    EXPECT_TRUE(server_->anonymous());
  }
}

TEST_F(AuthenticatorTest, TakesAnAnonymousClientWhereItMayBeNobody) {
  start();
  server_->allow_anonymous();
  const Result first = server_->accept(client_.negotiate());
  ASSERT_EQ(first.status, Status::more_processing_required);
  ASSERT_EQ(server_->accept(client_.nobody(first.token)).status, Status::success);
  EXPECT_TRUE(server_->anonymous());
  EXPECT_EQ(server_->user(), "");
  EXPECT_EQ(server_->session_key(), client_.session_key);
}

TEST_F(AuthenticatorTest, RefusesATamperedAuthenticateMessage) {
  const std::size_t size = [&] {
    const Result first = server_->accept(client_.negotiate());
    return client_message(first.token).size();
  }();
  for (std::size_t i = 0; i < size; ++i) {
    start();
    const Result first = server_->accept(client_.negotiate());
    Token message = client_message(first.token);
    message[i] ^= 1;
    const Status status = server_->accept(message).status;
    ASSERT_TRUE(status == Status::logon_failure || status == Status::invalid_parameter) << i;
  }
}

TEST_F(AuthenticatorTest, RefusesFlagsStrippedOnTheWay) {
  // Whoever sits between drops key exchange from the first message; the MIC tells.
  Token negotiate = client_.negotiate();
  negotiate[15] &= 0xBF;
  const Result first = server_->accept(negotiate);
  ASSERT_EQ(first.status, Status::more_processing_required);
  expect_refused(server_->accept(client_message(first.token)));
}

TEST_F(AuthenticatorTest, RefusesAMissingMicThatWasPromised) {
  const Result first = server_->accept(client_.negotiate());
  Token message = client_message(first.token);
  std::fill_n(message.begin() + 72, 16, std::uint8_t{0});
  expect_refused(server_->accept(message));
}

TEST_F(AuthenticatorTest, RefusesATamperedListOfMechanisms) {
  const Result first = server_->accept(client_.wrap_first(client_.negotiate()));
  const Token message = client_message(unwrap(first.token));
  Token mic = client_.mech_list_mic("client-to-server");
  mic[5] ^= 1;
  expect_refused(server_->accept(client_.wrap_next(message, mic)));

  start();
  const Result again = server_->accept(client_.wrap_first(client_.negotiate()));
  const Token next = client_message(unwrap(again.token));
  client_.kerberos_first = true;  // the client had sent another list than the one that came
  expect_refused(
      server_->accept(client_.wrap_next(next, client_.mech_list_mic("client-to-server"))));
}

TEST_F(AuthenticatorTest, RefusesAMechListMicWithoutExtendedSessionSecurity) {
  client_.flags &= ~0x00080000U;
  expect_refused(log_on_with_spnego());
  start();
  client_.with_mech_list_mic = false;
  expect_logged_on(log_on_with_spnego());
}

TEST_F(AuthenticatorTest, TellsAClientThatGuessedKerberosToUseNtlmssp) {
  client_.kerberos_first = true;
  const Result hint = server_->accept(client_.wrap_first(as_bytes("a Kerberos ticket")));
  ASSERT_EQ(hint.status, Status::more_processing_required);
  EXPECT_EQ(to_hex(hint.token), "a1153013a0030a0103a10c060a2b06010401823702020a");  // request-mic

  const Result first = server_->accept(client_.wrap_next(client_.negotiate()));
  ASSERT_EQ(first.status, Status::more_processing_required);
  const Token message = client_message(unwrap(first.token));
  const Result last =
      server_->accept(client_.wrap_next(message, client_.mech_list_mic("client-to-server")));
  expect_logged_on(last);
}

TEST_F(AuthenticatorTest, TakesAFirstTokenWithoutAGuess) {
  const Result hint = server_->accept(client_.wrap_first({}));
  ASSERT_EQ(hint.status, Status::more_processing_required);
  const Result first = server_->accept(client_.wrap_next(client_.negotiate()));
  ASSERT_EQ(first.status, Status::more_processing_required);
  const Token message = client_message(unwrap(first.token));
  expect_logged_on(server_->accept(client_.wrap_next(message)));
}

TEST_F(AuthenticatorTest, RefusesAClientWithoutNtlmssp) {
  expect_refused(server_->accept(
                     from_hex("601e06062b0601050502a0143012a00d300b06092a864882f712010202a2010 0")),
                 Status::invalid_parameter);  // the mechToken is malformed
  start();
  expect_refused(
      server_->accept(from_hex("601b06062b0601050502a011300fa00d300b06092a864882f712010202")));
}

TEST_F(AuthenticatorTest, RefusesTokensOutOfTurn) {
  expect_refused(server_->accept(Token()), Status::invalid_parameter);
  start();
  expect_refused(server_->accept(client_.wrap_next(client_.negotiate())),
                 Status::invalid_parameter);  // an answer before the question
  start();
  ASSERT_EQ(server_->accept(client_.negotiate()).status, Status::more_processing_required);
  expect_refused(server_->accept(client_.negotiate()), Status::invalid_parameter);
  start();
  const Token first = client_.wrap_first(client_.negotiate());
  ASSERT_EQ(server_->accept(first).status, Status::more_processing_required);
  expect_refused(server_->accept(first), Status::invalid_parameter);
  start();
  ASSERT_EQ(server_->accept(client_.wrap_first({})).status, Status::more_processing_required);
  expect_refused(server_->accept(client_.wrap_first({})), Status::invalid_parameter);
}

TEST_F(AuthenticatorTest, DecidesOnce) {
  expect_logged_on(log_on_raw());
  EXPECT_EQ(server_->accept(client_.negotiate()).status, Status::invalid_parameter);
  EXPECT_EQ(server_->user(), "User");  // the session that exists is not harmed
  EXPECT_EQ(server_->session_key(), client_.session_key);
}

TEST_F(AuthenticatorTest, RefusesEveryTruncationOfEveryToken) {
  const Token first = client_.wrap_first(client_.negotiate());
  for (std::size_t size = 0; size < first.size(); ++size) {
    start();
    ASSERT_EQ(server_->accept(Exact(ConstBytes(first).first(size))).status,
              Status::invalid_parameter);
  }
  const Token raw = client_.negotiate();
  for (std::size_t size = 0; size < 16; ++size) {
    start();
    ASSERT_EQ(server_->accept(Exact(ConstBytes(raw).first(size))).status,
              Status::invalid_parameter);
  }
  for (const bool wrapped : {false, true}) {
    for (std::size_t size = 0;; ++size) {
      start();
      const Token negotiate = client_.negotiate();
      const Result answer = server_->accept(wrapped ? client_.wrap_first(negotiate) : negotiate);
      const Token challenge = wrapped ? unwrap(answer.token) : answer.token;
      Token message = client_message(challenge);
      if (wrapped) message = client_.wrap_next(message, client_.mech_list_mic("client-to-server"));
      if (size == message.size()) break;
      ASSERT_EQ(server_->accept(Exact(ConstBytes(message).first(size))).status,
                Status::invalid_parameter)
          << size;
    }
  }
}

TEST_F(AuthenticatorTest, SurvivesRandomChanges) {
  std::mt19937 random(1);
  int logged_on = 0;
  for (int round = 0; round < 20000; ++round) {
    start();
    const bool wrapped = random() % 2 == 0;
    const auto damage = [&](Token token) {
      for (std::size_t changes = random() % 3; changes > 0; --changes) {
        token[random() % token.size()] = static_cast<std::uint8_t>(random());
      }
      return token;
    };
    const Token negotiate = client_.negotiate();
    const Result answer =
        server_->accept(Exact(damage(wrapped ? client_.wrap_first(negotiate) : negotiate)));
    if (answer.status != Status::more_processing_required) continue;
    const Token challenge = wrapped ? unwrap(answer.token) : answer.token;
    if (challenge.empty()) continue;
    const Token message = client_message(challenge);
    const Result last = server_->accept(
        Exact(damage(wrapped ? client_.wrap_next(message, client_.mech_list_mic("client-to-server"))
                             : message)));
    if (last.status != Status::success) continue;
    // Only damage that hits nothing of meaning, or none, lets the right client in.
    ASSERT_EQ(server_->session_key(), client_.session_key);
    ++logged_on;
  }
  EXPECT_GT(logged_on, 1000);
}

TEST_F(AuthenticatorTest, RefusesATokenLongerThanTheWireCanCarry) {
  Token token = client_.negotiate();
  token.resize(0x10000);
  EXPECT_EQ(server_->accept(token).status, Status::invalid_parameter);
}

TEST_F(AuthenticatorTest, KeepsNoLongMessageOfAClientThatHasProvedNothing) {
  Token message = client_.negotiate();
  message.resize(bounds::kMaxUnprovenBytes + 1);
  EXPECT_EQ(server_->accept(message).status, Status::invalid_parameter);
}

TEST_F(AuthenticatorTest, OpensWithATokenThatOffersNtlmssp) {
  const Token bytes = Authenticator::initial_token();
  const auto token = spnego::parse(bytes);
  ASSERT_TRUE(token);
  EXPECT_TRUE(std::get<spnego::NegTokenInit>(*token).prefers_ntlmssp);
}

}  // namespace
}  // namespace understudy::auth
