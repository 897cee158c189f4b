// The second temporary data store: the partner's records, LUN by LUN, in the mirror region of this
// node's arena. Pure logic: no stream, no IRP.
//
// Invariant: of each LUN it holds the records of one epoch, without gaps, from the first that is
// not purged to the last that came; each was checked before it was taken. They stay until they are
// purged, replayed durably, discarded, or until a begin of a higher epoch: the loss of a connection
// takes nothing away.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "iomgr/arena.h"
#include "iomgr/result.h"
#include "mirror_server/store_memory.h"

namespace understudy {

class MirrorStore {
 public:
  struct Stored {
    std::uint64_t lsn;
    BufferRef record;
  };

  /// `arena` must outlive it; it alone allocates in `region`.
  MirrorStore(Arena& arena, Region region);

  /// Takes back what an earlier life of this node left in the region, when its processes died and
  /// its memory did not. The LUNs take no appends before their next begin; a replay drops what is
  /// durable. Operations found. First of all calls, if at all; a store that is not recovered starts
  /// empty.
  std::uint64_t recover();

  /// Empties the LUN's store; records of `epoch` come from `lsn` on. STATUS_DEVICE_NOT_READY while
  /// the LUN is being replayed, STATUS_VOLUME_DISMOUNTED for an epoch that is not higher than the
  /// last one (rule 7).
  Status begin(std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn);

  /// Room for a record on its way in: hand it to append() or release(). Nothing if the partner
  /// sends more than it was told there is room for. May move stored records, so only one may be on
  /// its way at a time.
  std::optional<BufferRef> reserve(std::uint32_t length);
  void release(const BufferRef& room);

  /// Checks and stores the record that lies in `room`, or releases it. STATUS_VOLUME_DISMOUNTED
  /// when the epoch is over or not the LUN's, STATUS_DATA_ERROR or STATUS_CRC_ERROR for a record
  /// that is none, is another one than announced, or is not the next.
  Status append(std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn, const BufferRef& room);

  /// Drops records up to `lsn`. STATUS_DATA_ERROR above what is stored (rule 6),
  /// STATUS_VOLUME_DISMOUNTED when the epoch is over or not the LUN's.
  Status purge(std::uint32_t lun, std::uint64_t epoch, std::uint64_t lsn);

  /// What may be acknowledged of the LUN: its epoch and last LSN; nothing when its epoch is over.
  struct Place {
    std::uint64_t epoch;
    std::uint64_t lsn;
  };
  std::optional<Place> stored(std::uint32_t lun) const;

  /// No LUN takes anything before its next begin.
  void connection_lost();

  /// The epoch of the LUN is over. Drops what is durable by `applied_lsn`; what is left does not
  /// move until end_replay(). STATUS_DEVICE_NOT_READY while it is being replayed already;
  /// STATUS_DATA_ERROR if records between `applied_lsn` and the first one were purged: then
  /// acknowledged operations would be lost.
  Status begin_replay(std::uint32_t lun, std::uint64_t applied_epoch, std::uint64_t applied_lsn);
  const std::deque<Stored>& records(std::uint32_t lun) const;
  std::uint64_t epoch(std::uint32_t lun) const;
  /// `forget`: they are durable on the medium.
  void end_replay(std::uint32_t lun, bool forget);

  /// Forgets the LUN's records; its epoch is over. STATUS_DEVICE_NOT_READY while it is being
  /// replayed.
  Status discard(std::uint32_t lun);

  /// Bytes of records that the partner may send now, by interconnect::stored_bytes.
  std::uint64_t room() const { return capacity_ - bytes_; }
  /// Bytes freed since the last call otherwise than by purge: what the partner must be told.
  std::uint64_t take_freed();

  std::uint64_t operations() const;
  std::uint64_t bytes() const { return bytes_; }

 private:
  enum class State { closed, open, replaying };  // open: takes records
  struct Lun {
    std::uint32_t slot = 0;  // its root in memory_
    State state = State::closed;
    std::uint64_t epoch = 0;
    std::uint64_t last = 0;  // LSN of the last record stored, or before the first one to come
    std::deque<Stored> records;
  };

  Lun& make_lun(std::uint32_t lun);
  bool take_back(Lun& lun, std::uint32_t id, const BufferRef& record);
  void bring_home(std::uint32_t id, Lun& lun);
  Lun* open_lun(std::uint32_t lun, std::uint64_t epoch);
  Status purge_newest(std::uint32_t id, Lun& lun, std::uint64_t lsn);
  void drop_first(std::uint32_t id, Lun& lun);
  void drop_all(std::uint32_t id, Lun& lun);
  bool compact();

  Arena& arena_;
  StoreMemory memory_;
  RegionAllocator allocator_;
  std::uint64_t capacity_;
  std::uint64_t bytes_ = 0;
  std::uint64_t freed_ = 0;
  std::map<std::uint32_t, Lun> luns_;
};

}  // namespace understudy
