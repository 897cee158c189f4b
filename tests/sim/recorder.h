// Writes a history as a recording (tools/stepper/recording.h), so that the stepper opens it where a
// rule broke: every trace point with its IRP, and what lies in caches and mirror stores whenever a
// node comes or goes, mirroring is turned on or off, and where a rule broke.
#pragma once

#include <set>

#include "tests/sim/world.h"
#include "tools/stepper/recording.h"

namespace understudy::sim {

class Recorder {
 public:
  /// Before the world runs; `world` outlives it. Null and the reason in `wrong` if the file cannot
  /// be written.
  static std::unique_ptr<Recorder> start(World& world, const std::string& file, std::string& wrong);

  /// Every event of the world.
  void take(const Event& event);
  const std::string& wrong() const { return writer_->wrong(); }

 private:
  Recorder(World& world, std::unique_ptr<stepper::RecordingWriter> writer);
  void point(Node& node, const TraceEntry& entry, const Irp& irp);
  void broken(const Finding& finding, const Event& event);
  stepper::Snapshot snapshot() const;

  World& world_;
  std::unique_ptr<stepper::RecordingWriter> writer_;
  struct Numbers {
    std::uint32_t life = 0;
    std::array<std::uint64_t, kLayers> last{};  // of each layer's points in that life
  };
  std::array<Numbers, ClusterConfig::kNodes> numbers_;
  std::optional<stepper::Point> last_;
  std::set<std::pair<std::uint32_t, std::uint64_t>> acknowledged_;
};

}  // namespace understudy::sim
