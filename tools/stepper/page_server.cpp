#include "tools/stepper/page_server.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <csignal>
#include <deque>

#include "iomgr/json_fields.h"
#include "tools/stepper/page_files.h"

namespace understudy::stepper {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using net::ip::tcp;

constexpr auto kPatience = std::chrono::seconds(20);  // for a request, and for a slow reader
constexpr std::size_t kMaxCommand = 1024;
constexpr auto kNoError = net::as_tuple(net::use_awaitable);

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

std::string_view type_of(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

/// What a browser has to keep to: nothing from elsewhere, in no frame, no guesses, no copies.
template <typename Fields>
void set_safety(Fields& response) {
  response.set("Content-Security-Policy",
               "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Referrer-Policy", "no-referrer");
  response.set(http::field::cache_control, "no-store");
}

http::response<http::string_body> reply(http::status status, std::string_view type,
                                        std::string_view body) {
  http::response<http::string_body> response(status, 11);
  set_safety(response);
  response.set(http::field::content_type, beast::string_view(type.data(), type.size()));
  response.body() = body;
  return response;
}

http::response<http::string_body> refusal(http::status status, std::string_view why) {
  return reply(status, "text/plain; charset=utf-8", why);
}

/// What is said of a request that could not be read; nothing if nobody is there to hear it.
std::optional<http::response<http::string_body>> complaint(const boost::system::error_code& error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return std::nullopt;
  if (error == http::error::body_limit)
    return refusal(http::status::payload_too_large, "a command is short\n");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return refusal(http::status::request_header_fields_too_large, "a header is short\n");
  if (error.category() == make_error_code(http::error::bad_method).category())
    return refusal(http::status::bad_request, "this is no HTTP\n");
  return std::nullopt;
}

/// The one value of that header; nothing if there is none, or more than one.
template <typename Request, typename Name>
std::optional<std::string_view> only(const Request& request, Name name) {
  if (request.count(name) != 1) return std::nullopt;
  return view(request[name]);
}

/// The command in a request's body; nothing if it is none.
std::optional<std::string> command_in(const std::string& body) {
  json::error_code error;
  const json::value parsed = json::parse(body, error);
  if (error || !parsed.is_object()) return std::nullopt;
  const json::value* const command = parsed.as_object().if_contains("command");
  if (command == nullptr || !command->is_string()) return std::nullopt;
  std::string text(command->as_string());
  const bool plain = std::ranges::none_of(
      text, [](char each) { return static_cast<unsigned char>(each) < 0x20 || each == 0x7F; });
  if (!plain || text.size() > kMaxCommand) return std::nullopt;
  return text;
}

}  // namespace

/// A connection that reads events.
struct PageServer::Reader {
  explicit Reader(PageServer& of) : server(of), woken(of.context_) { server.readers_.insert(this); }
  ~Reader() { server.readers_.erase(this); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void add(std::shared_ptr<const std::string> event) {
    if (queue.size() == kMaxQueue) {
      queue.pop_front();
      ++lost;
    }
    queue.push_back(std::move(event));
    woken.cancel();
  }

  PageServer& server;
  std::deque<std::shared_ptr<const std::string>> queue;
  std::uint64_t lost = 0;
  bool gone = false;
  net::steady_timer woken;  // never expires
};

/// One of the connections that there may be.
struct PageServer::Place {
  explicit Place(std::size_t& count_of) : count(count_of) { ++count; }
  ~Place() { --count; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::size_t& count;
};

PageServer::PageServer(Ask ask) : ask_(std::move(ask)) {}
PageServer::~PageServer() = default;

std::string PageServer::listen(std::uint16_t port) {
  const tcp::endpoint endpoint(net::ip::address_v4::loopback(), port);
  boost::system::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(static_cast<int>(kMaxConnections), error);
  if (error) return "cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + error.message();
  gate_.set_port(acceptor_.local_endpoint().port());
  return {};
}

std::string PageServer::address() const {
  return "http://" + gate_.host() + "/#token=" + gate_.token();
}

void PageServer::run() {
  net::signal_set signals(context_, SIGINT, SIGTERM);
  signals.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) stop();
  });
  net::co_spawn(context_, accept(), net::detached);
  context_.run();
}

void PageServer::publish(std::string event, std::string data, bool latest) {
  auto text = std::make_shared<const std::string>("event: " + event + "\ndata: " + data + "\n\n");
  net::post(context_, [this, event = std::move(event), text = std::move(text), latest] {
    if (latest) latest_[event] = text;
    for (Reader* const reader : readers_) reader->add(text);
  });
}

net::awaitable<void> PageServer::accept() {
  while (true) {
    auto [error, socket] = co_await acceptor_.async_accept(kNoError);
    if (error == net::error::operation_aborted) co_return;
    if (error) continue;
    if (connections_ < kMaxConnections) {
      net::co_spawn(context_, serve(std::move(socket)), net::detached);
      continue;
    }
    // It fits into the empty buffer of a new socket, or the client hears nothing.
    constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    socket.non_blocking(true, error);
    socket.write_some(net::buffer(kFull), error);
  }
}

