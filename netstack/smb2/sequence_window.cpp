#include "netstack/smb2/sequence_window.h"

#include <algorithm>

#include "iomgr/bounds.h"

namespace understudy::smb2 {

bool SequenceWindow::consume(std::uint64_t id, std::uint16_t charge) {
  if (id < low_ || id - low_ > unused_.size() || charge > unused_.size() - (id - low_))
    return false;
  const auto first = unused_.begin() + static_cast<std::ptrdiff_t>(id - low_);
  if (!std::all_of(first, first + charge, [](bool unused) { return unused; })) return false;
  std::fill(first, first + charge, false);
  available_ -= charge;
  while (!unused_.empty() && !unused_.front()) {
    unused_.pop_front();
    ++low_;
  }
  return true;
}

std::uint16_t SequenceWindow::grant(std::uint16_t wanted, std::uint32_t limit) {
  const std::uint32_t by_limit = limit > available_ ? limit - available_ : 0;
  const auto by_span = static_cast<std::uint32_t>(bounds::kMaxSequenceSpan - unused_.size());
  const std::uint32_t count = std::min({std::max<std::uint32_t>(wanted, 1), by_limit, by_span});
  unused_.insert(unused_.end(), count, true);
  available_ += count;
  return static_cast<std::uint16_t>(count);
}

}  // namespace understudy::smb2
