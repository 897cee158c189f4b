#include "netstack/auth/spnego.h"

#include <gtest/gtest.h>

#include <random>

#include "netstack/auth/test_vectors.h"

namespace understudy::auth::spnego {
namespace {

std::optional<NegTokenInit> parse_init(ConstBytes bytes) {
  const auto token = parse(bytes);
  if (!token || !std::holds_alternative<NegTokenInit>(*token)) return std::nullopt;
  return std::get<NegTokenInit>(*token);
}

std::optional<NegTokenResp> parse_resp(ConstBytes bytes) {
  const auto token = parse(bytes);
  if (!token || !std::holds_alternative<NegTokenResp>(*token)) return std::nullopt;
  return std::get<NegTokenResp>(*token);
}

constexpr std::string_view ntlmssp_oid = "060a2b06010401823702020a";
constexpr std::string_view kerberos_oid = "06092a864882f712010202";

/// A NegTokenInit with these mechanisms, a mechToken of two bytes and `more` fields after it.
std::vector<std::uint8_t> init_with(std::string_view mechanisms, std::string_view more = "") {
  const auto wrap = [](std::string_view tag, const std::string& content) {
    std::string length = to_hex(std::array{static_cast<std::uint8_t>(content.size() / 2)});
    return std::string(tag) + length + content;
  };
  const std::string list = wrap("a0", wrap("30", std::string(mechanisms)));
  const std::string fields = list + "a20404020102" + std::string(more);
  return from_hex(wrap("60", "06062b0601050502" + wrap("a0", wrap("30", fields))));
}

TEST(Spnego, ReadsThePublishedFirstTokenOfAClient) {
  const auto bytes = published::security_buffer(published::session_setup_request_1);
  const auto token = parse_init(bytes);
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->offers_ntlmssp);
  EXPECT_TRUE(token->prefers_ntlmssp);
  EXPECT_EQ(to_hex(token->mech_types), "300c" + std::string(ntlmssp_oid));
  ASSERT_TRUE(token->mech_token);
  EXPECT_EQ(as_text(token->mech_token->first(7)), "NTLMSSP");
  EXPECT_FALSE(token->mech_list_mic);
}

TEST(Spnego, ReadsThePublishedSecondTokenOfAClient) {
  const auto bytes = published::security_buffer(published::session_setup_request_2);
  const auto token = parse_resp(bytes);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->state, NegState::accept_incomplete);
  EXPECT_FALSE(token->names_ntlmssp);
  ASSERT_TRUE(token->response_token);
  EXPECT_EQ(token->response_token->size(), 0x1A6U);
  ASSERT_TRUE(token->mech_list_mic);
  EXPECT_EQ(to_hex(*token->mech_list_mic), "0100000063775a9a5fd97f0600000000");
}

TEST(Spnego, WritesThePublishedAnswersOfAServer) {
  const auto first = published::security_buffer(published::session_setup_response_1);
  const auto parsed_first = parse_resp(first);
  ASSERT_TRUE(parsed_first);
  EXPECT_TRUE(parsed_first->names_ntlmssp);
  EXPECT_EQ(build_answer({NegState::accept_incomplete, true, *parsed_first->response_token, {}}),
            first);

  const auto last = published::security_buffer(published::session_setup_response_2);
  const auto parsed_last = parse_resp(last);
  ASSERT_TRUE(parsed_last);
  EXPECT_EQ(build_answer({NegState::accept_completed, false, {}, *parsed_last->mech_list_mic}),
            last);
}

TEST(Spnego, OffersNtlmsspWithTheHintOfWindows) {
  const auto bytes = build_initial_token();
  EXPECT_EQ(
      to_hex(bytes),
      "604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa32a3028a0261b246e6f745f646566"
      "696e65645f696e5f5246433431373840706c656173655f69676e6f7265");
  const auto token = parse_init(bytes);  // a client reads it with a parser such as ours
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->prefers_ntlmssp);
  EXPECT_FALSE(token->mech_list_mic);
}

