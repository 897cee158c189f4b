// What the commands look at: a pair that runs (session.h), or what was recorded of one (replay.h).
#pragma once

#include <chrono>
#include <span>

#include "tools/stepper/judge.h"
#include "tools/stepper/snapshot.h"

namespace understudy::stepper {

class Target {
 public:
  using Go = stepper::Go;

  virtual ~Target() = default;
  virtual std::vector<std::string> nodes() const = 0;

  virtual int add(Breakpoint breakpoint) = 0;
  virtual bool remove(int number) = 0;
  virtual const std::vector<Breakpoint>& breakpoints() const = 0;

  void go(Go how) { go(how, {}); }
  /// `target`: the layer that `into` leads to ("b.mirror_server"); empty: the next.
  virtual void go(Go how, const std::string& target) = 0;
  /// Until everything stands; nothing after `limit`, or when it was interrupted.
  virtual std::optional<Stop> wait(std::chrono::milliseconds limit) = 0;
  virtual const std::optional<Stop>& stop() const = 0;
  virtual const std::optional<Followed>& followed() const = 0;
  bool stands() const { return stop().has_value(); }

  /// The points up to now, oldest first.
  virtual std::span<const Point> passed() = 0;
  /// The IRP at the point where everything stands; empty if it was not shown.
  virtual json::object irp() = 0;

  virtual std::vector<LayerState> layers() = 0;
  /// What lies in a node's unwritten-data cache and in its mirror store.
  virtual std::vector<StoredRecord> cached(const std::string& node) = 0;
  virtual std::vector<StoredRecord> mirrored(const std::string& node) = 0;
  virtual Ledger ledger() = 0;
};

}  // namespace understudy::stepper
