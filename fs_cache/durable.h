// What a durable open has beside an ordinary one.
//
// Invariant: `kept_` of the volume holds the ids of those that are not connected.
#pragma once

#include <algorithm>

#include "fs_cache/open_state.h"
#include "iomgr/executor.h"

namespace understudy {

struct DurableOpen {
  DurableRequest request{};  // as granted
  std::uint16_t create_action = 0;
  LockSequenceArray lock_sequences{};
  std::uint32_t former = 0;  // as in OpenState
  bool deletes = false;      // its record says that its name is to be deleted: see Volume::heir()
  Time tried = Time::min();  // when the keeper sent a close last
  bool connected = true;
  bool restored = false;  // by a mount: breaks since its last record are not known
  // While it is not:
  bool wanted = false;  // somebody waits for its end
  Time guarded{};       // until then it does not end for others
  Time deadline{};      // then it ends

  /// It is as good as over: whoever waits for that may have been told.
  bool wanted_at_once(Time now) const { return wanted && deadline <= now; }
};

/// STATUS_INVALID_PARAMETER: it is none.
Result<DurableRequest> durable_request(ConstBytes bytes);

/// Of GUIDs and hashes.
template <std::size_t N>
bool same(const std::uint8_t (&one)[N], const std::uint8_t (&other)[N]) {
  return std::equal(std::begin(one), std::end(one), std::begin(other));
}

}  // namespace understudy
