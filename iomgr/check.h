// The bugcheck: assertions that are always on. A failed one is a bug of ours, not a fault of the
// world, so the process stops at once; cluster_app then fails the whole node and the partner takes
// over.
#pragma once

namespace understudy {

[[noreturn]] void bugcheck(const char* condition, const char* file, int line) noexcept;

}  // namespace understudy

#define UNDERSTUDY_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::understudy::bugcheck(#condition, __FILE__, __LINE__))
