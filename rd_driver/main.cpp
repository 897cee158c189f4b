// The process of rd_driver.
#include "iomgr/host/process.h"
#include "rd_driver/rd_driver.h"

int main(int argc, char** argv) {
  using namespace understudy;
  return run_layer(argc, argv, Layer::rd_driver, make_rd_driver);
}
