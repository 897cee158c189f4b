// What a range of a file holds: bytes that lie somewhere, or zeros, which take no room.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "iomgr/bytes.h"
#include "iomgr/check.h"

namespace understudy {

class Content {
 public:
  /// The bytes stay where they are as long as this is used.
  Content(ConstBytes bytes) : bytes_(bytes), size_(bytes.size()) {}
  static Content zeros(std::uint64_t size) {
    Content content{ConstBytes()};
    content.size_ = size;
    content.zeros_ = true;
    return content;
  }

  std::uint64_t size() const { return size_; }
  bool is_zeros() const { return zeros_; }
  /// Of content that is not zeros.
  ConstBytes bytes() const {
    UNDERSTUDY_CHECK(!zeros_);
    return bytes_;
  }

  /// `size` bytes from `offset` on; it has so many.
  Content part(std::uint64_t offset, std::uint64_t size) const {
    return zeros_ ? zeros(size) : Content(bytes_.subspan(offset, size));
  }
  /// Fills `out` with what it holds from `offset` on.
  void copy(std::uint64_t offset, Bytes out) const {
    if (zeros_) {
      std::fill(out.begin(), out.end(), std::uint8_t{0});
    } else if (!out.empty()) {
      std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }
  }

 private:
  ConstBytes bytes_;
  std::uint64_t size_ = 0;
  bool zeros_ = false;
};

}  // namespace understudy
