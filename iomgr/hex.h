// Bytes as hexadecimal digits: nonces, MACs, hashes and keys in files and JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"

namespace understudy {

inline std::string to_hex(ConstBytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

/// Nothing for what is not pairs of digits, of either case.
inline std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t place = kDigits.find(text[i]);
    if (place == std::string_view::npos) return std::nullopt;
    const std::size_t value = place < 16 ? place : place - 6;
    bytes[i / 2] = static_cast<std::uint8_t>(bytes[i / 2] << 4 | value);
  }
  return bytes;
}

}  // namespace understudy
