#include "netstack/smb2/connection.h"

#include <algorithm>
#include <array>

#include "netstack/netstack.h"
#include "netstack/server.h"
#include "netstack/smb2/compound.h"
#include "netstack/smb2/deadline.h"

namespace understudy::smb2 {
namespace {

constexpr std::chrono::seconds kTimeToLogOn{45};
constexpr std::chrono::seconds kTimeForAFrame{60};  // one way or the other, once it has begun
constexpr std::uint32_t kMostOfAFrame = bounds::kMaxFrame + auth::transform_header_size;

}  // namespace

std::uint32_t Negotiation::max_transfer() const {
  return multi_credit() ? bounds::kMaxTransfer : kBytesPerCredit;
}

Connection::Connection(Netstack& netstack, std::shared_ptr<Server> server,
                       std::shared_ptr<Stream> stream)
    : netstack_(netstack),
      server_(std::move(server)),
      stream_(std::move(stream)),
      memory_(netstack.executor(), bounds::kMaxConnectionBytes),
      frames_(netstack.executor(), bounds::kMaxFramesAtOnce),
      pended_(netstack.executor(), bounds::kMaxPendedPerConnection),
      turn_to_send_(netstack.executor(), 1),
      idle_(netstack.executor()) {}

void Connection::close() {
  closed_ = true;
  stream_->close();
}

Task<void> Connection::run() {
  Deadline logon(netstack_.executor(), kTimeToLogOn, stream_,
                 [this] { return netstack_.connection_slots().waited_for(); });
  bool more = true;
  while (more) {
    more = co_await serve_one();
    if (logged_on_) logon.met();
  }
  close();
  cancel_if([this](const Running& running) {
    const Session* const session = running.outlives_channel;
    return session == nullptr || session->open_channel(this) == nullptr;
  });
  while (in_flight_ > 0) {
    idle_.reset();
    co_await idle_.wait();
  }
  while (!sessions_.empty()) {
    const std::shared_ptr<Session> session = sessions_.begin()->second;
    if (session->open_channel(this) == nullptr) {
      co_await end_session(session);
      continue;
    }
    session->remove_channel(*this);
    sessions_.erase(sessions_.begin());
  }
}

Task<bool> Connection::serve_one() {
  std::array<std::uint8_t, 4> prefix{};
  const Status prefix_read = co_await stream_->read(prefix);
  if (failed(prefix_read) || closed_) co_return false;
  const std::uint32_t length =
      std::uint32_t{prefix[1]} << 16 | std::uint32_t{prefix[2]} << 8 | prefix[3];
  const std::uint32_t most = logged_on_ ? kMostOfAFrame : bounds::kMaxFrameBeforeLogon;
  if (prefix[0] != 0 || length == 0 || length > most) co_return false;

  co_await frames_.acquire();
  CreditGuard place(frames_);
  co_await memory_.acquire(length);
  CreditGuard share(memory_, length);
  Buffer frame = co_await netstack_.requests().acquire(length);
  Deadline whole_frame(netstack_.executor(), kTimeForAFrame, stream_,
                       [this] { return netstack_.short_of_memory(); });
  const Status frame_read = co_await stream_->read(frame.bytes().first(length));
  whole_frame.met();
  if (failed(frame_read) || closed_) co_return false;

  auto compound = std::make_unique<Compound>(*this, std::move(frame));
  if (!admit(*compound)) {
    netstack_.log().warning("client broke the protocol", {{"peer", stream_->peer()}});
    co_return false;
  }
  compound->shares.place.emplace(std::move(place));
  compound->shares.frame.emplace(std::move(share));
  // Taken here and not where it is used: so requests start in the order in which they came.
  const std::uint32_t reply_size = compound->reply_size(logged_on_);
  co_await memory_.acquire(reply_size);
  compound->shares.replies.emplace(memory_, reply_size);
  Buffer replies = co_await netstack_.replies().acquire(reply_size);
  ++in_flight_;
  netstack_.run(answer(std::move(compound), std::move(replies)));
  co_return !closed_;
}

bool Connection::admit(const Compound& compound) {
  if (!compound.valid()) return false;
  for (const Message& message : compound.messages()) {
    // CANCEL names the request that it is to cancel, and pays nothing.
    if (message.header.is(Command::cancel)) continue;
    const std::uint16_t charge =
        negotiation->multi_credit() ? std::max<std::uint16_t>(message.header.credit_charge, 1) : 1;
    if (!window_.consume(message.header.message_id, charge)) return false;
  }
  return true;
}

Task<void> Connection::answer(std::unique_ptr<Compound> compound, Buffer replies) {
  netstack_.exchange_began();
  co_await compound->run(std::move(replies));
  const ConstBytes frame = compound->answer();
  if (!frame.empty()) co_await send(frame);
  compound.reset();
  netstack_.exchange_ended();
  if (--in_flight_ == 0) idle_.set();
}

Task<void> Connection::send(ConstBytes frame) {
  co_await turn_to_send_.acquire();
  const CreditGuard turn(turn_to_send_);
  if (closed_) co_return;
  const Deadline whole_frame(netstack_.executor(), kTimeForAFrame, stream_,
                             [this] { return netstack_.short_of_memory(); });
  const std::array<ConstBytes, 1> parts{frame};
  const Status written = co_await stream_->write(parts);
  if (failed(written)) close();
}

void Connection::post(Header header, ConstBytes body, std::shared_ptr<Session> session) {
  constexpr std::size_t kLength = 4;
  const bool sealed = session->encrypts && session->sealer;
  const std::size_t before = sealed ? auth::transform_header_size : 0;
  std::vector<std::uint8_t> frame(kLength + before + kHeaderSize);
  encode_header(header, Bytes(frame).subspan(kLength + before));
  frame.insert(frame.end(), body.begin(), body.end());
  const Bytes message = Bytes(frame).subspan(kLength);
  if (sealed) session->sealer->seal(message, session->id());
  frame[2] = static_cast<std::uint8_t>(message.size() >> 8);
  frame[3] = static_cast<std::uint8_t>(message.size());
  ++in_flight_;
  netstack_.run(send_posted(std::move(frame)));
}

Task<void> Connection::send_posted(std::vector<std::uint8_t> frame) {
  co_await send(frame);
  if (--in_flight_ == 0) idle_.set();
}

void Connection::cancel_if(const std::function<bool(const Running&)>& which) {
  for (Running* running : running_) {
    // Once is enough: a client that repeats itself would fill the links with IRPs.
    if (running->cancelled || !which(*running)) continue;
    running->cancelled = true;
    if (running->irp != 0) netstack_.cancel(running->lun, running->irp);
  }
}

std::uint16_t Connection::grant(std::uint16_t wanted) {
  return window_.grant(wanted, logged_on_ ? bounds::kMaxCredits : 1);
}

std::shared_ptr<Session> Connection::find_session(std::uint64_t id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

std::shared_ptr<Logon> Connection::logon(std::uint64_t session_id) const {
  const auto found = logons_.find(session_id);
  return found == logons_.end() ? nullptr : found->second;
}

bool Connection::keep_logon(std::uint64_t session_id, std::shared_ptr<Logon> logon) {
  if (logons_.size() >= bounds::kMaxLogonsAtOnce) return false;
  logons_.emplace(session_id, std::move(logon));
  return true;
}

std::shared_ptr<Session> Connection::add_session() {
  if (logons_.size() >= bounds::kMaxLogonsAtOnce) return nullptr;
  if (sessions_.size() >= bounds::kMaxSessionsPerConnection) return nullptr;
  const std::uint64_t id = netstack_.new_session_id();
  auto session = std::make_shared<Session>(id, *this);
  sessions_.emplace(id, session);
  netstack_.sessions().emplace(id, session);
  return session;
}

bool Connection::bind_session(const std::shared_ptr<Session>& session,
                              std::shared_ptr<auth::Signer> signer) {
  if (sessions_.size() >= bounds::kMaxSessionsPerConnection ||
      session->channels.size() >= bounds::kMaxChannelsPerSession) {
    return false;
  }
  sessions_.emplace(session->id(), session);
  session->channels.push_back({this, std::move(signer)});
  return true;
}

Task<void> Connection::end_session(std::shared_ptr<Session> session) {
  session->state = Session::State::ended;
  for (const Channel& channel : session->channels) {
    // What waits with a durable open would hold it up for the client's next session.
    channel.connection->cancel_if([&session](const Running& running) {
      if (running.outlives_channel == session.get()) return true;
      return running.open != nullptr && running.open->durable() &&
             session->find_open(running.open->id).get() == running.open;
    });
    channel.connection->sessions_.erase(session->id());
    channel.connection->forget_logon(session->id());
  }
  session->channels.clear();
  netstack_.sessions().erase(session->id());
  co_await session->leave_opens(netstack_);
}

}  // namespace understudy::smb2
