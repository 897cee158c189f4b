#include "mirror_server/partner_session.h"

#include "iomgr/bounds.h"

namespace understudy {

using interconnect::Frame;
using interconnect::Header;
using interconnect::Hello;
using interconnect::Message;
using interconnect::Proof;

PartnerSession::PartnerSession(Seams& seams, MirrorStore& store, std::shared_ptr<Stream> stream,
                               OnFailed on_failed)
    : seams_(seams),
      store_(store),
      connection_(seams, std::move(stream), Layer::rd_driver),
      on_failed_(std::move(on_failed)),
      running_(seams.executor, 2) {}

Task<Status> PartnerSession::authenticate(std::shared_ptr<const PartnerOrder> order) {
  order_ = std::move(order);
  const auto timer = connection_.start_handshake_limit();
  const Status status = co_await check_proof();
  if (failed(status)) {
    connection_.explain(status);
    connection_.say({.type = Message::refuse, .status = status});
    static_cast<void>(co_await connection_.write());
  }
  seams_.executor.cancel_timer(timer);
  co_return status;
}

Task<Status> PartnerSession::check_proof() {
  Result<Frame> first = co_await connection_.expect(Message::hello);
  if (!first) co_return first.status();
  auto hello = interconnect::decode_hello(first->body);
  if (!hello) co_return Status::data_error;
  if (hello->node != order_->partner || hello->partner != order_->node)
    co_return Status::logon_failure;
  hello_ = std::move(*hello);
  challenge_.node = order_->node;
  challenge_.partner = order_->partner;
  seams_.random.fill(challenge_.nonce);
  const std::vector<std::uint8_t> body = encode(challenge_);
  connection_.say({.type = Message::challenge}, body);
  const Status sent = co_await connection_.write();
  if (failed(sent)) co_return sent;
  Result<Frame> second = co_await connection_.expect(Message::proof);
  if (!second) co_return second.status();
  const auto proof = interconnect::decode_proof(second->body);
  if (!proof) co_return Status::data_error;
  const Proof right = prove(Layer::rd_driver, order_->key, hello_, challenge_, proof->room);
  co_return equal(*proof, right) ? Status::success : Status::logon_failure;
}

Task<void> PartnerSession::serve() {
  connection_.heard_now();
  static_cast<void>(store_.take_freed());  // the room that the proof tells has it in it
  const std::vector<std::uint8_t> body =
      encode(prove(Layer::mirror_server, order_->key, hello_, challenge_, store_.room()));
  connection_.say({.type = Message::proof}, body);
  co_await running_.acquire(2);
  scope_.spawn(write_messages());
  scope_.spawn(watch_silence());
  co_await read_messages();
  leaving_ = true;
  connection_.work().set();
  co_await running_.acquire(2);
  store_.connection_lost();
}

Task<void> PartnerSession::write_messages() {
  while (connection_.open()) {
    connection_.work().reset();
    take_messages();
    if (connection_.batch().empty()) {
      if (leaving_) break;
      co_await connection_.work().wait();
      continue;
    }
    const Status status = co_await connection_.write();
    if (failed(status)) break;
  }
  close();
  running_.release(1);
}

Task<void> PartnerSession::watch_silence() {
  co_await connection_.watch_silence();
  running_.release(1);
}

void PartnerSession::take_messages() {
  if (const std::uint64_t freed = store_.take_freed(); freed > 0) {
    connection_.say({.type = Message::room}, interconnect::encode_room(freed));
  }
  for (const std::uint32_t lun : std::exchange(acks_due_, {})) {
    const auto place = store_.stored(lun);
    // Its epoch may have ended since: then nothing of it is acknowledged any more.
    if (place)
      connection_.say({.type = Message::ack, .lun = lun, .epoch = place->epoch, .lsn = place->lsn});
  }
  for (const Header& refusal : std::exchange(refusals_, {})) connection_.say(refusal);
  if (std::exchange(echo_due_, false))
    connection_.say({.type = Message::echo, .flags = interconnect::kAnswer});
}

Task<void> PartnerSession::read_messages() {
  while (connection_.open()) {
    const Result<Frame> frame = co_await connection_.next();
    Status status = frame.status();
    if (frame) {
      status = co_await receive(*frame);
      connection_.heard_now();
      if (failed(status)) refuse(frame->header, status);
    } else if (status != Status::connection_reset) {
      refuse({}, status);
    }
    if (failed(status)) {
      if (connection_.open()) connection_.explain(status);
      co_return;
    }
  }
}

Task<Status> PartnerSession::receive(const Frame& frame) {
  const Header& header = frame.header;
  Status status = Status::data_error;
  switch (header.type) {
    case Message::append:
      status = co_await store_record(header);
      break;
    case Message::begin:
      status = begin(header);
      break;
    case Message::purge:
      status = purge(header);
      break;
    case Message::failed:
      on_failed_(header.lun, header.status);
      status = Status::success;
      break;
    case Message::echo:
      if (header.flags == 0) {
        echo_due_ = true;
        connection_.work().set();
        status = Status::success;
      }
      break;
    default:
      break;
  }
  co_return status;
}

Task<Status> PartnerSession::store_record(const Header& header) {
  const auto buffer = store_.reserve(header.length);
  if (!buffer) co_return Status::insufficient_resources;
  const auto room = seams_.arena.bytes(*buffer);
  UNDERSTUDY_CHECK(room.has_value());
  const Status read = co_await connection_.read_record(*room);
  if (failed(read)) {
    store_.release(*buffer);
    co_return read;
  }
  const Status stored = store_.append(header.lun, header.epoch, header.lsn, *buffer);
  if (failed(stored)) co_return stored;
  seams_.trace.step(Step::s408, to_trace(header));
  const Status fault = seams_.faults.pass("mirror.append.before_ack");
  if (failed(fault)) co_return fault;
  acks_due_.insert(header.lun);
  connection_.work().set();
  co_return Status::success;
}

/// A begin that is refused is answered, and the connection goes on: the other LUNs have nothing to
/// do with it. It ends only if the partner does not read the answers.
Status PartnerSession::begin(const Header& header) {
  const Status status = store_.begin(header.lun, header.epoch, header.lsn);
  if (failed(status)) {
    seams_.log.warning("begin refused",
                       {{"lun", header.lun}, {"epoch", header.epoch}, {"status", status}});
    if (refusals_.size() >= bounds::kMaxLuns) return status;
    refuse(header, status);
  } else {
    acks_due_.insert(header.lun);
    connection_.work().set();
  }
  return Status::success;
}

Status PartnerSession::purge(const Header& header) {
  const Status fault = seams_.faults.pass("mirror.purge");
  if (failed(fault)) return fault;
  const Status status = store_.purge(header.lun, header.epoch, header.lsn);
  // A list whose epoch is over (its LUN was given away meanwhile) has nothing to purge.
  if (status == Status::volume_dismounted) return Status::success;
  if (ok(status)) seams_.trace.step(Step::s418, to_trace(header));
  return status;
}

void PartnerSession::refuse(const Header& header, Status status) {
  refusals_.push_back({.type = Message::refuse,
                       .lun = header.lun,
                       .epoch = header.epoch,
                       .lsn = header.lsn,
                       .status = status});
  connection_.work().set();
}

}  // namespace understudy
