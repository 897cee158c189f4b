// Oplocks and leases of files: what clients may cache (MS-FSA 2.1.1.10, MS-SMB2 3.3.1.12). An
// oplock is a lease that one open has for itself; what level II, exclusive and batch allow is said
// with the same three bits.
//
// Invariant: while `breaking`, `offered` is what the client has been asked to keep, and `required`
// is at most that.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "fs_cache/medium/medium.h"
#include "iomgr/executor.h"
#include "iomgr/irp.h"

namespace understudy {

struct Node;

/// ClientGuid and LeaseKey.
using LeaseKey = std::array<std::uint8_t, 32>;

LeaseKey lease_key(const Caching& caching);

inline std::uint8_t without(std::uint8_t state, std::uint8_t bits) {
  return static_cast<std::uint8_t>(state & ~bits);
}

struct Oplock {
  Caching::Kind kind;
  LeaseKey key;  // of a lease
  std::uint8_t version;
  Node* node;
  std::vector<std::uint64_t> opens;

  std::uint8_t state = 0;
  std::uint16_t epoch = 0;
  bool breaking = false;
  std::uint8_t offered = 0;
  std::uint8_t required = 0;
  Executor::TimerId timer = 0;  // of the acknowledgement

  bool is_lease() const { return kind == Caching::lease; }
};

/// What a client has of it.
Caching caching_of(const Oplock& oplock);

/// A break that netstack has not been told of.
struct OplockBreak {
  std::weak_ptr<Oplock> oplock;
  std::uint8_t from;
  std::uint8_t to;
  std::uint16_t epoch;
  bool answers;  // an acknowledgement is waited for
};

/// Those of one LUN.
struct Oplocks {
  std::map<LeaseKey, std::shared_ptr<Oplock>> leases;
  std::deque<OplockBreak> breaks;
  std::uint64_t listener = 0;                      // the IRP that waits for the next break
  std::multimap<ObjectId, std::uint64_t> waiting;  // IRPs that wait until breaks are settled
};

}  // namespace understudy
