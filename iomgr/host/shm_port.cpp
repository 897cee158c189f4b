#include "iomgr/host/shm_port.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>

#include "iomgr/check.h"
#include "iomgr/ring.h"

namespace understudy {
namespace asio = boost::asio;

/// Shared by the port and the handlers that wait for it, which may outlive the port.
class ShmPort::End : public std::enable_shared_from_this<End> {
 public:
  End(AsioExecutor& executor, const Arena& arena, Layer own, Layer neighbour, UniqueFd doorbell)
      : executor_(executor),
        out_(arena.ring(own, neighbour)),
        in_(arena.ring(neighbour, own)),
        doorbell_(executor.context(), asio::local::stream_protocol(), doorbell.release()) {}

  Send send(const Irp& irp) {
    if (closed_) return Send::broken;
    switch (out_.push(irp)) {
      case Ring::Push::full:
        return Send::full;
      case Ring::Push::broken:
        return Send::broken;
      case Ring::Push::done:
        break;
    }
    return out_.must_wake() ? ring_bell() : Send::sent;
  }

  void open(std::function<void(const Irp&)> receive, std::function<void()> broken) {
    UNDERSTUDY_CHECK(!receive_);
    receive_ = std::move(receive);
    broken_ = std::move(broken);
    wait_for_bell();
    deliver_later();  // what came before we listened
  }

  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    doorbell_.close(ignored);
  }

 private:
  Send ring_bell() {
    const char byte = 0;
    ssize_t count = 0;
    do {
      count = ::send(doorbell_.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    // A full doorbell has rung often enough.
    return count == 1 || errno == EAGAIN ? Send::sent : Send::broken;
  }

  void wait_for_bell() {
    doorbell_.async_read_some(
        asio::buffer(bell_),
        [self = shared_from_this()](boost::system::error_code error, std::size_t) {
          if (self->closed_) return;
          if (error) {
            self->drain_and_break();
            return;
          }
          self->wait_for_bell();
          if (!self->delivery_posted_) self->deliver();
        });
  }

  void deliver_later() {
    delivery_posted_ = true;
    executor_.post([self = shared_from_this()] {
      self->delivery_posted_ = false;
      if (!self->closed_) self->deliver();
    });
  }

  /// Takes one batch from the ring; then the other links have their turn. Goes to sleep when it is
  /// empty.
  void deliver() {
    executor_.gate();
    for (std::size_t taken = 0; taken < bounds::kPortBatch;) {
      Irp irp;
      const Ring::Pop pop = in_.pop(irp);
      if (pop == Ring::Pop::broken) {
        declare_broken();
        return;
      }
      if (pop == Ring::Pop::done) {
        ++taken;
        receive_(irp);
        if (closed_) return;
      } else if (in_.prepare_sleep()) {
        return;
      }
    }
    deliver_later();
  }

  /// The neighbour is gone. What it had sent before still counts.
  void drain_and_break() {
    Irp irp;
    for (std::uint64_t taken = 0; taken < Ring::kSlots && !closed_; ++taken) {
      if (in_.pop(irp) != Ring::Pop::done) break;
      receive_(irp);
    }
    if (!closed_) declare_broken();
  }

  void declare_broken() {
    close();
    broken_();
  }

  AsioExecutor& executor_;
  Ring out_;
  Ring in_;
  asio::local::stream_protocol::socket doorbell_;
  std::array<char, 64> bell_ = {};
  std::function<void(const Irp&)> receive_;
  std::function<void()> broken_;
  bool delivery_posted_ = false;
  bool closed_ = false;
};

ShmPort::ShmPort(AsioExecutor& executor, const Arena& arena, Layer own, Layer neighbour,
                 UniqueFd doorbell)
    : end_(std::make_shared<End>(executor, arena, own, neighbour, std::move(doorbell))) {}

ShmPort::~ShmPort() {
  end_->close();
}

Send ShmPort::send(const Irp& irp) {
  return end_->send(irp);
}

void ShmPort::open(std::function<void(const Irp&)> receive, std::function<void()> broken) {
  end_->open(std::move(receive), std::move(broken));
}

Result<std::pair<UniqueFd, UniqueFd>> make_doorbell() {
  std::array<int, 2> ends = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Status::too_many_opened_files;
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace understudy
