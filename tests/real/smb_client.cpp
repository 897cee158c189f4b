#include "tests/real/smb_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <sstream>
#include <utility>

#include "iomgr/check.h"

namespace understudy {

SmbClient::SmbClient(SmbServer server) : server_(std::move(server)) {
  constexpr int kWorkerSocket = 3;
  std::array<int, 2> ends{};
  UNDERSTUDY_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const std::string program = std::string(UNDERSTUDY_BIN) + "/smb_worker";
  const std::string port = std::to_string(server_.port);
  pid_ = fork();
  UNDERSTUDY_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (server_.network >= 0 && setns(server_.network, CLONE_NEWNET) != 0) _exit(126);
    if (ends[1] == kWorkerSocket) {
      fcntl(kWorkerSocket, F_SETFD, 0);
    } else {
      dup2(ends[1], kWorkerSocket);
    }
    execl(program.c_str(), program.c_str(), server_.host.c_str(), port.c_str(),
          server_.share.c_str(), server_.user.c_str(), server_.password.c_str(), nullptr);
    _exit(127);
  }
  ::close(ends[1]);
  socket_.reset(ends[0]);
}

SmbClient::SmbClient(SmbClient&& other) noexcept
    : server_(std::move(other.server_)),
      pid_(std::exchange(other.pid_, 0)),
      socket_(std::move(other.socket_)),
      busy_(other.busy_) {}

SmbClient& SmbClient::operator=(SmbClient&& other) noexcept {
  std::swap(server_, other.server_);
  std::swap(pid_, other.pid_);
  std::swap(socket_, other.socket_);
  std::swap(busy_, other.busy_);
  return *this;
}

SmbClient::~SmbClient() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void SmbClient::send(const SmbCall& call) {
  UNDERSTUDY_CHECK(!busy_);
  busy_ = true;
  static_cast<void>(send_message(socket_.get(), encode(call)));  // receive() tells
}

SmbAnswer SmbClient::receive(int timeout_ms) {
  UNDERSTUDY_CHECK(busy_);
  busy_ = false;
  pollfd ready{socket_.get(), POLLIN, 0};
  if (poll(&ready, 1, timeout_ms) != 1)
    return {SmbAnswer::Outcome::unanswered, "no answer in time", {}};
  const auto message = receive_message(socket_.get());
  const auto answer = message ? decode_answer(*message) : std::nullopt;
  return answer ? *answer
                : SmbAnswer{SmbAnswer::Outcome::unanswered, "the client process ended", {}};
}

SmbAnswer SmbClient::call(const SmbCall& call, int timeout_ms) {
  send(call);
  return receive(timeout_ms);
}

std::optional<Tree> SmbClient::read_tree(std::string& error) {
  Tree tree;
  std::vector<std::string> directories = {""};
  while (!directories.empty()) {
    const std::string directory = directories.back();
    directories.pop_back();
    const SmbAnswer listed = call({SmbCall::Kind::list, directory});
    if (listed.outcome != SmbAnswer::Outcome::done) {
      error = "listing '" + directory + "': " + listed.error;
      return std::nullopt;
    }
    std::istringstream names(listed.data);
    for (std::string name; std::getline(names, name);) {
      const std::string path = directory + name;
      tree[path].clear();
      if (name.back() == '\\') {
        directories.push_back(path);
        continue;
      }
      SmbAnswer content = call({SmbCall::Kind::read, path});
      if (content.outcome != SmbAnswer::Outcome::done) {
        error = "reading '" + path + "': " + content.error;
        return std::nullopt;
      }
      tree[path] = std::move(content.data);
    }
  }
  return tree;
}

}  // namespace understudy
