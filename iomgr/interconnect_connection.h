// One end of an interconnect connection: what rd_driver's and mirror_server's ends have in common.
// Reader, writer and a watch for silence share it; who owns it decides what the messages mean.
#pragma once

#include <memory>

#include "iomgr/interconnect_stream.h"
#include "iomgr/seams.h"
#include "iomgr/sync.h"

namespace understudy::interconnect {

class Connection {
 public:
  /// `neighbour`: the layer at the other end, for the trace.
  Connection(const Seams& seams, std::shared_ptr<Stream> stream, Layer neighbour);

  /// Any number of times, at any time. Whoever reads, writes or waits for work comes to an end.
  void close();
  bool open() const { return open_; }

  /// The next message; it ends the silence. One coroutine at a time.
  Task<Result<Frame>> next();
  Task<Status> read_record(Bytes out) { return reader_.read_record(out); }
  /// During the handshake: the next message, which must be of this type. A refusal's own status.
  Task<Result<Frame>> expect(Message type);

  /// Adds a message to the batch.
  void say(const Header& header, ConstBytes body = {});
  FrameBatch& batch() { return batch_; }
  /// Writes the batch and empties it. One coroutine at a time.
  Task<Status> write();

  /// Closes when the partner is silent for kSilenceLimit; completes when it is closed, by whomever.
  Task<void> watch_silence();
  /// Closes at once if the handshake does not end before kHandshakeLimit.
  Executor::TimerId start_handshake_limit();
  /// Why the connection ends, for the log.
  void explain(Status status);

  /// When the last whole message came.
  Time heard() const { return heard_; }
  void heard_now() { heard_ = seams_.executor.now(); }
  /// The writer has something to do.
  Event& work() { return work_; }

 private:
  Seams seams_;
  std::shared_ptr<Stream> stream_;
  Layer neighbour_;
  FrameReader reader_;
  FrameBatch batch_;
  bool open_ = true;
  Time heard_;
  Event work_;
  Event closed_;
};

}  // namespace understudy::interconnect
