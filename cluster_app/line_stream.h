// Lines of text over a Stream: what both control protocols of cluster_app speak. A line longer than
// its bound ends the connection, so a hostile sender costs no more memory than that.
#pragma once

#include <memory>
#include <string>

#include "iomgr/network.h"
#include "iomgr/sync.h"

namespace understudy {

class LineStream {
 public:
  LineStream(Executor& executor, std::shared_ptr<Stream> stream)
      : stream_(std::move(stream)), turn_(executor, 1) {}

  /// The next line without its end. STATUS_INVALID_PARAMETER for a line of more
  /// than `longest` bytes; the stream's own error otherwise.
  Task<Result<std::string>> read(std::size_t longest);
  /// Sends a line; lines of several coroutines come one after the other.
  Task<Status> write(std::string line);
  /// True while a line is on its way: a heartbeat then has nothing to add.
  bool writing() const { return turn_.available() == 0; }
  void close() { stream_->close(); }
  std::string peer() const { return stream_->peer(); }

 private:
  std::shared_ptr<Stream> stream_;
  Credits turn_;
  std::string buffer_;
};

}  // namespace understudy
