// The process of mirror_server.
#include "iomgr/host/process.h"
#include "mirror_server/mirror_server.h"

int main(int argc, char** argv) {
  using namespace understudy;
  return run_layer(argc, argv, Layer::mirror_server, make_mirror_server);
}
