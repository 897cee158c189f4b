#include "tools/stepper/dap_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "iomgr/hmac.h"

namespace understudy::stepper {
namespace {

namespace asio = boost::asio;
constexpr auto kAttachLimit = std::chrono::seconds(30);

}  // namespace

DapConnection::DapConnection(asio::ip::tcp::socket socket, const Context& context)
    : socket_(std::move(socket)), deadline_(socket_.get_executor()), context_(context) {}

void DapConnection::start() {
  deadline_.expires_after(kAttachLimit);
  deadline_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->adapter_) self->close();
  });
  read();
}

void DapConnection::close() {
  boost::system::error_code ignored;
  deadline_.cancel();
  socket_.close(ignored);
  detach();
}

/// Everything goes on: that is what a session does when it ends.
void DapConnection::detach() {
  director_.reset();
  adapter_.reset();
  session_.reset();
  replay_.reset();
}

void DapConnection::read() {
  socket_.async_read_some(
      asio::buffer(chunk_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t length) {
        if (error) return self->close();
        self->frames_.add({self->chunk_.data(), length});
        self->take();
      });
}

/// One request at a time, and none while the IDE does not read what it was told: so no queue grows.
void DapConnection::take() {
  if (!socket_.is_open() || closes_when_written_) return;
  takes_when_written_ = !written_.empty();
  if (takes_when_written_) return;
  json::object request;
  switch (frames_.take(request)) {
    case DapFrames::Next::more:
      return read();
    case DapFrames::Next::bad:
      return close();
    case DapFrames::Next::message:
      return handle(request);
  }
}

void DapConnection::handle(const json::object& request) {
  const std::string command = understudy::text_of(request, "command");
  const json::object& arguments = object_of(request, "arguments");
  if (understudy::text_of(request, "type") != "request") return close();
  if (command == "disconnect") {
    detach();
    closes_when_written_ = true;
    return send(to_response(request, {}));
  }
  if (command == "initialize") {
    send(to_response(request, initialize(arguments)));
  } else if (command == "attach" || command == "launch") {
    const bool is_new = !adapter_;
    const DapAnswer answer = is_new ? attach(arguments) : refused("it is attached already");
    const bool done = is_new && answer.ok;
    send(to_response(request, answer));
    if (done) send(to_event("initialized", {}));
  } else if (director_) {
    director_->with_session([this, request](Session&) {
      adapter_->handle(request);
      asio::post(socket_.get_executor(), [self = shared_from_this()] { self->take(); });
    });
    return;
  } else if (adapter_) {
    adapter_->handle(request);
  } else {
    send(to_response(request, refused("attach first")));
  }
  take();
}

DapAnswer DapConnection::initialize(const json::object& arguments) {
  const std::string format = understudy::text_of(arguments, "pathFormat");
  if (!format.empty() && format != "path") return refused("paths as 'path' only");
  const json::value* const from_1 = arguments.if_contains("linesStartAt1");
  settings_.line_base = from_1 != nullptr && *from_1 == json::value(false) ? 0 : 1;
  return {true, {}, dap_capabilities(context_.recording != nullptr)};
}

DapAnswer DapConnection::attach(const json::object& arguments) {
  const std::string token = understudy::text_of(arguments, "token");
  if (!context_.token.empty() &&
      !equal_in_constant_time(as_bytes(token), as_bytes(context_.token))) {
    closes_when_written_ = true;
    return refused("the argument 'token' is not the one that stepper printed");
  }
  settings_.stop_on_entry = flag_of(arguments, "stopOnEntry");
  if (context_.recording) {
    replay_ = std::make_unique<Replay>(context_.recording);
    adapter_ =
        std::make_unique<DapAdapter>(*replay_, context_.source, settings_,
                                     [this](json::object message) { send(std::move(message)); });
  } else {
    const std::string wrong = attach_to_pair();
    if (!wrong.empty()) return refused(wrong);
  }
  deadline_.cancel();
  return {};
}

/// What is wrong, or nothing.
std::string DapConnection::attach_to_pair() {
  session_ = std::make_unique<Session>(context_.nodes);
  std::string wrong = session_->attach();
  if (!wrong.empty()) {
    session_.reset();
    return wrong;
  }
  adapter_ =
      std::make_unique<DapAdapter>(*session_, context_.source, settings_,
                                   [this](json::object message) { send_soon(std::move(message)); });
  director_ = std::make_unique<Director>(
      *session_,
      Director::Listener{[this](const Stop& stop) { adapter_->on_stop(stop); }, nullptr, nullptr});
  return {};
}

/// From the director's thread.
void DapConnection::send_soon(json::object message) {
  asio::post(socket_.get_executor(),
             [self = shared_from_this(), message = std::move(message)]() mutable {
               self->send(std::move(message));
             });
}

void DapConnection::send(json::object message) {
  message["seq"] = ++last_seq_;
  out_ += to_dap_frame(message);
  if (written_.empty()) write();
}

void DapConnection::write() {
  written_ = std::exchange(out_, {});
  asio::async_write(socket_, asio::buffer(written_),
                    [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                      if (error) return self->close();
                      self->written_.clear();
                      if (!self->out_.empty()) return self->write();
                      if (self->closes_when_written_) return self->close();
                      if (self->takes_when_written_) self->take();
                    });
}

}  // namespace understudy::stepper
