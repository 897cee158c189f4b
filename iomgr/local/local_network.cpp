#include "iomgr/local/local_network.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "iomgr/sync.h"

namespace understudy {

/// One direction of a connection: bytes on their way to a reader.
struct LocalPipe {
  explicit LocalPipe(Executor& readers) : arrived(readers) {}
  std::deque<std::uint8_t> bytes;
  bool closed = false;
  Event arrived;  // something to read, or closed

  void close() {
    closed = true;
    arrived.set();
  }
};

namespace {

class LocalStream : public Stream {
 public:
  LocalStream(std::shared_ptr<LocalPipe> in, std::shared_ptr<LocalPipe> out, std::string peer)
      : in_(std::move(in)), out_(std::move(out)), peer_(std::move(peer)) {}
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
    while (in->bytes.empty() && !in->closed) {
      in->arrived.reset();
      co_await in->arrived.wait();
    }
    if (in->bytes.empty()) co_return Status::connection_reset;
    const std::size_t count = std::min(out.size(), in->bytes.size());
    std::copy_n(in->bytes.begin(), count, out.begin());
    in->bytes.erase(in->bytes.begin(), in->bytes.begin() + static_cast<std::ptrdiff_t>(count));
    co_return count;
  }

  Task<Status> write(std::span<const ConstBytes> parts) override {
    if (out_->closed) co_return Status::connection_reset;
    for (const ConstBytes part : parts)
      out_->bytes.insert(out_->bytes.end(), part.begin(), part.end());
    out_->arrived.set();
    co_return Status::success;
  }

  void close() override { shut(); }
  std::string peer() const override { return peer_; }

 private:
  void shut() {
    in_->close();
    out_->close();
  }

  std::shared_ptr<LocalPipe> in_;
  std::shared_ptr<LocalPipe> out_;
  std::string peer_;
};

}  // namespace

class LocalListener : public Listener {
 public:
  LocalListener(Wire& wire, Endpoint endpoint, Executor& executor)
      : wire_(wire), endpoint_(std::move(endpoint)), executor_(executor), arrived_(executor) {
    wire_.listeners_[endpoint_] = this;
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
  void offer(std::shared_ptr<Stream> stream) {
    waiting_.push_back(std::move(stream));
    arrived_.set();
  }

 private:
  void shut() {
    if (std::exchange(closed_, true)) return;
    wire_.listeners_.erase(endpoint_);
    arrived_.set();
  }

  Wire& wire_;
  Endpoint endpoint_;
  Executor& executor_;
  Event arrived_;
  bool closed_ = false;
  std::deque<std::shared_ptr<Stream>> waiting_;
};

void Wire::cut() {
  for (const auto& weak : std::exchange(pipes_, {})) {
    if (const auto pipe = weak.lock()) {
      pipe->bytes.clear();
      pipe->close();
    }
  }
}

Result<std::shared_ptr<Listener>> LocalNetwork::listen(const Endpoint& endpoint) {
  if (wire_.listeners_.contains(endpoint)) return Status::object_name_collision;
  return std::shared_ptr<Listener>(std::make_shared<LocalListener>(wire_, endpoint, executor_));
}

Task<Result<std::shared_ptr<Stream>>> LocalNetwork::connect(const Endpoint& endpoint) {
  const auto found = wire_.listeners_.find(endpoint);
  if (wire_.refuse || found == wire_.listeners_.end()) co_return Status::request_not_accepted;
  LocalListener& listener = *found->second;
  auto there = std::make_shared<LocalPipe>(listener.executor());
  auto back = std::make_shared<LocalPipe>(executor_);
  wire_.pipes_.push_back(there);
  wire_.pipes_.push_back(back);
  listener.offer(std::make_shared<LocalStream>(there, back, "local client"));
  co_return std::shared_ptr<Stream>(std::make_shared<LocalStream>(back, there, endpoint));
}

}  // namespace understudy
