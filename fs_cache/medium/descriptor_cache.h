// The open files of a LUN's objects, the least recently used closed first. Lives on the layer's
// thread: a call takes what it needs from here before its blocking work starts and gives back what
// that opened, so threads share no cache.
#pragma once

#include <list>
#include <unordered_map>
#include <vector>

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_file.h"

namespace understudy {

class DescriptorCache {
 public:
  explicit DescriptorCache(std::size_t capacity) : capacity_(capacity) {}

  /// Null if the object is not open here.
  SharedFile find(ObjectId object) {
    const auto found = places_.find(object);
    if (found == places_.end()) return nullptr;
    uses_.splice(uses_.begin(), uses_, found->second);
    return found->second->second;
  }

  void insert(ObjectId object, SharedFile file) {
    if (file == nullptr || find(object) != nullptr) return;
    uses_.emplace_front(object, std::move(file));
    places_[object] = uses_.begin();
    if (uses_.size() <= capacity_) return;
    places_.erase(uses_.back().first);
    uses_.pop_back();
  }

  /// Takes it out, so that the caller decides on which thread it is closed.
  SharedFile take(ObjectId object) {
    const auto found = places_.find(object);
    if (found == places_.end()) return nullptr;
    SharedFile file = std::move(found->second->second);
    uses_.erase(found->second);
    places_.erase(found);
    return file;
  }

  void clear() {
    places_.clear();
    uses_.clear();
  }
  std::size_t size() const { return uses_.size(); }

 private:
  using Uses = std::list<std::pair<ObjectId, SharedFile>>;
  std::size_t capacity_;
  Uses uses_;
  std::unordered_map<ObjectId, Uses::iterator> places_;
};

}  // namespace understudy
