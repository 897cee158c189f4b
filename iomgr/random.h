// The seam for randomness: the operating system's generator in a process, a seeded one in the
// simulator. Nothing else in a layer may be random.
#pragma once

#include "iomgr/bytes.h"

namespace understudy {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills all of `out`. In a process it is fit for keys and challenges.
  virtual void fill(Bytes out) = 0;

  std::uint64_t next() {
    std::uint64_t value = 0;
    fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
    return value;
  }
};

}  // namespace understudy
