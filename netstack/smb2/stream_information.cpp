// QUERY_INFO of a file's streams: FileStreamInformation, MS-FSCC section 2.4.49.
#include <cstring>

#include "netstack/netstack.h"
#include "netstack/smb2/names.h"
#include "netstack/smb2/query_info.h"

namespace understudy::smb2 {
namespace {

/// FILE_STREAM_INFORMATION of what fs_cache listed. nullopt: that is no list.
std::optional<std::vector<std::uint8_t>> convert(ConstBytes listed) {
  WireWriter writer;
  std::size_t last = 0;
  while (!listed.empty()) {
    StreamEntry entry;
    if (listed.size() < sizeof entry) return std::nullopt;
    std::memcpy(&entry, listed.data(), sizeof entry);
    if (entry.size < sizeof entry || entry.size > listed.size() ||
        entry.name_length > entry.size - sizeof entry) {
      return std::nullopt;
    }
    const std::vector<std::uint8_t> name =
        text_to_wire(as_text(listed.subspan(sizeof entry, entry.name_length)));
    listed = listed.subspan(entry.size);
    writer.align(8);
    if (writer.size() > 0) writer.patch(last, static_cast<std::uint32_t>(writer.size() - last));
    last = writer.size();
    writer.u32(0);
    writer.u32(static_cast<std::uint32_t>(name.size()));
    writer.u64(entry.bytes);
    writer.u64(entry.allocation);
    writer.append(name);
  }
  return writer.release();
}

}  // namespace

Task<Result<Information>> stream_information(Netstack& netstack, const Open& open) {
  Buffer listed = co_await netstack.scratch().acquire(bounds::kMaxInformation);
  Irp irp = netstack.irp(Major::query_information, *open.tree);
  irp.minor = static_cast<std::uint8_t>(QueryMinor::streams);
  irp.open = open.handle;
  irp.payload = listed.ref(0);
  const Status status = co_await netstack.ask(irp);
  if (failed(status) && status != Status::buffer_overflow) co_return status;
  if (irp.information > listed.bytes().size()) co_return Status::unexpected_io_error;
  std::optional<std::vector<std::uint8_t>> streams = convert(listed.bytes().first(irp.information));
  if (!streams) co_return Status::unexpected_io_error;
  constexpr std::size_t kFixed = 32;  // an entry with a name of one character, and padding
  co_return Information{std::move(*streams), kFixed, status};
}

}  // namespace understudy::smb2
