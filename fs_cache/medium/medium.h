// The storage medium of one LUN: what outlives a node. fs_cache knows it only through this
// interface; a POSIX directory stands behind it (posix_medium.h), in the simulator a disk that can
// tear and lose.
//
// The unit is the cell: bytes of an object, its size, its attributes, one directory entry. A flush
// is a sequence of unordered sets of cells with a sync after each (design: section 5, steps 1-7);
// between two sets the order is kept by the caller, who awaits each. All of it assigns constants,
// so it can be done again.
//
// Calls may overlap, except that the owner runs one flush at a time. They fail with
// STATUS_DISK_FULL, STATUS_IO_DEVICE_ERROR or STATUS_FILE_CORRUPT; a failed write set may have been
// done in part.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fs_cache/content.h"
#include "iomgr/bytes.h"
#include "iomgr/irp.h"
#include "iomgr/property.h"
#include "iomgr/result.h"
#include "iomgr/task.h"

namespace understudy {

using ObjectId = std::uint64_t;
inline constexpr ObjectId kRootObject = 1;

// The named streams of an object stand in a directory of its own, which no name leads to: its
// streams directory. It has the object's id with the top bit, which ids given to objects (`epoch
// << 40 | counter`) have not. It comes to be with the first stream and goes with the object.
inline constexpr ObjectId kStreamsOf = ObjectId{1} << 63;
constexpr ObjectId streams_of(ObjectId object) {
  return object | kStreamsOf;
}
constexpr bool is_streams_directory(ObjectId object) {
  return (object & kStreamsOf) != 0;
}
/// Whose streams directory it is.
constexpr ObjectId file_of(ObjectId streams) {
  return streams & ~kStreamsOf;
}

/// What the medium keeps of an object beside its bytes. Times are FILETIME.
struct ObjectState {
  std::uint64_t size = 0;
  std::uint32_t attributes = 0;  // FILE_ATTRIBUTE_*; FILE_ATTRIBUTE_DIRECTORY tells a directory
  std::uint64_t creation_time = 0;
  std::uint64_t access_time = 0;
  std::uint64_t write_time = 0;
  std::uint64_t change_time = 0;
};

/// Bytes of an object, which stay as they are until the call completes, or zeros. Only bytes make
/// it longer.
struct DataCell {
  std::uint64_t offset;
  Content content;
};

/// All cells of one object that a flush writes. Order inside: create, cut to `cut_size`, data, then
/// `state`.
struct ObjectCells {
  ObjectId object = 0;
  bool create = false;  // make it if it is not there (it may be, after a crash)
  bool directory = false;
  std::uint64_t cut_size =
      ~std::uint64_t{0};  // the smallest size it had meanwhile: bytes behind it become zero
  std::vector<DataCell> data;
  std::optional<ObjectState> state;
};

/// One directory entry: the name leads to `object` from now on, or (object 0) to nothing.
struct EntryCell {
  ObjectId directory = 0;
  std::string name;  // UTF-8, any name SMB allows
  ObjectId object = 0;
  bool object_is_directory = false;
};

/// The value of a property (iomgr/property.h) from now on; no bytes: there is none.
struct PropertyCell {
  PropertyKind kind{};
  std::uint64_t id = 0;
  std::vector<std::uint8_t> bytes;
};

struct ListedEntry {
  std::string name;
  ObjectId object;
  std::uint32_t links;
  std::uint64_t allocation_size;
  ObjectState state;
};

/// The `applied` slot: what is surely incorporated, and who may hold more than the medium.
struct Applied {
  std::uint64_t generation = 0;
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;
  std::uint32_t mirror =
      0;  // index + 1 of the node whose mirror store may hold later operations; 0: none
};

/// The names that a flush is about to change, kept on the medium while it does. Needed where no
/// other memory holds the log (degraded): a crash between two names of a rename could not be
/// repaired from anywhere else.
struct Intent {
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;  // of the flush; 0: there never was one
  std::vector<EntryCell> entries;
};

struct Ownership {
  std::uint64_t epoch = 0;
  std::uint32_t node = 0;
};

struct Space {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
};

class Medium {
 public:
  virtual ~Medium() = default;

