#include "fs_cache/allocated_ranges.h"

#include <algorithm>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

constexpr std::size_t kRangesAtOnce = 1024;  // asked of the medium

std::uint64_t round_down(std::uint64_t offset) {
  return offset / kCluster * kCluster;
}

std::uint64_t round_up(std::uint64_t offset) {
  return round_down(offset + (kCluster - 1));
}

/// Ranges that are added in the order of their offsets; those that touch become one.
class Ranges {
 public:
  Ranges(std::uint64_t from, std::uint64_t to) : from_(from), to_(to) {}

  void add(std::uint64_t begin, std::uint64_t end) {
    begin = std::max(begin, from_);
    end = std::min(end, to_);
    if (begin >= end) return;
    if (!all_.empty() && all_.back().offset + all_.back().length >= begin) {
      const std::uint64_t last = all_.back().offset + all_.back().length;
      all_.back().length = std::max(last, end) - all_.back().offset;
    } else {
      all_.push_back({begin, end - begin});
    }
  }
  std::vector<AllocatedRange> take() { return std::move(all_); }

 private:
  std::uint64_t from_;
  std::uint64_t to_;
  std::vector<AllocatedRange> all_;
};

struct Span {
  std::uint64_t begin;
  std::uint64_t end;
};

/// Neighbours are joined first: together they may fill clusters that none of them fills alone.
std::vector<Span> whole_clusters_of_zeros(const Extents& extents) {
  std::vector<Span> runs;
  for (const auto& [offset, extent] : extents.all()) {
    if (!extent.content.is_zeros()) continue;
    if (!runs.empty() && runs.back().end == offset) {
      runs.back().end += extent.content.size();
    } else {
      runs.push_back({offset, offset + extent.content.size()});
    }
  }
  std::vector<Span> whole;
  for (const Span& run : runs) {
    const Span inside{round_up(run.begin), round_down(run.end)};
    if (inside.begin < inside.end) whole.push_back(inside);
  }
  return whole;
}

}  // namespace

std::vector<AllocatedRange> lay_over(const std::vector<AllocatedRange>& medium,
                                     const Extents& unwritten, std::uint64_t from,
                                     std::uint64_t to) {
  std::vector<Span> spans;
  const std::vector<Span> gone = whole_clusters_of_zeros(unwritten);
  auto hole = gone.begin();
  for (const AllocatedRange& range : medium) {
    std::uint64_t begin = range.offset;
    const std::uint64_t end = range.offset + range.length;
    while (hole != gone.end() && hole->end <= begin) ++hole;
    for (auto each = hole; each != gone.end() && each->begin < end; ++each) {
      if (each->begin > begin) spans.push_back({begin, each->begin});
      begin = std::max(begin, each->end);
    }
    if (begin < end) spans.push_back({begin, end});
  }
  for (const auto& [offset, extent] : unwritten.all()) {
    const std::uint64_t end = offset + extent.content.size();
    if (!extent.content.is_zeros()) spans.push_back({round_down(offset), round_up(end)});
  }
  std::ranges::sort(spans, {}, &Span::begin);
  Ranges ranges(from, to);
  for (const Span& span : spans) ranges.add(span.begin, span.end);
  return ranges.take();
}

/// Only what is sparse has holes. The unwritten bytes are looked at before the medium is asked:
/// what a flush brings there meanwhile is in one of the two.
Task<Status> Volume::query_allocated_ranges(Irp& irp) {
  const QueryParameters ask = irp.query;
  const std::optional<Bytes> room = seams_.arena.room(irp.payload);
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  const Open& open = **found;
  const Node& node = *open.node;
  if (!room || ask.length > ~std::uint64_t{0} - ask.offset) co_return Status::invalid_parameter;
  if (node.is_directory()) co_return Status::invalid_device_request;
  if (!open.may(access::kReadData)) co_return Status::access_denied;
  show(irp, node.last_lsn);
  const std::size_t most = room->size() / sizeof(AllocatedRange);
  const std::uint64_t to = std::min(ask.offset + ask.length, node.state.size);
  const bool sparse = (node.file().state.attributes & attribute::kSparse) != 0;
  const ObjectId object = node.id;
  const Extents unwritten = node.unwritten == nullptr ? Extents() : node.unwritten->extents;
  const std::uint64_t on_medium =
      std::min(to, node.unwritten == nullptr ? node.state.size : node.unwritten->medium_size);

  std::vector<AllocatedRange> answer;
  if (!sparse && ask.offset < to) answer.push_back({ask.offset, to - ask.offset});
  for (std::uint64_t from = ask.offset; sparse && from < to && answer.size() <= most;) {
    std::vector<AllocatedRange> ranges;
    std::uint64_t until = to;
    if (from < on_medium) {
      auto asked = co_await medium_->allocated_ranges(object, from, on_medium, kRangesAtOnce);
      if (!asked) co_return asked.status();
      ranges = std::move(*asked);
      if (ranges.size() == kRangesAtOnce) until = ranges.back().offset + ranges.back().length;
    }
    Ranges joined(ask.offset, to);
    for (const AllocatedRange& each : answer) joined.add(each.offset, each.offset + each.length);
    for (const AllocatedRange& each : lay_over(ranges, unwritten, from, until))
      joined.add(each.offset, each.offset + each.length);
    answer = joined.take();
    from = until;
  }
  const std::size_t count = std::min(answer.size(), most);
  irp.information = count * sizeof(AllocatedRange);
  irp.payload.length = static_cast<std::uint32_t>(irp.information);
  if (count > 0) std::memcpy(room->data(), answer.data(), irp.information);
  co_return count < answer.size() ? Status::buffer_overflow : Status::success;
}

}  // namespace understudy
