// The process of fs_cache.
#include "fs_cache/fs_cache.h"
#include "iomgr/host/process.h"

int main(int argc, char** argv) {
  return understudy::run_layer(argc, argv, understudy::Layer::fs_cache, understudy::make_fs_cache);
}
