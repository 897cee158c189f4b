// The redirect filter: sends the copy of every operation, and the signals of success and failure,
// over the interconnect to the partner's mirror server (claim 21 as amended). Above it stands
// ff_driver, beyond it the other node. It keeps no copies: a record stays in the unwritten-data
// cache and is sent from there.
#pragma once

#include <memory>
#include <optional>

#include "iomgr/driver.h"
#include "iomgr/partner_order.h"
#include "rd_driver/partner_link.h"

namespace understudy {

class RdDriver : public Driver {
 public:
  explicit RdDriver(Seams seams);
  void start() override;

 private:
  Task<Status> mirror(Irp& irp);
  Task<Status> begin(Irp& irp);
  Task<Status> append(Irp& irp);
  Task<Status> cluster(Irp& irp);
  Status take_order(const Irp& irp);
  void report(LayerReport& report) const;

  Task<void> keep_connected();
  Task<bool> converse(PartnerOrder order);
  Task<void> relieve(std::shared_ptr<PartnerLink> link);
  Task<void> tell(Layer neighbour, Irp irp);
  Task<void> partner_gone();
  Irp event(EventKind kind);
  void answered();

  std::optional<PartnerOrder> order_;
  Event order_changed_;
  std::shared_ptr<PartnerLink> link_;  // from the connection's first byte to its last
  bool connected_ = false;             // authenticated, and the link is not over
  std::uint64_t in_flight_ = 0;        // begins and appends whose handlers wait
  Event drained_;                      // in_flight_ is 0
};

std::unique_ptr<Driver> make_rd_driver(Seams seams);

}  // namespace understudy
