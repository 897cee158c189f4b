// The arena: one shared-memory segment a node, made by cluster_app and mapped by every layer.
//
//     ┌────────┬──────────┬─────────────┬────────┬───────────────────────────────────────────────────┐
//     │ header │ stepping │ trace rings │ rings  │ payload regions: │ │        │          │ one a
//     layer │ (IRPs) │ netstack │ fs_cache  │ mirror_server │ cluster_app │ │        │          │
//     │        │ frames   │ unwritten │ mirror store  │ orders      │
//     └────────┴──────────┴─────────────┴────────┴───────────────────────────────────────────────────┘
//
// Each payload region has one owner, which alone allocates in it and keeps its books in private
// memory; the others only look at the bytes that an IRP points to, through bytes(), which checks
// bounds. Bytes in the arena may change under a reader if a neighbour is buggy: copy what is
// decided upon, then decide.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "iomgr/bounds.h"
#include "iomgr/bytes.h"
#include "iomgr/irp.h"

namespace understudy {

struct Stepping;

struct ArenaSizes {
  std::uint64_t network_bytes = bounds::kNetworkBytes;
  std::uint64_t unwritten_bytes = bounds::kUnwrittenBytes;
  std::uint64_t mirror_bytes = bounds::kMirrorBytes;

  bool operator==(const ArenaSizes&) const = default;
};

struct Region {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// A link between two layers.
struct LayerLink {
  Layer one;
  Layer other;
};
/// Every link of the house (design: section 2); their order fixes where their rings lie.
std::span<const LayerLink> house_links();

/// At the start of the segment.
struct ArenaHeader {
  static constexpr std::uint64_t kMagic = 0x616e657241445355;  // "USDArena"
  static constexpr std::uint32_t kVersion = 2;

  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t lives;  // how often the segment was laid out before: above 0, payload regions hold
                        // what was left there
  std::uint64_t size;
  ArenaSizes sizes;
  char node[64];
  std::atomic<std::uint32_t> trace_mask;  // bit by Layer; 0: all trace points are off
};

class Arena {
 public:
  /// A view of `memory`, which must outlive it.
  explicit Arena(Bytes memory) : memory_(memory) {}

  static std::uint64_t size_for(const ArenaSizes& sizes);
  /// Lays out memory that is fresh and zeroed, or that an earlier life of the same node left
  /// behind: what lies in the payload regions is then still there (a mirror store survives the
  /// processes that kept it).
  static Arena format(Bytes memory, const ArenaSizes& sizes, std::string_view node);
  /// Checks header and size of memory that another process laid out.
  static std::optional<Arena> attach(Bytes memory);

  Bytes memory() const { return memory_; }
  ArenaHeader& header() const { return *reinterpret_cast<ArenaHeader*>(memory_.data()); }
  std::string_view node() const;
  /// For debuggers (stepping.h).
  Stepping& stepping() const;

  /// The payload region that `owner` allocates in; empty for layers that have none.
  Region region(Layer owner) const;
  /// Memory of a layer's trace ring.
  Bytes trace_ring(Layer layer) const;
  /// Memory of the pair of rings between two layers, in one fixed order.
  Bytes link_rings(Layer one, Layer other) const;
  /// The one of them that carries IRPs away from `from`.
  Bytes ring(Layer from, Layer to) const;

  /// The bytes that `ref` names: `length` of them; nothing if they are not all inside a payload
  /// region.
  std::optional<Bytes> bytes(const BufferRef& ref) const;
  /// The same for all of its capacity.
  std::optional<Bytes> room(const BufferRef& ref) const;

 private:
  std::optional<Bytes> inside_payload(std::uint64_t offset, std::uint64_t length) const;

  Bytes memory_;
};

/// Best-fit allocator of one region, for its owner. Blocks are multiples of 64 bytes.
class RegionAllocator {
 public:
  static constexpr std::uint64_t kBlock = 64;

  explicit RegionAllocator(Region region);

  /// A buffer with at least `capacity` bytes and length 0; nothing when no hole is large enough.
  std::optional<BufferRef> allocate(std::uint64_t capacity);
  /// Takes the block at `offset`, for what an earlier life of the node has left there. Nothing if
  /// it is not free, not inside the region, or not where a block can start.
  std::optional<BufferRef> allocate_at(std::uint64_t offset, std::uint64_t capacity);
  /// `buffer` must come from allocate() and not be freed yet (a bugcheck otherwise).
  void free(const BufferRef& buffer);

  std::uint64_t used() const { return used_; }
  std::uint64_t size() const { return region_.size; }

 private:
  BufferRef take(std::uint64_t hole, std::uint64_t hole_length, std::uint64_t offset,
                 std::uint64_t capacity);
  void insert_hole(std::uint64_t offset, std::uint64_t length);
  void erase_hole(std::map<std::uint64_t, std::uint64_t>::iterator hole);

  Region region_;
  std::uint64_t used_ = 0;
  std::map<std::uint64_t, std::uint64_t> holes_;               // offset -> length
  std::multimap<std::uint64_t, std::uint64_t> holes_by_size_;  // length -> offset
  std::map<std::uint64_t, std::uint64_t> blocks_;              // offset -> length
};

}  // namespace understudy
