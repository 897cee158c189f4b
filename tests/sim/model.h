// What a LUN must hold: the fold of log records, written anew from the text of iomgr/record.h, so
// that it shares nothing with the cache, the flush or the replay that it judges.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "fs_cache/medium/memory_medium.h"
#include "iomgr/record.h"

namespace understudy::sim {

/// The place of an operation in its LUN's order.
struct Place {
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;
  auto operator<=>(const Place&) const = default;
};
std::string to_string(Place place);

/// A log record's content, on its own.
struct Effects {
  RecordHeader header;
  std::string name;
  std::string target_name;
  std::vector<std::uint8_t> data;

  Place place() const { return {header.epoch, header.lsn}; }
  bool operator==(const Effects& other) const;
};
Effects copy_of(const Record& record);
/// "write of 512 bytes at 0 in object 1.3", for people.
std::string describe(const Effects& effects);

class Model {
 public:
  using Image = MemoryDisk::Image;

  /// The root directory alone.
  Model();
  explicit Model(const Image& image);

  void apply(const Effects& effects);
  const Image& image() const { return image_; }

  /// Nothing for a path that leads nowhere. Case does not count; '\' between components.
  std::optional<ObjectId> find(std::string_view path) const;
  /// Names in a directory, sorted as bytes.
  std::vector<std::string> names(ObjectId directory) const;

 private:
  void touch_directory(ObjectId directory, std::uint64_t time);
  void remove(ObjectId object);

  Image image_;
};

/// How `found` differs from `expected`, one line a cell. A cell may also have a value that one of
/// `also` assigns to it: operations that may be there or not, cell by cell. Objects that no entry
/// leads to do not count.
std::vector<std::string> differences(const MemoryDisk::Image& found,
                                     const MemoryDisk::Image& expected,
                                     const std::vector<const Effects*>& also);

/// What assigns to each object that is in both the value that it has in `image`.
std::vector<Effects> assignments(const MemoryDisk::Image& image, const MemoryDisk::Image& other);

}  // namespace understudy::sim
