// The web server of the stepper's page (docs/stepping-page.md), on 127.0.0.1 alone.
//
//     GET  /, /page.css, ...                       the page
//     GET  /events                    with token   Server-Sent Events, until the client goes
//     POST /command {"command": TEXT} with token   the answer as JSON
//
// It is told to answer and what to tell; it knows no session. Everything has a bound: requests,
// connections, and what waits for a reader that is slow. Of that the oldest is dropped, and the
// reader hears how much: {"events": N} as the event `lost`.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tools/stepper/page_gate.h"

namespace understudy::stepper {

class PageServer {
 public:
  static constexpr std::size_t kMaxConnections = 16;
  static constexpr std::uint32_t kMaxHeader = 8 * 1024;
  static constexpr std::uint64_t kMaxBody = 4 * 1024;
  static constexpr std::size_t kMaxQueue = 64;  // events that wait for one reader

  /// `answer` may be called by any thread.
  using Ask =
      std::function<void(std::string command, std::function<void(std::string json)> answer)>;
  explicit PageServer(Ask ask);
  ~PageServer();
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;

  /// Port 0: any. What is wrong, or nothing.
  std::string listen(std::uint16_t port);
  /// With the token: for the person who started this.
  std::string address() const;
  /// Serves until SIGINT, SIGTERM or stop().
  void run();
  /// From any thread.
  void stop() { context_.stop(); }

  /// Tells all readers; `latest`: also those who come later, until there is a newer one. From any
  /// thread.
  void publish(std::string event, std::string data, bool latest = false);

 private:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;
  struct Reader;
  struct Place;

  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<void> tell(boost::beast::tcp_stream& stream, const Request& request);
  boost::asio::awaitable<Response> answer(const Request& request);
  boost::asio::awaitable<Response> command(const Request& request);
  static Response file(const Request& request);

  Ask ask_;
  PageGate gate_;
  std::size_t connections_ = 0;
  std::set<Reader*> readers_;
  std::map<std::string, std::shared_ptr<const std::string>> latest_;
  boost::asio::io_context context_{1};  // what waits in it uses all of the above
  boost::asio::ip::tcp::acceptor acceptor_{context_};
};

}  // namespace understudy::stepper
