// QUERY_INFO of security (MS-SMB2 3.3.5.20.3): fs_cache has the descriptor.
#include "netstack/netstack.h"
#include "netstack/smb2/query_info.h"

namespace understudy::smb2 {

Task<Result<std::vector<std::uint8_t>>> security_information(Netstack& netstack, const Open& open,
                                                             std::uint32_t which) {
  // Nothing is asked, so nothing is needed.
  constexpr std::uint32_t kParts = 0x0000FFFF;
  if ((which & kParts) != 0 && !open.may(kReadControl)) co_return Status::access_denied;
  Buffer room = co_await netstack.scratch().acquire(bounds::kMaxProperty);
  Irp irp = netstack.irp(Major::query_information, *open.tree);
  irp.minor = static_cast<std::uint8_t>(QueryMinor::security);
  irp.open = open.handle;
  irp.payload = room.ref(0);
  irp.query.selection = which;
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  if (irp.information > room.bytes().size()) co_return Status::unexpected_io_error;
  const ConstBytes bytes = room.bytes().first(irp.information);
  co_return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
}

}  // namespace understudy::smb2
