// The host inside one process, for tests and the simulator: virtual time, and an order of events
// that the seed decides. Everything that is ready is run in some order; time moves only when
// nothing is ready.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "iomgr/executor.h"
#include "iomgr/random.h"

namespace understudy {

class VirtualLoop {
 public:
  /// Seed 0 runs what is ready first come, first served; any other seed permutes it.
  explicit VirtualLoop(std::uint64_t seed = 0) : seed_(seed), generator_(seed) {}
  VirtualLoop(const VirtualLoop&) = delete;
  VirtualLoop& operator=(const VirtualLoop&) = delete;

  /// The executor of one layer (or of a test). Destroying it drops what it had to run.
  std::unique_ptr<Executor> make_executor();

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
  struct Work {
    std::weak_ptr<char> alive;
    std::function<void()> run;
  };
  struct Timer {
    Executor::TimerId id;
    Work work;
  };

  void post(Work work) { ready_.push_back(std::move(work)); }
  bool step();
  bool fire_timer(Time limit);

  std::uint64_t seed_;
  std::mt19937_64 generator_;
  Time now_{0};
  Executor::TimerId next_timer_ = 0;
  std::vector<Work> ready_;
  std::size_t first_ready_ = 0;
  std::multimap<Time, Timer> timers_;
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
