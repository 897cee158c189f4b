#include "fs_cache/medium/entry_name.h"

#include <openssl/sha.h>

#include <array>
#include <cstdint>

namespace understudy {
namespace {

constexpr std::string_view kMarker = ":understudy-";
constexpr std::size_t kHashBytes = 16;
constexpr std::size_t kTailBytes = kMarker.size() + 2 * kHashBytes;
constexpr std::size_t kMaxStoredBytes = 255;

std::string hash_digits(std::string_view name) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), hash.data());
  std::string digits;
  for (std::size_t i = 0; i < kHashBytes; ++i) {
    digits += "0123456789abcdef"[hash[i] >> 4];
    digits += "0123456789abcdef"[hash[i] & 15];
  }
  return digits;
}

/// The longest beginning of `name` of at most `limit` bytes that cuts no UTF-8 character.
std::string_view beginning(std::string_view name, std::size_t limit) {
  if (name.size() <= limit) return name;
  while (limit > 0 && (static_cast<std::uint8_t>(name[limit]) & 0xC0) == 0x80) --limit;
  return name.substr(0, limit);
}

}  // namespace

bool is_valid_entry_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

bool is_shortened(std::string_view stored) {
  return stored.size() >= kTailBytes &&
         stored.substr(stored.size() - kTailBytes).starts_with(kMarker);
}

StoredName stored_name(std::string_view name) {
  const bool fits = name.size() <= kMaxStoredBytes && name != "." && name != "..";
  if (fits && !is_shortened(name)) return {std::string(name)};
  std::string text(beginning(name, kMaxStoredBytes - kTailBytes));
  text += kMarker;
  text += hash_digits(name);
  return {std::move(text), true};
}

}  // namespace understudy
