// The directory of one LUN: what lies where in it, how it is made and opened. README.md draws it.
// Blocking; runs off the layer's thread. Invariant: the file `applied` is made last, so a directory
// that has it is complete.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_file.h"

namespace understudy {

/// The folders of an open LUN. Calls share it, so that one that is under way outlives unlock().
struct LunFolders {
  std::string path;            // absolute, of the LUN
  FileDescriptor root;         // <lun>; opened before anything is written, for syncfs
  FileDescriptor base;         // .understudy
  FileDescriptor objects;      // .understudy/obj
  FileDescriptor directories;  // .understudy/dir
  FileDescriptor temporary;    // .understudy/tmp
  FileDescriptor long_names;   // .understudy/long
  FileDescriptor foreign;      // .understudy/foreign
  FileDescriptor properties;   // .understudy/property

  std::string directory_path(ObjectId directory) const;
};

inline constexpr const char* kBaseFolder = ".understudy";

/// 16 hex digits, and back.
std::string id_text(ObjectId id);
std::optional<ObjectId> id_from_text(std::string_view text);

/// The folder of obj/ that an object lies in: its low byte, which spreads ids given in sequence.
std::string bucket_name(ObjectId id);
/// Relative to obj/.
std::string object_path(ObjectId id);
/// Relative to dir/, for a name as it is stored.
std::string entry_path(ObjectId directory, const std::string& stored);

/// Opens a LUN. STATUS_NO_SUCH_DEVICE: there is no directory, or it is no LUN yet.
IoOutcome open_folders(const std::string& path, LunFolders& out);
/// Takes the lock of the LUN at `path`, making it a LUN first if it is an empty directory.
/// STATUS_SHARING_VIOLATION: somebody has the lock. STATUS_DIRECTORY_NOT_EMPTY: a directory with
/// something else in it. STATUS_NOT_SUPPORTED: no extended attributes there.
IoOutcome lock_lun(const std::string& path, FileDescriptor& lock);

}  // namespace understudy
