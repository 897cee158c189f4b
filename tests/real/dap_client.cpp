#include "tests/real/dap_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "iomgr/check.h"

namespace understudy {

DapServerProcess::DapServerProcess(const char* option, const std::string& value) {
  std::array<int, 2> from{};
  UNDERSTUDY_CHECK(pipe2(from.data(), O_CLOEXEC) == 0);
  process_ = fork();
  UNDERSTUDY_CHECK(process_ >= 0);
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(from[1], STDOUT_FILENO);
    execl(UNDERSTUDY_BIN "/stepper", "stepper", option, value.c_str(), "--dap", "0", nullptr);
    _exit(127);
  }
  close(from[1]);
  FILE* const said = fdopen(from[0], "r");
  std::array<char, 64> token{};
  unsigned port = 0;
  if (std::fscanf(said, "DAP at 127.0.0.1:%u, token %63s", &port, token.data()) == 2) {
    port_ = static_cast<std::uint16_t>(port);
    token_ = token.data();
  }
  std::fclose(said);
}

DapServerProcess::~DapServerProcess() {
  ::kill(process_, SIGTERM);
  waitpid(process_, nullptr, 0);
}

DapClient::DapClient(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{30, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    socket_.reset();
}

void DapClient::write(const std::string& bytes) {
  static_cast<void>(send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

bool DapClient::read_message(json::object& message) {
  std::array<char, 4096> chunk{};
  while (true) {
    const auto next = frames_.take(message);
    if (next != stepper::DapFrames::Next::more) return next == stepper::DapFrames::Next::message;
    const ssize_t length = recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (length <= 0) return false;
    frames_.add({chunk.data(), static_cast<std::size_t>(length)});
  }
}

json::object DapClient::request(const std::string& command, const json::object& arguments) {
  const std::uint64_t seq = ++last_seq_;
  write(stepper::to_dap_frame(
      {{"seq", seq}, {"type", "request"}, {"command", command}, {"arguments", arguments}}));
  for (json::object message; read_message(message);) {
    if (text_of(message, "type") == "event") {
      events_.push_back(std::move(message));
    } else if (number_of(message, "request_seq") == seq) {
      return message;
    }
  }
  return {};
}

json::object DapClient::body(const std::string& command, const json::object& arguments) {
  const json::object answer = request(command, arguments);
  return flag_of(answer, "success") ? object_of(answer, "body") : json::object();
}

json::object DapClient::event(const std::string& name) {
  for (json::object message;;) {
    while (!events_.empty()) {
      message = std::move(events_.front());
      events_.pop_front();
      if (text_of(message, "event") == name) return object_of(message, "body");
    }
    if (!read_message(message)) return {};
    if (text_of(message, "type") == "event") events_.push_back(std::move(message));
  }
}

bool DapClient::attach(const std::string& token) {
  return flag_of(request("initialize", {{"adapterID", "understudy"}}), "success") &&
         flag_of(request("attach", {{"token", token}}), "success") &&
         flag_of(request("configurationDone"), "success");
}

bool DapClient::is_closed() {
  std::array<char, 1> byte{};
  const ssize_t length = recv(socket_.get(), byte.data(), byte.size(), 0);
  return length == 0 || (length < 0 && errno == ECONNRESET);
}

}  // namespace understudy
