#include "iomgr/check.h"

#include <cstdio>
#include <cstdlib>

namespace understudy {

void bugcheck(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "bugcheck: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace understudy
