// Random numbers of the operating system, fit for keys.
#pragma once

#include "iomgr/random.h"

namespace understudy {

class OsRandom : public Random {
 public:
  void fill(Bytes out) override;
};

}  // namespace understudy
