#include "iomgr/md4.h"

#include <algorithm>
#include <bit>

namespace understudy {
namespace {

using State = std::array<std::uint32_t, 4>;
constexpr std::size_t block_size = 64;

std::uint32_t select(std::uint32_t x, std::uint32_t y, std::uint32_t z) {
  return (x & y) | (~x & z);
}
std::uint32_t majority(std::uint32_t x, std::uint32_t y, std::uint32_t z) {
  return (x & y) | (x & z) | (y & z);
}
std::uint32_t parity(std::uint32_t x, std::uint32_t y, std::uint32_t z) {
  return x ^ y ^ z;
}

struct Round {
  std::uint32_t (*mix)(std::uint32_t, std::uint32_t, std::uint32_t);
  std::uint32_t constant;
  std::array<int, 4> shifts;
  std::array<std::uint8_t, 16> order;  // which word of the block each step takes
};

constexpr std::array<Round, 3> rounds = {{
    {select, 0, {3, 7, 11, 19}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
    {majority, 0x5A827999, {3, 5, 9, 13}, {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}},
    {parity, 0x6ED9EBA1, {3, 9, 11, 15}, {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15}},
}};

void absorb(State& state, ConstBytes block) {
  std::array<std::uint32_t, 16> words{};
  for (std::size_t i = 0; i < block_size; ++i) {
    words[i / 4] |= static_cast<std::uint32_t>(block[i]) << (8 * (i % 4));
  }
  auto [a, b, c, d] = state;
  for (const Round& round : rounds) {
    for (std::size_t i = 0; i < 16; ++i) {
      const std::uint32_t sum = a + round.mix(b, c, d) + words[round.order[i]] + round.constant;
      a = d;
      d = c;
      c = b;
      b = std::rotl(sum, round.shifts[i % 4]);
    }
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

}  // namespace

std::array<std::uint8_t, 16> md4(ConstBytes message) {
  State state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
  ConstBytes rest = message;
  for (; rest.size() >= block_size; rest = rest.subspan(block_size)) {
    absorb(state, rest.first(block_size));
  }
  // One or two last blocks: what is left, 0x80, zeros, and the length in bits.
  std::array<std::uint8_t, 2 * block_size> last{};
  std::copy(rest.begin(), rest.end(), last.begin());
  last[rest.size()] = 0x80;
  const std::size_t last_size = rest.size() + 9 <= block_size ? block_size : 2 * block_size;
  const std::uint64_t bits = static_cast<std::uint64_t>(message.size()) * 8;
  for (std::size_t i = 0; i < 8; ++i) {
    last[last_size - 8 + i] = static_cast<std::uint8_t>(bits >> (8 * i));
  }
  for (std::size_t at = 0; at < last_size; at += block_size) {
    absorb(state, ConstBytes(last).subspan(at, block_size));
  }

  std::array<std::uint8_t, 16> digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (8 * (i % 4)));
  }
  return digest;
}

}  // namespace understudy
