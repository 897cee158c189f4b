// Listing one directory: names, and by each name's inode the object and its state. The other half
// of posix_entries.h.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs_cache/medium/entry_name.h"
#include "fs_cache/medium/object_attribute.h"
#include "fs_cache/medium/posix_entries.h"
#include "iomgr/unicode.h"

namespace understudy {
namespace {

/// What one name of the directory turned out to be.
enum class Found { entry, gone, foreign };

class Lister {
 public:
  Lister(const LunFolders& folders, ObjectId directory)
      : folders_(folders), directory_(directory) {}

  IoOutcome look_at(const std::string& stored, unsigned char type, ListedEntry& out,
                    Found& found) const {
    found = Found::foreign;
    const std::string path = entry_path(directory_, stored);
    if (auto failure = full_name(stored, path, out.name, found); failure || found != Found::entry)
      return failure;
    if (type == DT_LNK) return look_at_directory(path, out, found);
    struct stat inode {};
    if (fstatat(folders_.directories.get(), path.c_str(), &inode, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return failed_call("fstat", path);
      found = Found::gone;
      return {};
    }
    if (S_ISLNK(inode.st_mode)) return look_at_directory(path, out, found);
    return look_at_file(stored, inode, out, found);
  }

 private:
  IoOutcome full_name(const std::string& stored, const std::string& path, std::string& out,
                      Found& found) const {
    out = stored;
    if (is_shortened(stored)) {
      const auto target = read_link(folders_.long_names.get(), path);
      if (!target && errno != ENOENT && errno != EINVAL) return failed_call("readlink", path);
      // A stranger's file can look like a shortened name; only one whose full name leads back to it
      // is one.
      if (!target || stored_name(*target).text != stored) return {};
      out = *target;
    }
    if (utf16_length(out)) found = Found::entry;
    return {};
  }

  IoOutcome look_at_directory(const std::string& path, ListedEntry& out, Found& found) const {
    found = Found::foreign;
    const auto target = read_link(folders_.directories.get(), path);
    if (!target && errno == ENOENT) found = Found::gone;
    if (!target || !target->starts_with("../")) return {};
    const auto id = id_from_text(target->substr(3));
    if (!id) return {};
    std::optional<ObjectAttribute> attribute;
    if (auto failure = find_attribute(folders_.directory_path(*id), attribute)) return failure;
    if (!attribute || attribute->id != *id) return {};
    out.object = *id;
    out.links = 1;
    out.allocation_size = 0;
    out.state = attribute->state;
    found = Found::entry;
    return {};
  }

  IoOutcome look_at_file(const std::string& stored, const struct stat& inode, ListedEntry& out,
                         Found& found) const {
    found = Found::foreign;
    // An object has its link in obj/ besides; a copy made by a host program has not.
    if (!S_ISREG(inode.st_mode) || inode.st_nlink < 2) return {};
    std::optional<ObjectAttribute> attribute;
    if (auto failure = find_attribute(folder_path_ + stored, attribute)) return failure;
    if (!attribute) return {};
    out.object = attribute->id;
    out.links = static_cast<std::uint32_t>(inode.st_nlink - 1);
    out.allocation_size = static_cast<std::uint64_t>(inode.st_blocks) * 512;
    out.state = attribute->state;
    out.state.size = static_cast<std::uint64_t>(inode.st_size);
    found = Found::entry;
    return {};
  }

  const LunFolders& folders_;
  const ObjectId directory_;
  const std::string folder_path_ = folders_.directory_path(directory_) + "/";
};

}  // namespace

IoOutcome list_directory(const LunFolders& folders, ObjectId directory,
                         std::vector<ListedEntry>& out, Notices& notices) {
  const Lister lister(folders, directory);
  std::uint64_t foreign = 0;
  std::string first;
  const auto take = [&](const std::string& stored, unsigned char type) -> IoOutcome {
    ListedEntry entry{};
    Found found = Found::foreign;
    if (auto failure = lister.look_at(stored, type, entry, found)) return failure;
    if (found == Found::entry) out.push_back(std::move(entry));
    if (found == Found::foreign && foreign++ == 0) first = stored;
    return {};
  };
  if (auto failure = for_each_name(folders.directories.get(), id_text(directory), take))
    return failure;
  if (foreign > 0) {
    notices.push_back(
        {std::to_string(foreign) + " name(s) that are not the share's are not shown", first});
  }
  return {};
}

}  // namespace understudy
