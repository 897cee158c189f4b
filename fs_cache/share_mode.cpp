#include "fs_cache/share_mode.h"

#include "fs_cache/file_constants.h"

namespace understudy {
namespace {

/// The share bits that others must grant for this access.
std::uint32_t needs(std::uint32_t access) {
  std::uint32_t bits = 0;
  if ((access & (access::kReadData | access::kExecute)) != 0) bits |= share::kRead;
  if ((access & (access::kWriteData | access::kAppendData)) != 0) bits |= share::kWrite;
  if ((access & access::kDelete) != 0) bits |= share::kDelete;
  return bits;
}

}  // namespace

Status check_sharing(const std::vector<Open*>& opens, std::uint32_t access, std::uint32_t share) {
  const std::uint32_t wanted = needs(access);
  if (wanted == 0) return Status::success;
  for (const Open* open : opens) {
    const std::uint32_t held = needs(open->access);
    if (held == 0) continue;
    if ((wanted & ~open->share) != 0 || (held & ~share) != 0) return Status::sharing_violation;
  }
  return Status::success;
}

}  // namespace understudy
