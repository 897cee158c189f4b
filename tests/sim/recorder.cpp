#include "tests/sim/recorder.h"

#include "tests/sim/report.h"

namespace understudy::sim {

std::unique_ptr<Recorder> Recorder::start(World& world, const std::string& file,
                                          std::string& wrong) {
  stepper::RecordingHeader header;
  for (const NodeConfig& node : world.config().nodes) header.nodes.push_back(node.name);
  header.by = "simulate --seed " + std::to_string(world.plan().seed);
  auto writer = stepper::RecordingWriter::create(file, true, header, wrong);
  if (!writer) return nullptr;
  return std::unique_ptr<Recorder>(new Recorder(world, std::move(writer)));
}

Recorder::Recorder(World& world, std::unique_ptr<stepper::RecordingWriter> writer)
    : world_(world), writer_(std::move(writer)) {
  world.on_point = [this](Node& node, const TraceEntry& entry, const Irp& irp) {
    point(node, entry, irp);
  };
  world.on_finding = [this](const Finding& finding, const Event& event) { broken(finding, event); };
}

void Recorder::point(Node& node, const TraceEntry& entry, const Irp& irp) {
  Numbers& numbers = numbers_.at(node.index());
  if (numbers.life != node.life()) numbers = {node.life(), {}};
  const std::string& name = world_.config().nodes.at(node.index()).name;
  last_ = stepper::point_of(name, node.host().arena(), entry, irp);
  last_->entry.sequence = ++numbers.last.at(static_cast<std::size_t>(entry.layer));
  if (stepper::acknowledges(entry)) acknowledged_.insert({entry.lun, entry.lsn});
  writer_->write(*last_);
}

void Recorder::take(const Event& event) {
  switch (event.what) {
    case What::node_started:
    case What::node_died:
    case What::memory_lost:
    case What::mirroring_on:
    case What::mirroring_off:
    case What::serving:
    case What::ended:
      writer_->write(snapshot());
      break;
    default:
      break;
  }
}

void Recorder::broken(const Finding& finding, const Event& event) {
  stepper::Stop stop{stepper::Stop::Why::rule, 0, last_,
                     "BROKEN rule " + std::to_string(finding.rule) + " (" +
                         std::string(failure_name(finding.rule)) + "): " + finding.text};
  std::optional<stepper::Followed> operation;
  if (event.place.lsn != 0) {
    operation = stepper::Followed{world_.config().nodes.at(event.node).name,
                                  event.irp & ((1ULL << 56) - 1),
                                  event.lun,
                                  event.place.epoch,
                                  event.place.lsn,
                                  {}};
  }
  writer_->write(stop, operation);
  writer_->write(snapshot());
}

stepper::Snapshot Recorder::snapshot() const {
  std::vector<Arena> arenas;
  arenas.reserve(ClusterConfig::kNodes);
  std::vector<stepper::NodeStores> stores;
  for (std::uint32_t index = 0; index < ClusterConfig::kNodes; ++index) {
    const LocalMemory* const memory = world_.memory(index);
    const auto arena = memory == nullptr ? std::nullopt : Arena::attach(memory->bytes());
    if (!arena) continue;
    arenas.push_back(*arena);
    stores.emplace_back(world_.config().nodes.at(index).name, arenas.back(),
                        world_.node(index) != nullptr);
  }
  return {stores, stepper::read_ledger(stores, [this](std::uint32_t lun, std::uint64_t lsn) {
            return acknowledged_.contains({lun, lsn});
          })};
}

}  // namespace understudy::sim
