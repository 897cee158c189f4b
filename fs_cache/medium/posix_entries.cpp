#include "fs_cache/medium/posix_entries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "fs_cache/medium/entry_name.h"
#include "fs_cache/medium/object_attribute.h"

namespace understudy {
namespace {

// Where an entry is made before it is renamed over the old one. One name suffices: a LUN runs one
// flush at a time.
constexpr const char* kTemporaryEntry = "entry";

std::string link_target(ObjectId directory) {
  return "../" + id_text(directory);
}

bool same_inode(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// Whether what stands at `path` is an entry of the share.
IoOutcome is_ours(const LunFolders& folders, const EntryCell& entry, const std::string& stored,
                  const struct stat& inode, bool& ours) {
  ours = false;
  if (S_ISLNK(inode.st_mode)) {
    const auto target = read_link(folders.directories.get(), entry_path(entry.directory, stored));
    ours = target && target->starts_with("../") && id_from_text(target->substr(3));
    return {};
  }
  if (!S_ISREG(inode.st_mode) || inode.st_nlink < 2) return {};
  std::optional<ObjectAttribute> found;
  IoOutcome failure = find_attribute(folders.directory_path(entry.directory) + "/" + stored, found);
  // A damaged attribute is ours, and no reason not to replace or remove the entry.
  ours = found || (failure && failure->status == Status::file_corrupt);
  if (ours) return {};
  return failure;
}

/// Under a name of its own in foreign/, where the host's owner finds it.
IoOutcome move_aside(const LunFolders& folders, const std::string& path, Notices& notices) {
  const std::string stem = path.substr(0, path.find('/'));
  for (std::uint64_t number = 1;; ++number) {
    const std::string kept = stem + "." + std::to_string(number);
    if (renameat2(folders.directories.get(), path.c_str(), folders.foreign.get(), kept.c_str(),
                  RENAME_NOREPLACE) == 0) {
      notices.push_back(
          {"file of the host moved to foreign/" + kept + ", the share uses its name", path});
      return {};
    }
    if (errno != EEXIST) return failed_call("rename", path);
  }
}

IoOutcome make_link(const LunFolders& folders, const EntryCell& entry, int folder,
                    const std::string& path, bool& existed) {
  existed = false;
  const int made = entry.object_is_directory
                       ? symlinkat(link_target(entry.object).c_str(), folder, path.c_str())
                       : linkat(folders.objects.get(), object_path(entry.object).c_str(), folder,
                                path.c_str(), 0);
  if (made == 0) return {};
  existed = errno == EEXIST;
  if (existed) return {};
  return failed_call(entry.object_is_directory ? "symlink" : "link", path);
}

/// Whether the name leads to the entry's object already. Renaming one link of an inode over another
/// does nothing and leaves both, so such an entry must be left alone.
IoOutcome is_done(const LunFolders& folders, const EntryCell& entry, const std::string& path,
                  const struct stat& inode, bool& done) {
  if (entry.object_is_directory) {
    done = S_ISLNK(inode.st_mode) &&
           read_link(folders.directories.get(), path) == link_target(entry.object);
    return {};
  }
  struct stat object {};
  const std::string object_name = object_path(entry.object);
  if (fstatat(folders.objects.get(), object_name.c_str(), &object, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed_call("fstat", object_name);
  }
  done = same_inode(inode, object);
  return {};
}

/// The name is taken: by this object, by another one, or by a file of the host.
IoOutcome replace_entry(const LunFolders& folders, const EntryCell& entry,
                        const std::string& stored, Notices& notices) {
  const std::string path = entry_path(entry.directory, stored);
  struct stat inode {};
  if (fstatat(folders.directories.get(), path.c_str(), &inode, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed_call("fstat", path);
  }
  bool done = false;
  if (auto failure = is_done(folders, entry, path, inode, done); failure || done) return failure;
  bool ours = false;
  if (auto failure = is_ours(folders, entry, stored, inode, ours)) return failure;
  if (!ours) {
    if (auto failure = move_aside(folders, path, notices)) return failure;
  }
  const int temporary = folders.temporary.get();
  if (auto failure = unlink_at(temporary, kTemporaryEntry)) return failure;
  bool existed = false;
  if (auto failure = make_link(folders, entry, temporary, kTemporaryEntry, existed)) return failure;
  if (renameat(temporary, kTemporaryEntry, folders.directories.get(), path.c_str()) != 0) {
    return failed_call("rename", path);
  }
  return {};
}

IoOutcome remove_entry(const LunFolders& folders, const EntryCell& entry,
                       const std::string& stored) {
  const std::string path = entry_path(entry.directory, stored);
  struct stat inode {};
  if (fstatat(folders.directories.get(), path.c_str(), &inode, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return failed_call("fstat", path);
  }
  bool ours = false;
  if (auto failure = is_ours(folders, entry, stored, inode, ours); failure || !ours) return failure;
  return unlink_at(folders.directories.get(), path);
}

IoOutcome refuse_name(const EntryCell& entry) {
  return IoFailure{"name that no file system can hold", id_text(entry.directory),
                   Status::object_name_invalid};
}

}  // namespace

IoOutcome write_long_names(const LunFolders& folders, std::span<const EntryCell> entries) {
  std::set<ObjectId> directories;
  for (const EntryCell& entry : entries) {
    if (entry.object == 0 || !is_valid_entry_name(entry.name)) continue;
    const StoredName stored = stored_name(entry.name);
    if (!stored.shortened) continue;
    if (directories.insert(entry.directory).second) {
      if (auto failure = make_directory(folders.long_names.get(), id_text(entry.directory)))
        return failure;
    }
    const std::string path = entry_path(entry.directory, stored.text);
    if (symlinkat(entry.name.c_str(), folders.long_names.get(), path.c_str()) != 0 &&
        errno != EEXIST) {
      return failed_call("symlink", path);
    }
  }
  for (const ObjectId directory : directories) {
    if (auto failure = sync_path(folders.long_names.get(), id_text(directory))) return failure;
  }
  if (directories.empty()) return {};
  return sync_file(folders.long_names.get(), "long");
}

IoOutcome write_entry(const LunFolders& folders, const EntryCell& entry, Notices& notices) {
  if (!is_valid_entry_name(entry.name)) return refuse_name(entry);
  const std::string stored = stored_name(entry.name).text;
  if (entry.object == 0) return remove_entry(folders, entry, stored);
  const std::string path = entry_path(entry.directory, stored);
  bool existed = false;
  if (auto failure = make_link(folders, entry, folders.directories.get(), path, existed))
    return failure;
  if (existed) return replace_entry(folders, entry, stored, notices);
  return {};
}

IoOutcome sync_directory(const LunFolders& folders, ObjectId directory) {
  IoOutcome failure = sync_path(folders.directories.get(), id_text(directory));
  if (failure && failure->error == ENOENT) return {};
  return failure;
}

IoOutcome drop_long_names(const LunFolders& folders, std::span<const StaleName> names) {
  for (const StaleName& name : names) {
    const std::string path = entry_path(name.directory, name.stored);
    const bool used =
        faccessat(folders.directories.get(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (used) continue;
    if (errno != ENOENT) return failed_call("access", path);
    if (auto failure = unlink_at(folders.long_names.get(), path)) return failure;
  }
  return {};
}

IoOutcome drop_all_stale_names(const LunFolders& folders) {
  std::vector<StaleName> names;
  const auto collect = [&](const std::string& folder, unsigned char) -> IoOutcome {
    const std::optional<ObjectId> directory = id_from_text(folder);
    if (!directory) return {};
    return for_each_name(folders.long_names.get(), folder,
                         [&](const std::string& stored, unsigned char) -> IoOutcome {
                           names.push_back({*directory, stored});
                           return {};
                         });
  };
  if (auto failure = for_each_name(folders.long_names.get(), ".", collect)) return failure;
  return drop_long_names(folders, names);
}

IoOutcome remove_streams(const LunFolders& folders, ObjectId object, std::vector<ObjectId>& removed,
                         Notices& notices) {
  const ObjectId streams = streams_of(object);
  const std::string folder = id_text(streams);
  if (faccessat(folders.directories.get(), folder.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    return {};
  std::vector<std::string> names;
  const auto collect = [&](const std::string& name, unsigned char) -> IoOutcome {
    names.push_back(name);
    return {};
  };
  if (auto failure = for_each_name(folders.directories.get(), folder, collect)) return failure;
  for (const std::string& name : names) {
    std::optional<ObjectAttribute> found;
    const std::string path = folders.directory_path(streams) + "/" + name;
    IoOutcome failure = find_attribute(path, found);
    const bool damaged = failure && failure->status == Status::file_corrupt;
    if (failure && !damaged) return failure;
    if (!found && !damaged) continue;  // the host's
    // The object before its name: as long as that is there it tells which object it is.
    if (found) {
      failure = remove_object(folders, found->id, notices);
      if (failure) return failure;
    }
    failure = unlink_at(folders.directories.get(), entry_path(streams, name));
    if (failure) return failure;
    if (found) removed.push_back(found->id);
  }
  if (auto failure = remove_object(folders, streams, notices)) return failure;
  return drop_long_names_of(folders, streams);
}

IoOutcome drop_long_names_of(const LunFolders& folders, ObjectId directory) {
  const std::string folder = id_text(directory);
  if (faccessat(folders.long_names.get(), folder.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    return {};
  std::vector<std::string> names;
  const auto collect = [&](const std::string& name, unsigned char) -> IoOutcome {
    names.push_back(name);
    return {};
  };
  if (auto failure = for_each_name(folders.long_names.get(), folder, collect)) return failure;
  for (const std::string& name : names) {
    if (auto failure = unlink_at(folders.long_names.get(), entry_path(directory, name)))
      return failure;
  }
  if (unlinkat(folders.long_names.get(), folder.c_str(), AT_REMOVEDIR) != 0)
    return failed_call("rmdir", folder);
  return {};
}

}  // namespace understudy
