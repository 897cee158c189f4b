// The mirror server: keeps the copies of the partner's operations in this node's memory (the second
// temporary data store), and after a takeover replays them through its own node's ff_driver (STEP
// 314).
#pragma once

#include <memory>

#include "iomgr/driver.h"
#include "iomgr/partner_order.h"
#include "mirror_server/mirror_store.h"
#include "mirror_server/partner_session.h"

namespace understudy {

class MirrorServer : public Driver {
 public:
  explicit MirrorServer(Seams seams);

  /// Connections at once that have not proved yet that they know the key; more are shown out.
  static constexpr std::size_t kMaxGuests = 8;

 private:
  struct Replay;

  Task<Status> cluster(Irp& irp);
  void report(LayerReport& report) const;
  Status take_order(const Irp& irp);
  Task<Status> replay(Irp& irp);
  Task<Status> write_records(std::uint32_t lun, std::uint64_t& operations);
  Task<void> write_one(std::uint32_t lun, MirrorStore::Stored stored, Replay& replay);
  Task<Status> make_durable(std::uint32_t lun);
  Status discard(std::uint32_t lun);
  void room_changed();

  Task<void> accept(std::shared_ptr<Listener> listener, std::shared_ptr<const PartnerOrder> order);
  Task<void> greet(std::shared_ptr<Stream> stream, std::shared_ptr<const PartnerOrder> order);
  Task<void> tell_partner_failed(std::uint32_t lun, Status status);

  MirrorStore store_;
  std::shared_ptr<const PartnerOrder> order_;
  std::shared_ptr<Listener> listener_;
  std::size_t guests_ = 0;
  std::shared_ptr<PartnerSession> session_;  // the newest one that is authenticated
  Credits turn_;                             // of using the store: one session at a time
  std::uint32_t errors_ = 0;                 // replays that failed
};

std::unique_ptr<Driver> make_mirror_server(Seams seams);

}  // namespace understudy
