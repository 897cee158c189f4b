#include "mirror_server/mirror_server.h"

namespace understudy {

MirrorServer::MirrorServer(Seams seams)
    : Driver(Layer::mirror_server, seams),
      store_(arena(), arena().region(Layer::mirror_server)),
      turn_(executor(), 1) {
  if (arena().header().lives > 0) {
    const std::uint64_t operations = store_.recover();
    log().info("records of the partner survived in memory", {{"operations", operations}});
  }
  on(Major::cluster, [this](Irp& irp) { return cluster(irp); });
}

Task<Status> MirrorServer::cluster(Irp& irp) {
  Status status = Status::success;
  switch (static_cast<ClusterMinor>(irp.minor)) {
    case ClusterMinor::ping:
      report(irp.report);
      break;
    case ClusterMinor::partner:
      status = take_order(irp);
      break;
    case ClusterMinor::replay:
      status = co_await replay(irp);
      break;
    case ClusterMinor::discard:
      status = discard(irp.lun);
      break;
    default:
      status = Status::invalid_device_request;
  }
  co_return status;
}

void MirrorServer::report(LayerReport& report) const {
  report = {};
  report.operations = store_.operations();
  report.bytes = store_.bytes();
  report.completed = completed();
  report.errors = errors_;
}

Status MirrorServer::take_order(const Irp& irp) {
  const auto payload = arena().bytes(irp.payload);
  if (!payload) return Status::invalid_parameter;
  const std::string json(as_text(*payload));
  Result<PartnerOrder> order = parse_partner_order(json, "listen");
  if (!order) {
    log().error("order `partner` cannot be read", {{"status", order.status()}});
    return order.status();
  }
  if (order_ && *order_ == *order) return Status::success;
  if (listener_) listener_->close();
  if (session_) session_->close();
  listener_.reset();
  order_.reset();
  const auto taken = std::make_shared<const PartnerOrder>(std::move(*order));
  if (!taken->endpoint.empty()) {
    const auto listener = seams().network.listen(taken->endpoint);
    if (!listener) {
      log().error("cannot listen", {{"endpoint", taken->endpoint}, {"status", listener.status()}});
      return listener.status();
    }
    listener_ = *listener;
    spawn(accept(listener_, taken));
  }
  order_ = taken;
  return Status::success;
}

Task<void> MirrorServer::accept(std::shared_ptr<Listener> listener,
                                std::shared_ptr<const PartnerOrder> order) {
  for (;;) {
    const Result<std::shared_ptr<Stream>> stream = co_await listener->accept();
    if (!stream) co_return;
    if (guests_ >= kMaxGuests) {
      log().warning("too many connections at the door", {{"peer", (*stream)->peer()}});
      (*stream)->close();
      continue;
    }
    spawn(greet(*stream, order));
  }
}

/// One connection from its first byte to its last.
Task<void> MirrorServer::greet(std::shared_ptr<Stream> stream,
                               std::shared_ptr<const PartnerOrder> order) {
  const auto session = std::make_shared<PartnerSession>(
      seams(), store_, stream,
      [this](std::uint32_t lun, Status status) { spawn(tell_partner_failed(lun, status)); });
  ++guests_;
  const Status authenticated = co_await session->authenticate(order);
  --guests_;
  if (failed(authenticated) || order_ != order) {
    session->close();
    co_return;
  }
  // The partner has one rd_driver: a new connection means that it has given up the old one.
  if (session_) session_->close();
  session_ = session;
  co_await turn_.acquire();
  const CreditGuard turn(turn_);
  if (session_ != session || order_ != order) {
    session->close();
    co_return;
  }
  log().info("the partner is connected", {{"partner", order->partner}, {"peer", stream->peer()}});
  co_await session->serve();
  log().warning("the partner's connection is over", {{"operations_kept", store_.operations()}});
  if (session_ == session) session_.reset();
}

Task<void> MirrorServer::tell_partner_failed(std::uint32_t lun, Status status) {
  log().error("the partner's medium refused a flush", {{"lun", lun}, {"status", status}});
  Irp irp = make_irp(Major::cluster, ClusterMinor::event);
  irp.lun = lun;
  irp.status = status;
  irp.event.kind = EventKind::partner_storage_error;
  static_cast<void>(co_await call(Layer::cluster_app, irp));
}

Status MirrorServer::discard(std::uint32_t lun) {
  const Status status = store_.discard(lun);
  room_changed();
  return status;
}

void MirrorServer::room_changed() {
  if (session_) session_->wake();
}

std::unique_ptr<Driver> make_mirror_server(Seams seams) {
  return std::make_unique<MirrorServer>(seams);
}

}  // namespace understudy
