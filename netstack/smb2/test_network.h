// For the tests of this folder: the network of a node whose clients can stop reading. A
// LocalNetwork takes whatever is written; a socket does not, once its buffers are full.
#pragma once

#include "iomgr/network.h"
#include "iomgr/sync.h"

namespace understudy::smb2 {

class TestNetwork : public Network {
 public:
  TestNetwork(Network& inner, Executor& executor) : inner_(inner), executor_(executor) {}

  /// From now on writes complete only when the stream is closed.
  bool stuck = false;
  /// Listeners whose clients are told at once that their address is back.
  int telling = 0;

  Result<std::shared_ptr<Listener>> listen(const Endpoint& endpoint) override {
    return ear(inner_.listen(endpoint));
  }
  Result<std::shared_ptr<Listener>> stand_by(const Endpoint& endpoint) override {
    return ear(inner_.stand_by(endpoint));
  }
  Task<Result<std::shared_ptr<Stream>>> connect(const Endpoint& endpoint) override {
    return inner_.connect(endpoint);
  }

 private:
  class Pipe : public Stream {
   public:
    Pipe(TestNetwork& network, std::shared_ptr<Stream> inner)
        : network_(network), inner_(std::move(inner)), closed_(network.executor_) {}
    Task<Status> read(Bytes out) override { return inner_->read(out); }
    Task<Result<std::size_t>> read_some(Bytes out) override { return inner_->read_some(out); }
    Task<Status> write(std::span<const ConstBytes> parts) override {
      if (network_.stuck) co_await closed_.wait();
      const Status status = co_await inner_->write(parts);
      co_return status;
    }
    void close() override {
      inner_->close();
      closed_.set();
    }
    std::string peer() const override { return inner_->peer(); }

   private:
    TestNetwork& network_;
    std::shared_ptr<Stream> inner_;
    Event closed_;
  };

  class Ear : public Listener {
   public:
    Ear(TestNetwork& network, std::shared_ptr<Listener> inner)
        : network_(network), inner_(std::move(inner)) {}
    Task<Result<std::shared_ptr<Stream>>> accept() override {
      Result<std::shared_ptr<Stream>> stream = co_await inner_->accept();
      if (!stream) co_return stream.status();
      co_return std::shared_ptr<Stream>(std::make_shared<Pipe>(network_, *stream));
    }
    void close() override { inner_->close(); }
    void reset_when_address_returns() override { ++network_.telling; }

   private:
    TestNetwork& network_;
    std::shared_ptr<Listener> inner_;
  };

  Result<std::shared_ptr<Listener>> ear(const Result<std::shared_ptr<Listener>>& inner) {
    if (!inner) return inner.status();
    return std::shared_ptr<Listener>(std::make_shared<Ear>(*this, *inner));
  }

  Network& inner_;
  Executor& executor_;
};

}  // namespace understudy::smb2
