#include "iomgr/arena.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "iomgr/check.h"
#include "iomgr/ring.h"
#include "iomgr/stepping.h"
#include "iomgr/trace.h"

namespace understudy {
namespace {

constexpr std::uint64_t kPage = 4096;

constexpr std::uint64_t block_length(std::uint64_t capacity) {
  constexpr std::uint64_t kBlock = RegionAllocator::kBlock;
  return std::max(kBlock, (capacity + kBlock - 1) / kBlock * kBlock);
}

constexpr std::uint64_t pages(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

constexpr std::uint64_t kTraceRing = pages(TraceRing::kBytes);
constexpr std::uint64_t kLinkRings = pages(2 * Ring::kBytes);

constexpr std::array kLinks = {LayerLink{Layer::netstack, Layer::ff_driver},
                               LayerLink{Layer::ff_driver, Layer::fs_cache},
                               LayerLink{Layer::ff_driver, Layer::rd_driver},
                               LayerLink{Layer::ff_driver, Layer::mirror_server},
                               LayerLink{Layer::netstack, Layer::cluster_app},
                               LayerLink{Layer::ff_driver, Layer::cluster_app},
                               LayerLink{Layer::fs_cache, Layer::cluster_app},
                               LayerLink{Layer::rd_driver, Layer::cluster_app},
                               LayerLink{Layer::mirror_server, Layer::cluster_app}};

constexpr std::uint64_t kSteppingStart = kPage;
constexpr std::uint64_t kTraceStart = kSteppingStart + pages(sizeof(Stepping));
constexpr std::uint64_t kLinksStart = kTraceStart + (kLayers - 1) * kTraceRing;
constexpr std::uint64_t kPayloadStart = kLinksStart + kLinks.size() * kLinkRings;

/// Empties all rings of an earlier life. What lies in their slots is never looked at before it is
/// written anew, so only the indices have to go.
void clear_rings(Bytes memory) {
  constexpr std::uint64_t kTraceHeader =
      TraceRing::kBytes - bounds::kTraceEntries * sizeof(TraceEntry);
  for (std::size_t layer = 0; layer + 1 < kLayers; ++layer)
    std::memset(memory.data() + kTraceStart + layer * kTraceRing, 0, kTraceHeader);
  for (std::size_t link = 0; link < kLinks.size(); ++link) {
    for (const std::uint64_t ring : {std::uint64_t{0}, Ring::kBytes})
      std::memset(memory.data() + kLinksStart + link * kLinkRings + ring, 0, Ring::kHeader);
  }
}

}  // namespace

std::span<const LayerLink> house_links() {
  return kLinks;
}

std::uint64_t Arena::size_for(const ArenaSizes& sizes) {
  return kPayloadStart + pages(sizes.network_bytes) + pages(sizes.unwritten_bytes) +
         pages(sizes.mirror_bytes) + pages(bounds::kClusterBytes);
}

Arena Arena::format(Bytes memory, const ArenaSizes& sizes, std::string_view node) {
  UNDERSTUDY_CHECK(memory.size() >= size_for(sizes));
  if (const std::optional<Arena> earlier = attach(memory)) {
    const ArenaHeader& left = earlier->header();
    const bool same = left.size == memory.size() && left.sizes == sizes && earlier->node() == node;
    if (same) {
      // The header stays valid at every moment: a node that dies in here must find its memory
      // again.
      ArenaHeader& kept = earlier->header();
      ++kept.lives;
      Stepping& stepping = earlier->stepping();
      stepping.begin_life();
      if (stepping.debugger == 0) kept.trace_mask = 0;
      clear_rings(memory);
      return *earlier;
    }
  }
  if (reinterpret_cast<const ArenaHeader*>(memory.data())->magic != 0) {
    std::memset(memory.data(), 0, memory.size());  // another node's, or another version's
  }
  auto* header = new (memory.data()) ArenaHeader{};
  header->magic = ArenaHeader::kMagic;
  header->version = ArenaHeader::kVersion;
  header->size = memory.size();
  header->sizes = sizes;
  std::memcpy(header->node, node.data(), std::min(node.size(), sizeof header->node - 1));
  return Arena(memory);
}

std::optional<Arena> Arena::attach(Bytes memory) {
  if (memory.size() < kPayloadStart) return std::nullopt;
  const Arena arena(memory);
  const ArenaHeader& header = arena.header();
  if (header.magic != ArenaHeader::kMagic || header.version != ArenaHeader::kVersion)
    return std::nullopt;
  const ArenaSizes& sizes = header.sizes;
  if (sizes.network_bytes > memory.size() || sizes.unwritten_bytes > memory.size() ||
      sizes.mirror_bytes > memory.size() || size_for(sizes) > memory.size()) {
    return std::nullopt;
  }
  return arena;
}

Stepping& Arena::stepping() const {
  return *reinterpret_cast<Stepping*>(memory_.data() + kSteppingStart);
}

std::string_view Arena::node() const {
  const char* name = header().node;
  return {name, strnlen(name, sizeof header().node)};
}

Region Arena::region(Layer owner) const {
  const ArenaSizes& sizes = header().sizes;
  const std::uint64_t unwritten = kPayloadStart + pages(sizes.network_bytes);
  switch (owner) {
    case Layer::netstack:
      return {kPayloadStart, sizes.network_bytes};
    case Layer::fs_cache:
      return {unwritten, sizes.unwritten_bytes};
    case Layer::mirror_server:
      return {unwritten + pages(sizes.unwritten_bytes), sizes.mirror_bytes};
    case Layer::cluster_app:
      return {unwritten + pages(sizes.unwritten_bytes) + pages(sizes.mirror_bytes),
              bounds::kClusterBytes};
    default:
      return {};
  }
}

Bytes Arena::trace_ring(Layer layer) const {
  UNDERSTUDY_CHECK(layer != Layer::none);
  const auto index = static_cast<std::size_t>(layer) - 1;
  return memory_.subspan(kTraceStart + index * kTraceRing, kTraceRing);
}

Bytes Arena::link_rings(Layer one, Layer other) const {
  const auto link = std::find_if(kLinks.begin(), kLinks.end(), [&](const LayerLink& candidate) {
    return (candidate.one == one && candidate.other == other) ||
           (candidate.one == other && candidate.other == one);
  });
  UNDERSTUDY_CHECK(link != kLinks.end());
  const auto index = static_cast<std::size_t>(link - kLinks.begin());
  return memory_.subspan(kLinksStart + index * kLinkRings, kLinkRings);
}

std::optional<Bytes> Arena::inside_payload(std::uint64_t offset, std::uint64_t length) const {
  if (offset < kPayloadStart || offset > memory_.size() || length > memory_.size() - offset)
    return std::nullopt;
  return memory_.subspan(offset, length);
}

Bytes Arena::ring(Layer from, Layer to) const {
  return link_rings(from, to).subspan(from < to ? 0 : Ring::kBytes, Ring::kBytes);
}

std::optional<Bytes> Arena::bytes(const BufferRef& ref) const {
  if (ref.length == 0) return Bytes{};
  return inside_payload(ref.offset, ref.length);
}

std::optional<Bytes> Arena::room(const BufferRef& ref) const {
  if (ref.capacity == 0) return Bytes{};
  return inside_payload(ref.offset, ref.capacity);
}

RegionAllocator::RegionAllocator(Region region) : region_(region) {
  if (region.size > 0) insert_hole(region.offset, region.size);
}

std::optional<BufferRef> RegionAllocator::allocate(std::uint64_t capacity) {
  if (capacity > region_.size || capacity > UINT32_MAX) return std::nullopt;
  const auto fit = holes_by_size_.lower_bound(block_length(capacity));
  if (fit == holes_by_size_.end()) return std::nullopt;
  return take(fit->second, fit->first, fit->second, capacity);
}

std::optional<BufferRef> RegionAllocator::allocate_at(std::uint64_t offset,
                                                      std::uint64_t capacity) {
  if (capacity > region_.size || capacity > UINT32_MAX || offset < region_.offset ||
      (offset - region_.offset) % kBlock != 0) {
    return std::nullopt;
  }
  auto hole = holes_.upper_bound(offset);
  if (hole == holes_.begin()) return std::nullopt;
  --hole;
  const auto [start, length] = *hole;
  if (offset - start > length || length - (offset - start) < block_length(capacity))
    return std::nullopt;
  return take(start, length, offset, capacity);
}

/// Cuts a block out of a hole that has room for it.
BufferRef RegionAllocator::take(std::uint64_t hole, std::uint64_t hole_length, std::uint64_t offset,
                                std::uint64_t capacity) {
  const std::uint64_t length = block_length(capacity);
  erase_hole(holes_.find(hole));
  if (offset > hole) insert_hole(hole, offset - hole);
  const std::uint64_t end = offset + length;
  if (hole + hole_length > end) insert_hole(end, hole + hole_length - end);
  blocks_.emplace(offset, length);
  used_ += length;
  return BufferRef{offset, 0, static_cast<std::uint32_t>(capacity)};
}

void RegionAllocator::free(const BufferRef& buffer) {
  const auto block = blocks_.find(buffer.offset);
  UNDERSTUDY_CHECK(block != blocks_.end());
  std::uint64_t offset = block->first;
  std::uint64_t length = block->second;
  blocks_.erase(block);
  used_ -= length;
  auto after = holes_.lower_bound(offset);
  if (after != holes_.end() && after->first == offset + length) {
    length += after->second;
    const auto merged = after++;
    erase_hole(merged);
  }
  if (after != holes_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      offset = before->first;
      length += before->second;
      erase_hole(before);
    }
  }
  insert_hole(offset, length);
}

void RegionAllocator::insert_hole(std::uint64_t offset, std::uint64_t length) {
  holes_.emplace(offset, length);
  holes_by_size_.emplace(length, offset);
}

void RegionAllocator::erase_hole(std::map<std::uint64_t, std::uint64_t>::iterator hole) {
  auto [first, last] = holes_by_size_.equal_range(hole->second);
  while (first->second != hole->first) ++first;
  static_cast<void>(last);
  holes_by_size_.erase(first);
  holes_.erase(hole);
}

}  // namespace understudy
