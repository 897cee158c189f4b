#include "fs_cache/medium/posix_objects.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "fs_cache/file_constants.h"
#include "fs_cache/medium/object_attribute.h"

namespace understudy {
namespace {

constexpr std::size_t kMaxVector = 256;  // of IOV_MAX = 1024 buffers in one system call

/// FILETIME: 100 ns since 1601. What the file system cannot hold it cuts to what it can.
timespec to_timespec(std::uint64_t file_time) {
  constexpr std::uint64_t kPerSecond = 10'000'000;
  constexpr std::int64_t kSecondsTo1970 = 11'644'473'600;
  timespec time{};
  time.tv_sec = static_cast<std::int64_t>(file_time / kPerSecond) - kSecondsTo1970;
  time.tv_nsec = static_cast<long>(file_time % kPerSecond) * 100;
  return time;
}

IoOutcome open_file(const LunFolders& folders, ObjectId object, int flags, SharedFile& file) {
  if (file != nullptr) return {};
  FileDescriptor opened;
  if (auto failure = open_at(folders.objects.get(), object_path(object), O_RDWR | flags, opened))
    return failure;
  file = std::make_shared<const FileDescriptor>(std::move(opened));
  return {};
}

IoOutcome open_directory(const LunFolders& folders, ObjectId object, SharedFile& file) {
  FileDescriptor opened;
  if (auto failure =
          open_at(folders.directories.get(), id_text(object), O_RDONLY | O_DIRECTORY, opened)) {
    return failure;
  }
  file = std::make_shared<const FileDescriptor>(std::move(opened));
  return {};
}

/// Of which kind an object is its place says; files are the more frequent.
IoOutcome open_any(const LunFolders& folders, ObjectId object, SharedFile& file) {
  IoOutcome failure = open_file(folders, object, 0, file);
  if (failure && failure->error == ENOENT) return open_directory(folders, object, file);
  return failure;
}

IoOutcome write_vector(int file, std::uint64_t offset, std::span<iovec> parts,
                       const std::string& path) {
  while (!parts.empty()) {
    const ssize_t count =
        pwritev(file, parts.data(), static_cast<int>(parts.size()), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed_call("pwritev", path);
    offset += static_cast<std::size_t>(count);
    auto left = static_cast<std::size_t>(count);
    while (!parts.empty() && left >= parts.front().iov_len) {
      left -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (parts.empty()) break;
    parts.front().iov_base = static_cast<std::uint8_t*>(parts.front().iov_base) + left;
    parts.front().iov_len -= left;
  }
  return {};
}

IoOutcome write_zeros(int file, std::uint64_t offset, std::uint64_t length,
                      const std::string& path) {
  static constexpr std::array<std::uint8_t, 64 * 1024> kZeros{};
  while (length > 0) {
    const std::size_t count = std::min<std::uint64_t>(length, kZeros.size());
    std::array<iovec, 1> part{{{const_cast<std::uint8_t*>(kZeros.data()), count}}};
    if (auto failure = write_vector(file, offset, part, path)) return failure;
    offset += count;
    length -= count;
  }
  return {};
}

/// What of `within` takes room, at most `most` ranges.
IoOutcome find_data(int file, AllocatedRange within, std::size_t most, const std::string& path,
                    std::vector<AllocatedRange>& out) {
  out.clear();
  const std::uint64_t to = within.offset + within.length;
  std::uint64_t at = within.offset;
  while (at < to && out.size() < most) {
    const off_t data = lseek(file, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // nothing more, or the file ends before
    if (data < 0 && errno == EINVAL) {          // the file system cannot tell
      out.push_back({at, to - at});
      return {};
    }
    if (data < 0) return failed_call("lseek", path);
    const off_t hole = lseek(file, data, SEEK_HOLE);
    if (hole < 0 && errno == ENXIO) return {};  // it was cut meanwhile
    if (hole < 0) return failed_call("lseek", path);
    const auto begin = static_cast<std::uint64_t>(data);
    const std::uint64_t end = std::min(to, static_cast<std::uint64_t>(hole));
    if (begin >= to) return {};
    out.push_back({begin, end - begin});
    at = end;
  }
  return {};
}

/// For a file system that cannot punch holes: those that are there stay.
IoOutcome overwrite_data(int file, AllocatedRange within, const std::string& path) {
  constexpr std::size_t kAtOnce = 256;
  std::vector<AllocatedRange> ranges;
  do {
    if (auto failure = find_data(file, within, kAtOnce, path, ranges)) return failure;
    for (const AllocatedRange& range : ranges) {
      if (auto failure = write_zeros(file, range.offset, range.length, path)) return failure;
      const std::uint64_t done = range.offset + range.length - within.offset;
      within = {within.offset + done, within.length - done};
    }
  } while (ranges.size() == kAtOnce);
  return {};
}

/// Gives the room back where the file system can. The file does not become longer.
IoOutcome punch_hole(int file, std::uint64_t offset, std::uint64_t length,
                     const std::string& path) {
  struct stat inode {};
  if (fstat(file, &inode) != 0) return failed_call("fstat", path);
  const auto size = static_cast<std::uint64_t>(inode.st_size);
  if (offset >= size) return {};
  length = std::min(length, size - offset);
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  int result = 0;
  do {
    result = fallocate(file, kPunch, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS) return overwrite_data(file, {offset, length}, path);
  return failed_call("fallocate", path);
}

/// Cells that follow each other in the file go out in one system call.
IoOutcome write_data(int file, std::span<const DataCell> cells, const std::string& path) {
  std::array<iovec, kMaxVector> parts;
  while (!cells.empty()) {
    if (const Content& content = cells.front().content; content.is_zeros()) {
      if (auto failure = punch_hole(file, cells.front().offset, content.size(), path))
        return failure;
      cells = cells.subspan(1);
      continue;
    }
    const std::uint64_t start = cells.front().offset;
    std::uint64_t end = start;
    std::size_t count = 0;
    while (count < cells.size() && count < kMaxVector && cells[count].offset == end &&
           !cells[count].content.is_zeros()) {
      const ConstBytes bytes = cells[count].content.bytes();
      // The kernel only reads from them.
      parts[count++] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
      end += bytes.size();
    }
    if (auto failure = write_vector(file, start, std::span(parts).first(count), path))
      return failure;
    cells = cells.subspan(count);
  }
  return {};
}

/// So that the first of the syncs that follow takes the others' blocks along, and they find little
/// to do. Only a hint: whatever goes wrong, the sync will say.
void begin_writing_back(int file) {
  static_cast<void>(sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE));
}

IoOutcome set_size(int file, std::uint64_t size, const std::string& path) {
  if (ftruncate(file, static_cast<off_t>(size)) != 0) return failed_call("ftruncate", path);
  return {};
}

IoOutcome inode_of(int file, const std::string& path, struct stat& out) {
  if (fstat(file, &out) != 0) return failed_call("fstat", path);
  return {};
}

IoOutcome write_bytes_and_size(int file, const ObjectCells& cells, const std::string& path) {
  struct stat inode {};
  if (auto failure = inode_of(file, path, inode)) return failure;
  auto size = static_cast<std::uint64_t>(inode.st_size);
  if (size > cells.cut_size) {
    if (auto failure = set_size(file, cells.cut_size, path)) return failure;
    size = cells.cut_size;
  }
  if (auto failure = write_data(file, cells.data, path)) return failure;
  for (const DataCell& cell : cells.data) {
    const Content& content = cell.content;
    if (!content.is_zeros() && content.size() > 0)
      size = std::max(size, cell.offset + content.size());
  }
  if (cells.state && cells.state->size != size) return set_size(file, cells.state->size, path);
  return {};
}

/// Programs on the host see sensible times; the share's own are in the attribute.
IoOutcome write_state(int file, const ObjectCells& cells, const std::string& path) {
  if (auto failure = write_attribute(file, cells.object, *cells.state, path)) return failure;
  const timespec times[2] = {to_timespec(cells.state->access_time),
                             to_timespec(cells.state->write_time)};
  if (futimens(file, times) != 0) return failed_call("futimens", path);
  return {};
}

/// An inode without the attribute would be nobody's, so a new one gets it even when the flush
/// brings no state.
IoOutcome write_first_attribute(int file, const ObjectCells& cells, const std::string& path) {
  ObjectAttribute found;
  if (!read_attribute(file, path, found)) return {};
  ObjectState state;
  if (cells.directory) state.attributes = attribute::kDirectory;
  return write_attribute(file, cells.object, state, path);
}

IoOutcome open_for_writing(const LunFolders& folders, const ObjectCells& cells, SharedFile& file) {
  if (!cells.directory) return open_file(folders, cells.object, cells.create ? O_CREAT : 0, file);
  if (cells.create) {
    if (auto failure = make_directory(folders.directories.get(), id_text(cells.object)))
      return failure;
  }
  return open_directory(folders, cells.object, file);
}

}  // namespace

IoOutcome write_object(const LunFolders& folders, const ObjectCells& cells, SharedFile& file) {
  if (auto failure = open_for_writing(folders, cells, file)) return failure;
  const std::string path = cells.directory ? id_text(cells.object) : object_path(cells.object);
  if (!cells.directory) {
    if (auto failure = write_bytes_and_size(file->get(), cells, path)) return failure;
    begin_writing_back(file->get());
  }
  if (cells.state) return write_state(file->get(), cells, path);
  if (cells.create) return write_first_attribute(file->get(), cells, path);
  return {};
}

IoOutcome sync_object(const LunFolders& folders, ObjectId object, SharedFile& file) {
  if (file == nullptr) {
    if (auto failure = open_any(folders, object, file)) return failure;
  }
  return sync_file(file->get(), id_text(object));
}

IoOutcome read_object_state(const LunFolders& folders, ObjectId object, SharedFile& file,
                            ObjectState& out) {
  if (file == nullptr) {
    if (auto failure = open_any(folders, object, file)) return failure;
  }
  const std::string path = id_text(object);
  struct stat inode {};
  if (auto failure = inode_of(file->get(), path, inode)) return failure;
  ObjectAttribute found;
  if (auto failure = read_attribute(file->get(), path, found)) return failure;
  if (found.id != object) return corrupt("attribute names another object", path);
  out = found.state;
  out.size = S_ISREG(inode.st_mode) ? static_cast<std::uint64_t>(inode.st_size) : 0;
  return {};
}

IoOutcome read_object(const LunFolders& folders, ObjectId object, SharedFile& file,
                      std::uint64_t offset, Bytes out, std::size_t& done) {
  if (auto failure = open_file(folders, object, 0, file)) return failure;
  return read_fully(file->get(), offset, out, object_path(object), done);
}

IoOutcome find_allocated_ranges(const LunFolders& folders, ObjectId object, SharedFile& file,
                                AllocatedRange within, std::size_t most,
                                std::vector<AllocatedRange>& out) {
  if (auto failure = open_file(folders, object, 0, file)) return failure;
  return find_data(file->get(), within, most, object_path(object), out);
}

IoOutcome remove_object(const LunFolders& folders, ObjectId object, Notices& notices) {
  if (unlinkat(folders.objects.get(), object_path(object).c_str(), 0) == 0) return {};
  if (errno != ENOENT) return failed_call("unlink", object_path(object));
  const std::string name = id_text(object);
  if (unlinkat(folders.directories.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT)
    return {};
  if (errno != ENOTEMPTY && errno != EEXIST) return failed_call("rmdir", name);
  notices.push_back({"directory deleted on the share holds files of the host and stays", name});
  return {};
}

}  // namespace understudy
