#include "iomgr/host/shm_arena.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <boost/interprocess/mapped_region.hpp>

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

Result<std::unique_ptr<ShmArena>> ShmArena::create(const ArenaSizes& sizes, std::string_view node) {
  const std::uint64_t size = Arena::size_for(sizes);
  UniqueFd fd(memfd_create("understudy-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return Status::insufficient_resources;
  }
  auto mapping = Mapping::map(std::move(fd), size);
  if (!mapping) return Status::insufficient_resources;
  mapping->arena = Arena::format(bytes_of(mapping->region), sizes, node);
  return std::unique_ptr<ShmArena>(new ShmArena(std::move(mapping)));
}

Result<std::unique_ptr<ShmArena>> ShmArena::attach(UniqueFd fd) {
  struct stat facts {};
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd.get(), &facts) != 0 ||
      facts.st_size <= 0) {
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
