// Codec for little-endian bytes from outside. Reader never reads past its end: after the first read
// that does not fit, ok() is false and every further read gives zero, so a parser checks once at
// its end.
#pragma once

#include <concepts>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "iomgr/bytes.h"

namespace understudy {

class WireReader {
 public:
  explicit WireReader(ConstBytes bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  template <std::integral T>
  T get() {
    using Raw = std::make_unsigned_t<T>;
    const ConstBytes raw = take(sizeof(T));
    Raw value = 0;
    for (std::size_t i = raw.size(); i-- > 0;)
      value = static_cast<Raw>((std::uint64_t{value} << 8) | raw[i]);
    return static_cast<T>(value);
  }
  std::uint8_t u8() { return get<std::uint8_t>(); }
  std::uint16_t u16() { return get<std::uint16_t>(); }
  std::uint32_t u32() { return get<std::uint32_t>(); }
  std::uint64_t u64() { return get<std::uint64_t>(); }

  /// The next `count` bytes, or an empty view (and ok() false) if there are fewer.
  ConstBytes take(std::size_t count) {
    if (!ok_ || count > remaining()) {
      ok_ = false;
      return {};
    }
    const ConstBytes taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  void skip(std::size_t count) { static_cast<void>(take(count)); }
  void seek(std::size_t position) {
    if (position > bytes_.size()) {
      ok_ = false;
    } else {
      position_ = position;
    }
  }
  ConstBytes rest() { return take(remaining()); }

 private:
  ConstBytes bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

class WireWriter {
 public:
  template <std::integral T>
  void put(T value) {
    auto raw = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(value));
    for (std::size_t i = 0; i < sizeof(T); ++i, raw >>= 8)
      bytes_.push_back(static_cast<std::uint8_t>(raw));
  }
  void u8(std::uint8_t value) { put(value); }
  void u16(std::uint16_t value) { put(value); }
  void u32(std::uint32_t value) { put(value); }
  void u64(std::uint64_t value) { put(value); }
  void append(ConstBytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }
  /// Zeros up to the next multiple of `alignment`.
  void align(std::size_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
  }
  /// Overwrites what was put before, for lengths known only afterwards.
  template <std::integral T>
  void patch(std::size_t position, T value) {
    auto raw = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(value));
    for (std::size_t i = 0; i < sizeof(T); ++i, raw >>= 8)
      bytes_.at(position + i) = static_cast<std::uint8_t>(raw);
  }

  std::size_t size() const { return bytes_.size(); }
  ConstBytes bytes() const { return bytes_; }
  std::vector<std::uint8_t> release() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// CRC-32C (Castagnoli) of `bytes`, continuing from `crc` of what came before.
std::uint32_t crc32c(ConstBytes bytes, std::uint32_t crc = 0);

}  // namespace understudy
