#include "iomgr/host/os_random.h"

#include <sys/random.h>

#include <cerrno>

#include "iomgr/check.h"

namespace understudy {

void OsRandom::fill(Bytes out) {
  while (!out.empty()) {
    const ssize_t count = getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    UNDERSTUDY_CHECK(count > 0);  // it has no other failure for a valid buffer
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace understudy
