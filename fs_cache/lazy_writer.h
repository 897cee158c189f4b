// The lazy writer of one volume: says when its unwritten operations should go to the medium. They
// take the way of FIG. 4 a second time: fs_cache asks ff_driver, which asks fs_cache to write what
// is mirrored.
#pragma once

#include <functional>
#include <memory>

#include "fs_cache/unwritten_cache.h"
#include "iomgr/executor.h"
#include "iomgr/sync.h"

namespace understudy {

struct LazyWriterOptions {
  bool hold = false;  // write only for want of room, or when somebody flushes
  Duration interval = std::chrono::seconds(1);
};

class LazyWriter {
 public:
  /// Sends lazy_write up to ff_driver: write what you can up to this LSN.
  using SendUp = std::function<Task<Status>(Lsn upto)>;

  LazyWriter(Executor& executor, const UnwrittenCache& cache, std::shared_ptr<const LogSpace> space,
             LazyWriterOptions options);

  /// Runs until stop(). The volume must live until it has ended.
  Task<void> run(SendUp send_up);
  void stop();

  /// Something is unwritten.
  void notice();
  /// Somebody waits for room in the log.
  void hurry();

 private:
  Task<void> wait_for_work();

  Executor& executor_;
  const UnwrittenCache& cache_;
  std::shared_ptr<const LogSpace> space_;
  LazyWriterOptions options_;
  Event unwritten_;
  Event hurry_;
  bool stopped_ = false;
};

}  // namespace understudy
