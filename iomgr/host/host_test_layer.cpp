// A tiny layer for the tests of the host. The name by which it is started says which layer it is. A
// read goes down from netstack over ff_driver to fs_cache, which answers; each adds its number to
// `information`. set_information passes a fault point of the layer that it plays.
#include <algorithm>
#include <string_view>

#include "iomgr/host/fault_text.h"
#include "iomgr/host/process.h"

namespace understudy {
namespace {

class Echo : public Driver {
 public:
  Echo(Layer layer, Layer below, Seams seams) : Driver(layer, seams), below_(below) {
    on(Major::read, [this](Irp& irp) { return read(irp); });
    on(Major::set_information,
       [this](Irp&) -> Task<Status> { co_return this->seams().faults.pass(fault_point()); });
  }

 private:
  Task<Status> read(Irp& irp) {
    if (below_ != Layer::none) {
      const Status status = co_await call(below_, irp);
      if (failed(status)) co_return status;
    }
    irp.information = irp.information * 10 + static_cast<std::uint64_t>(layer());
    co_return Status::success;
  }

  std::string_view fault_point() const {
    return this->layer() == Layer::rd_driver ? "rd.send" : "flush.begin";
  }

  Layer below_;
};

constexpr Layer below(Layer layer) {
  if (layer == Layer::netstack) return Layer::ff_driver;
  return layer == Layer::ff_driver ? Layer::fs_cache : Layer::none;
}

template <Layer layer>
std::unique_ptr<Driver> make(Seams seams) {
  return std::make_unique<Echo>(layer, below(layer), seams);
}

int run_as(Layer layer, int argc, char** argv) {
  switch (layer) {
    case Layer::netstack:
      return run_layer(argc, argv, layer, make<Layer::netstack>);
    case Layer::ff_driver:
      return run_layer(argc, argv, layer, make<Layer::ff_driver>);
    case Layer::rd_driver:
      return run_layer(argc, argv, layer, make<Layer::rd_driver>);
    case Layer::mirror_server:
      return run_layer(argc, argv, layer, make<Layer::mirror_server>);
    default:
      return run_layer(argc, argv, Layer::fs_cache, make<Layer::fs_cache>);
  }
}

}  // namespace
}  // namespace understudy

int main(int argc, char** argv) {
  std::string_view name = argc > 0 ? argv[0] : "";
  name.remove_prefix(std::min(name.size(), name.rfind('/') + 1));
  return understudy::run_as(understudy::parse_layer(name), argc, argv);
}
