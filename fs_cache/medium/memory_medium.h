// A medium in memory, for tests and the simulator. The disk outlives the nodes that mount it. What
// is written but not synced can be lost cell by cell, in any combination, when the power fails
// (design: section 5).
//
// Invariant: `current` is what readers see; `durable` is what surely survives; the unsynced cells,
// applied in their order, lead from the one to the other.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "fs_cache/medium/fault_points.h"
#include "fs_cache/medium/medium.h"
#include "iomgr/seams.h"

namespace understudy {

class MemoryDisk {
 public:
  struct Object {
    bool directory = false;
    std::vector<std::uint8_t> bytes;
    ObjectState state;
  };
  using EntryPlace = std::pair<ObjectId, std::string>;  // directory, name
  struct Image {
    std::map<ObjectId, Object> objects;
    std::map<EntryPlace, ObjectId> entries;
  };

  /// An empty LUN: the root directory, made at `time`.
  explicit MemoryDisk(std::uint64_t total_bytes = std::uint64_t{1} << 40, FileTime time = 0);

  const Image& current() const { return current_; }
  const Applied& applied() const { return applied_; }
  const Ownership& owner() const { return owner_; }
  void set_free_bytes(std::uint64_t bytes) { space_.free_bytes = bytes; }

  /// The node that mounted it dies. The power fails with it: `keeps` is asked for every unsynced
  /// cell. With a `keeps` that is always true only the process has died.
  void crash(const std::function<bool()>& keeps);

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
  using Cell = std::variant<Make, Cut, Put, Set, Name, Drop>;

  static void apply(Image& image, const Cell& cell);
  void change(Cell cell);
  void sync(const std::function<bool(const Cell&)>& which);

  Image current_;
  Image durable_;
  std::vector<Cell> unsynced_;
  Applied applied_;
  std::optional<Applied> unsynced_applied_;
  Ownership owner_;
  Space space_;
  bool locked_ = false;
};

/// One node's access to the disk. Its destruction is the death of the process: the lock is free
/// again.
class MemoryMedium : public Medium {
 public:
  MemoryMedium(const Seams& seams, std::shared_ptr<MemoryDisk> disk);
  ~MemoryMedium() override;

  Task<Status> lock() override;
  Task<void> unlock() override;
  Task<Result<Ownership>> read_owner() override;
  Task<Status> claim(Ownership ownership) override;
  Task<Result<Applied>> read_applied() override;
  Task<Status> recover() override;

  Task<Result<ObjectState>> read_state(ObjectId object) override;
  Task<Result<std::vector<ListedEntry>>> list(ObjectId directory) override;
  Task<Result<std::size_t>> read(ObjectId object, std::uint64_t offset, Bytes out) override;
  Task<Result<Space>> space() override;

  Task<Status> write_objects(std::span<const ObjectCells> objects) override;
  Task<Status> sync_objects(std::span<const ObjectId> objects) override;
  Task<Status> write_entries(std::span<const EntryCell> entries) override;
  Task<Status> sync_directories(std::span<const ObjectId> directories) override;
  Task<Status> write_applied(const Applied& applied) override;
  Task<Status> remove_objects(std::span<const ObjectId> objects) override;

 private:
  using Part = std::function<Status(std::size_t)>;
  /// Runs parts one by one, each a work of its own, so that a crash can come between them.
  Task<Status> run(CallPoints points, std::size_t parts, Part part);

  Executor& executor_;
  FaultPoints& faults_;
  std::shared_ptr<MemoryDisk> disk_;
  bool holds_lock_ = false;
};

}  // namespace understudy
