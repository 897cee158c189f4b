// Named values that belong to an object or to an open, beside what every object has: security
// descriptors, extended attributes, the state of durable opens. Each is a cell of the LUN like a
// size or a name: a log record assigns it a constant, a flush folds the assignments, replay repeats
// them (design: section 5). The same list of them travels in records and, as what a client asks
// for, in the payload of CREATE.
//
//     0 ┌──────┬──────────┬────────┬──────────────────┬───────┬───
//       │ kind │ reserved │ length │ id               │ bytes │ kind ...
//       └──────┴──────────┴────────┴──────────────────┴───────┴───
//         2      2          4        8                  length
// Little-endian, without padding.
#pragma once

#include <cstdint>
#include <vector>

#include "iomgr/bytes.h"
#include "iomgr/result.h"

namespace understudy {

enum class PropertyKind : std::uint16_t {
  security_descriptor = 1,  // of an object: self-relative, MS-DTYP 2.4.6
  extended_attributes = 2,  // of an object: FILE_FULL_EA_INFORMATION, MS-FSCC 2.4.16
  open = 3,                 // of a durable open, `id` is irp.open: fs_cache/open_state.h
  // In IRPs alone, never in a record:
  token = 16,    // CREATE: who asks, SIDs (MS-DTYP 2.4.2) one behind the other, the user's first
  durable = 17,  // CREATE, `reclaim`: a DurableRequest (iomgr/irp.h)
};

/// No bytes: the cell is empty from now on.
struct Property {
  PropertyKind kind;
  std::uint64_t id;
  ConstBytes bytes;
};

inline constexpr std::size_t kPropertyHeader = 16;

/// Whether records and media keep it.
bool is_kept(PropertyKind kind);

/// Bytes that the list takes.
std::size_t properties_size(const std::vector<Property>& properties);
/// Writes the list to `out`, which has at least properties_size() bytes.
void encode_properties(const std::vector<Property>& properties, Bytes out);
/// Views into `bytes`. STATUS_DATA_ERROR: it is no such list, names a kind twice for one id, or
/// has more or longer values than kMaxProperties and kMaxProperty allow.
Result<std::vector<Property>> decode_properties(ConstBytes bytes);
/// nullptr: it is not in the list.
const Property* find_property(const std::vector<Property>& properties, PropertyKind kind);

}  // namespace understudy
