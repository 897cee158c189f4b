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
      connection_(seams, std::move(stream), Layer::mirror_server),
      full_(seams.executor),
      running_(seams.executor, 2) {}

void PartnerLink::close() {
  connection_.close();
  full_.set();
}

Task<Status> PartnerLink::authenticate(const PartnerOrder& order) {
  const auto timer = connection_.start_handshake_limit();
  const Status status = co_await exchange_proofs(order);
  seams_.executor.cancel_timer(timer);
  if (failed(status)) connection_.explain(status);
  co_return status;
}

Task<Status> PartnerLink::exchange_proofs(const PartnerOrder& order) {
  Hello hello{.node = order.node, .partner = order.partner, .nonce = {}};
  seams_.random.fill(hello.nonce);
  const std::vector<std::uint8_t> hello_body = encode(hello);
  Status status = co_await send(Message::hello, hello_body);
  if (failed(status)) co_return status;
  Result<Frame> frame = co_await connection_.expect(Message::challenge);
  if (!frame) co_return frame.status();
  const auto challenge = interconnect::decode_hello(frame->body);
  if (!challenge) co_return Status::data_error;
  if (challenge->node != order.partner || challenge->partner != order.node)
    co_return Status::logon_failure;
  const std::vector<std::uint8_t> own_body =
      encode(prove(Layer::rd_driver, order.key, hello, *challenge, 0));
  status = co_await send(Message::proof, own_body);
  if (failed(status)) co_return status;
  Result<Frame> answer = co_await connection_.expect(Message::proof);
  if (!answer) co_return answer.status();
  const auto proof = interconnect::decode_proof(answer->body);
  if (!proof) co_return Status::data_error;
  const Proof right = prove(Layer::mirror_server, order.key, hello, *challenge, proof->room);
  if (!equal(*proof, right)) co_return Status::logon_failure;
  outbox_ = std::make_unique<Outbox>(seams_.trace, proof->room);
  co_return Status::success;
}

Task<Status> PartnerLink::send(Message type, ConstBytes body) {
  connection_.say({.type = type}, body);
  return connection_.write();
}

Task<void> PartnerLink::serve() {
  echo_asked_ = seams_.executor.now();
  connection_.heard_now();
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
  while (open()) {
    connection_.work().reset();
    const Time now = seams_.executor.now();
    const Time echo_due = std::max(connection_.heard(), echo_asked_) + interconnect::kEchoAfter;
    if (now >= echo_due) {
      echo_asked_ = now;
      connection_.say({.type = Message::echo});
    }
    outbox_->take(connection_.batch());
    if (outbox_->full()) full_.set();
    if (connection_.batch().empty()) {
      static_cast<void>(co_await connection_.work().wait_until(echo_due));
      continue;
    }
    Status status = seams_.faults.pass("rd.send");
    if (ok(status)) status = co_await connection_.write();
    if (failed(status)) {
      close();
    } else {
      outbox_->written();
    }
  }
  running_.release(1);
}

Task<void> PartnerLink::watch_silence() {
  co_await connection_.watch_silence();
  close();
  running_.release(1);
}

Task<bool> PartnerLink::until_full() {
  full_.reset();
  if (open()) co_await full_.wait();
  co_return open();
}

Task<void> PartnerLink::read_messages() {
  while (open()) {
    const Result<Frame> frame = co_await connection_.next();
    Status status = frame.status();
    if (frame) status = receive(*frame);
    if (failed(status)) {
      if (open()) connection_.explain(status);
      co_return;
    }
  }
}

Status PartnerLink::receive(const Frame& frame) {
  const Header& header = frame.header;
  switch (header.type) {
    case Message::ack: {
      const Status status = outbox_->acknowledged(header);
      wake();
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
      wake();
      return status;
    }
    case Message::echo:
      return header.flags == interconnect::kAnswer ? Status::success : Status::data_error;
    default:
      return Status::data_error;
  }
}

}  // namespace understudy
