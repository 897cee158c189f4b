// Blocking POSIX calls with an outcome instead of errno. Below the medium seam; runs off the
// layer's thread. Invariant: nothing here logs or decides; who asked gets the call, the path and
// the cause, and reports them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "iomgr/bytes.h"
#include "iomgr/status.h"

namespace understudy {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileDescriptor();

  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// An open object, shared by the cache and the calls that use it; closed when the last of them
/// ends.
using SharedFile = std::shared_ptr<const FileDescriptor>;

/// Why a blocking call failed: for the log, and the status for the caller.
struct IoFailure {
  std::string what;  // the system call, or what is wrong with what was found
  std::string path;
  Status status;
  int error = 0;  // errno, 0 when no system call failed
};
/// Nothing means success.
using IoOutcome = std::optional<IoFailure>;

Status status_of_errno(int error);
/// The failure of a system call that has just set errno.
IoFailure failed_call(std::string call, std::string path);
IoFailure corrupt(std::string what, std::string path);

IoOutcome open_at(int folder, const std::string& path, int flags, FileDescriptor& out);
/// Makes a directory; one that is there already is fine.
IoOutcome make_directory(int folder, const std::string& path);
/// Unlinks; a missing name is fine.
IoOutcome unlink_at(int folder, const std::string& path);
/// The target of a symbolic link; nothing (and errno) if there is none.
std::optional<std::string> read_link(int folder, const std::string& path);

/// Reads until `out` is full or the file ends; `done` counts the bytes.
IoOutcome read_fully(int file, std::uint64_t offset, Bytes out, const std::string& path,
                     std::size_t& done);
IoOutcome write_fully(int file, std::uint64_t offset, ConstBytes bytes, const std::string& path);
/// A failed one is final: the kernel has marked the pages clean, so a second call would lie (rule
/// 12).
IoOutcome sync_file(int file, const std::string& path);
IoOutcome sync_path(int folder, const std::string& path);
/// Everything on the file system of `folder`, which must have been opened before what it shall
/// vouch for was written (Linux 5.8: reports write-back errors since the open).
IoOutcome sync_file_system(int folder, const std::string& path);

/// Calls `each` with every name in a directory but "." and ".." until it returns a failure.
template <typename Each>
IoOutcome for_each_name(int folder, const std::string& path, Each each);

/// One pass over the names of a directory, for for_each_name.
class NameReader {
 public:
  NameReader() = default;
  NameReader(const NameReader&) = delete;
  NameReader& operator=(const NameReader&) = delete;
  ~NameReader();
  IoOutcome open(int folder, const std::string& path);
  /// The next name, null at the end. `type` is a DT_ value of readdir.
  IoOutcome next(const char*& name, unsigned char& type);

 private:
  void* stream_ = nullptr;
  std::string path_;
};

template <typename Each>
IoOutcome for_each_name(int folder, const std::string& path, Each each) {
  NameReader reader;
  if (auto failure = reader.open(folder, path)) return failure;
  const char* name = nullptr;
  unsigned char type = 0;
  while (true) {
    if (auto failure = reader.next(name, type)) return failure;
    if (name == nullptr) return {};
    if (auto failure = each(std::string(name), type)) return failure;
  }
}

}  // namespace understudy
