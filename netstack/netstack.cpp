#include "netstack/netstack.h"

#include "iomgr/check.h"
#include "iomgr/mutant.h"
#include "netstack/smb2/oplock.h"

namespace understudy {
namespace {

enum class Part { requests, replies, scratch };

/// netstack's region: half of it for requests, three eighths for replies, the rest scratch.
Region part_of(Region region, Part part) {
  const std::uint64_t eighth = region.size / 8 / 4096 * 4096;
  switch (part) {
    case Part::requests:
      return {region.offset, 4 * eighth};
    case Part::replies:
      return {region.offset + 4 * eighth, 3 * eighth};
    case Part::scratch:
      break;
  }
  return {region.offset + 7 * eighth, eighth};
}

}  // namespace

std::unique_ptr<Driver> make_netstack(Seams seams) {
  return std::make_unique<Netstack>(seams);
}

Netstack::Netstack(Seams seams)
    : Driver(Layer::netstack, seams),
      requests_(executor(), arena(), part_of(arena().region(Layer::netstack), Part::requests)),
      replies_(executor(), arena(), part_of(arena().region(Layer::netstack), Part::replies)),
      scratch_(executor(), arena(), part_of(arena().region(Layer::netstack), Part::scratch)),
      irp_slots_(executor(), bounds::kMaxOutstandingNetstack),
      connection_slots_(executor(), bounds::kMaxConnections),
      pipe_slots_(executor(), bounds::kMaxPipes) {
  on(Major::cluster, [this](Irp& irp) { return order(irp); });
}

Irp Netstack::irp(Major major, const smb2::Tree& tree) {
  Irp irp = make_irp(major);
  irp.lun = tree.share.lun;
  irp.session = tree.session;
  return irp;
}

Irp Netstack::irp(SetMinor minor, const smb2::Tree& tree) {
  Irp irp = this->irp(Major::set_information, tree);
  irp.minor = static_cast<std::uint8_t>(minor);
  return irp;
}

Task<Status> Netstack::ask(Irp& irp) {
  co_await irp_slots_.acquire();
  const CreditGuard slot(irp_slots_);
  if (irp.major == Major::write && planted(Mutant::answers_before_completion)) {
    spawn([](Netstack& self, Irp unawaited) -> Task<void> {
      static_cast<void>(co_await self.call(Layer::ff_driver, unawaited));
    }(*this, irp));
    co_return Status::success;
  }
  const Status status = co_await call(Layer::ff_driver, irp);
  co_return status;
}

Task<Status> Netstack::pend(Irp& irp) {
  if (pended_ >= bounds::kMaxPended) co_return Status::insufficient_resources;
  ++pended_;
  const Status status = co_await call(Layer::ff_driver, irp);
  --pended_;
  co_return status;
}

/// Not in turn with ordinary IRPs: it must not wait until one of them has completed.
void Netstack::cancel(std::uint32_t lun, std::uint64_t irp_id) {
  spawn([](Netstack& self, std::uint32_t of, std::uint64_t id) -> Task<void> {
    Irp irp = self.make_irp(Major::cancel);
    irp.lun = of;
    irp.cancel.id = id;
    static_cast<void>(co_await self.call(Layer::ff_driver, irp));
  }(*this, lun, irp_id));
}

void Netstack::hear_breaks(std::uint32_t lun) {
  if (heard_.size() < bounds::kMaxLuns && heard_.insert(lun).second) spawn(tell_breaks(lun));
}

Task<void> Netstack::tell_breaks(std::uint32_t lun) {
  for (;;) {
    Irp irp = make_irp(Major::oplock);
    irp.minor = static_cast<std::uint8_t>(OplockMinor::next_break);
    irp.lun = lun;
    const Status status = co_await call(Layer::ff_driver, irp);
    if (status != Status::success) break;
    smb2::send_break(*this, irp);
  }
  heard_.erase(lun);
}

std::uint64_t Netstack::new_session_id() {
  // 32 of the 64 bits: there are clients that keep no more. It need not be secret, a session's key
  // is.
  std::uint64_t id = 0;
  while (id == 0 || id == 0xFFFFFFFF || sessions_.contains(id)) id = random().next() & 0xFFFFFFFF;
  return id;
}

Task<Status> Netstack::order(Irp& irp) {
  switch (static_cast<ClusterMinor>(irp.minor)) {
    case ClusterMinor::ping:
      report(irp);
      co_return Status::success;
    case ClusterMinor::serve:
      co_return serve(irp);
    case ClusterMinor::unserve: {
      const Status status = co_await unserve(irp);
      co_return status;
    }
    default:
      co_return Status::invalid_device_request;
  }
}

void Netstack::report(Irp& irp) const {
  irp.report = {};
  irp.report.operations = exchanges_;
  irp.report.bytes = requests_.used() + replies_.used() + scratch_.used();
  irp.report.completed = completed();
  for (const auto& [address, server] : servers_) {
    irp.report.opens += static_cast<std::uint32_t>(server->connections());
  }
}

Status Netstack::serve(const Irp& irp) {
  const std::optional<Bytes> json = arena().bytes(irp.payload);
  if (!json) return Status::invalid_parameter;
  const std::vector<std::uint8_t> text(json->begin(),
                                       json->end());  // what is decided upon is copied first
  if (stands_by(text)) {
    const std::optional<Endpoint> address = parse_address(text);
    return address ? stand_by(*address) : Status::invalid_parameter;
  }
  std::string error;
  std::optional<ServerConfig> config = parse_serve(text, error);
  if (!config) {
    log().error("order to serve cannot be read", {{"error", error}});
    return Status::invalid_parameter;
  }
  if (const auto found = servers_.find(config->address); found != servers_.end()) {
    found->second->set_config(std::move(*config));
    return Status::success;
  }
  const Endpoint address = config->address;
  Result<std::shared_ptr<Listener>> listener = seams().network.listen(address);
  if (!listener) {
    log().error("cannot listen", {{"address", address}, {"status", listener.status()}});
    return listener.status();
  }
  auto server = std::make_shared<Server>(*this, std::move(*config));
  servers_.emplace(address, server);
  run(server->accept_all(server, *listener));
  // Who came between the partner's end and now waits there. It stays: who is on his way comes, too.
  if (const auto standby = standbys_.extract(address); !standby.empty())
    run(server->accept_all(server, standby.mapped()));
  log().info("serving", {{"address", address}});
  return Status::success;
}

Status Netstack::stand_by(const Endpoint& address) {
  if (servers_.contains(address) || standbys_.contains(address)) return Status::success;
  Result<std::shared_ptr<Listener>> listener = seams().network.stand_by(address);
  if (!listener) {
    log().warning("cannot stand by: clients may be refused for a moment in a takeover",
                  {{"address", address}, {"status", listener.status()}});
    return listener.status();
  }
  standbys_.emplace(address, *listener);
  return Status::success;
}

Task<Status> Netstack::unserve(const Irp& irp) {
  const std::optional<Bytes> json = arena().bytes(irp.payload);
  if (!json) co_return Status::invalid_parameter;
  const std::vector<std::uint8_t> text(json->begin(), json->end());
  const std::optional<Endpoint> address = parse_address(text);
  if (!address) co_return Status::invalid_parameter;
  if (standbys_.erase(*address) > 0) co_return Status::success;
  const auto found = servers_.find(*address);
  if (found == servers_.end()) co_return Status::not_found;
  const std::shared_ptr<Server> server = found->second;
  co_await server->stop();
  servers_.erase(*address);
  log().info("no longer serving", {{"address", *address}});
  co_return Status::success;
}

}  // namespace understudy
