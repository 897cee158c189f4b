#include "cluster_app/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "cluster_app/cluster_directory.h"
#include "iomgr/bounds.h"
#include "iomgr/host/unique_fd.h"

namespace understudy {
namespace {

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<std::string> receive_line(int socket) {
  std::string text;
  char chunk[4096];
  while (text.size() < bounds::kMaxControlLine) {
    const ssize_t count = recv(socket, chunk, sizeof chunk, 0);
    if (count <= 0) return std::nullopt;
    text.append(chunk, static_cast<std::size_t>(count));
    const std::size_t end = text.find('\n');
    if (end != std::string::npos) return text.substr(0, end);
  }
  return std::nullopt;
}

}  // namespace

std::optional<json::object> ask_node(const std::string& node, const json::object& command,
                                     int limit_ms, std::string& error) {
  const std::string path = cluster_directory::socket_path(node);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const timeval limit{limit_ms / 1000, limit_ms % 1000 * 1000};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!socket ||
      connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    error = "node " + node + " is not running; start it with `cluster_app node " + node +
            "` or all with `cluster_app up`";
    return std::nullopt;
  }
  std::optional<std::string> line;
  if (send_all(socket.get(), json::serialize(command) + "\n")) line = receive_line(socket.get());
  auto answer = line ? parse_object(*line) : std::nullopt;
  if (!answer)
    error = "node " + node + " runs but does not answer; see " + cluster_directory::kLog + "/" +
            node + ".log";
  return answer;
}

}  // namespace understudy
