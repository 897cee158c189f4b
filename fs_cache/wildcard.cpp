#include "fs_cache/wildcard.h"

#include <vector>

#include "iomgr/unicode.h"

namespace understudy {
namespace {

/// One element a character, so that `?` takes a whole one. Names are UTF-8, or WTF-8 for half of a
/// pair; a byte that fits neither stands for itself.
std::u32string characters(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t value = length == 1 ? lead : lead & (0x7FU >> length);
    if (i + length > text.size()) {
      out.push_back(lead);
      ++i;
      continue;
    }
    for (std::size_t k = 1; k < length; ++k) {
      value = (value << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    }
    out.push_back(value);
    i += length;
  }
  return out;
}

}  // namespace

Pattern::Pattern(std::string_view text)
    : expression_(characters(fold(text))), all_(text.empty() || text == "*") {}

bool Pattern::matches(std::string_view folded_name) const {
  if (all_) return true;
  const std::u32string name = characters(folded_name);
  const std::size_t last_dot = name.rfind(U'.');
  const std::size_t length = name.size();

  // reach[p]: the expression from p on matches the name from the present position on. Filled from
  // the name's end.
  const std::size_t patterns = expression_.size();
  std::vector<char> next(patterns + 1);
  std::vector<char> reach(patterns + 1);
  for (std::size_t n = length + 1; n-- > 0;) {
    const bool at_end = n == length;
    const char32_t letter = at_end ? 0 : name[n];
    reach[patterns] = at_end;
    for (std::size_t p = patterns; p-- > 0;) {
      switch (expression_[p]) {
        case U'*':
          reach[p] = reach[p + 1] || (!at_end && next[p]);
          break;
        case U'<': {  // any run that does not go beyond the last dot; without one, the whole name
          const bool may_take = !at_end && !(letter == U'.' && n == last_dot);
          reach[p] = reach[p + 1] || (may_take && next[p]);
          break;
        }
        case U'>':  // one character, or none before a dot and at the end
          reach[p] = at_end || letter == U'.' ? reach[p + 1] : next[p + 1];
          break;
        case U'"':  // a dot, or nothing at the end
          reach[p] = at_end ? reach[p + 1] : letter == U'.' && next[p + 1];
          break;
        case U'?':
          reach[p] = !at_end && next[p + 1];
          break;
        default:
          reach[p] = !at_end && letter == expression_[p] && next[p + 1];
      }
    }
    next.swap(reach);
  }
  return next[0] != 0;
}

}  // namespace understudy
