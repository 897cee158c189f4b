// Directory entries in a LUN's directory: dir/<id>/<name> is a hard link to the object of a file,
// or a symbolic link ../<id> for a directory.
//
// A name too long for POSIX is stored shortened (entry_name.h); its full text is the target of a
// symbolic link long/<directory id>/<stored name>, durable before the entry is made and removed
// after the entry's end is durable. A symbolic link and not an extended attribute of the object: it
// is made in one atomic step, and ext4 gives the attributes of one inode 4 KiB, which five long
// hard links to it would exceed.
//
// What a host program has put into a directory (no attribute of ours, or a copy of an object) is
// foreign: it is never shown, and moved to foreign/ when the share needs its name.
//
// Blocking; runs off the layer's thread. Invariant: an entry is always old or new, never missing in
// between.
#pragma once

#include <span>

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_layout.h"
#include "fs_cache/medium/posix_objects.h"

namespace understudy {

/// A long name whose entry is gone, or was never there.
struct StaleName {
  ObjectId directory;
  std::string stored;
};

/// Makes the full names of the set's long names durable. Comes before the set's entries.
IoOutcome write_long_names(const LunFolders& folders, std::span<const EntryCell> entries);
IoOutcome write_entry(const LunFolders& folders, const EntryCell& entry, Notices& notices);
/// fsync; a directory that is gone has nothing to make durable.
IoOutcome sync_directory(const LunFolders& folders, ObjectId directory);
/// Drops the full names that no entry uses. Their entries' end must be durable.
IoOutcome drop_long_names(const LunFolders& folders, std::span<const StaleName> names);
IoOutcome drop_all_stale_names(const LunFolders& folders);
/// Of a directory that is being removed.
IoOutcome drop_long_names_of(const LunFolders& folders, ObjectId directory);

/// The streams directory of an object that is being removed, with the streams in it; `removed` gets
/// their ids.
IoOutcome remove_streams(const LunFolders& folders, ObjectId object, std::vector<ObjectId>& removed,
                         Notices& notices);

/// STATUS_OBJECT_NAME_NOT_FOUND: the medium has no such directory.
IoOutcome list_directory(const LunFolders& folders, ObjectId directory,
                         std::vector<ListedEntry>& out, Notices& notices);

}  // namespace understudy
