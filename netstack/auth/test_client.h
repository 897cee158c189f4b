// For the tests of this folder: the client's side of NTLMSSP and SPNEGO, written from MS-NLMP
// section 3.1.5 on its own, so that it shares no more with the server's side than the primitives.
#pragma once

#include <optional>
#include <string>

#include "iomgr/unicode.h"
#include "netstack/auth/test_vectors.h"

namespace understudy::auth {

class TestClient {
 public:
  using Token = std::vector<std::uint8_t>;

  // What the test may change before the exchange.
  std::string user = "User";
  std::string domain = "Domain";
  std::string password = "Password";
  std::uint32_t flags = 0xE2088297;  // as Windows
  bool with_mic = true;
  bool with_mech_list_mic = true;
  bool kerberos_first = false;

  /// Set by authenticate().
  Block session_key{};

  Token negotiate() {
    Token out = header(1);
    put(out, flags, 4);
    out.resize(out.size() + 24);  // no names, no version
    return negotiate_ = out;
  }

  /// `hash` is the NT hash of the password.
  Token authenticate(ConstBytes challenge, const Block& hash) {
    const Token info = target_info(challenge);
    Token blob = from_hex("0101000000000000");
    blob.resize(16);  // time: the tests have none
    blob.insert(blob.end(), 8, 0xAA);
    blob.insert(blob.end(), 4, 0);
    blob.insert(blob.end(), info.begin(), info.end());
    blob.insert(blob.end(), 4, 0);

    std::string upper = user;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const Block key =
        hmac_md5(hash, pieces({*utf16le_from_utf8(upper), *utf16le_from_utf8(domain)}));
    const Block proof = hmac_md5(key, pieces({challenge.subspan(24, 8), blob}));
    session_key = hmac_md5(key, pieces({proof}));
    Token encrypted_key;
    agreed_ = flags & get32(challenge, 20);
    if ((agreed_ & 0x40000000) != 0) {
      encrypted_key.assign(16, 0x55);
      Block chosen{};
      chosen.fill(0x55);
      Rc4(session_key).apply(encrypted_key);
      session_key = chosen;
    }
    Token response(proof.begin(), proof.end());
    response.insert(response.end(), blob.begin(), blob.end());
    Token message = assemble(Token(24), response, encrypted_key);
    if (with_mic) {
      const Block mic = hmac_md5(session_key, pieces({negotiate_, challenge, message}));
      std::copy(mic.begin(), mic.end(), message.begin() + 72);
    }
    return message;
  }

  /// AUTHENTICATE_MESSAGE of who asks to be nobody: no name, no proof, a key of zeros.
  Token nobody(ConstBytes challenge) {
    user.clear();
    domain.clear();
    agreed_ = flags & get32(challenge, 20);
    session_key = {};
    Token encrypted_key;
    if ((agreed_ & 0x40000000) != 0) {
      encrypted_key.assign(16, 0x55);
      Rc4(session_key).apply(encrypted_key);
      session_key.fill(0x55);
    }
    return assemble(Token(1), {}, encrypted_key);
  }

  /// AUTHENTICATE_MESSAGE of these parts and the names, room for the MIC included.
  Token assemble(const Token& lm_response, const Token& nt_response, const Token& encrypted_key) {
    const Token parts[] = {lm_response,
                           nt_response,
                           *utf16le_from_utf8(domain),
                           *utf16le_from_utf8(user),
                           *utf16le_from_utf8("CLIENT"),
                           encrypted_key};
    Token out = header(3);
    std::size_t offset = 88;
    for (const Token& part : parts) {
      put(out, part.size(), 2);
      put(out, part.size(), 2);
      put(out, offset, 4);
      offset += part.size();
    }
    put(out, agreed_, 4);
    out.resize(88);
    for (const Token& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
  }

  Token wrap_first(ConstBytes message) const {
    const Token mech_token = message.empty() ? Token() : element(0xA2, element(0x04, message));
    return element(
        0x60,
        join({from_hex("06062b0601050502"),
              element(0xA0, element(0x30, join({element(0xA0, mech_types()), mech_token})))}));
  }

  Token wrap_next(ConstBytes message, ConstBytes mic = {}) const {
    const Token mic_field = mic.empty() ? Token() : element(0xA3, element(0x04, mic));
    return element(0xA1, element(0x30, join({element(0xA2, element(0x04, message)), mic_field})));
  }

  Token mech_types() const {
    const Token ntlmssp = from_hex("060a2b06010401823702020a");
    const Token kerberos = from_hex("06092a864882f712010202");
    return element(0x30, kerberos_first ? join({kerberos, ntlmssp}) : ntlmssp);
  }

  /// mechListMIC in the direction "client-to-server" or "server-to-client".
  Token mech_list_mic(const std::string& direction) const {
    const auto subkey = [&](const std::string& purpose) {
      const std::string text =
          "session key to " + direction + " " + purpose + " key magic constant";
      return md5(pieces({session_key, as_bytes({text.c_str(), text.size() + 1})}));
    };
    Block digest = hmac_md5(subkey("signing"), pieces({Token(4), mech_types()}));
    if ((agreed_ & 0x40000000) != 0) Rc4(subkey("sealing")).apply(Bytes(digest).first(8));
    return join({from_hex("01000000"), Token(digest.begin(), digest.begin() + 8), Token(4)});
  }

 private:
  static Token header(std::uint8_t type) {
    Token out = from_hex("4e544c4d53535000");
    put(out, type, 4);
    return out;
  }

  static void put(Token& out, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }

  static std::uint32_t get32(ConstBytes bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(bytes[at + i]) << 8 * i;
    return value;
  }

  /// The server's target info, with the promise of a MIC in front.
  Token target_info(ConstBytes challenge) const {
    const std::size_t size = get32(challenge, 40) & 0xFFFF;
    const ConstBytes info = challenge.subspan(get32(challenge, 44), size);
    Token out = with_mic ? from_hex("0600040002000000") : Token();
    out.insert(out.end(), info.begin(), info.end());
    return out;
  }

  static Token join(std::initializer_list<Token> parts) {
    Token out;
    for (const Token& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
  }

  static Token element(std::uint8_t tag, ConstBytes content) {
    Token out = {tag, 0x82};
    out.push_back(static_cast<std::uint8_t>(content.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(content.size() & 0xFF));
    out.insert(out.end(), content.begin(), content.end());
    return out;
  }

  Token negotiate_;
  std::uint32_t agreed_ = 0;
};

}  // namespace understudy::auth