TEST(Spnego, KnowsNtlmsspBehindAnotherMechanism) {
  const auto bytes = init_with(std::string(kerberos_oid) + std::string(ntlmssp_oid));
  const auto token = parse_init(bytes);
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->offers_ntlmssp);
  EXPECT_FALSE(token->prefers_ntlmssp);
}

TEST(Spnego, SaysWhenNtlmsspIsNotOffered) {
  const auto bytes = init_with(kerberos_oid);
  const auto token = parse_init(bytes);
  ASSERT_TRUE(token);
  EXPECT_FALSE(token->offers_ntlmssp);
  const auto nothing = init_with("");
  ASSERT_TRUE(parse_init(nothing));
  EXPECT_FALSE(parse_init(nothing)->offers_ntlmssp);
}

TEST(Spnego, ReadsAMicInTheFirstTokenAndSkipsUnknownFields) {
  const auto bytes = init_with(ntlmssp_oid, "a303040155a90304017f");
  const auto token = parse_init(bytes);
  ASSERT_TRUE(token);
  ASSERT_TRUE(token->mech_list_mic);
  EXPECT_EQ(to_hex(*token->mech_list_mic), "55");
}

TEST(Spnego, WritesLengthsOfEverySize) {
  for (const std::size_t size : {1U, 100U, 127U, 128U, 250U, 256U, 300U, 65000U, 65535U, 70000U}) {
    const std::vector<std::uint8_t> token(size, 7);
    const auto bytes = build_answer({NegState::accept_incomplete, true, token, {}});
    const auto parsed = parse_resp(bytes);
    ASSERT_TRUE(parsed) << size;
    ASSERT_TRUE(parsed->response_token);
    EXPECT_EQ(parsed->response_token->size(), size);
  }
}

TEST(Spnego, RefusesMalformedTokens) {
  for (const std::string_view bad : {
           "",                           // nothing
           "60",                         // no length
           "6000",                       // no mechanism
           "600806062b0601050503",       // another mechanism
           "600806062b0601050502",       // nothing inside
           "a280",                       // indefinite length
           "a17f",                       // length beyond the end
           "a184ffffffff",               // length of 4 GiB
           "a18500000000023000",         // length of length
           "a102300000",                 // something behind it
           "a1023100",                   // no sequence
           "a10730 05a0030a0104",        // a state that is none
           "a10630 04a0020a00",          // a state without a value
           "a10730 05a203030100",        // a response token that is no octet string
           "a0023000",                   // no mechanisms
           "1f023000",                   // a tag of several bytes
           "a00830 06a0043002 0600 00",  // bytes behind the list
       }) {
    EXPECT_FALSE(parse(Exact(from_hex(bad)))) << bad;
  }
}

TEST(Spnego, RefusesEveryTruncation) {
  for (const auto packet : {published::session_setup_request_1, published::session_setup_request_2,
                            published::session_setup_response_1}) {
    const auto bytes = published::security_buffer(packet);
    ASSERT_TRUE(parse(Exact(bytes)));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(parse(Exact(ConstBytes(bytes).first(size)))) << size;
    }
  }
}

TEST(Spnego, SurvivesRandomChanges) {
  std::mt19937 random(1);
  const auto good = init_with(std::string(kerberos_oid) + std::string(ntlmssp_oid), "a303040155");
  for (int round = 0; round < 50000; ++round) {
    auto bytes = good;
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    const Exact exact(bytes);
    const auto token = parse_init(exact);
    if (!token) continue;
    // Whatever was accepted, its parts can be read.
    std::size_t sum = 0;
    for (const ConstBytes part : {token->mech_types, token->mech_token.value_or(ConstBytes()),
                                  token->mech_list_mic.value_or(ConstBytes())}) {
      for (const std::uint8_t byte : part) sum += byte;
    }
    ASSERT_GT(sum, 0U);
  }
}

}  // namespace
}  // namespace understudy::auth::spnego
