#include "cluster_app/command_server.h"

#include "cluster_app/answer.h"
#include "iomgr/bounds.h"

namespace understudy {

Status CommandServer::start() {
  const auto listener = seams_.network.listen(endpoint_);
  if (!listener) return listener.status();
  scope_.spawn(accept_all(*listener));
  return Status::success;
}

Task<void> CommandServer::accept_all(std::shared_ptr<Listener> listener) {
  while (true) {
    const Result<std::shared_ptr<Stream>> stream = co_await listener->accept();
    if (!stream) co_return;
    if (connections_ >= bounds::kMaxControlConnections) {
      (*stream)->close();
    } else {
      scope_.spawn(serve(*stream));
    }
  }
}

Task<void> CommandServer::serve(std::shared_ptr<Stream> stream) {
  ++connections_;
  LineStream lines(seams_.executor, stream);
  while (true) {
    const Result<std::string> line = co_await lines.read(bounds::kMaxControlLine);
    if (!line) break;
    auto command = parse_object(*line);
    json::object answer;
    if (command) {
      answer = co_await handler_(std::move(*command));
    } else {
      answer = refused("a command is one JSON object on one line");
    }
    const Status sent = co_await lines.write(json::serialize(answer));
    if (failed(sent)) break;
  }
  stream->close();
  --connections_;
}

}  // namespace understudy
