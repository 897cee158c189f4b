// Two nodes in one process: the real layers over local links and virtual time, a real directory as
// the medium. In netstack's place stands a client that sees LSNs, in cluster_app's place the test,
// which gives the orders of FIG. 3.
#pragma once

#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "ff_driver/ff_driver.h"
#include "fs_cache/fs_cache.h"
#include "iomgr/local/local_host.h"
#include "mirror_server/mirror_server.h"
#include "rd_driver/rd_driver.h"
#include "tests/cluster/test_client.h"

namespace understudy {

/// cluster_app's place: gives orders, hears events.
class Orders : public Driver {
 public:
  explicit Orders(Seams seams)
      : Driver(Layer::cluster_app, seams), payload_(seams.arena.region(Layer::cluster_app)) {
    on(Major::cluster, [](Irp&) -> Task<Status> { co_return Status::success; });
  }
  ~Orders() override { cancel_all(); }

  using Driver::spawn;

  Irp order(ClusterMinor minor, std::uint32_t lun = 0) {
    Irp irp = make_irp(Major::cluster, minor);
    irp.lun = lun;
    return irp;
  }

  Task<Status> give(Layer layer, Irp& irp, std::string text) {
    const std::optional<BufferRef> buffer = payload_.allocate(text.size());
    UNDERSTUDY_CHECK(buffer.has_value());
    irp.payload = *buffer;
    irp.payload.length = static_cast<std::uint32_t>(text.size());
    std::copy(text.begin(), text.end(), arena().room(irp.payload)->begin());
    const Status status = co_await call(layer, irp);
    payload_.free(*buffer);
    co_return status;
  }

 private:
  RegionAllocator payload_;
};

class WorldNode {
 public:
  WorldNode(VirtualLoop& loop, Wire& wire, std::string name, std::uint32_t index,
            std::filesystem::path lun, std::shared_ptr<LocalMemory> memory)
      : name_(std::move(name)),
        index_(index),
        lun_(std::move(lun)),
        host_(loop, wire, name_, std::move(memory)),
        cache_(make_fs_cache(host_.seams(Layer::fs_cache))),
        filter_(make_ff_driver(host_.seams(Layer::ff_driver))),
        redirect_(make_rd_driver(host_.seams(Layer::rd_driver))),
        mirror_(make_mirror_server(host_.seams(Layer::mirror_server))),
        client_(host_.seams(Layer::netstack)),
        orders_(host_.seams(Layer::cluster_app)) {
    host_.link(client_, *filter_);
    host_.link(*filter_, *cache_);
    host_.link(*filter_, *redirect_);
    host_.link(*filter_, *mirror_);
    for (Driver* layer : {static_cast<Driver*>(&client_), filter_.get(), cache_.get(),
                          redirect_.get(), mirror_.get()}) {
      host_.link(*layer, orders_);
      host_.faults(layer->layer()).act = [this](FaultAction) { killed_ = true; };
    }
    for (Driver* layer : {filter_.get(), cache_.get(), redirect_.get(), mirror_.get()})
      layer->start();
  }

  TestClient& client() { return client_; }
  Orders& orders() { return orders_; }
  FaultPoints& faults(Layer layer) { return host_.faults(layer); }
  /// A fault point said kill: nothing of this node may run any more.
  bool killed() const { return killed_; }
  const std::string& name() const { return name_; }

  /// Tells redirect filter and mirror server of each other.
  Task<void> join(const WorldNode& partner) {
    Irp listen = orders_.order(ClusterMinor::partner);
    Status status = co_await orders_.give(Layer::mirror_server, listen,
                                          partner_order("listen", name_, partner));
    UNDERSTUDY_CHECK(ok(status));
    Irp connect = orders_.order(ClusterMinor::partner);
    status = co_await orders_.give(Layer::rd_driver, connect,
                                   partner_order("connect", partner.name_, partner));
    UNDERSTUDY_CHECK(ok(status));
  }

  /// STEPs 310 to 318: own the LUN, replay what the mirror store has of it, serve it. Operations
  /// replayed.
  Task<Result<std::uint64_t>> take(bool hold_lazy_writer, bool accept_loss = false) {
    Irp mount = orders_.order(ClusterMinor::mount);
    mount.mount.node = index_;
    mount.mount.accept_loss = accept_loss ? 1 : 0;
    Status status = co_await orders_.give(Layer::fs_cache, mount, mount_order(hold_lazy_writer));
    if (failed(status)) co_return status;
    Irp replay = orders_.order(ClusterMinor::replay);
    replay.replay.applied_epoch = mount.mount.applied_epoch;
    replay.replay.applied_lsn = mount.mount.applied_lsn;
    status = co_await orders_.give(Layer::mirror_server, replay, "");
    if (failed(status)) co_return status;
    Irp attach = orders_.order(ClusterMinor::attach);
    attach.mount.mirror = 2 - index_;
    status = co_await orders_.give(Layer::ff_driver, attach, "");
    if (failed(status)) co_return status;
    co_return replay.replay.operations;
  }

  Task<bool> mirroring() {
    Irp ping = orders_.order(ClusterMinor::ping);
    const Status status = co_await orders_.give(Layer::ff_driver, ping, "");
    co_return ok(status) && ping.report.mirroring == 1 && ping.report.opens > 0;
  }

 private:
  std::string partner_order(const char* member, const std::string& host,
                            const WorldNode& partner) const {
    const std::string key(64, 'a');
    return boost::json::serialize(boost::json::object{
        {member, host + ":1"}, {"node", name_}, {"partner", partner.name_}, {"key", key}});
  }

  std::string mount_order(bool hold_lazy_writer) const {
    return boost::json::serialize(
        boost::json::object{{"path", lun_.string()},
                            {"lazy_writer", hold_lazy_writer ? "hold" : "run"},
                            {"flush_interval_ms", 5}});
  }

  std::string name_;
  std::uint32_t index_;
  std::filesystem::path lun_;
  bool killed_ = false;
  LocalHost host_;
  std::unique_ptr<Driver> cache_;
  std::unique_ptr<Driver> filter_;
  std::unique_ptr<Driver> redirect_;
  std::unique_ptr<Driver> mirror_;
  TestClient client_;
  Orders orders_;
};

}  // namespace understudy
