#include "iomgr/interconnect_connection.h"

namespace understudy::interconnect {

Connection::Connection(const Seams& seams, std::shared_ptr<Stream> stream, Layer neighbour)
    : seams_(seams),
      stream_(std::move(stream)),
      neighbour_(neighbour),
      reader_(*stream_),
      batch_(seams_.faults),
      heard_(seams.executor.now()),
      work_(seams.executor),
      closed_(seams.executor) {}

void Connection::close() {
  open_ = false;
  stream_->close();
  work_.set();
  closed_.set();
}

Task<Result<Frame>> Connection::next() {
  Result<Frame> frame = co_await reader_.next();
  if (!frame) co_return frame.status();
  heard_now();
  seams_.trace.hop(Hop::message_in, neighbour_, to_trace(frame->header));
  co_return frame;
}

Task<Result<Frame>> Connection::expect(Message type) {
  Result<Frame> frame = co_await next();
  if (!frame) co_return frame.status();
  if (frame->header.type == Message::refuse) co_return frame->header.status;
  if (frame->header.type != type) co_return Status::data_error;
  co_return frame;
}

void Connection::say(const Header& header, ConstBytes body) {
  seams_.trace.hop(Hop::message_out, neighbour_, to_trace(header));
  batch_.add(header, body);
}

Task<Status> Connection::write() {
  if (const Duration delay = batch_.delay(); delay != Duration{}) [[unlikely]]
    static_cast<void>(co_await closed_.wait_until(seams_.executor.now() + delay));
  const Status status = co_await stream_->write(batch_.parts());
  batch_.clear();
  co_return status;
}

Task<void> Connection::watch_silence() {
  while (open_) {
    const Time limit = heard_ + kSilenceLimit;
    const bool closed = co_await closed_.wait_until(limit);
    if (closed) break;
    if (seams_.executor.now() < heard_ + kSilenceLimit) continue;
    seams_.log.warning("the partner is silent", {{"peer", stream_->peer()}});
    close();
  }
}

Executor::TimerId Connection::start_handshake_limit() {
  const Time limit = seams_.executor.now() + kHandshakeLimit;
  return seams_.executor.start_timer(limit, [stream = stream_] { stream->close(); });
}

void Connection::explain(Status status) {
  if (status == Status::revision_mismatch) {
    seams_.log.error("the partner speaks another version of the interconnect",
                     {{"theirs", reader_.version()}, {"ours", kVersion}});
  } else {
    seams_.log.warning("interconnect closed", {{"peer", stream_->peer()}, {"status", status}});
  }
}

}  // namespace understudy::interconnect
