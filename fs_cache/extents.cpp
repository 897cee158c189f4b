#include "fs_cache/extents.h"

#include <algorithm>

namespace understudy {

void Extents::write(std::uint64_t offset, Content content, Lsn lsn) {
  if (content.size() == 0) return;
  clear_range(offset, offset + content.size());
  map_.emplace(offset, Extent{content, lsn});
}

void Extents::cut(std::uint64_t size) {
  clear_range(size, ~std::uint64_t{0});
}

void Extents::drop(Lsn lsn) {
  std::erase_if(map_, [lsn](const auto& entry) { return entry.second.lsn <= lsn; });
}

void Extents::clear_range(std::uint64_t begin, std::uint64_t end) {
  auto at = map_.lower_bound(begin);
  if (at != map_.begin()) {
    const auto before = std::prev(at);
    if (before->first + before->second.content.size() > begin) at = before;
  }
  while (at != map_.end() && at->first < end) {
    const auto [offset, extent] = *at;
    const std::uint64_t extent_end = offset + extent.content.size();
    at = map_.erase(at);
    if (offset < begin)
      map_.emplace(offset, Extent{extent.content.part(0, begin - offset), extent.lsn});
    if (extent_end > end)
      map_.emplace(end, Extent{extent.content.part(end - offset, extent_end - end), extent.lsn});
  }
}

std::vector<Extents::Hole> Extents::read(std::uint64_t offset, Bytes out) const {
  std::vector<Hole> holes;
  const std::uint64_t end = offset + out.size();
  std::uint64_t done = offset;
  auto at = map_.upper_bound(offset);
  if (at != map_.begin()) --at;
  for (; at != map_.end() && at->first < end; ++at) {
    const std::uint64_t from = std::max(at->first, done);
    const std::uint64_t to = std::min(at->first + at->second.content.size(), end);
    if (from >= to) continue;
    if (from > done) holes.push_back({done, from - done});
    at->second.content.copy(from - at->first, out.subspan(from - offset, to - from));
    done = to;
  }
  if (done < end) holes.push_back({done, end - done});
  return holes;
}

}  // namespace understudy
