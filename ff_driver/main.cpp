// The ff_driver process.
#include "ff_driver/ff_driver.h"
#include "iomgr/host/process.h"

int main(int argc, char** argv) {
  return understudy::run_layer(argc, argv, understudy::Layer::ff_driver,
                               understudy::make_ff_driver);
}
