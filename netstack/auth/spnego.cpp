#include "netstack/auth/spnego.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "iomgr/check.h"

namespace understudy::auth::spnego {
namespace {

// DER tags. A context tag is 0xA0 and the number of the field.
constexpr std::uint8_t tag_octet_string = 0x04;
constexpr std::uint8_t tag_object_identifier = 0x06;
constexpr std::uint8_t tag_enumerated = 0x0A;
constexpr std::uint8_t tag_general_string = 0x1B;
constexpr std::uint8_t tag_sequence = 0x30;
constexpr std::uint8_t tag_application_0 = 0x60;
constexpr std::uint8_t tag_context = 0xA0;

constexpr std::array<std::uint8_t, 6> oid_spnego = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x02};
// 1.3.6.1.4.1.311.2.2.10, MS-SPNG section 1.9
constexpr std::array<std::uint8_t, 10> oid_ntlmssp = {0x2B, 0x06, 0x01, 0x04, 0x01,
                                                      0x82, 0x37, 0x02, 0x02, 0x0A};

bool equal(ConstBytes left, ConstBytes right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

/// One element: its tag, what is in it, and all of it.
struct Element {
  std::uint8_t tag = 0;
  ConstBytes content;
  ConstBytes whole;
};

/// Reads elements one after another from a stretch of bytes.
class DerReader {
 public:
  explicit DerReader(ConstBytes bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }

  /// nullopt: cut short, tag or length in a form that DER does not have or that is out of all
  /// bounds.
  std::optional<Element> next() {
    if (rest_.size() < 2 || (rest_[0] & 0x1F) == 0x1F) return std::nullopt;
    std::size_t header = 2;
    std::size_t length = rest_[1];
    if (length >= 0x80) {
      const std::size_t digits = length & 0x7F;
      if (digits == 0 || digits > 4 || rest_.size() < 2 + digits) return std::nullopt;
      length = 0;
      for (std::size_t i = 0; i < digits; ++i) length = (length << 8) | rest_[2 + i];
      header += digits;
    }
    if (length > rest_.size() - header) return std::nullopt;
    const Element element = {rest_[0], rest_.subspan(header, length), rest_.first(header + length)};
    rest_ = rest_.subspan(header + length);
    return element;
  }

  /// The next element if it has this tag.
  std::optional<Element> next(std::uint8_t tag) {
    const auto element = next();
    if (!element || element->tag != tag) return std::nullopt;
    return element;
  }

 private:
  ConstBytes rest_;
};

/// The one element that stands in `bytes`, if it has this tag.
std::optional<Element> only(ConstBytes bytes, std::uint8_t tag) {
  DerReader reader(bytes);
  const auto element = reader.next(tag);
  if (!element || !reader.at_end()) return std::nullopt;
  return element;
}

/// Finds NTLMSSP in `list`, the [0] field of a NegTokenInit.
bool parse_mech_types(ConstBytes list, NegTokenInit& token) {
  const auto sequence = only(list, tag_sequence);
  if (!sequence) return false;
  token.mech_types = sequence->whole;
  DerReader mechanisms(sequence->content);
  for (bool first = true; !mechanisms.at_end(); first = false) {
    const auto mechanism = mechanisms.next(tag_object_identifier);
    if (!mechanism) return false;
    if (!equal(mechanism->content, oid_ntlmssp)) continue;
    token.offers_ntlmssp = true;
    token.prefers_ntlmssp = token.prefers_ntlmssp || first;
  }
  return true;
}

bool parse_octets(ConstBytes field, std::optional<ConstBytes>& out) {
  const auto octets = only(field, tag_octet_string);
  if (octets) out = octets->content;
  return octets.has_value();
}

std::optional<Token> parse_init(ConstBytes bytes) {
  const auto sequence = only(bytes, tag_sequence);
  if (!sequence) return std::nullopt;
  NegTokenInit token;
  DerReader fields(sequence->content);
  while (!fields.at_end()) {
    const auto field = fields.next();
    if (!field) return std::nullopt;
    bool good = true;
    switch (field->tag) {
      case tag_context | 0:
        good = parse_mech_types(field->content, token);
        break;
      case tag_context | 2:
        good = parse_octets(field->content, token.mech_token);
        break;
      case tag_context | 3:
        // In NegTokenInit2 [3] is a SEQUENCE of hints; nothing in it is of interest.
        if (!only(field->content, tag_sequence)) {
          good = parse_octets(field->content, token.mech_list_mic);
        }
        break;
      default:
        break;
    }
    if (!good) return std::nullopt;
  }
  if (token.mech_types.empty()) return std::nullopt;
  return token;
}

bool parse_state(ConstBytes field, std::optional<NegState>& out) {
  const auto state = only(field, tag_enumerated);
  if (!state || state->content.size() != 1 || state->content[0] > 3) return false;
  out = static_cast<NegState>(state->content[0]);
  return true;
}

std::optional<Token> parse_resp(ConstBytes bytes) {
  const auto sequence = only(bytes, tag_sequence);
  if (!sequence) return std::nullopt;
  NegTokenResp token;
  DerReader fields(sequence->content);
  while (!fields.at_end()) {
    const auto field = fields.next();
    if (!field) return std::nullopt;
    bool good = true;
    switch (field->tag) {
      case tag_context | 0:
        good = parse_state(field->content, token.state);
        break;
      case tag_context | 1: {
        const auto mechanism = only(field->content, tag_object_identifier);
        good = mechanism.has_value();
        token.names_ntlmssp = good && equal(mechanism->content, oid_ntlmssp);
        break;
      }
      case tag_context | 2:
        good = parse_octets(field->content, token.response_token);
        break;
      case tag_context | 3:
        good = parse_octets(field->content, token.mech_list_mic);
        break;
      default:
        break;
    }
    if (!good) return std::nullopt;
  }
  return token;
}

using Encoded = std::vector<std::uint8_t>;

/// One element around the joined `parts`.
Encoded encode(std::uint8_t tag, std::initializer_list<ConstBytes> parts) {
  std::size_t length = 0;
  for (const ConstBytes part : parts) length += part.size();
  UNDERSTUDY_CHECK(length <= 0xFFFFFF);  // nothing that SMB carries is as long
  Encoded out = {tag};
  if (length < 0x80) {
    out.push_back(static_cast<std::uint8_t>(length));
  } else {
    const unsigned digits = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
    out.push_back(static_cast<std::uint8_t>(0x80 | digits));
    for (unsigned i = digits; i-- > 0;) {
      out.push_back(static_cast<std::uint8_t>((length >> (8 * i)) & 0xFF));
    }
  }
  for (const ConstBytes part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

/// Field `number` of a sequence.
Encoded field(unsigned number, ConstBytes content) {
  return encode(static_cast<std::uint8_t>(tag_context | number), {content});
}

}  // namespace

std::optional<Token> parse(ConstBytes bytes) {
  DerReader outer(bytes);
  const auto first = outer.next();
  if (!first || !outer.at_end()) return std::nullopt;
  if (first->tag == (tag_context | 1)) return parse_resp(first->content);
  if (first->tag == (tag_context | 0)) return parse_init(first->content);
  if (first->tag != tag_application_0) return std::nullopt;

  DerReader inner(first->content);
  const auto mechanism = inner.next(tag_object_identifier);
  if (!mechanism || !equal(mechanism->content, oid_spnego)) return std::nullopt;
  const auto init = inner.next(tag_context | 0);
  if (!init || !inner.at_end()) return std::nullopt;
  return parse_init(init->content);
}

std::vector<std::uint8_t> build_initial_token() {
  constexpr std::string_view hint = "not_defined_in_RFC4178@please_ignore";
  const Encoded mechanisms = encode(tag_sequence, {encode(tag_object_identifier, {oid_ntlmssp})});
  const Encoded name = encode(tag_general_string, {as_bytes(hint)});
  const Encoded hints = encode(tag_sequence, {field(0, name)});
  const Encoded init = encode(tag_sequence, {field(0, mechanisms), field(3, hints)});
  return encode(tag_application_0, {encode(tag_object_identifier, {oid_spnego}), field(0, init)});
}

std::vector<std::uint8_t> build_answer(const Answer& answer) {
  const auto state = static_cast<std::uint8_t>(answer.state);
  const Encoded state_field = field(0, encode(tag_enumerated, {ConstBytes(&state, 1)}));
  Encoded mechanism;
  Encoded token;
  Encoded mic;
  if (answer.names_ntlmssp) mechanism = field(1, encode(tag_object_identifier, {oid_ntlmssp}));
  if (!answer.response_token.empty()) {
    token = field(2, encode(tag_octet_string, {answer.response_token}));
  }
  if (!answer.mech_list_mic.empty()) {
    mic = field(3, encode(tag_octet_string, {answer.mech_list_mic}));
  }
  return field(1, encode(tag_sequence, {state_field, mechanism, token, mic}));
}

}  // namespace understudy::auth::spnego
