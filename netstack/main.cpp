// The process netstack.
#include "iomgr/host/process.h"
#include "netstack/netstack.h"

int main(int argc, char** argv) {
  return understudy::run_layer(argc, argv, understudy::Layer::netstack, understudy::make_netstack);
}
