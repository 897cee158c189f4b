// Which message ids a client may use (Connection.CommandSequenceWindow, MS-SMB2 section 3.3.1.1),
// and thereby how many requests it may have in flight: every id is used once, and there are as many
// as it got credits.
#pragma once

#include <cstdint>
#include <deque>

namespace understudy::smb2 {

class SequenceWindow {
 public:
  /// Takes the `charge` ids from `id` on. False, and nothing taken, if one of them is not there:
  /// used before, or never granted. The connection must be closed then (section 3.3.5.2.3).
  bool consume(std::uint64_t id, std::uint16_t charge);

  /// Adds up to `wanted` ids, at least one, such that not more than `limit` are unused. How many it
  /// were: 0 only while the client has others, or leaves a gap in the sequence as long as all it
  /// may have.
  std::uint16_t grant(std::uint16_t wanted, std::uint32_t limit);

  /// Ids that the client may use now.
  std::uint32_t available() const { return available_; }

 private:
  std::uint64_t low_ = 0;             // the id that unused_[0] stands for
  std::deque<bool> unused_ = {true};  // the first is always unused, if there is one
  std::uint32_t available_ = 1;
};

}  // namespace understudy::smb2
