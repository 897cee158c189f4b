// A client in netstack's place: speaks IRPs, so that a test sees every answer with its LSN.
#pragma once

#include <string>
#include <vector>

#include "iomgr/check.h"
#include "iomgr/driver.h"

namespace understudy {

// MS-SMB2 2.2.13 and 2.2.13.1, as far as the tests use them.
inline constexpr std::uint32_t kReadData = 0x1;
inline constexpr std::uint32_t kWriteData = 0x2;
inline constexpr std::uint32_t kReadAttributes = 0x80;
inline constexpr std::uint32_t kDelete = 0x10000;
inline constexpr std::uint32_t kShareAll = 0x7;
inline constexpr std::uint32_t kOpenExisting = 1;
inline constexpr std::uint32_t kCreateNew = 2;
inline constexpr std::uint32_t kOpenOrCreate = 3;
inline constexpr std::uint32_t kOverwriteOrCreate = 5;
inline constexpr std::uint32_t kDirectoryFile = 0x1;

struct Answer {
  Status status = Status::success;
  Irp irp;
  std::vector<std::uint8_t> bytes;
};

class TestClient : public Driver {
 public:
  explicit TestClient(Seams seams)
      : Driver(Layer::netstack, seams), allocator_(seams.arena.region(Layer::netstack)) {}
  ~TestClient() override { cancel_all(); }

  using Driver::spawn;

  /// Lets virtual time pass.
  Task<void> pause(Duration duration) { co_await sleep_for(executor(), duration); }

  Task<Answer> create(std::uint32_t lun, std::string path, std::uint32_t access,
                      std::uint32_t disposition, std::uint32_t options = 0) {
    Irp irp = request(Major::create, lun, 0);
    irp.create.desired_access = access;
    irp.create.share_access = kShareAll;
    irp.create.create_disposition = disposition;
    irp.create.create_options = options;
    Answer answer = co_await exchange(irp, path, 0);
    co_return answer;
  }

  Task<Answer> close(std::uint32_t lun, std::uint64_t open) {
    Irp irp = request(Major::close, lun, open);
    Answer answer = co_await exchange(irp, "", 0);
    co_return answer;
  }

  Task<Answer> write(std::uint32_t lun, std::uint64_t open, std::uint64_t offset,
                     std::string data) {
    Irp irp = request(Major::write, lun, open);
    irp.write.offset = offset;
    Answer answer = co_await exchange(irp, data, 0);
    co_return answer;
  }

  Task<Answer> read(std::uint32_t lun, std::uint64_t open, std::uint64_t offset,
                    std::uint32_t length) {
    Irp irp = request(Major::read, lun, open);
    irp.read.offset = offset;
    irp.read.length = length;
    Answer answer = co_await exchange(irp, "", length);
    co_return answer;
  }

  Task<Answer> rename(std::uint32_t lun, std::uint64_t open, std::string target, bool replace) {
    Irp irp = request(Major::set_information, lun, open);
    irp.minor = static_cast<std::uint8_t>(SetMinor::rename);
    irp.set.replace = replace ? 1 : 0;
    Answer answer = co_await exchange(irp, target, 0);
    co_return answer;
  }

  Task<Answer> remove(std::uint32_t lun, std::uint64_t open) {
    Irp irp = request(Major::set_information, lun, open);
    irp.minor = static_cast<std::uint8_t>(SetMinor::disposition);
    irp.set.delete_file = 1;
    Answer answer = co_await exchange(irp, "", 0);
    co_return answer;
  }

  Task<Answer> resize(std::uint32_t lun, std::uint64_t open, std::uint64_t size) {
    Irp irp = request(Major::set_information, lun, open);
    irp.minor = static_cast<std::uint8_t>(SetMinor::end_of_file);
    irp.set.size = size;
    Answer answer = co_await exchange(irp, "", 0);
    co_return answer;
  }

  Task<Answer> flush(std::uint32_t lun, std::uint64_t open) {
    Irp irp = request(Major::flush_buffers, lun, open);
    Answer answer = co_await exchange(irp, "", 0);
    co_return answer;
  }

  /// One batch of a directory's entries.
  Task<Answer> list(std::uint32_t lun, std::uint64_t open, bool restart) {
    Irp irp = request(Major::query_directory, lun, open);
    irp.directory.restart = restart ? 1 : 0;
    irp.directory.entry_overhead = 104;
    irp.directory.wire_capacity = 64 * 1024;
    Answer answer = co_await exchange(irp, "*", 64 * 1024);
    co_return answer;
  }

 private:
  Irp request(Major major, std::uint32_t lun, std::uint64_t open) {
    Irp irp = make_irp(major);
    irp.lun = lun;
    irp.open = open;
    return irp;
  }

  Task<Answer> exchange(Irp irp, std::string payload, std::uint32_t room) {
    const std::optional<BufferRef> buffer =
        allocator_.allocate(std::max<std::size_t>(payload.size(), room));
    UNDERSTUDY_CHECK(buffer.has_value());
    irp.payload = *buffer;
    irp.payload.length = static_cast<std::uint32_t>(payload.size());
    const Bytes bytes = *arena().room(irp.payload);
    std::copy(payload.begin(), payload.end(), bytes.begin());
    Answer answer;
    answer.status = co_await call(Layer::ff_driver, irp);
    answer.irp = irp;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(irp.information, room));
    if (ok(answer.status))
      answer.bytes.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    allocator_.free(*buffer);
    co_return answer;
  }

  RegionAllocator allocator_;
};

}  // namespace understudy
