// Open.ChannelSequence and what is outstanding of it (MS-SMB2 section 3.3.5.2.10). A client that
// has lost a channel raises the number and sends again what was not answered; what is retried must
// not overtake the first try, and a first try that comes late must not undo the retry.
#pragma once

#include <cstdint>

namespace understudy::smb2 {

class ChannelSequence {
 public:
  enum class Verdict {
    counted,  // end() has to be called when the request has been answered
    failed,   // what changes the file is not done; anything else is
  };

  void start(std::uint16_t sequence) { current_ = sequence; }

  Verdict begin(std::uint16_t sequence, bool replay) {
    constexpr std::uint16_t kNewer = 0x7FFF;
    const auto ahead = static_cast<std::uint16_t>(sequence - current_);
    if (ahead > kNewer) return Verdict::failed;
    if (ahead > 0) {
      earlier_ += outstanding_;
      outstanding_ = 0;
      current_ = sequence;
    }
    if (replay && earlier_ > 0) return Verdict::failed;
    ++outstanding_;
    return Verdict::counted;
  }

  /// Section 3.3.4.1: the request that began with this number is answered.
  void end(std::uint16_t sequence) { --(sequence == current_ ? outstanding_ : earlier_); }

 private:
  std::uint16_t current_ = 0;
  std::uint32_t outstanding_ = 0;  // OutstandingRequestCount
  std::uint32_t earlier_ = 0;      // OutstandingPreRequestCount
};

}  // namespace understudy::smb2
