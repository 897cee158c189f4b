#include "rd_driver/partner_link.h"

#include <algorithm>

namespace understudy {

using interconnect::Frame;
using interconnect::Header;
using interconnect::Hello;
using interconnect::Message;
using interconnect::Proof;

PartnerLink::PartnerLink(Seams& seams, std::shared_ptr<Stream> stream)
    : seams_(seams),
      stream_(std::move(stream)),
      reader_(*stream_),
      work_(seams.executor),
      closed_(seams.executor),
      running_(seams.executor, 2) {}

void PartnerLink::close() {
  open_ = false;
  stream_->close();
  work_.set();
  closed_.set();
}

Task<Status> PartnerLink::authenticate(const PartnerOrder& order) {
  const Time limit = seams_.executor.now() + interconnect::kHandshakeLimit;
  const auto timer = seams_.executor.start_timer(limit, [stream = stream_] { stream->close(); });
  const Status status = co_await exchange_proofs(order);
  seams_.executor.cancel_timer(timer);
  if (failed(status)) explain(status);
  co_return status;
}

Task<Status> PartnerLink::exchange_proofs(const PartnerOrder& order) {
  Hello hello{.node = order.node, .partner = order.partner, .nonce = {}};
  seams_.random.fill(hello.nonce);
  const std::vector<std::uint8_t> hello_body = encode(hello);
  Status status = co_await send(Message::hello, hello_body);
  if (failed(status)) co_return status;
  Result<Frame> frame = co_await expect(Message::challenge);
  if (!frame) co_return frame.status();
  const auto challenge = interconnect::decode_hello(frame->body);
  if (!challenge) co_return Status::data_error;
  if (challenge->node != order.partner || challenge->partner != order.node)
    co_return Status::logon_failure;
  const std::vector<std::uint8_t> own_body =
      encode(prove(Layer::rd_driver, order.key, hello, *challenge, 0));
  status = co_await send(Message::proof, own_body);
  if (failed(status)) co_return status;
  Result<Frame> answer = co_await expect(Message::proof);
  if (!answer) co_return answer.status();
  const auto proof = interconnect::decode_proof(answer->body);
  if (!proof) co_return Status::data_error;
  const Proof right = prove(Layer::mirror_server, order.key, hello, *challenge, proof->room);
  if (!equal(*proof, right)) co_return Status::logon_failure;
  outbox_ = std::make_unique<Outbox>(seams_.trace, proof->room);
  co_return Status::success;
}

Task<Result<Frame>> PartnerLink::expect(Message type) {
  Result<Frame> frame = co_await reader_.next();
  if (!frame) co_return frame.status();
  seams_.trace.hop(Hop::message_in, Layer::mirror_server, to_trace(frame->header));
  if (frame->header.type == Message::refuse) co_return frame->header.status;
  if (frame->header.type != type) co_return Status::data_error;
  co_return frame;
}

Task<Status> PartnerLink::send(Message type, ConstBytes body) {
  const Header header{.type = type};
  seams_.trace.hop(Hop::message_out, Layer::mirror_server, to_trace(header));
  batch_.add(header, body);
  const Status status = co_await stream_->write(batch_.parts());
  batch_.clear();
  co_return status;
}

Task<void> PartnerLink::serve() {
  heard_ = echo_asked_ = seams_.executor.now();
  co_await running_.acquire(2);
  scope_.spawn(write_messages());
  scope_.spawn(watch_silence());
  co_await read_messages();
  close();
  // The writer may still be in a write that reads records.
  co_await running_.acquire(2);
  outbox_->connection_lost();
}

Task<void> PartnerLink::write_messages() {
  while (open_) {
    work_.reset();
    const Time now = seams_.executor.now();
    const Time echo_due = std::max(heard_, echo_asked_) + interconnect::kEchoAfter;
    if (now >= echo_due) {
      echo_asked_ = now;
      batch_.add({.type = Message::echo});
    }
    outbox_->take(batch_);
    if (batch_.empty()) {
      static_cast<void>(co_await work_.wait_until(echo_due));
      continue;
    }
    Status status = seams_.faults.pass("rd.send");
    if (ok(status)) status = co_await stream_->write(batch_.parts());
    batch_.clear();
    if (failed(status)) {
      close();
    } else {
      outbox_->written();
    }
  }
  running_.release(1);
}

Task<void> PartnerLink::read_messages() {
  while (open_) {
    const Result<Frame> frame = co_await reader_.next();
    Status status = frame.status();
    if (frame) {
      heard_ = seams_.executor.now();
      status = receive(*frame);
    }
    if (failed(status)) {
      if (open_) explain(status);
      co_return;
    }
  }
}

Status PartnerLink::receive(const Frame& frame) {
  const Header& header = frame.header;
  seams_.trace.hop(Hop::message_in, Layer::mirror_server, to_trace(header));
  switch (header.type) {
    case Message::ack: {
      const Status status = outbox_->acknowledged(header);
      work_.set();
      return status;
    }
    case Message::refuse: {
      const Status status = outbox_->refused(header);
      seams_.log.warning("refused by the partner", {{"status", header.status},
                                                    {"lun", header.lun},
                                                    {"epoch", header.epoch},
                                                    {"lsn", header.lsn}});
      return status;
    }
    case Message::room: {
      const auto bytes = interconnect::decode_room(frame.body);
      const Status status = bytes ? outbox_->room_freed(*bytes) : Status::data_error;
      work_.set();
      return status;
    }
    case Message::echo:
      return header.flags == interconnect::kAnswer ? Status::success : Status::data_error;
    default:
      return Status::data_error;
  }
}

Task<void> PartnerLink::watch_silence() {
  while (open_) {
    const Time limit = heard_ + interconnect::kSilenceLimit;
    const bool closed = co_await closed_.wait_until(limit);
    if (closed) break;
    if (seams_.executor.now() < heard_ + interconnect::kSilenceLimit) continue;
    seams_.log.warning("the partner is silent", {{"peer", stream_->peer()}});
    close();
  }
  running_.release(1);
}

void PartnerLink::explain(Status status) {
  if (status == Status::revision_mismatch) {
    seams_.log.error("the partner speaks another version of the interconnect",
                     {{"theirs", reader_.version()}, {"ours", interconnect::kVersion}});
  } else {
    seams_.log.warning("interconnect closed", {{"peer", stream_->peer()}, {"status", status}});
  }
}

}  // namespace understudy
