#include "iomgr/unicode.h"

#include <clocale>
#include <cwctype>

#include "iomgr/check.h"

namespace understudy {
namespace {

constexpr bool is_high_surrogate(char32_t code) {
  return code >= 0xD800 && code <= 0xDBFF;
}
constexpr bool is_low_surrogate(char32_t code) {
  return code >= 0xDC00 && code <= 0xDFFF;
}
constexpr bool is_surrogate(char32_t code) {
  return code >= 0xD800 && code <= 0xDFFF;
}

struct Decoded {
  char32_t code = 0;
  std::size_t length = 0;  // bytes taken; 0 when they are not UTF-8
};

/// The character at the start of `text`, which is not empty. Surrogates count as characters here.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  std::size_t length = 0;
  char32_t code = 0;
  char32_t smallest = 0;  // below it a shorter form exists
  if ((lead & 0xE0) == 0xC0) {
    length = 2, code = lead & 0x1F, smallest = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3, code = lead & 0x0F, smallest = 0x800;
  } else if ((lead & 0xF8) == 0xF0) {
    length = 4, code = lead & 0x07, smallest = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  if (code < smallest || code > 0x10FFFF) return {};
  return {code, length};
}

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Calls `each` with every character of `text`; false when the text is refused.
template <typename Each>
bool for_each_character(std::string_view text, UnpairedSurrogates policy, Each each) {
  bool after_high = false;
  while (!text.empty()) {
    const Decoded next = decode(text);
    if (next.length == 0) return false;
    if (is_surrogate(next.code) && policy == UnpairedSurrogates::refuse) return false;
    // Two halves in a row would come back as one four-byte character: a second spelling of a name.
    if (after_high && is_low_surrogate(next.code)) return false;
    after_high = is_high_surrogate(next.code);
    each(next.code);
    text.remove_prefix(next.length);
  }
  return true;
}

char32_t upper(char32_t code) {
  static const locale_t table = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  UNDERSTUDY_CHECK(table != nullptr);
  if (code > 0xFFFF || is_surrogate(code)) return code;
  const auto result = static_cast<char32_t>(towupper_l(static_cast<std::wint_t>(code), table));
  // U+0131 and U+017F would become I and S; on NTFS they do not.
  if (result < 0x80 || result > 0xFFFF) return code;
  return result;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> utf16le_from_utf8(std::string_view text,
                                                           UnpairedSurrogates policy) {
  std::vector<std::uint8_t> out;
  out.reserve(text.size() * 2);
  const auto put = [&](char32_t unit) {
    out.push_back(static_cast<std::uint8_t>(unit & 0xFF));
    out.push_back(static_cast<std::uint8_t>(unit >> 8));
  };
  const bool accepted = for_each_character(text, policy, [&](char32_t code) {
    if (code < 0x10000) return put(code);
    put(0xD800 + ((code - 0x10000) >> 10));
    put(0xDC00 + ((code - 0x10000) & 0x3FF));
  });
  if (!accepted) return std::nullopt;
  return out;
}

std::optional<std::string> utf8_from_utf16le(ConstBytes text, UnpairedSurrogates policy) {
  if (text.size() % 2 != 0) return std::nullopt;
  const std::size_t units = text.size() / 2;
  const auto unit = [&](std::size_t i) {
    return static_cast<char32_t>(text[2 * i] | (text[2 * i + 1] << 8));
  };
  std::string out;
  out.reserve(units);
  for (std::size_t i = 0; i < units; ++i) {
    char32_t code = unit(i);
    if (is_high_surrogate(code) && i + 1 < units && is_low_surrogate(unit(i + 1))) {
      code = 0x10000 + ((code - 0xD800) << 10) + (unit(++i) - 0xDC00);
    } else if (is_surrogate(code) && policy == UnpairedSurrogates::refuse) {
      return std::nullopt;
    }
    append_utf8(out, code);
  }
  return out;
}

std::optional<std::size_t> utf16_length(std::string_view text) {
  std::size_t units = 0;
  const bool accepted = for_each_character(
      text, UnpairedSurrogates::keep, [&](char32_t code) { units += code < 0x10000 ? 1U : 2U; });
  if (!accepted) return std::nullopt;
  return units;
}

std::string fold(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char first = text.front();
    if (static_cast<std::uint8_t>(first) < 0x80) {
      out.push_back(first >= 'a' && first <= 'z' ? static_cast<char>(first - 'a' + 'A') : first);
      text.remove_prefix(1);
      continue;
    }
    const Decoded next = decode(text);
    if (next.length == 0) {
      out.push_back(first);
      text.remove_prefix(1);
      continue;
    }
    append_utf8(out, upper(next.code));
    text.remove_prefix(next.length);
  }
  return out;
}

}  // namespace understudy
