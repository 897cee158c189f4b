#include "fs_cache/medium/posix_layout.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "fs_cache/file_constants.h"
#include "fs_cache/medium/applied_slots.h"
#include "fs_cache/medium/object_attribute.h"
#include "fs_cache/medium/property_files.h"

namespace understudy {
namespace {

std::string hex(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; number >>= 4) text[i] = "0123456789abcdef"[number & 15];
  return text;
}

IoOutcome open_root(const std::string& path, FileDescriptor& root) {
  root = FileDescriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root) return {};
  IoFailure failure = failed_call("open", path);
  if (failure.error == ENOENT || failure.error == ENOTDIR) failure.status = Status::no_such_device;
  return failure;
}

/// Only an empty directory becomes a LUN; what mkfs leaves in a fresh file system does not count.
IoOutcome check_unused(const FileDescriptor& root, const std::string& path) {
  return for_each_name(root.get(), ".", [&](const std::string& name, unsigned char) -> IoOutcome {
    if (name == "lost+found" || name == kBaseFolder) return {};
    return IoFailure{"not empty and not a LUN: " + name, path, Status::directory_not_empty};
  });
}

bool exists(int folder, const std::string& path) {
  return faccessat(folder, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/// Without `applied` there may be nothing in a LUN: then its making was interrupted, else it is
/// damaged.
IoOutcome check_never_used(const LunFolders& folders) {
  const std::string path = folders.path + "/" + kBaseFolder;
  const auto refuse = [&](const std::string& name, unsigned char) -> IoOutcome {
    if (name == id_text(kRootObject)) return {};
    return corrupt("no `applied` in a LUN that holds objects", path);
  };
  for (unsigned bucket = 0; bucket < 256; ++bucket) {
    if (auto failure = for_each_name(folders.objects.get(), bucket_name(bucket), refuse))
      return failure;
  }
  return for_each_name(folders.directories.get(), ".", refuse);
}

IoOutcome make_root_directory(const LunFolders& folders) {
  const std::string name = id_text(kRootObject);
  if (auto failure = make_directory(folders.directories.get(), name)) return failure;
  FileDescriptor directory;
  if (auto failure = open_at(folders.directories.get(), name, O_RDONLY | O_DIRECTORY, directory))
    return failure;
  ObjectState state;
  state.attributes = attribute::kDirectory;
  if (auto failure = write_attribute(directory.get(), kRootObject, state, folders.path)) {
    if (failure->status == Status::not_supported)
      failure->what = "file system without user extended attributes";
    return failure;
  }
  const std::string target = std::string(kBaseFolder) + "/dir/" + name;
  if (symlinkat(target.c_str(), folders.root.get(), "tree") != 0 && errno != EEXIST) {
    return failed_call("symlink", folders.path + "/tree");
  }
  return {};
}

/// Can be done again at any point. `base` is .understudy.
IoOutcome make_folders(const FileDescriptor& base) {
  for (const char* name : {"obj", "dir", "tmp", "long", "foreign", "mailbox"}) {
    if (auto failure = make_directory(base.get(), name)) return failure;
  }
  for (unsigned bucket = 0; bucket < 256; ++bucket) {
    if (auto failure = make_directory(base.get(), "obj/" + bucket_name(bucket))) return failure;
  }
  return make_property_folders(base);
}

IoOutcome make_lun(const std::string& path, const FileDescriptor& base) {
  if (auto failure = make_folders(base)) return failure;
  LunFolders folders;
  if (auto failure = open_folders(path, folders)) return failure;
  if (auto failure = check_never_used(folders)) return failure;
  if (auto failure = make_root_directory(folders)) return failure;
  if (auto failure = sync_file_system(folders.root.get(), path)) return failure;
  return make_applied(folders.base.get());
}

/// A LUN copied by a program that leaves extended attributes behind is no LUN any more.
IoOutcome check_root_directory(const FileDescriptor& base) {
  const std::string name = "dir/" + id_text(kRootObject);
  FileDescriptor directory;
  if (auto failure = open_at(base.get(), name, O_RDONLY | O_DIRECTORY, directory)) return failure;
  ObjectAttribute attribute;
  return read_attribute(directory.get(), name, attribute);
}

}  // namespace

std::string LunFolders::directory_path(ObjectId directory) const {
  return path + "/" + kBaseFolder + "/dir/" + id_text(directory);
}

std::string id_text(ObjectId id) {
  return hex(id, 16);
}

std::optional<ObjectId> id_from_text(std::string_view text) {
  ObjectId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error != std::errc() || end != text.data() + text.size() || id_text(id) != text)
    return std::nullopt;
  return id;
}

std::string bucket_name(ObjectId id) {
  return hex(id & 0xFF, 2);
}

std::string object_path(ObjectId id) {
  return bucket_name(id) + "/" + id_text(id);
}

std::string entry_path(ObjectId directory, const std::string& stored) {
  return id_text(directory) + "/" + stored;
}

IoOutcome open_folders(const std::string& path, LunFolders& out) {
  out.path = path;
  if (auto failure = open_root(path, out.root)) return failure;
  if (auto failure = open_at(out.root.get(), kBaseFolder, O_RDONLY | O_DIRECTORY, out.base)) {
    if (failure->error == ENOENT) failure->status = Status::no_such_device;
    return failure;
  }
  const std::pair<const char*, FileDescriptor&> parts[] = {
      {"obj", out.objects},     {"dir", out.directories}, {"tmp", out.temporary},
      {"long", out.long_names}, {"foreign", out.foreign}, {"property", out.properties}};
  for (const auto& [name, folder] : parts) {
    if (auto failure = open_at(out.base.get(), name, O_RDONLY | O_DIRECTORY, folder))
      return failure;
  }
  return {};
}

IoOutcome lock_lun(const std::string& path, FileDescriptor& lock) {
  FileDescriptor root;
  if (auto failure = open_root(path, root)) return failure;
  if (!exists(root.get(), kBaseFolder)) {
    if (auto failure = check_unused(root, path)) return failure;
    if (auto failure = make_directory(root.get(), kBaseFolder)) return failure;
  }
  FileDescriptor base;
  if (auto failure = open_at(root.get(), kBaseFolder, O_RDONLY | O_DIRECTORY, base)) return failure;
  FileDescriptor taken;
  if (auto failure = open_at(base.get(), "lock", O_RDWR | O_CREAT, taken)) return failure;
  if (flock(taken.get(), LOCK_EX | LOCK_NB) != 0) {
    IoFailure failure = failed_call("flock", path);
    if (failure.error == EWOULDBLOCK) failure.status = Status::sharing_violation;
    return failure;
  }
  if (!exists(base.get(), kAppliedFile)) {
    if (auto failure = make_lun(path, base)) return failure;
  }
  // A LUN of an earlier version has none.
  if (auto failure = make_property_folders(base)) return failure;
  if (auto failure = check_root_directory(base)) return failure;
  lock = std::move(taken);
  return {};
}

}  // namespace understudy
