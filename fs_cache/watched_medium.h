// A medium that is watched: how old the oldest request in flight is and how many have failed, which
// is what a node's health is judged by (claim 10: the server's I/O). Passes everything on. The
// mailbox is not watched: it is how the path to the medium is tried.
#pragma once

#include <memory>
#include <set>
#include <utility>

#include "fs_cache/medium/medium.h"
#include "iomgr/executor.h"

namespace understudy {

/// What happened on all media of a node.
class StorageWatch {
 public:
  explicit StorageWatch(Executor& executor) : executor_(executor) {}

  /// Age of the oldest request in flight; zero if there is none.
  Duration oldest() const {
    return in_flight_.empty() ? Duration(0) : executor_.now() - *in_flight_.begin();
  }
  std::uint32_t errors() const { return errors_; }

  Time begin() {
    const Time now = executor_.now();
    in_flight_.insert(now);
    return now;
  }
  void end(Time begun, Status status) {
    in_flight_.erase(in_flight_.find(begun));
    if (is_error(status)) ++errors_;
  }

 private:
  /// What the medium answers to a sound request only when something is wrong with it.
  static bool is_error(Status status) {
    return status == Status::io_device_error || status == Status::unexpected_io_error ||
           status == Status::media_write_protected || status == Status::file_corrupt ||
           status == Status::disk_full;
  }

  Executor& executor_;
  std::multiset<Time> in_flight_;
  std::uint32_t errors_ = 0;
};

class WatchedMedium : public Medium {
 public:
  WatchedMedium(std::unique_ptr<Medium> medium, std::shared_ptr<StorageWatch> watch)
      : medium_(std::move(medium)), watch_(std::move(watch)) {}

  Task<Status> lock() override { return watch(medium_->lock()); }
  Task<void> unlock() override { return medium_->unlock(); }
  Task<Result<Ownership>> read_owner() override { return watch(medium_->read_owner()); }
  Task<Status> claim(Ownership ownership) override { return watch(medium_->claim(ownership)); }
  Task<Result<Applied>> read_applied() override { return watch(medium_->read_applied()); }
  Task<Status> recover() override { return watch(medium_->recover()); }
  Task<Result<Intent>> read_intent() override { return watch(medium_->read_intent()); }

  Task<Result<ObjectState>> read_state(ObjectId object) override {
    return watch(medium_->read_state(object));
  }
  Task<Result<std::vector<ListedEntry>>> list(ObjectId directory) override {
    return watch(medium_->list(directory));
  }
  Task<Result<std::size_t>> read(ObjectId object, std::uint64_t offset, Bytes out) override {
    return watch(medium_->read(object, offset, out));
  }
  Task<Result<std::vector<AllocatedRange>>> allocated_ranges(ObjectId object, std::uint64_t from,
                                                             std::uint64_t to,
                                                             std::size_t most) override {
    return watch(medium_->allocated_ranges(object, from, to, most));
  }
  Task<Result<Space>> space() override { return watch(medium_->space()); }
  Task<Result<std::vector<std::uint8_t>>> read_property(PropertyKind kind,
                                                        std::uint64_t id) override {
    return watch(medium_->read_property(kind, id));
  }
  Task<Result<std::vector<PropertyCell>>> list_properties(PropertyKind kind) override {
    return watch(medium_->list_properties(kind));
  }

  Task<Status> write_objects(std::span<const ObjectCells> objects) override {
    return watch(medium_->write_objects(objects));
  }
  Task<Status> sync_objects(std::span<const ObjectId> objects) override {
    return watch(medium_->sync_objects(objects));
  }
  Task<Status> write_properties(std::span<const PropertyCell> properties) override {
    return watch(medium_->write_properties(properties));
  }
  Task<Status> write_intent(const Intent& intent) override {
    return watch(medium_->write_intent(intent));
  }
  Task<Status> write_entries(std::span<const EntryCell> entries) override {
    return watch(medium_->write_entries(entries));
  }
  Task<Status> sync_directories(std::span<const ObjectId> directories) override {
    return watch(medium_->sync_directories(directories));
  }
  Task<Status> write_applied(const Applied& applied) override {
    return watch(medium_->write_applied(applied));
  }
  Task<Status> remove_objects(std::span<const ObjectId> objects) override {
    return watch(medium_->remove_objects(objects));
  }

  Task<Status> write_mailbox(std::uint32_t area, MailboxSlot slot, bool durable) override {
    return medium_->write_mailbox(area, slot, durable);
  }
  Task<Result<MailboxSlot>> read_mailbox(std::uint32_t area, std::uint32_t node,
                                         bool durable) override {
    return medium_->read_mailbox(area, node, durable);
  }

 private:
  static Status status_of(Status status) { return status; }
  template <typename T>
  static Status status_of(const Result<T>& result) {
    return result.status();
  }

  template <typename T>
  Task<T> watch(Task<T> request) {
    const Time begun = watch_->begin();
    T result = co_await request;
    watch_->end(begun, status_of(result));
    co_return result;
  }

  std::unique_ptr<Medium> medium_;
  std::shared_ptr<StorageWatch> watch_;
};

}  // namespace understudy
