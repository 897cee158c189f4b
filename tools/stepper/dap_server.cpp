#include "tools/stepper/dap_server.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "iomgr/check.h"
#include "iomgr/hex.h"
#include "tools/stepper/dap_connection.h"

namespace understudy::stepper {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

std::string new_token() {
  std::array<std::uint8_t, 16> bytes{};
  UNDERSTUDY_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return to_hex(bytes);
}

class DapServer {
 public:
  explicit DapServer(const DapSettings& settings)
      : source_(settings.source),
        context_{settings.nodes, settings.recording, source_,
                 settings.with_token ? new_token() : std::string()},
        acceptor_(io_, {asio::ip::address_v4::loopback(), settings.port}),
        signals_(io_, SIGINT, SIGTERM) {}

  void run() {
    if (source_.files().empty())
      std::cerr << "stepper: no source tree there: no breakpoints on lines (--source)\n";
    std::cout << "DAP at 127.0.0.1:" << acceptor_.local_endpoint().port();
    if (!context_.token.empty()) std::cout << ", token " << context_.token;
    std::cout << std::endl;
    close_at_exec(acceptor_.native_handle());
    signals_.async_wait([this](boost::system::error_code, int) {
      acceptor_.close();
      if (client_) client_->close();
    });
    accept();
    io_.run();
  }

 private:
  /// So that what the command `start` starts does not keep them open.
  static void close_at_exec(int socket) { fcntl(socket, F_SETFD, FD_CLOEXEC); }

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!error && !(client_ && client_->is_open())) {  // a second one is closed at once
        close_at_exec(socket.native_handle());
        client_ = std::make_shared<DapConnection>(std::move(socket), context_);
        client_->start();
      }
      accept();
    });
  }

  SourceMap source_;
  DapConnection::Context context_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::signal_set signals_;
  std::shared_ptr<DapConnection> client_;  // also while nothing of its socket is awaited
};

}  // namespace

int serve_dap(const DapSettings& settings) {
  try {
    DapServer(settings).run();
  } catch (const boost::system::system_error& error) {
    std::cerr << "stepper: cannot listen at port " << settings.port << ": "
              << error.code().message() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace understudy::stepper
