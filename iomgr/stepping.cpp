#include "iomgr/stepping.h"

namespace understudy {

std::string set_field(Irp& irp, std::string_view field, std::uint64_t value) {
  const bool writes = irp.major == Major::write;
  const bool reads = irp.major == Major::read;
  const bool is_small = field == "lun" || field == "status" || field == "length";
  if (is_small && value > UINT32_MAX) return "that is too large for '" + std::string(field) + "'";
  if (field == "lun") {
    irp.lun = static_cast<std::uint32_t>(value);
  } else if (field == "lsn") {
    irp.lsn = value;
  } else if (field == "epoch") {
    irp.epoch = value;
  } else if (field == "open") {
    irp.open = value;
  } else if (field == "status") {
    irp.status = static_cast<Status>(value);
  } else if (field == "offset" && (writes || reads)) {
    (writes ? irp.write.offset : irp.read.offset) = value;
  } else if (field == "length" && reads) {
    irp.read.length = static_cast<std::uint32_t>(value);
  } else {
    return "this IRP has no field '" + std::string(field) + "' that can be set";
  }
  return {};
}

void take_fields(const Irp& from, Irp& to) {
  to.lun = from.lun;
  to.lsn = from.lsn;
  to.epoch = from.epoch;
  to.open = from.open;
  to.status = from.status;
  if (to.major == Major::write) to.write.offset = from.write.offset;
  if (to.major != Major::read) return;
  to.read.offset = from.read.offset;
  to.read.length = from.read.length;
}

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