net::awaitable<void> PageServer::serve(tcp::socket socket) {
  const Place place(connections_);
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(kMaxHeader + kMaxBody);
  while (true) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMaxHeader);
    parser.body_limit(kMaxBody);
    stream.expires_after(kPatience);
    const auto [error, size] = co_await http::async_read(stream, buffer, parser, kNoError);
    bool stays = false;
    std::optional<Response> response = error ? complaint(error) : Response();
    if (!response) co_return;
    if (!error) {
      const Request& request = parser.get();
      stream.expires_never();
      response = co_await answer(request);
      if (response->result() == http::status::ok && request.target() == "/events") {
        co_await tell(stream, request);
        co_return;
      }
      stays = request.keep_alive() && response->result() != http::status::forbidden;
    }
    response->keep_alive(stays);
    response->content_length(response->body().size());
    if (!error && parser.get().method() == http::verb::head) response->body().clear();
    stream.expires_after(kPatience);
    const auto [broken, written] = co_await http::async_write(stream, *response, kNoError);
    if (broken || !stays) break;
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

net::awaitable<PageServer::Response> PageServer::answer(const Request& request) {
  const auto host = only(request, http::field::host);
  const auto origin = only(request, http::field::origin);
  const bool two_origins = request.count(http::field::origin) > 1;
  if (!host || two_origins || !gate_.is_for_us(*host, origin))
    co_return refusal(http::status::forbidden, "not for this server\n");
  const std::string_view path = view(request.target());
  if (path != "/events" && path != "/command") co_return file(request);
  const auto token = only(request, "Stepper-Token");
  if (!token || !gate_.knows(*token))
    co_return refusal(http::status::forbidden, "the token of this run is missing\n");
  if (request.method() != (path == "/events" ? http::verb::get : http::verb::post))
    co_return refusal(http::status::method_not_allowed, "no such method here\n");
  if (path == "/command") co_return co_await command(request);
  co_return reply(http::status::ok, "text/event-stream", "");
}

PageServer::Response PageServer::file(const Request& request) {
  if (request.method() != http::verb::get && request.method() != http::verb::head)
    return refusal(http::status::method_not_allowed, "no such method here\n");
  const std::string_view target = view(request.target());
  const std::string_view path = target == "/" ? "/index.html" : target;
  for (const PageFile& each : page_files()) {
    if (each.path == path) return reply(http::status::ok, type_of(path), each.content);
  }
  return refusal(http::status::not_found, "no such file\n");
}

net::awaitable<PageServer::Response> PageServer::command(const Request& request) {
  const auto text = command_in(request.body());
  if (!text) co_return refusal(http::status::bad_request, "{\"command\": TEXT}\n");
  const std::string body =
      co_await net::async_initiate<decltype(net::use_awaitable), void(std::string)>(
          [this, &text](auto handler) {
            auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            ask_(*text, [this, kept](std::string json) {
              net::post(context_, [kept, json = std::move(json)]() mutable {
                std::move (*kept)(std::move(json));
              });
            });
          },
          net::use_awaitable);
  co_return reply(http::status::ok, "application/json", body);
}

net::awaitable<void> PageServer::tell(beast::tcp_stream& stream, const Request& request) {
  const auto reader = std::make_shared<Reader>(*this);
  http::response<http::empty_body> header(http::status::ok, request.version());
  set_safety(header);
  header.set(http::field::content_type, "text/event-stream");
  header.keep_alive(false);
  http::response_serializer<http::empty_body> serializer(header);
  stream.expires_after(kPatience);
  const auto [failed, size] = co_await http::async_write_header(stream, serializer, kNoError);
  if (failed) co_return;
  for (const auto& [event, text] : latest_) reader->add(text);
  // A reader has nothing more to say: when there is something to read, it is its end.
  stream.socket().async_wait(tcp::socket::wait_read, [reader](const boost::system::error_code&) {
    reader->gone = true;
    reader->woken.cancel();
  });
  while (!reader->gone) {
    if (reader->queue.empty() && reader->lost == 0) {
      reader->woken.expires_at(net::steady_timer::time_point::max());
      static_cast<void>(co_await reader->woken.async_wait(kNoError));
      continue;
    }
    std::string text;
    if (reader->lost != 0)
      text = "event: lost\ndata: {\"events\": " + std::to_string(reader->lost) + "}\n\n";
    reader->lost = 0;
    if (!reader->queue.empty()) {
      text += *reader->queue.front();
      reader->queue.pop_front();
    }
    stream.expires_after(kPatience);
    const auto [error, written] = co_await net::async_write(stream, net::buffer(text), kNoError);
    if (error) break;
  }
}

}  // namespace understudy::stepper
