// What netstack knows of opens beyond their sessions (MS-SMB2 section 3.3.1.2, GlobalOpenTable):
// which one a create GUID made, so that a CREATE that is sent again is not done again, and what
// each lease allows by now. Invariant: an entry goes with the open that it is about, so there are
// no more than there are opens and CREATEs in flight.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <utility>

#include "iomgr/irp.h"

namespace understudy::smb2 {

struct Open;
using Guid = std::array<std::uint8_t, 16>;

class OpenTable {
 public:
  /// Whose: a client's, by its ClientGuid.
  using Key = std::pair<Guid, Guid>;
  /// `open` is not there yet while its CREATE is in flight.
  struct Entry {
    std::weak_ptr<Open> open;
  };

  /// An entry; it goes with its owner.
  class Place {
   public:
    Place() = default;
    Place(OpenTable& table, const Key& key, std::shared_ptr<Entry> entry)
        : table_(&table), key_(key), entry_(std::move(entry)) {}
    Place(Place&& other) noexcept
        : table_(std::exchange(other.table_, nullptr)),
          key_(other.key_),
          entry_(std::move(other.entry_)) {}
    Place& operator=(Place&& other) noexcept {
      leave();
      table_ = std::exchange(other.table_, nullptr);
      key_ = other.key_;
      entry_ = std::move(other.entry_);
      return *this;
    }
    ~Place() { leave(); }

    void made(const std::shared_ptr<Open>& open) {
      if (entry_ != nullptr) entry_->open = open;
    }
    void leave() {
      if (table_ == nullptr) return;
      table_->creates_.erase(key_);
      table_ = nullptr;
    }

   private:
    OpenTable* table_ = nullptr;
    Key key_{};
    std::shared_ptr<Entry> entry_;
  };

  /// nullptr: no open that was made with this GUID, and none that is being made.
  std::shared_ptr<Entry> find(const Key& key) const {
    const auto found = creates_.find(key);
    return found == creates_.end() ? nullptr : found->second;
  }
  /// There is none with that key.
  Place reserve(const Key& key) {
    auto entry = std::make_shared<Entry>();
    creates_.emplace(key, entry);
    return {*this, key, std::move(entry)};
  }

  /// The state of an oplock or a lease that fs_cache has granted; opens of one lease share it.
  std::shared_ptr<Caching> share(const Caching& granted);
  /// nullptr: no open has that lease.
  std::shared_ptr<Caching> find_lease(const Caching& lease) const;

 private:
  static Key key_of(const Caching& lease);

  std::map<Key, std::shared_ptr<Entry>> creates_;
  std::map<Key, std::weak_ptr<Caching>> leases_;
};

}  // namespace understudy::smb2
