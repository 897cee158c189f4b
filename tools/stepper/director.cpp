#include "tools/stepper/director.h"

namespace understudy::stepper {
namespace {

// While it runs, points are taken so often; a stop is noticed at once.
constexpr auto kRound = std::chrono::milliseconds(50);

}  // namespace

Director::Director(Session& session, Listener listener)
    : session_(session),
      commands_(session, std::chrono::seconds(0)),
      listener_(std::move(listener)) {
  listens_ = session_.add_listener({listener_.on_points, nullptr, nullptr});
  thread_ = std::thread([this] { run(); });
}

void Director::ask(std::string command, std::function<void(const Reply& reply)> done) {
  with_session([this, command = std::move(command), done = std::move(done)](Session& session) {
    const bool stood = session.stands();
    const Reply reply = commands_.run(command);
    done(reply);
    if (stood && !session.stands() && listener_.on_run) listener_.on_run();
    if (session.stands() && !stood && listener_.on_stop) listener_.on_stop(*session.stop());
  });
}

void Director::with_session(std::function<void(Session& session)> work) {
  const std::lock_guard lock(mutex_);
  work_.push_back([this, work = std::move(work)] { work(session_); });
  woken_.notify_one();
  session_.wake();
}

void Director::stop() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    woken_.notify_one();
    session_.wake();
  }
  if (thread_.joinable()) thread_.join();
}

void Director::run_next() {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    if (work_.empty()) return;
    work = std::move(work_.front());
    work_.pop_front();
  }
  work();
}

void Director::run() {
  while (true) {
    // One at a time: layers that are parked must not wait until nobody asks any more.
    run_next();
    {
      std::unique_lock lock(mutex_);
      if (ends_ && work_.empty()) break;
      if (session_.stands()) {
        woken_.wait(lock, [this] { return ends_ || !work_.empty(); });
        continue;
      }
    }
    const std::optional<Stop> stop = session_.wait(kRound);
    if (stop && listener_.on_stop) listener_.on_stop(*stop);
  }
  session_.remove_listener(listens_);
}

}  // namespace understudy::stepper
