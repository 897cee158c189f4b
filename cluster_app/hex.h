// Bytes as hexadecimal digits: nonces, MACs, the cluster's key in its file.
#pragma once

#include <string>
#include <string_view>

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

}  // namespace understudy
