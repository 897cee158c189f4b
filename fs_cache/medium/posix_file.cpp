#include "fs_cache/medium/posix_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

namespace understudy {

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status status_of_errno(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Status::disk_full;
    case EIO:
      return Status::io_device_error;
    case EUCLEAN:
    case EBADMSG:
      return Status::file_corrupt;
    case EROFS:
      return Status::media_write_protected;
    case EACCES:
    case EPERM:
      return Status::access_denied;
    case ENOENT:
      return Status::object_name_not_found;
    case ENOTDIR:
      return Status::not_a_directory;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Status::insufficient_resources;
    case EMLINK:
      return Status::too_many_links;
    case ENAMETOOLONG:
      return Status::name_too_long;
    case EOPNOTSUPP:
      return Status::not_supported;
    case ETIMEDOUT:
      return Status::io_timeout;
    case ENODEV:
    case ENXIO:
    case ESTALE:
      return Status::device_not_ready;
    default:
      return Status::unexpected_io_error;
  }
}

IoFailure failed_call(std::string call, std::string path) {
  const int error = errno;
  return {std::move(call), std::move(path), status_of_errno(error), error};
}

IoFailure corrupt(std::string what, std::string path) {
  return {std::move(what), std::move(path), Status::file_corrupt};
}

IoOutcome open_at(int folder, const std::string& path, int flags, FileDescriptor& out) {
  out = FileDescriptor(openat(folder, path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!out) return failed_call("open", path);
  return {};
}

IoOutcome make_directory(int folder, const std::string& path) {
  if (mkdirat(folder, path.c_str(), 0777) != 0 && errno != EEXIST)
    return failed_call("mkdir", path);
  return {};
}

IoOutcome unlink_at(int folder, const std::string& path) {
  if (unlinkat(folder, path.c_str(), 0) != 0 && errno != ENOENT) return failed_call("unlink", path);
  return {};
}

std::optional<std::string> read_link(int folder, const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = readlinkat(folder, path.c_str(), target.data(), target.size());
  if (length < 0) return std::nullopt;
  target.resize(static_cast<std::size_t>(length));
  return target;
}

IoOutcome read_fully(int file, std::uint64_t offset, Bytes out, const std::string& path,
                     std::size_t& done) {
  done = 0;
  while (done < out.size()) {
    const ssize_t count =
        pread(file, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed_call("pread", path);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return {};
}

IoOutcome write_fully(int file, std::uint64_t offset, ConstBytes bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed_call("pwrite", path);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::size_t>(count);
  }
  return {};
}

IoOutcome sync_file(int file, const std::string& path) {
  if (fsync(file) != 0) return failed_call("fsync", path);
  return {};
}

IoOutcome sync_path(int folder, const std::string& path) {
  FileDescriptor file;
  if (auto failure = open_at(folder, path, O_RDONLY, file)) return failure;
  return sync_file(file.get(), path);
}

IoOutcome sync_file_system(int folder, const std::string& path) {
  if (syncfs(folder) != 0) return failed_call("syncfs", path);
  return {};
}

NameReader::~NameReader() {
  if (stream_ != nullptr) closedir(static_cast<DIR*>(stream_));
}

IoOutcome NameReader::open(int folder, const std::string& path) {
  path_ = path;
  const int descriptor =
      openat(folder, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return failed_call("open", path);
  stream_ = fdopendir(descriptor);
  if (stream_ != nullptr) return {};
  IoFailure failure = failed_call("fdopendir", path);
  close(descriptor);
  return failure;
}

IoOutcome NameReader::next(const char*& name, unsigned char& type) {
  while (true) {
    errno = 0;
    const dirent* entry = readdir(static_cast<DIR*>(stream_));
    if (entry == nullptr && errno != 0) return failed_call("readdir", path_);
    name = entry == nullptr ? nullptr : entry->d_name;
    if (entry == nullptr) return {};
    type = entry->d_type;
    if (std::strcmp(name, ".") != 0 && std::strcmp(name, "..") != 0) return {};
  }
}

}  // namespace understudy
