#include "iomgr/host/shm_arena.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>

#include "iomgr/host/parking.h"

namespace understudy {

namespace ipc = boost::interprocess;

namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

/// What Boost.Interprocess asks of something that can be mapped.
class Memfd {
 public:
  explicit Memfd(int fd) : fd_(fd) {}
  ipc::mapping_handle_t get_mapping_handle() const {
    return ipc::ipcdetail::mapping_handle_from_file_handle(fd_);
  }

 private:
  int fd_;
};

Bytes bytes_of(const ipc::mapped_region& region) {
  return {static_cast<std::uint8_t*>(region.get_address()), region.get_size()};
}

Result<UniqueFd> nameless(std::uint64_t size) {
  UniqueFd fd(memfd_create("understudy-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return Status::insufficient_resources;
  }
  return fd;
}

/// Whether the file system behind `fd` can hold all of it: an access that it cannot hold would be
/// the end of the process that makes it.
bool has_room(int fd, std::uint64_t size, std::uint64_t held) {
  struct statvfs space {};
  return fstatvfs(fd, &space) == 0 && space.f_bavail * space.f_frsize + held >= size;
}

Result<UniqueFd> named(const std::string& path, std::uint64_t size) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat facts {};
  if (!fd || fstat(fd.get(), &facts) != 0) return Status::access_denied;
  if (!S_ISREG(facts.st_mode) || facts.st_uid != geteuid() || (facts.st_mode & 0077) != 0) {
    return Status::access_denied;
  }
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Status::access_denied;
  }
  const bool used = facts.st_size != 0;
  if (used && facts.st_size != static_cast<off_t>(size)) return Status::revision_mismatch;
  if (!used && !has_room(fd.get(), size, static_cast<std::uint64_t>(facts.st_blocks) * 512)) {
    unlink(path.c_str());
    return Status::insufficient_resources;
  }
  if (!used && ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return Status::insufficient_resources;
  }
  return fd;
}

}  // namespace

struct ShmArena::Mapping {
  Mapping(UniqueFd file, ipc::mapped_region mapped)
      : fd(std::move(file)), region(std::move(mapped)), arena(bytes_of(region)) {}

  static std::unique_ptr<Mapping> map(UniqueFd fd, std::uint64_t size) {
    try {
      ipc::mapped_region region(Memfd(fd.get()), ipc::read_write, 0, size);
      return std::make_unique<Mapping>(std::move(fd), std::move(region));
    } catch (const ipc::interprocess_exception&) {
      return nullptr;
    }
  }

  UniqueFd fd;
  ipc::mapped_region region;
  Arena arena;
};

ShmArena::ShmArena(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {}
ShmArena::~ShmArena() = default;

Arena& ShmArena::arena() {
  return mapping_->arena;
}
int ShmArena::fd() const {
  return mapping_->fd.get();
}
bool ShmArena::has_name() const {
  struct stat facts {};
  return fstat(fd(), &facts) == 0 && facts.st_nlink > 0;
}

Result<std::unique_ptr<ShmArena>> ShmArena::create(const ArenaSizes& sizes, std::string_view node,
                                                   const std::string& path) {
  const std::uint64_t size = Arena::size_for(sizes);
  Result<UniqueFd> fd = path.empty() ? nameless(size) : named(path, size);
  if (!fd) return fd.status();
  auto mapping = Mapping::map(std::move(*fd), size);
  if (!mapping) return Status::insufficient_resources;
  if (auto earlier = Arena::attach(bytes_of(mapping->region))) let_go_of_the_dead(*earlier);
  mapping->arena = Arena::format(bytes_of(mapping->region), sizes, node);
  return std::unique_ptr<ShmArena>(new ShmArena(std::move(mapping)));
}

Result<std::unique_ptr<ShmArena>> ShmArena::attach(UniqueFd fd) {
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size <= 0) {
    return Status::invalid_parameter;
  }
  const bool has_name = facts.st_nlink > 0;
  if (!has_name && (fcntl(fd.get(), F_GET_SEALS) & kSeals) != kSeals) {
    return Status::invalid_parameter;
  }
  auto mapping = Mapping::map(std::move(fd), static_cast<std::uint64_t>(facts.st_size));
  if (!mapping) return Status::insufficient_resources;
  const auto arena = Arena::attach(bytes_of(mapping->region));
  if (!arena) return Status::invalid_parameter;
  mapping->arena = *arena;
  return std::unique_ptr<ShmArena>(new ShmArena(std::move(mapping)));
}

}  // namespace understudy
