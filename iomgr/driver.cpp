#include "iomgr/driver.h"

#include "iomgr/check.h"

namespace understudy {

Driver::Driver(Layer layer, Seams seams) : layer_(layer), seams_(seams) {}

Driver::~Driver() = default;

void Driver::attach(Layer layer, std::unique_ptr<Port> port, std::uint32_t max_outstanding) {
  auto& slot = neighbours_.at(static_cast<std::size_t>(layer));
  UNDERSTUDY_CHECK(slot == nullptr);
  slot = std::make_unique<Neighbour>(executor(), std::move(port), max_outstanding);
  slot->port->open([this, layer](const Irp& irp) { receive(layer, irp); },
                   [this, layer] { declare_broken(layer); });
}

void Driver::on(Major major, Handler handler) {
  auto& slot = handlers_.at(static_cast<std::size_t>(major));
  UNDERSTUDY_CHECK(slot == nullptr);
  slot = std::move(handler);
}

Irp Driver::make_irp(Major major, std::uint8_t minor) {
  Irp irp;
  irp.id = (static_cast<std::uint64_t>(layer_) << 48) | ++next_id_;
  irp.major = major;
  irp.minor = minor;
  irp.issuer = layer_;
  return irp;
}

Driver::Neighbour& Driver::neighbour(Layer layer) {
  auto& slot = neighbours_.at(static_cast<std::size_t>(layer));
  UNDERSTUDY_CHECK(slot != nullptr);
  return *slot;
}

Task<Status> Driver::call(Layer layer, Irp& irp) {
  Neighbour& to = neighbour(layer);
  co_await to.slots.acquire();
  const std::uint64_t tag = ++next_tag_;
  // The IRP may be a neighbour's request that we pass on: what belongs to that hop comes back
  // afterwards.
  const std::uint64_t callers_tag = irp.tag;
  const Layer callers_issuer = irp.issuer;
  irp.tag = tag;
  irp.completion = 0;
  struct [[nodiscard]] Completion {
    Driver& driver;
    Neighbour& to;
    Layer layer;
    Irp& irp;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> frame) {
      to.calls.emplace(irp.tag, Call{&irp, frame});
      driver.trace().changeable_hop(Hop::request_out, layer, irp);
      if (to.broken || to.port->send(irp) != Send::sent) driver.declare_broken(layer);
    }
    void await_resume() {}
  };
  co_await Completion{*this, to, layer, irp};
  irp.tag = callers_tag;
  irp.issuer = callers_issuer;
  irp.completion = 0;
  to.slots.release(1);
  co_return irp.status;
}

void Driver::receive(Layer from, const Irp& irp) {
  if (irp.completion != 0) {
    complete(from, irp);
    return;
  }
  spawn(dispatch(from, irp));
}

Task<void> Driver::dispatch(Layer from, Irp irp) {
  trace().changeable_hop(Hop::request_in, from, irp);
  irp.issuer = from;  // who sent it on this link, whatever the bytes say
  const auto index = static_cast<std::size_t>(irp.major);
  if (index >= kMajors || handlers_[index] == nullptr) {
    irp.status = Status::invalid_device_request;
  } else {
    const Status status = co_await handlers_[index](irp);
    irp.status = status;
  }
  irp.completion = 1;
  ++completed_;
  trace().changeable_hop(Hop::completion_out, from, irp);
  Neighbour& to = neighbour(from);
  if (to.broken || to.port->send(irp) != Send::sent) declare_broken(from);
}

void Driver::complete(Layer from, const Irp& irp) {
  Neighbour& neighbour_from = neighbour(from);
  const auto found = neighbour_from.calls.find(irp.tag);
  if (found == neighbour_from.calls.end()) {
    log().error("completion of nothing", {{"from", to_string(from)}, {"tag", irp.tag}});
    declare_broken(from);
    return;
  }
  const Call finished = found->second;
  neighbour_from.calls.erase(found);
  *finished.irp = irp;
  trace().changeable_hop(Hop::completion_in, from, *finished.irp);
  finished.frame.resume();
}

void Driver::declare_broken(Layer layer) {
  Neighbour& gone = neighbour(layer);
  if (std::exchange(gone.broken, true)) return;
  log().error("link broken", {{"neighbour", to_string(layer)}});
  if (on_broken) on_broken(layer);
}

}  // namespace understudy
