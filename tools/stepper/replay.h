// A recording that is stepped through: forward and back, by the commands of a session. Nothing can
// be changed in it.
#pragma once

#include <memory>

#include "tools/stepper/recording.h"
#include "tools/stepper/target.h"

namespace understudy::stepper {

class Replay : public Target {
 public:
  /// Stands where a rule broke, else at the first point.
  explicit Replay(Recording recording)
      : Replay(std::make_shared<const Recording>(std::move(recording))) {}
  /// Of one that others walk through too.
  explicit Replay(std::shared_ptr<const Recording> recording);

  std::vector<std::string> nodes() const override { return recording_.nodes; }
  int add(Breakpoint breakpoint) override;
  bool remove(int number) override { return judge_.remove(number); }
  const std::vector<Breakpoint>& breakpoints() const override { return judge_.breakpoints(); }

  /// To where it stops next, or to the end.
  using Target::go;
  void go(Go how, const std::string& target) override;
  std::optional<Stop> wait(std::chrono::milliseconds) override { return stop_; }
  const std::optional<Stop>& stop() const override { return stop_; }
  const std::optional<Followed>& followed() const override { return judge_.followed(); }
  std::span<const Point> passed() override;
  json::object irp() override { return irp_at(number()); }
  json::object irp_at(std::size_t number) const;
  std::vector<LayerState> layers() override;
  std::vector<StoredRecord> cached(const std::string& node) override;
  std::vector<StoredRecord> mirrored(const std::string& node) override;
  Ledger ledger() override;

  /// One point; to the STEP of this operation, or the breakpoint, that comes last before it. False
  /// if there is none.
  bool back();
  bool back_to_step() { return go_back(Go::step); }
  bool back_to_breakpoint() { return go_back(Go::on); }

  /// Points have numbers from 1 on.
  bool go_to(std::uint64_t number);
  std::size_t number() const { return recording_.points.empty() ? 0 : at_ + 1; }
  /// Changes whenever it goes anywhere.
  std::uint64_t moves() const { return moves_; }
  std::size_t points() const { return recording_.points.size(); }
  const Point& point(std::size_t number) const { return recording_.points.at(number - 1); }
  std::vector<std::size_t> search(const Condition& condition) const;
  /// Where the pair stood, by number.
  std::vector<std::pair<std::size_t, Stop>> stops() const;
  /// The point at which stores and layers were shown last; nothing: not yet.
  std::optional<std::size_t> shown_at() const;
  const Recording& recording() const { return recording_; }

 private:
  std::optional<Stop> judge(std::size_t at);
  void find_broken_rules();
  bool go_back(Go how);
  void stand(std::size_t at, Stop stop);
  const Snapshot* snapshot() const;

  std::shared_ptr<const Recording> shared_;
  const Recording& recording_ = *shared_;
  std::map<std::size_t, Stop> rules_;          // that broke, by point ...
  std::map<std::size_t, std::string> broken_;  // ... and those that only a ledger tells of
  std::size_t judged_ = 0;                     // point
  Judge judge_;
  std::size_t at_ = 0;
  std::uint64_t moves_ = 0;
  std::optional<Stop> stop_;
};

}  // namespace understudy::stepper
