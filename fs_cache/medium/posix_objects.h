// Objects in a LUN's directory: one inode each, obj/xx/<id> for a file, dir/<id> for a directory.
// Creating, writing, reading, making durable, removing. Blocking; runs off the layer's thread.
// Invariant: each function assigns constants, so doing it again changes nothing.
#pragma once

#include <functional>

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_layout.h"

namespace understudy {

/// Something odd but harmless that was met, for the log.
struct Notice {
  std::string what;
  std::string path;
};
using Notices = std::vector<Notice>;

/// Writes all cells of one object. `file`: the open object if it is known, and set to it
/// afterwards.
IoOutcome write_object(const LunFolders& folders, const ObjectCells& cells, SharedFile& file);
/// fsync, not fdatasync: attributes and times live in the inode.
IoOutcome sync_object(const LunFolders& folders, ObjectId object, SharedFile& file);
/// STATUS_OBJECT_NAME_NOT_FOUND: the medium has no such object.
IoOutcome read_object_state(const LunFolders& folders, ObjectId object, SharedFile& file,
                            ObjectState& out);
IoOutcome read_object(const LunFolders& folders, ObjectId object, SharedFile& file,
                      std::uint64_t offset, Bytes out, std::size_t& done);
/// What of `within` takes room, at most `most` ranges.
IoOutcome find_allocated_ranges(const LunFolders& folders, ObjectId object, SharedFile& file,
                                AllocatedRange within, std::size_t most,
                                std::vector<AllocatedRange>& out);
/// Alone, without its streams. A missing object is fine. A directory in which a host program has
/// left files stays, without a name.
IoOutcome remove_object(const LunFolders& folders, ObjectId object, Notices& notices);

}  // namespace understudy
