// Runs a session in a thread of its own, for servers: commands come from many sides and are
// answered at once, stops and points are told when they happen. What the terminal waits for, a
// server hears of.
#pragma once

#include <deque>

#include "tools/stepper/commands.h"

namespace understudy::stepper {

class Director {
 public:
  /// All calls below come from the director's thread, one at a time.
  struct Listener {
    std::function<void(const Stop& stop)> on_stop;
    std::function<void()> on_run;
    /// What the layers have passed since the last call, in the order of time.
    std::function<void(const std::vector<Point>& points)> on_points;
  };

  /// `session` belongs to the director's thread until stop().
  Director(Session& session, Listener listener);
  ~Director() { stop(); }
  Director(const Director&) = delete;
  Director& operator=(const Director&) = delete;

  /// Runs a command (Commands). Those that go on (`continue`, `step`, ...) are answered as soon as
  /// everything goes; where it stops is told by on_stop. From any thread; `done` is called by the
  /// director's.
  void ask(std::string command, std::function<void(const Reply& reply)> done);
  /// Runs `work` with the session. From any thread.
  void with_session(std::function<void(Session& session)> work);
  /// What was asked for before is done, and the thread ends. Whoever owns the session lets it go.
  void stop();

 private:
  void run();
  void run_next();

  Session& session_;
  Commands commands_;
  Listener listener_;
  int listens_ = 0;
  std::mutex mutex_;
  std::deque<std::function<void()>> work_;  // with mutex_
  bool ends_ = false;                       // with mutex_
  std::condition_variable woken_;
  std::thread thread_;
};

}  // namespace understudy::stepper
