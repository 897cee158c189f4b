// How a Task waits for one Boost.Asio operation. Only for the .cpp files of the host.
//
//     auto reading = await_asio([&](auto done) { socket.async_read_some(buffer, std::move(done));
//     },
//                               [&] { socket.close(); });
//     const AsioResult read = co_await reading;
//
// The frame of a Task can be destroyed while it waits. Then `abandon` runs, which must make Asio
// forget the operation (cancel or close), because the buffers usually live in the frame; the
// handler finds nobody to resume.
#pragma once

#include <boost/system/error_code.hpp>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <utility>

namespace understudy {

struct AsioResult {
  boost::system::error_code error = {};
  std::size_t count = 0;
};

namespace detail {

struct AsioWait {
  std::coroutine_handle<> frame;  // null once nobody waits
  AsioResult result;
};

struct AsioDone {
  std::shared_ptr<AsioWait> wait;

  void operator()(boost::system::error_code error, std::size_t count = 0) const {
    wait->result = {error, count};
    if (wait->frame) std::exchange(wait->frame, nullptr).resume();
  }
};

}  // namespace detail

template <typename Start, typename Abandon>
class [[nodiscard]] AsioAwait {
 public:
  AsioAwait(Start start, Abandon abandon)
      : start_(std::move(start)), abandon_(std::move(abandon)) {}
  AsioAwait(const AsioAwait&) = delete;
  AsioAwait& operator=(const AsioAwait&) = delete;
  ~AsioAwait() {
    if (!wait_->frame) return;
    wait_->frame = nullptr;
    abandon_();
  }

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> frame) {
    wait_->frame = frame;
    start_(detail::AsioDone{wait_});
  }
  AsioResult await_resume() const { return wait_->result; }

 private:
  Start start_;
  Abandon abandon_;
  std::shared_ptr<detail::AsioWait> wait_ = std::make_shared<detail::AsioWait>();
};

template <typename Start, typename Abandon>
AsioAwait<Start, Abandon> await_asio(Start start, Abandon abandon) {
  return {std::move(start), std::move(abandon)};
}

}  // namespace understudy
