// A medium in memory, for tests and the simulator. The disk outlives the nodes that mount it. What
// is written but not synced can be lost cell by cell, in any combination, when the power fails, and
// a cell of data can be torn (design: section 5). The disk can be slow, hang, and fail a sync the
// way kernels do: what was to be written is marked clean and never tried again.
//
// Invariant: `current` is what readers see; `durable` is what surely survives; the unsynced cells,
// applied in their order, lead from the one to the other, but for those that a failed sync dropped.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "fs_cache/medium/fault_points.h"
#include "fs_cache/medium/medium.h"
#include "iomgr/seams.h"
#include "iomgr/sync.h"

namespace understudy {

class MemoryMedium;

class MemoryDisk {
 public:
  static constexpr std::size_t kSector = 512;

  struct Object {
    bool directory = false;
    std::vector<std::uint8_t> bytes;
    ObjectState state;
  };
  using EntryPlace = std::pair<ObjectId, std::string>;  // directory, name
  using PropertyPlace = std::pair<PropertyKind, std::uint64_t>;
  struct Image {
    std::map<ObjectId, Object> objects;
    std::map<EntryPlace, ObjectId> entries;
    std::map<PropertyPlace, std::vector<std::uint8_t>> properties;
  };

  /// An empty LUN: the root directory, made at `time`.
  explicit MemoryDisk(std::uint64_t total_bytes = std::uint64_t{1} << 40, FileTime time = 0);

  const Image& current() const { return current_; }
  const Image& durable() const { return durable_; }
  const Applied& applied() const { return applied_; }
  const Ownership& owner() const { return owner_; }
  void set_free_bytes(std::uint64_t bytes) { space_.free_bytes = bytes; }

  /// What happens to the disk, for who watches it.
  enum class Touch { locked, unlocked, claimed, written, synced, sync_failed, applied };
  /// Called after each; `medium` is whose access it was.
  std::function<void(Touch touch, const MemoryMedium& medium)> on_touch;

  /// Requests take so much longer from now on ...
  void set_delay(Duration delay) { delay_ = delay; }
  /// ... or forever, until it is told to go on.
  void set_hung(bool hung);
  /// False: its lock keeps nobody out, as on a disk that two machines share without one.
  void set_lock_guards(bool guards) { lock_guards_ = guards; }
  /// The next sync fails, and its cells stay in `current` without ever becoming durable.
  void fail_next_sync() { fails_sync_ = true; }

  /// All properties become bytes that mean nothing.
  void damage_properties() {
    for (auto& [place, bytes] : current_.properties) bytes.assign(3, 0xFF);
  }

  /// The node that mounted it dies. The power fails with it: `keeps` is asked for every unsynced
  /// cell. With a `keeps` that is always true only the process has died.
  void crash(const std::function<bool()>& keeps);
  /// The same, with `torn` asked for every cell of data that is not kept whole: how many of its
  /// sectors are.
  void crash(const std::function<bool()>& keeps, const std::function<std::size_t()>& torn);

 private:
  friend class MemoryMedium;

  struct Make {
    ObjectId object;
    bool directory;
  };
  struct Cut {
    ObjectId object;
    std::uint64_t size;
  };
  struct Put {
    ObjectId object;
    std::uint64_t offset;
    std::vector<std::uint8_t> bytes;
  };
  struct Zero {
    ObjectId object;
    std::uint64_t offset;
    std::uint64_t length;
  };
  struct Set {
    ObjectId object;
    ObjectState state;
  };
  struct Name {
    ObjectId directory;
    std::string name;
    ObjectId object;
  };
  struct Drop {
    ObjectId object;
  };
  using Cell = std::variant<Make, Cut, Put, Zero, Set, Name, Drop, PropertyCell>;

  static void apply(Image& image, const Cell& cell);
  void change(Cell cell);
  void sync(const std::function<bool(const Cell&)>& which);
  Status sync_or_fail(const std::function<bool(const Cell&)>& which, const MemoryMedium& medium);
  void touched(Touch touch, const MemoryMedium& medium) {
    if (on_touch) on_touch(touch, medium);
  }

  Image current_;
  Image durable_;
  std::vector<Cell> unsynced_;
  Applied applied_;
  std::optional<Applied> unsynced_applied_;
  Intent intent_;
  Ownership owner_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, MailboxSlot> mailbox_;  // by area, node
  Space space_;
  bool locked_ = false;
  Duration delay_{0};
  bool hung_ = false;
  bool lock_guards_ = true;
  bool fails_sync_ = false;
  std::vector<MemoryMedium*> mounted_;
};

/// One node's access to the disk. Its destruction is the death of the process: the lock is free
/// again.
class MemoryMedium : public Medium {
 public:
  /// `node` is whose access it is, for who watches the disk.
  MemoryMedium(const Seams& seams, std::shared_ptr<MemoryDisk> disk, std::uint32_t node = 0);
  ~MemoryMedium() override;

  std::uint32_t node() const { return node_; }

  Task<Status> lock() override;
  Task<void> unlock() override;
  Task<Result<Ownership>> read_owner() override;
  Task<Status> claim(Ownership ownership) override;
  Task<Result<Applied>> read_applied() override;
  Task<Status> recover() override;
  Task<Result<Intent>> read_intent() override;

  Task<Result<ObjectState>> read_state(ObjectId object) override;
  Task<Result<std::vector<ListedEntry>>> list(ObjectId directory) override;
  Task<Result<std::size_t>> read(ObjectId object, std::uint64_t offset, Bytes out) override;
  Task<Result<std::vector<AllocatedRange>>> allocated_ranges(ObjectId object, std::uint64_t from,
                                                             std::uint64_t to,
                                                             std::size_t most) override;
  Task<Result<Space>> space() override;
  Task<Result<std::vector<std::uint8_t>>> read_property(PropertyKind kind,
                                                        std::uint64_t id) override;
  Task<Result<std::vector<PropertyCell>>> list_properties(PropertyKind kind) override;

  Task<Status> write_objects(std::span<const ObjectCells> objects) override;
  Task<Status> sync_objects(std::span<const ObjectId> objects) override;
  Task<Status> write_properties(std::span<const PropertyCell> properties) override;
  Task<Status> write_intent(const Intent& intent) override;
  Task<Status> write_entries(std::span<const EntryCell> entries) override;
  Task<Status> sync_directories(std::span<const ObjectId> directories) override;
  Task<Status> write_applied(const Applied& applied) override;
  Task<Status> remove_objects(std::span<const ObjectId> objects) override;

  Task<Status> write_mailbox(std::uint32_t area, MailboxSlot slot, bool durable) override;
  Task<Result<MailboxSlot>> read_mailbox(std::uint32_t area, std::uint32_t node,
                                         bool durable) override;

 private:
  using Part = std::function<Status(std::size_t)>;
  friend class MemoryDisk;
  /// Runs parts one by one, each a work of its own, so that a crash can come between them.
  Task<Status> run(CallPoints points, std::size_t parts, Part part);
  Task<void> wait_for_disk();

  Executor& executor_;
  FaultPoints& faults_;
  std::shared_ptr<MemoryDisk> disk_;
  const std::uint32_t node_;
  Event disk_moves_;
  bool holds_lock_ = false;
};

}  // namespace understudy
