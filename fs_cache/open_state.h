// What a partner needs to give a durable open back to its client: the value of its property
// (iomgr/property.h), assigned by the records of CREATE, LOCK, SET_INFO and CLOSE, kept on the
// medium as long as the open lives. Not in it: what a client asks anew when it comes back (where a
// listing stood, changes that it watched).
//
//     version │ kind, timeout │ GUIDs, owner │ object │ access, share, options, action, flags
//             │ oplock or lease │ lock sequences │ path │ byte-range locks
#pragma once

#include <array>
#include <string>
#include <vector>

#include "fs_cache/medium/medium.h"
#include "fs_cache/range_locks.h"
#include "iomgr/irp.h"
#include "iomgr/result.h"

namespace understudy {

using LockSequenceArray = std::array<std::uint8_t, 64>;  // as in ReclaimedOpen

struct OpenState {
  DurableRequest request{};  // as granted
  ObjectId object = 0;
  std::string path;
  /// name_check() of the path before it was renamed through this open; 0: it was not.
  std::uint32_t former = 0;
  std::uint32_t access = 0;
  std::uint32_t share = 0;
  std::uint32_t options = 0;
  std::uint16_t create_action = 0;
  bool delete_pending = false;  // of the name that it was opened by
  bool keeps_write_time = false;
  bool keeps_change_time = false;
  Caching caching{};
  LockSequenceArray lock_sequences{};
  std::vector<RangeLock> locks;
};

/// Of a path, whatever its spelling; hardly ever the same for another one.
std::uint32_t name_check(std::string_view path);

/// Bytes of an open with such a path and so many locks.
std::size_t open_state_size(std::size_t path, std::size_t locks);
/// The locks that fit into a property beside the rest.
std::size_t most_locks_of(std::size_t path);

std::vector<std::uint8_t> encode_open_state(const OpenState& state);
/// STATUS_FILE_CORRUPT for what is none. `open` is written into its locks.
Result<OpenState> decode_open_state(ConstBytes bytes, std::uint64_t open);

}  // namespace understudy
