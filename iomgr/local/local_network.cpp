#include "iomgr/local/local_network.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "iomgr/sync.h"

namespace understudy {
namespace {

// How long connect() tries to get through a route that is held.
constexpr Duration kConnectLimit = std::chrono::seconds(1);

}  // namespace

/// One direction of a connection: bytes on their way to a reader.
struct LocalPipe : std::enable_shared_from_this<LocalPipe> {
  LocalPipe(Wire& wire_of, Route route_of, Executor& reader, std::shared_ptr<Station> station)
      : wire(wire_of),
        route(std::move(route_of)),
        readers(reader),
        at_reader(std::move(station)),
        arrived(reader) {}

  Wire& wire;
  const Route route;
  Executor& readers;  // touched only while at_reader->alive
  const std::shared_ptr<Station> at_reader;
  std::vector<std::uint8_t> bytes;  // arrived; those before `taken` are read
  std::size_t taken = 0;
  bool closed = false;  // nothing more will arrive
  bool reader_gone = false;
  Event arrived;  // something to read, or closed

  struct Chunk {
    Time due;
    std::vector<std::uint8_t> bytes;
    bool last;
  };
  std::deque<Chunk> on_the_way;

  std::size_t available() const { return bytes.size() - taken; }

  /// False: the reader is gone, and the writer knows it.
  bool send(std::span<const ConstBytes> parts) {
    const Passage now = wire.passage_of(route);
    if (reader_gone) return now.held;
    if (closed) return false;
    if (!now.held && now.delay == Duration(0) && on_the_way.empty()) {
      for (const ConstBytes part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
      wake_reader();
      return true;
    }
    Chunk chunk{readers.now() + now.delay, {}, false};
    for (const ConstBytes part : parts)
      chunk.bytes.insert(chunk.bytes.end(), part.begin(), part.end());
    on_the_way.push_back(std::move(chunk));
    deliver();
    return true;
  }

  /// The writer is gone.
  void finish() {
    if (closed || reader_gone || !at_reader->alive) return;
    on_the_way.push_back({readers.now() + wire.passage_of(route).delay, {}, true});
    deliver();
  }

  /// The reader is gone.
  void abandon() {
    if (std::exchange(reader_gone, true)) return;
    on_the_way.clear();
    bytes.clear();
    taken = 0;
    closed = true;
    wake_reader();
  }

  void deliver() {
    if (!at_reader->alive || reader_gone) return;
    if (wire.passage_of(route).held) return;
    while (!on_the_way.empty() && on_the_way.front().due <= readers.now()) {
      const Chunk chunk = std::move(on_the_way.front());
      on_the_way.pop_front();
      bytes.insert(bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
      closed = closed || chunk.last;
      wake_reader();
    }
    if (on_the_way.empty()) return;
    readers.start_timer(on_the_way.front().due, [pipe = weak_from_this()] {
      if (const auto self = pipe.lock()) self->deliver();
    });
  }

  void wake_reader() {
    if (at_reader->alive) arrived.set();
  }
};

namespace {

class LocalStream : public Stream {
 public:
  LocalStream(std::shared_ptr<LocalPipe> in, std::shared_ptr<LocalPipe> out,
              std::shared_ptr<Station> own)
      : in_(std::move(in)), out_(std::move(out)), own_(std::move(own)) {}
  ~LocalStream() override { shut(); }

  Task<Status> read(Bytes out) override {
    const std::shared_ptr<LocalPipe> in = in_;
    while (!out.empty()) {
      const Result<std::size_t> count = co_await read_some(out);
      if (!count) co_return count.status();
      out = out.subspan(*count);
    }
    co_return Status::success;
  }

  Task<Result<std::size_t>> read_some(Bytes out) override {
    const std::shared_ptr<LocalPipe> in = in_;
    while (in->available() == 0 && !in->closed) {
      in->arrived.reset();
      co_await in->arrived.wait();
    }
    if (in->available() == 0) co_return Status::connection_reset;
    const std::size_t count = std::min(out.size(), in->available());
    std::copy_n(in->bytes.begin() + static_cast<std::ptrdiff_t>(in->taken), count, out.begin());
    in->taken += count;
    if (in->available() == 0) {
      in->bytes.clear();
      in->taken = 0;
    }
    co_return count;
  }

  Task<Status> write(std::span<const ConstBytes> parts) override {
    if (own_->silent) co_return Status::success;
    if (closed_ || !out_->send(parts)) co_return Status::connection_reset;
    co_return Status::success;
  }

  void close() override { shut(); }
  std::string peer() const override {
    return in_->route.from.empty() ? "local client" : in_->route.from;
  }

 private:
  void shut() {
    if (std::exchange(closed_, true)) return;
    in_->abandon();
    out_->finish();
  }

  std::shared_ptr<LocalPipe> in_;
  std::shared_ptr<LocalPipe> out_;
  std::shared_ptr<Station> own_;
  bool closed_ = false;
};

}  // namespace

class LocalListener : public Listener {
 public:
  LocalListener(Wire& wire, Endpoint endpoint, Executor& executor, std::shared_ptr<Station> station,
                bool stands_by)
      : wire_(wire),
        endpoint_(std::move(endpoint)),
        executor_(executor),
        station_(std::move(station)),
        arrived_(executor) {
    if (stands_by) {
      wire_.standbys_.emplace(endpoint_, this);
    } else {
      wire_.listeners_[endpoint_] = this;
    }
  }
  ~LocalListener() override { shut(); }

  Task<Result<std::shared_ptr<Stream>>> accept() override {
    while (waiting_.empty() && !closed_) {
      arrived_.reset();
      co_await arrived_.wait();
    }
    if (closed_) co_return Status::connection_aborted;
    std::shared_ptr<Stream> stream = waiting_.front();
    waiting_.pop_front();
    co_return stream;
  }

  void close() override { shut(); }

  Executor& executor() { return executor_; }
  const std::shared_ptr<Station>& station() const { return station_; }
  void offer(std::shared_ptr<Stream> stream) {
    waiting_.push_back(std::move(stream));
    arrived_.set();
  }

 private:
  void shut() {
    if (std::exchange(closed_, true)) return;
    const auto is_own = [this](const auto& entry) { return entry.second == this; };
    std::erase_if(wire_.listeners_, is_own);
    std::erase_if(wire_.standbys_, is_own);
    waiting_.clear();
    if (station_->alive) arrived_.set();
  }

  Wire& wire_;
  Endpoint endpoint_;
  Executor& executor_;
  std::shared_ptr<Station> station_;
  Event arrived_;
  bool closed_ = false;
  std::deque<std::shared_ptr<Stream>> waiting_;
};

std::vector<std::shared_ptr<LocalPipe>> Wire::open_pipes() {
  std::vector<std::shared_ptr<LocalPipe>> open;
  std::erase_if(pipes_, [&open](const std::weak_ptr<LocalPipe>& weak) {
    auto pipe = weak.lock();
    if (pipe == nullptr || pipe->reader_gone) return true;
    open.push_back(std::move(pipe));
    return false;
  });
  return open;
}

void Wire::cut() {
  cut([](const Route&) { return true; });
}

void Wire::cut(const std::function<bool(const Route&)>& which) {
  for (const auto& pipe : open_pipes()) {
    if (!which(pipe->route)) continue;
    pipe->on_the_way.clear();
    pipe->bytes.clear();
    pipe->taken = 0;
    pipe->closed = true;
    pipe->wake_reader();
  }
}

LocalListener* Wire::who_listens(const Endpoint& endpoint) const {
  const auto first = listeners_.find(endpoint);
  if (first != listeners_.end()) return first->second;
  const auto standby = standbys_.find(endpoint);
  return standby == standbys_.end() ? nullptr : standby->second;
}

void Wire::passage_changed() {
  for (const auto& pipe : open_pipes()) pipe->deliver();
}

Result<std::shared_ptr<Listener>> LocalNetwork::listen(const Endpoint& endpoint) {
  if (wire_.listeners_.contains(endpoint)) return Status::object_name_collision;
  return std::shared_ptr<Listener>(
      std::make_shared<LocalListener>(wire_, endpoint, executor_, station_, false));
}

Result<std::shared_ptr<Listener>> LocalNetwork::stand_by(const Endpoint& endpoint) {
  return std::shared_ptr<Listener>(
      std::make_shared<LocalListener>(wire_, endpoint, executor_, station_, true));
}

Task<Result<std::shared_ptr<Stream>>> LocalNetwork::connect(const Endpoint& endpoint) {
  LocalListener* const found = wire_.who_listens(endpoint);
  if (wire_.refuse || found == nullptr) co_return Status::request_not_accepted;
  const std::shared_ptr<Station> other = found->station();
  const Route there{endpoint, station_->host, other->host};
  const Route back{endpoint, other->host, station_->host};
  if (wire_.passage_of(there).held || wire_.passage_of(back).held) {
    co_await sleep_for(executor_, kConnectLimit);
    co_return Status::io_timeout;
  }
  LocalListener& listener = *found;
  auto towards = std::make_shared<LocalPipe>(wire_, there, listener.executor(), other);
  auto from = std::make_shared<LocalPipe>(wire_, back, executor_, station_);
  wire_.pipes_.push_back(towards);
  wire_.pipes_.push_back(from);
  listener.offer(std::make_shared<LocalStream>(towards, from, other));
  co_return std::shared_ptr<Stream>(std::make_shared<LocalStream>(from, towards, station_));
}

}  // namespace understudy
