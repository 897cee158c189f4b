#include "cluster_app/peer_link.h"

#include "iomgr/bounds.h"

namespace understudy {
namespace {

constexpr Duration kHandshakeLimit = std::chrono::seconds(2);

json::object envelope(std::string_view type, std::uint64_t id, json::object content) {
  json::object message = {{"type", type}, {"id", id}};
  message[json::string_view(type.data(), type.size())] = std::move(content);
  return message;
}

}  // namespace

Status PeerLink::start() {
  const auto listener = seams_.network.listen(ends_.listen);
  if (!listener) return listener.status();
  scope_.spawn(accept_all(*listener));
  if (!ends_.dial.empty()) scope_.spawn(dial_always());
  return Status::success;
}

Task<void> PeerLink::accept_all(std::shared_ptr<Listener> listener) {
  while (true) {
    const Result<std::shared_ptr<Stream>> stream = co_await listener->accept();
    if (!stream) co_return;
    if (handshakes_ >= bounds::kMaxControlConnections) {
      (*stream)->close();
    } else {
      scope_.spawn(talk(*stream, false));
    }
  }
}

Task<void> PeerLink::dial_always() {
  while (true) {
    if (session_ == nullptr) {
      const Result<std::shared_ptr<Stream>> stream = co_await seams_.network.connect(ends_.dial);
      if (stream) co_await talk(*stream, true);
    }
    co_await sleep_for(seams_.executor, ends_.heartbeat);
  }
}

Task<void> PeerLink::talk(std::shared_ptr<Stream> stream, bool dialled) {
  auto session = std::make_shared<Session>(seams_.executor, stream, ends_.cluster_key);
  ++handshakes_;
  const auto timer = seams_.executor.start_timer(seams_.executor.now() + kHandshakeLimit,
                                                 [stream] { stream->close(); });
  Status status = Status::pending;
  if (dialled) {
    status = co_await session->lines.dial(ends_.self, ends_.peer, seams_.random);
  } else {
    status = co_await session->lines.answer(ends_.self, ends_.peer, seams_.random);
  }
  seams_.executor.cancel_timer(timer);
  --handshakes_;
  if (ok(status)) {
    co_await converse(session);
  } else if (status == Status::access_denied) {
    seams_.log.warning(
        "control connection refused: the other side does not know the cluster's key or is another "
        "node",
        {{"from", stream->peer()}});
  }
  stream->close();
}

Task<void> PeerLink::converse(std::shared_ptr<Session> session) {
  if (!handlers_.connected(session->lines.peer())) co_return;
  if (session_ != nullptr) session_->lines.close();
  session_ = session;
  scope_.spawn(beat_always(session));
  while (true) {
    const Result<std::string> line = co_await session->lines.read();
    if (!line) break;
    const auto message = parse_object(*line);
    if (!message || session_ != session || !take(session, *message)) break;
  }
  session->over = true;
  session->lines.close();
  for (const auto& [id, question] : session->questions) question->over.set();
  if (session_ == session) {
    session_ = nullptr;
    handlers_.disconnected();
  }
}

bool PeerLink::take(const std::shared_ptr<Session>& session, const json::object& message) {
  const std::string type = text_of(message, "type");
  const std::uint64_t id = number_of(message, "id");
  if (type == "heartbeat") return handlers_.heard(message);
  if (type == "question") {
    if (session->answering >= bounds::kMaxControlConnections) return false;
    scope_.spawn(answer(session, id, object_of(message, "question")));
    return true;
  }
  if (type != "answer") return false;
  const auto found = session->questions.find(id);
  if (found != session->questions.end()) {  // else it came too late
    found->second->answer = object_of(message, "answer");
    found->second->over.set();
  }
  return true;
}

Task<void> PeerLink::answer(std::shared_ptr<Session> session, std::uint64_t id,
                            json::object question) {
  ++session->answering;
  json::object answered = co_await handlers_.asked(std::move(question));
  --session->answering;
  co_await send(session, envelope("answer", id, std::move(answered)));
}

Task<std::optional<json::object>> PeerLink::ask(json::object question, Duration limit) {
  const std::shared_ptr<Session> session = session_;
  if (session == nullptr) co_return std::nullopt;
  const std::uint64_t id = ++session->next_question;
  const auto asked = std::make_shared<Question>(seams_.executor);
  session->questions.emplace(id, asked);
  scope_.spawn(send(session, envelope("question", id, std::move(question))));
  static_cast<void>(co_await asked->over.wait_until(seams_.executor.now() + limit));
  session->questions.erase(id);
  co_return asked->answer;
}

Task<void> PeerLink::beat_always(std::shared_ptr<Session> session) {
  while (!session->over) {
    // A peer that does not read gets no pile of heartbeats.
    if (!session->lines.writing()) scope_.spawn(send(session, handlers_.heartbeat()));
    co_await sleep_for(seams_.executor, ends_.heartbeat);
  }
}

void PeerLink::beat() {
  if (session_ != nullptr) scope_.spawn(send(session_, handlers_.heartbeat()));
}

Task<void> PeerLink::send(std::shared_ptr<Session> session, json::object message) {
  const Status status = co_await session->lines.write(json::serialize(message));
  if (failed(status)) session->lines.close();
}

}  // namespace understudy
