// The executor of a layer's own process: one Boost.Asio loop, run by one thread, and a few threads
// for work that blocks. All that happens in the process happens in this loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "iomgr/executor.h"

namespace boost::asio {
class io_context;
}

namespace understudy {

class Parking;

class AsioExecutor : public Executor {
 public:
  AsioExecutor();
  /// Drops what was still to run. Nothing that was offloaded runs any more.
  ~AsioExecutor() override;
  AsioExecutor(const AsioExecutor&) = delete;
  AsioExecutor& operator=(const AsioExecutor&) = delete;

  void post(std::function<void()> work) override;
  TimerId start_timer(Time deadline, std::function<void()> work) override;
  void cancel_timer(TimerId timer) override;
  /// CLOCK_MONOTONIC, so all processes of one machine agree on it; less what a debugger has
  /// stopped.
  Time now() const override;
  FileTime wall_time() const override;
  void offload(std::function<void()> work, std::function<void()> done) override;

  /// Where a debugger can hold what runs here; null: nowhere. It outlives the executor's run().
  void set_parking(Parking* parking);
  /// Waits while a debugger holds this process: before what is not posted, but comes from a
  /// descriptor.
  void gate();
  /// How long each timer has still to run, the next one first. At most so many.
  std::vector<Duration> timers(std::size_t most) const;
  /// Lets the n-th of them expire now, whatever the clock says. False: there are fewer.
  bool expire(std::size_t n);

  /// Runs until stop(). What was offloaded has ended when it returns, so what lives on this
  /// executor can be destroyed.
  void run();
  /// Runs until `done`, which is asked after every step, or until `limit` has passed. True if
  /// `done`.
  bool run_until(const std::function<bool()>& done, Duration limit);
  /// From the loop or from any other thread.
  void stop();

  /// For the parts of the host that wait on descriptors.
  boost::asio::io_context& context();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace understudy
