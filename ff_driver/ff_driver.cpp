// The registration table: what the filter intercepts.
#include "ff_driver/ff_driver.h"

namespace understudy {

FfDriver::FfDriver(Seams seams) : Driver(Layer::ff_driver, seams) {
  for (const Major major :
       {Major::create, Major::close, Major::read, Major::write, Major::query_information,
        Major::set_information, Major::query_directory, Major::query_volume, Major::reclaim}) {
    on(major, [this](Irp& irp) { return operation(irp); });
  }
  on(Major::notify_change, [this](Irp& irp) {
    const bool waits = irp.minor == static_cast<std::uint8_t>(NotifyMinor::wait);
    return waits ? control(irp) : operation(irp);
  });
  on(Major::lock_control, [this](Irp& irp) {
    const bool waits = irp.minor == static_cast<std::uint8_t>(LockMinor::wait);
    return waits ? control(irp) : operation(irp);
  });
  for (const Major major : {Major::oplock, Major::cancel}) {
    on(major, [this](Irp& irp) { return control(irp); });
  }
  on(Major::flush_buffers, [this](Irp& irp) { return flush_buffers(irp); });
  on(Major::lazy_write, [this](Irp& irp) { return lazy_write(irp); });
  on(Major::mirror, [this](Irp& irp) { return mirror(irp); });
  on(Major::cluster, [this](Irp& irp) { return cluster(irp); });
}

FfDriver::Lun& FfDriver::lun(std::uint32_t id) {
  auto& slot = luns_[id];
  if (slot == nullptr) slot = std::make_unique<Lun>(id, executor());
  return *slot;
}

FfDriver::Lun* FfDriver::attached(std::uint32_t id) {
  const auto found = luns_.find(id);
  return found != luns_.end() && found->second->attached ? found->second.get() : nullptr;
}

std::unique_ptr<Driver> make_ff_driver(Seams seams) {
  return std::make_unique<FfDriver>(seams);
}

}  // namespace understudy
