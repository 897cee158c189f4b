#include "netstack/auth/ntlmssp.h"

#include <gtest/gtest.h>

#include <random>

#include "iomgr/accounts.h"
#include "iomgr/unicode.h"
#include "netstack/auth/spnego.h"
#include "netstack/auth/test_vectors.h"

namespace understudy::auth::ntlmssp {
namespace {

// MS-NLMP section 4.2.4: user "User", domain "Domain", password "Password", computer "COMPUTER".
constexpr std::string_view example_challenge_message =
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef000000000000000024002400440000"
    "00"
    "060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c0053006500720076"
    "00"
    "6500720000000000";
constexpr std::string_view example_authenticate_message =
    "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000100010"
    "00"
    "5c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e00550073006500720043004f"
    "00"
    "4d0050005500540045005200"
    "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"
    "68cd0ab851e51c96aabc927bebef6a1c"
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c"
    "00"
    "53006500720076006500720000000000"
    "00000000"
    "c5dad2544fc9799094ce1ce90bc9d03e";
constexpr std::string_view example_response_key = "0c868a403bfd7a93a3001ef22ef02e3f";
constexpr std::string_view example_session_base_key = "8de40ccadbc14a82f15cb0ad0de95ca3";
constexpr std::string_view example_exported_key = "55555555555555555555555555555555";

std::vector<std::uint8_t> wide(std::string_view text) {
  return *utf16le_from_utf8(text);
}

Challenge example_challenge() {
  const auto message = from_hex(example_challenge_message);
  Challenge challenge{};
  std::copy_n(message.begin() + 24, 8, challenge.begin());
  return challenge;
}

Block example_nt_hash() {
  std::string error;
  return nt_hash("Password", error).value_or(Block{});
}

/// The NTLMSSP message in a published packet.
std::vector<std::uint8_t> published_message(std::string_view packet) {
  const auto buffer = published::security_buffer(packet);
  const auto token = spnego::parse(buffer);
  ConstBytes message;
  if (const auto* init = std::get_if<spnego::NegTokenInit>(&*token)) {
    message = *init->mech_token;
  } else {
    message = *std::get<spnego::NegTokenResp>(*token).response_token;
  }
  return {message.begin(), message.end()};
}

TEST(Ntlmssp, ReadsTheAuthenticateMessageOfSection4243) {
  const auto bytes = from_hex(example_authenticate_message);
  const auto message = parse_authenticate(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(to_hex(message->user), to_hex(wide("User")));
  EXPECT_EQ(to_hex(message->domain), to_hex(wide("Domain")));
  EXPECT_EQ(to_hex(message->workstation), to_hex(wide("COMPUTER")));
  EXPECT_EQ(message->lm_response.size(), 24U);
  EXPECT_EQ(message->nt_response.size(), 84U);
  EXPECT_EQ(message->flags, 0xE2888235U);
  EXPECT_EQ(to_hex(message->encrypted_session_key), "c5dad2544fc9799094ce1ce90bc9d03e");
  EXPECT_FALSE(is_anonymous(*message));
}

TEST(Ntlmssp, DerivesTheKeysOfSection424) {
  const auto bytes = from_hex(example_authenticate_message);
  const auto message = parse_authenticate(bytes);
  ASSERT_TRUE(message);
  const auto response = parse_ntlm_v2_response(message->nt_response);
  ASSERT_TRUE(response);
  const Block key = response_key(example_nt_hash(), message->user, message->domain);
  EXPECT_EQ(to_hex(key), example_response_key);
  EXPECT_EQ(to_hex(nt_proof(key, example_challenge(), response->blob)), to_hex(response->proof));
  const Block base_key = session_base_key(key, response->proof);
  EXPECT_EQ(to_hex(base_key), example_session_base_key);
  EXPECT_EQ(to_hex(decrypt_session_key(base_key, message->encrypted_session_key)),
            example_exported_key);
  EXPECT_EQ(av_flags(response->blob), 0U);
}

TEST(Ntlmssp, PutsTheUserInUpperCaseAndLeavesTheDomain) {
  const Block hash = example_nt_hash();
  EXPECT_EQ(response_key(hash, wide("uSER"), wide("Domain")),
            response_key(hash, wide("User"), wide("Domain")));
  EXPECT_EQ(response_key(hash, wide("j\xC3\xBCrgen"), {}),
            response_key(hash, wide("J\xC3\x9CRGEN"), {}));
  EXPECT_NE(response_key(hash, wide("User"), wide("DOMAIN")),
            response_key(hash, wide("User"), wide("Domain")));
}

TEST(Ntlmssp, SignsAsSection4244) {
  // The example seals as well, which takes the first 18 bytes of the RC4 stream; the checksum
  // before its encryption is therefore what can be compared: undo ours, and encrypt after 18 bytes.
  const Block exported = block_from_hex(example_exported_key);
  const auto message = wide("Plaintext");
  Block signature = first_signature(exported, 0xE2888235, Direction::client_to_server, message);
  const Block seal_key = block_from_hex("59f600973cc4960a25480a7c196e4c58");
  Rc4(seal_key).apply(Bytes(signature).subspan(4, 8));
  Rc4 stream(seal_key);
  auto sealed = message;
  stream.apply(sealed);
  EXPECT_EQ(to_hex(sealed), "54e50165bf1936dc996020c1811b0f06fb5f");
  stream.apply(Bytes(signature).subspan(4, 8));
  EXPECT_EQ(to_hex(signature), "010000007fb38ec5c55d497600000000");
}

TEST(Ntlmssp, VerifiesThePublishedMic) {
  const Block exported = block_from_hex(published::session_key);
  const auto negotiate = published_message(published::session_setup_request_1);
  const auto challenge = published_message(published::session_setup_response_1);
  auto authenticate = published_message(published::session_setup_request_2);
  const auto message = parse_authenticate(authenticate);
  ASSERT_TRUE(message);
  EXPECT_EQ(av_flags(parse_ntlm_v2_response(message->nt_response)->blob), av_flag_mic_present);
  EXPECT_TRUE(verify_mic(exported, negotiate, challenge, authenticate));
}

TEST(Ntlmssp, RefusesATamperedMic) {
  const Block exported = block_from_hex(published::session_key);
  const auto negotiate = published_message(published::session_setup_request_1);
  const auto challenge = published_message(published::session_setup_response_1);
  const auto authenticate = published_message(published::session_setup_request_2);
  for (std::size_t i = 0; i < authenticate.size(); ++i) {
    auto changed = authenticate;
    changed[i] ^= 1;
    ASSERT_FALSE(verify_mic(exported, negotiate, challenge, changed)) << i;
  }
  auto changed = negotiate;
  changed[12] ^= 1;  // a flag stripped on the way
  EXPECT_FALSE(verify_mic(exported, changed, challenge, authenticate));
  EXPECT_FALSE(verify_mic(exported, negotiate, challenge, ConstBytes(authenticate).first(87)));
}

TEST(Ntlmssp, MakesThePublishedSignaturesOfTheMechanismList) {
  const Block exported = block_from_hex(published::session_key);
  const auto mech_types = from_hex("300c060a2b06010401823702020a");
  constexpr std::uint32_t flags = 0xE2888215;
  EXPECT_EQ(to_hex(first_signature(exported, flags, Direction::client_to_server, mech_types)),
            "0100000063775a9a5fd97f0600000000");
  EXPECT_EQ(to_hex(first_signature(exported, flags, Direction::server_to_client, mech_types)),
            "010000003b453cdc3524164200000000");
}

TEST(Ntlmssp, SignsWithWeakerSealingKeysWhereNegotiated) {
  const Block exported = block_from_hex(published::session_key);
  constexpr std::uint32_t all =
      flag_extended_session_security | flag_key_exchange | flag_128 | flag_56;
  const auto sign = [&](std::uint32_t flags) {
    return first_signature(exported, flags, Direction::client_to_server, as_bytes("x"));
  };
  EXPECT_NE(sign(all), sign(all & ~flag_128));
  EXPECT_NE(sign(all & ~flag_128), sign(all & ~flag_128 & ~flag_56));
  EXPECT_NE(sign(all), sign(all & ~flag_key_exchange));
}

TEST(Ntlmssp, TakesANegotiateMessageWithoutNames) {
  // impacket's, 16 bytes of which are what matters.
  const auto shortest = from_hex("4e544c4d5353500001000000358288e0");
  EXPECT_EQ(parse_negotiate(Exact(shortest)), 0xE0888235U);
  EXPECT_EQ(parse_negotiate(published_message(published::session_setup_request_1)), 0xE2088297U);
}

TEST(Ntlmssp, RefusesANegotiateMessageThatIsNone) {
  const auto good = from_hex("4e544c4d5353500001000000358288e0");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_negotiate(Exact(ConstBytes(good).first(size))));
  }
  EXPECT_FALSE(parse_negotiate(from_hex("4e544c4d5353500003000000358288e0")));  // another type
  EXPECT_FALSE(parse_negotiate(from_hex("4e544c4d5353510001000000358288e0")));  // no signature
  EXPECT_FALSE(parse_negotiate(from_hex("4e544c4d5353500001000000348288e0")));  // no Unicode
}

TEST(Ntlmssp, OffersWhatTheClientAskedForAndNoMore) {
  EXPECT_EQ(challenge_flags(0xE2088297), 0xE28A8215U);  // as the published Windows server
  EXPECT_EQ(challenge_flags(flag_unicode) & (flag_key_exchange | flag_sign | flag_128), 0U);
  EXPECT_NE(challenge_flags(0) & flag_target_info, 0U);
}

TEST(Ntlmssp, WritesThePublishedChallengeMessage) {
  const auto published_bytes = published_message(published::session_setup_response_1);
  const ServerNames names = {"SUT311", "SUT311", "SUT311", "SUT311"};
  Challenge challenge{};
  std::copy_n(published_bytes.begin() + 24, 8, challenge.begin());
  std::uint64_t filetime = 0x01D0AECBADF5A1A1;
  auto expected = published_bytes;
  const auto version = from_hex("060100000000000f");  // ours, not Windows 10's
  std::copy(version.begin(), version.end(), expected.begin() + 48);
  EXPECT_EQ(to_hex(build_challenge(0xE28A8215, challenge, names, filetime)), to_hex(expected));
}

TEST(Ntlmssp, LeavesOutNamesThatItDoesNotHave) {
  const auto bytes = build_challenge(challenge_flags(0), {}, {"NODE", "", "", ""}, 0);
  const std::string text = to_hex(bytes);
  EXPECT_NE(text.find("01000800" + to_hex(wide("NODE")) + "07000800"), std::string::npos) << text;
  EXPECT_EQ(text.substr(96, 16), "0000000000000000");  // no version
}

TEST(Ntlmssp, KnowsAnonymousClients) {
  Authenticate message;
  EXPECT_TRUE(is_anonymous(message));
  const std::array<std::uint8_t, 1> zero = {0};
  const std::array<std::uint8_t, 24> response = {};
  message.lm_response = zero;
  EXPECT_TRUE(is_anonymous(message));
  message.lm_response = response;
  EXPECT_FALSE(is_anonymous(message));
  message.lm_response = {};
  message.nt_response = response;
  EXPECT_FALSE(is_anonymous(message));
  message.nt_response = {};
  message.user = zero;
  EXPECT_FALSE(is_anonymous(message));
}

TEST(Ntlmssp, TakesNoResponseButNtlmV2) {
  EXPECT_FALSE(parse_ntlm_v2_response({}));
  EXPECT_FALSE(parse_ntlm_v2_response(std::vector<std::uint8_t>(24, 1)));  // NTLMv1
  std::vector<std::uint8_t> response(44, 0);
  EXPECT_FALSE(parse_ntlm_v2_response(response));  // of version 0
  response[16] = response[17] = 1;
  EXPECT_TRUE(parse_ntlm_v2_response(response));
  EXPECT_FALSE(parse_ntlm_v2_response(Exact(ConstBytes(response).first(43))));
}

TEST(Ntlmssp, ReadsTheAvFlagsOfABlob) {
  const std::string header(56, '0');
  const auto flags_of = [&](std::string_view pairs) {
    return av_flags(Exact(from_hex(header + std::string(pairs))));
  };
  EXPECT_EQ(flags_of(""), 0U);
  EXPECT_EQ(flags_of("00000000"), 0U);
  EXPECT_EQ(flags_of("0100020041000600040002000000"), 2U);  // the end is not marked
  EXPECT_EQ(flags_of("06000400020000000000000000000000"), 2U);
  EXPECT_EQ(flags_of("000000000600040002000000"), 0U);  // behind the end
  EXPECT_EQ(flags_of("06"), std::nullopt);
  EXPECT_EQ(flags_of("060004"), std::nullopt);
  EXPECT_EQ(flags_of("06000400020000"), std::nullopt);
  EXPECT_EQ(flags_of("060002000200"), std::nullopt);
  EXPECT_EQ(flags_of("0100ffff4100"), std::nullopt);
  EXPECT_EQ(av_flags(from_hex("0101")), std::nullopt);
}

TEST(Ntlmssp, RefusesPartsBeyondTheEndOfTheMessage) {
  const auto good = from_hex(example_authenticate_message);
  for (const std::size_t field : {12U, 20U, 28U, 36U, 44U, 52U}) {
    for (const std::string_view bad :
         {"ff7fff7f48000000", "01000100ffffffff", "10001000f0ffffff", "01000100e8000000"}) {
      auto bytes = good;
      const auto patch = from_hex(bad);
      std::copy(patch.begin(), patch.end(), bytes.begin() + static_cast<long>(field));
      EXPECT_FALSE(parse_authenticate(Exact(bytes))) << field << " " << bad;
    }
    auto bytes = good;  // an empty part may stand anywhere
    const auto patch = from_hex("00000000ffffffff");
    std::copy(patch.begin(), patch.end(), bytes.begin() + static_cast<long>(field));
    EXPECT_TRUE(parse_authenticate(Exact(bytes))) << field;
  }
}

TEST(Ntlmssp, RefusesEveryTruncationOfAnAuthenticateMessage) {
  for (const auto& bytes : {from_hex(example_authenticate_message),
                            published_message(published::session_setup_request_2)}) {
    ASSERT_TRUE(parse_authenticate(Exact(bytes)));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(parse_authenticate(Exact(ConstBytes(bytes).first(size)))) << size;
    }
  }
}

}  // namespace
}  // namespace understudy::auth::ntlmssp
