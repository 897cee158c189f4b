// One IDE that is connected: frames in and out, and who it is. Until it has attached with the right
// token nothing of the pair is touched; when it goes, everything goes on.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "tools/stepper/dap_adapter.h"
#include "tools/stepper/dap_frames.h"
#include "tools/stepper/director.h"

namespace understudy::stepper {

class DapConnection : public std::enable_shared_from_this<DapConnection> {
 public:
  struct Context {
    std::vector<Session::NodeName> nodes;
    std::shared_ptr<const Recording> recording;  // instead of them
    const SourceMap& source;
    std::string token;  // empty: none is asked for
  };
  /// `context` outlives it. Whoever makes it keeps it while it is open.
  DapConnection(boost::asio::ip::tcp::socket socket, const Context& context);
  void start();
  void close();
  bool is_open() const { return socket_.is_open(); }

 private:
  void read();
  void take();
  void handle(const json::object& request);
  DapAnswer initialize(const json::object& arguments);
  DapAnswer attach(const json::object& arguments);
  std::string attach_to_pair();
  void detach();
  void send(json::object message);
  void send_soon(json::object message);
  void write();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;  // for attaching
  const Context& context_;
  DapFrames frames_;
  std::array<char, 16384> chunk_;
  std::string out_;      // not yet given to the socket
  std::string written_;  // given to it
  std::uint64_t last_seq_ = 0;
  bool takes_when_written_ = false;
  bool closes_when_written_ = false;
  DapAdapter::Settings settings_;

  std::unique_ptr<Session> session_;
  std::unique_ptr<Replay> replay_;       // instead of it, and of the director
  std::unique_ptr<DapAdapter> adapter_;  // once attached; its thread is the director's
  std::unique_ptr<Director> director_;
};

}  // namespace understudy::stepper