  // Ownership. lock() holds until unlock() or the end of the process, whatever ends it (rule 7).
  /// STATUS_SHARING_VIOLATION: another process holds it. Makes an empty directory a LUN the first
  /// time.
  virtual Task<Status> lock() = 0;
  virtual Task<void> unlock() = 0;
  virtual Task<Result<Ownership>> read_owner() = 0;
  /// Atomic test-and-set of the epoch: STATUS_OBJECT_NAME_COLLISION if somebody has claimed it
  /// before.
  virtual Task<Status> claim(Ownership ownership) = 0;
  virtual Task<Result<Applied>> read_applied() = 0;
  /// Clears away what an interrupted flush left behind (temporary names). STEP 312.
  virtual Task<Status> recover() = 0;

  /// What write_intent() wrote last. Of use when its LSN is above that of `applied`.
  virtual Task<Result<Intent>> read_intent() = 0;

  // Reading.
  virtual Task<Result<ObjectState>> read_state(ObjectId object) = 0;
  virtual Task<Result<std::vector<ListedEntry>>> list(ObjectId directory) = 0;
  /// Bytes read; fewer than out.size() only at the end of what the medium has.
  virtual Task<Result<std::size_t>> read(ObjectId object, std::uint64_t offset, Bytes out) = 0;
  /// What takes room of the bytes from `from` to `to`, in order, at most `most` ranges; between
  /// them are zeros. Where the storage cannot tell, all of it.
  virtual Task<Result<std::vector<AllocatedRange>>> allocated_ranges(ObjectId object,
                                                                     std::uint64_t from,
                                                                     std::uint64_t to,
                                                                     std::size_t most) = 0;
  virtual Task<Result<Space>> space() = 0;
  /// Empty: there is none.
  virtual Task<Result<std::vector<std::uint8_t>>> read_property(PropertyKind kind,
                                                                std::uint64_t id) = 0;
  /// All of that kind; what is damaged has no bytes.
  virtual Task<Result<std::vector<PropertyCell>>> list_properties(PropertyKind kind) = 0;

  // Flushing, in this order (design: section 5).
  virtual Task<Status> write_objects(std::span<const ObjectCells> objects) = 0;  // 1
  virtual Task<Status> sync_objects(std::span<const ObjectId> objects) = 0;      // 2
  /// Replaces each value in one step; all of them are durable when it completes.
  virtual Task<Status> write_properties(std::span<const PropertyCell> properties) = 0;
  /// Replaces the one before in one step; durable when it completes.
  virtual Task<Status> write_intent(const Intent& intent) = 0;
  virtual Task<Status> write_entries(std::span<const EntryCell> entries) = 0;        // 3
  virtual Task<Status> sync_directories(std::span<const ObjectId> directories) = 0;  // 4
  virtual Task<Status> write_applied(const Applied& applied) = 0;  // 5, durable when it completes
  /// With their properties, their streams directories and all streams in them. A missing object is
  /// fine.
  virtual Task<Status> remove_objects(std::span<const ObjectId> objects) = 0;  // 7

  // The mailbox: a slot for each node in each of two areas (0 and 1), for which nobody needs the
  // lock, only a LUN. `durable`: not before the device has it, or not from anywhere but the device.
  virtual Task<Status> write_mailbox(std::uint32_t area, MailboxSlot slot, bool durable) = 0;
  /// STATUS_NOT_FOUND: that node never wrote. STATUS_CRC_ERROR: what is there is damaged.
  virtual Task<Result<MailboxSlot>> read_mailbox(std::uint32_t area, std::uint32_t node,
                                                 bool durable) = 0;
};

}  // namespace understudy
