// The LOCK requests of an open that have been done already, so that a retry is not done again
// (MS-SMB2 section 3.3.5.14, Open.LockSequenceArray).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace understudy::smb2 {

/// One place of the array. `sequence` is the field of the request: the place's index in the upper
/// 28 bits, a number in the lower 4.
class LockSequence {
 public:
  bool is(std::uint32_t sequence) const { return number_ == (sequence & kNumber); }
  void remember(std::uint32_t sequence) { number_ = sequence & kNumber; }
  void forget() { number_.reset(); }
  /// As fs_cache keeps it (ReclaimedOpen): 1 + the number, 0: none.
  void restore(std::uint8_t kept) {
    number_.reset();
    if (kept > 0) number_ = (kept - 1U) & kNumber;
  }

 private:
  static constexpr std::uint32_t kNumber = 0xF;
  std::optional<std::uint32_t> number_;
};

class LockSequences {
 public:
  static constexpr std::size_t kPlaces = 64;
  LockSequence& operator[](std::size_t place) { return places_.at(place); }
  /// nullptr: `checks` is false, or the request names no place.
  LockSequence* find(std::uint32_t sequence, bool checks) {
    const std::uint32_t index = sequence >> 4;
    return checks && index > 0 && index <= places_.size() ? &places_[index - 1] : nullptr;
  }

 private:
  std::array<LockSequence, kPlaces> places_;
};

}  // namespace understudy::smb2
