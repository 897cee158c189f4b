// An open file of a session (MS-SMB2 section 3.3.1.10): what ties the FileId that the client knows
// to the handle that fs_cache knows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "iomgr/sync.h"
#include "netstack/rpc/pipe.h"
#include "netstack/smb2/channel_sequence.h"
#include "netstack/smb2/lock_sequence.h"
#include "netstack/smb2/open_table.h"
#include "netstack/smb2/tree.h"

namespace understudy::smb2 {

/// Section 2.2.14.1. Both halves all ones mean "the one of the request before" in a compound.
struct FileId {
  std::uint64_t persistent = ~std::uint64_t{0};
  std::uint64_t of_session = ~std::uint64_t{0};  // "volatile" in the specification

  bool is_previous() const { return persistent == ~std::uint64_t{0} && of_session == persistent; }
};

/// What makes an open findable without its FileId, and lets it outlive its session. All zeros of an
/// open that did not ask for it.
struct Durability {
  DurableRequest request{};  // who may have it back; `kind` as granted
  std::uint32_t timeout_ms = 0;
  bool versioned = false;  // AppInstanceVersion was given
  std::uint64_t version_high = 0;
  std::uint64_t version_low = 0;
};

struct Open {
  FileId id;
  std::shared_ptr<Tree> tree;
  std::uint64_t handle = 0;  // irp.open; 0 for a pipe
  std::uint32_t access = 0;  // granted
  std::uint32_t options = 0;
  bool directory = false;
  std::uint64_t position = 0;      // FilePositionInformation: where the last transfer ended
  std::size_t extended_place = 0;  // where a listing of extended attributes stands
  LockSequences lock_sequences;
  ChannelSequence channel_sequence;
  std::string path;  // at its CREATE
  Durability durability;
  std::shared_ptr<Caching> caching;  // what is left of its oplock or lease
  OpenTable::Place place;            // while its CREATE may be sent again
  CreateParameters created{};        // what its CREATE was answered, for that case

  /// Requests that run with it; whoever gives a durable open back waits until there are none, so
  /// that nothing of the old session reaches it any more.
  std::uint32_t in_use = 0;
  Event* unused = nullptr;
  std::unique_ptr<rpc::Pipe> pipe;  // of an open on IPC$
  std::optional<CreditGuard> pipe_slot;

  bool durable() const { return durability.request.kind != DurableKind::none; }
  bool may(std::uint32_t rights) const { return (access & rights) == rights; }
  bool may_any(std::uint32_t rights) const { return (access & rights) != 0; }
};

}  // namespace understudy::smb2
