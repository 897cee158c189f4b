// The unwritten-data cache of one LUN, the first temporary data store of the patent: the log
// records of all operations that are not on the medium yet, in the order of their LSNs.
//
// Invariant: it holds exactly the operations (durable, last]; each record's bytes stay where they
// are until they are durable, since extents, the partner's copy in flight and a flush read them
// there.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "fs_cache/extents.h"
#include "fs_cache/log_space.h"
#include "iomgr/record.h"

namespace understudy {

class UnwrittenCache {
 public:
  explicit UnwrittenCache(std::shared_ptr<LogSpace> space) : space_(std::move(space)) {}
  UnwrittenCache(const UnwrittenCache&) = delete;
  UnwrittenCache& operator=(const UnwrittenCache&) = delete;
  ~UnwrittenCache();

  /// Writes the record of operation `header.lsn`, which must be the highest so far. Its place, for
  /// the IRP.
  BufferRef add(Reservation reservation, const RecordHeader& header, std::string_view name,
                std::string_view target_name, ConstBytes data,
                const std::vector<Property>& properties = {});
  /// Takes in a record that another node wrote. STATUS_DATA_ERROR or STATUS_CRC_ERROR for what is
  /// no record; `admit` decides on its header, once it lies where its writer can no longer change
  /// it.
  Status add_copy(Reservation reservation, ConstBytes record,
                  const std::function<Status(const RecordHeader&)>& admit);

  /// The records up to `lsn`, oldest first. STATUS_CRC_ERROR if somebody has overwritten one.
  Result<std::vector<Record>> records(Lsn lsn) const;
  /// They are on the medium: gives their memory back.
  void forget(Lsn lsn);

  bool empty() const { return log_.empty(); }
  Lsn last() const { return log_.empty() ? 0 : log_.back().lsn; }
  std::size_t operations() const { return log_.size(); }
  std::uint64_t bytes() const { return bytes_; }
  /// The data part of a record that add() has written.
  ConstBytes data_of(const BufferRef& record, std::size_t length) const;

 private:
  struct Entry {
    Lsn lsn;
    BufferRef record;
  };
  void push(Lsn lsn, const BufferRef& record);

  std::shared_ptr<LogSpace> space_;
  std::deque<Entry> log_;
  std::uint64_t bytes_ = 0;
};

}  // namespace understudy
