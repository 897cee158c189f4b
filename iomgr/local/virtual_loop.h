// The host inside one process, for tests and the simulator: virtual time, and an order of events
// that the seed decides. Everything that is ready is run in some order; time moves only when
// nothing is ready. An executor can be stopped, slowed down and given another wall clock, as a
// process can.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "iomgr/executor.h"
#include "iomgr/random.h"

namespace understudy {

class VirtualExecutor;

class VirtualLoop {
 public:
  /// Seed 0 runs what is ready first come, first served; any other seed permutes it.
  explicit VirtualLoop(std::uint64_t seed = 0) : state_(seed) {}
  VirtualLoop(const VirtualLoop&) = delete;
  VirtualLoop& operator=(const VirtualLoop&) = delete;

  /// The executor of one layer (or of a test). Destroying it drops what it had to run.
  std::unique_ptr<VirtualExecutor> make_executor();

  /// Runs until nothing is ready; timers stay where they are.
  void run_ready();
  /// Runs, moving time from timer to timer, until `done` or until `limit` of virtual time has
  /// passed. True if `done`.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(60));
  /// Runs everything that is due within `duration` and leaves the time there.
  void run_for(Duration duration);

  Time now() const { return now_; }

 private:
  friend class VirtualExecutor;
  struct Work;
  /// What of an executor its work has to know; gone when the executor is.
  struct Life {
    bool stopped = false;
    Duration delay{0};
    std::vector<Work> parked;
  };
  enum class Kind : std::uint8_t {
    work,
    delayed,  // has waited for the delay of its executor already
    disk,     // runs though the executor is stopped
  };
  struct Work {
    std::weak_ptr<Life> life;
    std::function<void()> run;
    Kind kind = Kind::work;
  };
  using TimerPlace = std::pair<Time, Executor::TimerId>;

  void post(Work work) { ready_.push_back(std::move(work)); }
  Executor::TimerId start_timer(Time deadline, Work work);
  void cancel_timer(Executor::TimerId timer);
  void forget_timers_of(const std::shared_ptr<Life>& life);
  bool step();
  bool fire_timer(Time limit);
  std::uint64_t next_random();

  std::uint64_t state_;  // of the permutation; 0: none
  Time now_{0};
  Executor::TimerId next_timer_ = 0;
  std::vector<Work> ready_;
  std::size_t first_ready_ = 0;
  std::map<TimerPlace, Work> timers_;
  std::unordered_map<Executor::TimerId, Time> deadlines_;
};

class VirtualExecutor : public Executor {
 public:
  explicit VirtualExecutor(VirtualLoop& loop);
  ~VirtualExecutor() override;

  void post(std::function<void()> work) override;
  TimerId start_timer(Time deadline, std::function<void()> work) override;
  void cancel_timer(TimerId timer) override;
  Time now() const override { return loop_.now(); }
  FileTime wall_time() const override;
  /// The work runs even while this executor is stopped: the disk has the request already.
  void offload(std::function<void()> work, std::function<void()> done) override;

  /// As by SIGSTOP: nothing runs until wake(); what was to run waits, in its order.
  void stop();
  void wake();
  /// As by SIGKILL: drops everything it had to run, disk requests included.
  void kill();
  /// From now on everything runs so much later.
  void set_delay(Duration delay) { life_->delay = delay; }
  /// Moves the wall clock, that of files' times.
  void set_wall_shift(std::int64_t shift_100ns) { wall_shift_ = shift_100ns; }

 private:
  VirtualLoop& loop_;
  std::shared_ptr<VirtualLoop::Life> life_;
  std::int64_t wall_shift_ = 0;
};

/// Random numbers that a seed repeats.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : generator_(seed) {}
  void fill(Bytes out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(generator_());
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace understudy
