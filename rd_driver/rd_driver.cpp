#include "rd_driver/rd_driver.h"

#include <algorithm>

#include "iomgr/record.h"

namespace understudy {
namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds(50);
constexpr Duration kSlowestRetry = std::chrono::milliseconds(500);

}  // namespace

RdDriver::RdDriver(Seams seams)
    : Driver(Layer::rd_driver, seams), order_changed_(executor()), drained_(executor()) {
  on(Major::mirror, [this](Irp& irp) { return mirror(irp); });
  on(Major::cluster, [this](Irp& irp) { return cluster(irp); });
}

void RdDriver::start() {
  spawn(keep_connected());
}

Task<Status> RdDriver::mirror(Irp& irp) {
  if (!connected_) co_return Status::connection_reset;
  Status status = Status::invalid_device_request;
  switch (static_cast<MirrorMinor>(irp.minor)) {
    case MirrorMinor::begin:
      status = co_await begin(irp);
      break;
    case MirrorMinor::append:
      status = co_await append(irp);
      break;
    case MirrorMinor::purge:
      status = link_->outbox().purge(irp.lun, irp.lsn);
      link_->wake();
      break;
    case MirrorMinor::failed:
      status = link_->outbox().failed(irp.lun, irp.status);
      link_->wake();
      break;
    default:
      break;
  }
  co_return status;
}

Task<Status> RdDriver::begin(Irp& irp) {
  PartnerAnswer answer(executor());
  const Status taken = link_->outbox().begin(irp, answer);
  if (failed(taken)) co_return taken;
  ++in_flight_;
  link_->wake();
  const Status status = co_await answer.wait();
  answered();
  co_return status;
}

Task<Status> RdDriver::append(Irp& irp) {
  // The partner checks what the record says; here it matters only that it lies inside the arena.
  const auto record = arena().bytes(irp.record);
  if (!record || record->size() < sizeof(RecordHeader) || record->size() > bounds::kMaxRecord) {
    co_return Status::invalid_parameter;
  }
  PendingAppend append(executor(), irp, *record);
  const Status taken = link_->outbox().append(append);
  if (failed(taken)) co_return taken;
  ++in_flight_;
  link_->wake();
  const Status status = co_await append.answer.wait();
  answered();
  co_return status;
}

void RdDriver::answered() {
  if (--in_flight_ == 0) drained_.set();
}

Task<Status> RdDriver::cluster(Irp& irp) {
  switch (static_cast<ClusterMinor>(irp.minor)) {
    case ClusterMinor::ping:
      report(irp.report);
      co_return Status::success;
    case ClusterMinor::partner:
      co_return take_order(irp);
    default:
      co_return Status::invalid_device_request;
  }
}

void RdDriver::report(LayerReport& report) const {
  report = {};
  report.completed = completed();
  report.mirroring = connected_ ? 1 : 0;
  if (!connected_) return;
  report.operations = link_->outbox().unanswered();
  report.bytes = link_->outbox().unanswered_bytes();
}

Status RdDriver::take_order(const Irp& irp) {
  const auto payload = arena().bytes(irp.payload);
  if (!payload) return Status::invalid_parameter;
  const std::string json(as_text(*payload));
  Result<PartnerOrder> order = parse_partner_order(json, "connect");
  if (!order) {
    log().error("order `partner` cannot be read", {{"status", order.status()}});
    return order.status();
  }
  if (order_ == *order) return Status::success;
  order_ = std::move(*order);
  order_changed_.set();
  if (link_) link_->close();
  return Status::success;
}

Task<void> RdDriver::keep_connected() {
  Duration pause = kFirstRetry;
  for (;;) {
    order_changed_.reset();
    if (!order_ || order_->endpoint.empty()) {
      co_await order_changed_.wait();
      continue;
    }
    const bool was_connected = co_await converse(*order_);
    if (was_connected) pause = kFirstRetry;
    const bool changed = co_await order_changed_.wait_until(executor().now() + pause);
    pause = changed ? kFirstRetry : std::min(2 * pause, kSlowestRetry);
  }
}

/// One connection from its first byte to its last. True if the partner was there.
Task<bool> RdDriver::converse(PartnerOrder order) {
  const Result<std::shared_ptr<Stream>> stream = co_await seams().network.connect(order.endpoint);
  if (!stream) co_return false;
  link_ = std::make_shared<PartnerLink>(seams(), *stream);
  const Status authenticated = co_await link_->authenticate(order);
  if (failed(authenticated) || order_ != order) {
    link_->close();
    link_.reset();
    co_return false;
  }
  connected_ = true;
  log().info("connected to the partner",
             {{"partner", order.partner}, {"endpoint", order.endpoint}});
  spawn(tell(Layer::ff_driver, make_irp(Major::mirror, MirrorMinor::partner_up)));
  spawn(tell(Layer::cluster_app, event(EventKind::partner_back)));
  spawn(relieve(link_));
  co_await link_->serve();
  co_await partner_gone();
  co_return true;
}

/// Room in the partner's store comes from purges, and these from writing to the medium: when there
/// is none, ff_driver is told, whether or not its own side is short of anything. If that brought no
/// room, the writer says so again at its next echo.
Task<void> RdDriver::relieve(std::shared_ptr<PartnerLink> link) {
  while (true) {
    const bool full = co_await link->until_full();
    if (!full) co_return;
    co_await tell(Layer::ff_driver, make_irp(Major::mirror, MirrorMinor::full));
  }
}

Task<void> RdDriver::partner_gone() {
  connected_ = false;
  link_.reset();
  log().warning("the partner is gone");
  spawn(tell(Layer::cluster_app, event(EventKind::partner_lost)));
  // ff_driver hears first that each append failed, then that the partner is down, and has taken
  // that in before it can hear of a new connection.
  drained_.reset();
  if (in_flight_ > 0) co_await drained_.wait();
  co_await tell(Layer::ff_driver, make_irp(Major::mirror, MirrorMinor::partner_down));
}

Task<void> RdDriver::tell(Layer neighbour, Irp irp) {
  const Status status = co_await call(neighbour, irp);
  if (failed(status)) {
    log().warning("not heard", {{"neighbour", to_string(neighbour)}, {"status", status}});
  }
}

Irp RdDriver::event(EventKind kind) {
  Irp irp = make_irp(Major::cluster, ClusterMinor::event);
  irp.event.kind = kind;
  return irp;
}

std::unique_ptr<Driver> make_rd_driver(Seams seams) {
  return std::make_unique<RdDriver>(seams);
}

}  // namespace understudy
