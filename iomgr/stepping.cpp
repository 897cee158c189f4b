#include "iomgr/stepping.h"

namespace understudy {

void Stepping::begin_life() {
  for (ParkingPlace& place : places) {
    place.parked = 0;
    place.waits = 0;
    place.pid = 0;
    place.attention &= ParkingPlace::kHeld;
  }
  for (LunBooks& each : books) {
    each.epoch = 0;
    each.last = 0;
    each.durable = 0;
  }
  if (debugger != 0) return;
  for (ParkingPlace& place : places) place.attention = 0;
  filter.steps = 0;
  filter.hops = 0;
  filter.follow_irp = 0;
  filter.follow_lsn = 0;
}

}  // namespace understudy
