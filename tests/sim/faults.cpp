// The faults of a plan: when they happen, and what they do to the world.
#include <random>

#include "cluster_app/answer.h"
#include "cluster_app/line_stream.h"
#include "tests/sim/world.h"

namespace understudy::sim {
namespace {

// A fault that waits for a place in the code does not wait longer.
constexpr std::uint32_t kPatienceMs = 2000;

constexpr Duration kShortly = std::chrono::seconds(1);

/// In which layer a fault point stands.
Layer layer_of_point(std::string_view point) {
  if (point.starts_with("replay.") || point.starts_with("mirror.")) return Layer::mirror_server;
  if (point.starts_with("rd.")) return Layer::rd_driver;
  return Layer::fs_cache;
}

bool is_link_fault(FaultKind kind) {
  return kind == FaultKind::hold || kind == FaultKind::hold_one_way || kind == FaultKind::delay;
}

bool kills(FaultKind kind) {
  return kind == FaultKind::kill_node || kind == FaultKind::kill_layer ||
         kind == FaultKind::power_loss || kind == FaultKind::power_loss_all;
}

}  // namespace

void World::later(std::uint32_t ms, std::function<void()> what) {
  hand_->start_timer(loop_.now() + std::chrono::milliseconds(ms), std::move(what));
}

void World::schedule_faults() {
  for (std::size_t i = 0; i < plan_.faults.size(); ++i)
    later(plan_.faults[i].trigger.after_ms, [this, i] { activate(i); });
}

void World::activate(std::size_t fault) {
  if (healed_) return;
  faults_.at(fault).active = true;
  if (plan_.faults.at(fault).trigger.kind == Trigger::Kind::time) {
    to_carry_out_.push_back(fault);
    return;
  }
  later(kPatienceMs, [this, fault] {
    if (!faults_.at(fault).fired) to_carry_out_.push_back(fault);
  });
  if (Node* const node = nodes_.at(plan_.faults.at(fault).node).get(); node != nullptr)
    arm_points(*node);
}

/// All of a node's fault points, from the faults that wait for one.
void World::arm_points(Node& node) {
  for (const Layer layer : Node::kAll) node.host().faults(layer).disarm();
  if (healed_) return;
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    const PlannedFault& fault = plan_.faults[i];
    const FaultState& state = faults_[i];
    if (fault.node == node.index() && state.active && !state.fired &&
        fault.trigger.kind == Trigger::Kind::point) {
      node.host()
          .faults(layer_of_point(fault.trigger.point))
          .arm(fault.trigger.point, {FaultAction::kill, fault.trigger.nth, false});
    }
    if (fault.kind == FaultKind::disk_error && state.holds && fault.node == node.index()) {
      node.host()
          .faults(Layer::fs_cache)
          .arm(fault.point, {FaultAction::error, 1, true, Status::io_device_error});
    }
  }
}

/// A fault point of that layer has fired: the one that is armed no more.
void World::point_passed(Node& node, Layer layer) {
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    const PlannedFault& fault = plan_.faults[i];
    FaultState& state = faults_[i];
    if (fault.trigger.kind != Trigger::Kind::point || !state.active || state.fired) continue;
    if (fault.node != node.index() || layer_of_point(fault.trigger.point) != layer) continue;
    if (node.host().faults(layer).armed(fault.trigger.point)) continue;
    if (kills(fault.kind)) {
      node.silence();
      mark("kill at " + fault.trigger.point);
    }
    if (fault.kind == FaultKind::stop_node &&
        fault.trigger.point.find("flush") != std::string::npos)
      mark("stop in a flush");
    to_carry_out_.push_back(i);
  }
}

void World::step_taken(Node& node, Step step) {
  const auto number = static_cast<std::uint32_t>(step);
  if (step == Step::s310 && nodes_.at(1 - node.index()) == nullptr) {
    outcome_.took_over = true;
    mark("takeover");
  }
  if (step == Step::s304) taking_over_ = true;
  if (step == Step::s330) taking_over_ = false;
  if (step == Step::s336) {
    mark("giveback");
    giveback_at_ = loop_.now();
  }
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    const PlannedFault& fault = plan_.faults[i];
    FaultState& state = faults_[i];
    if (fault.trigger.kind != Trigger::Kind::step || !state.active || state.fired) continue;
    if (fault.trigger.step != number || fault.node != node.index()) continue;
    if (++state.seen == fault.trigger.nth) to_carry_out_.push_back(i);
  }
}

void World::carry_out(std::size_t index) {
  FaultState& state = faults_.at(index);
  if (std::exchange(state.fired, true) || healed_) return;
  ++outcome_.faults;
  const PlannedFault& fault = plan_.faults.at(index);
  mix(index + 1);
  if (taking_over_) mark("second failure in a takeover");
  if (lives_ > nodes_.size() && loop_.now() < rejoin_at_ + kShortly) mark("fault in a rejoin");
  if (giveback_at_ > Time(0) && loop_.now() < giveback_at_ + kShortly) mark("fault in a giveback");
  switch (fault.kind) {
    case FaultKind::power_loss:
      power_loss(fault, false);
      break;
    case FaultKind::power_loss_all:
      power_loss(fault, true);
      break;
    case FaultKind::reset:
      wire_.cut([&](const Route& route) { return link_of(route.endpoint) == fault.link; });
      break;
    case FaultKind::hold:
    case FaultKind::hold_one_way:
    case FaultKind::delay:
      carry_out_on_link(index);
      break;
    case FaultKind::disk_error:
      state.holds = true;
      if (nodes_.at(fault.node)) arm_points(*nodes_.at(fault.node));
      later(fault.ms, [this, index] {
        const std::uint32_t node = plan_.faults.at(index).node;
        faults_.at(index).holds = false;
        if (nodes_.at(node)) arm_points(*nodes_.at(node));
      });
      break;
    case FaultKind::disk_slow:
    case FaultKind::disk_hang:
    case FaultKind::disk_full:
    case FaultKind::sync_error:
      carry_out_on_disk(fault);
      break;
    case FaultKind::fence_fails:
      fence_fails_ = true;
      later(fault.ms, [this] { fence_fails_ = false; });
      break;
    default:
      carry_out_on_node(fault);
  }
}

void World::carry_out_on_node(const PlannedFault& fault) {
  Node* const node = nodes_.at(fault.node).get();
  if (node == nullptr) return;
  const std::uint32_t life = node->life();
  const auto if_it_lives = [this, index = fault.node, life](const auto& what) {
    return [this, index, life, what] {
      Node* const still = nodes_.at(index).get();
      if (still != nullptr && still->life() == life) what(*still);
    };
  };
  switch (fault.kind) {
    case FaultKind::kill_node:
      will_kill(fault.node);
      break;
    case FaultKind::kill_layer:
      node->kill_layer(fault.layer);
      break;
    case FaultKind::hang_layer:
      mark("hung layer");
      node->stop(fault.layer);
      later(fault.ms, if_it_lives([layer = fault.layer](Node& it) { it.wake(layer); }));
      break;
    case FaultKind::slow_layer: {
      node->host().executor(fault.layer).set_delay(std::chrono::milliseconds(fault.amount));
      later(fault.ms, if_it_lives([layer = fault.layer](Node& it) {
              it.host().executor(layer).set_delay(Duration(0));
            }));
      break;
    }
    case FaultKind::stop_node:
      for (const Layer layer : Node::kAll) node->stop(layer);
      later(fault.ms, if_it_lives([](Node& it) {
              for (const Layer layer : Node::kAll) it.wake(layer);
            }));
      break;
    case FaultKind::wall_jump:
      mark("wall clock jumps");
      for (const Layer layer : Node::kAll)
        node->host().executor(layer).set_wall_shift((std::int64_t{fault.amount} - 1000) *
                                                    10'000'000);
      break;
    case FaultKind::takeover:
      command(fault.node, "takeover");
      break;
    case FaultKind::giveback:
      command(fault.node, "giveback");
      break;
    case FaultKind::stop_in_order:
      node->app().stop(false);
      break;
    default:
      break;
  }
}

void World::carry_out_on_disk(const PlannedFault& fault) {
  MemoryDisk& disk = *disks_.at(fault.lun);
  switch (fault.kind) {
    case FaultKind::disk_slow:
      disk.set_delay(std::chrono::milliseconds(fault.amount));
      later(fault.ms, [&disk] { disk.set_delay(Duration(0)); });
      break;
    case FaultKind::disk_hang:
      disk.set_hung(true);
      later(fault.ms, [&disk] { disk.set_hung(false); });
      break;
    case FaultKind::disk_full:
      disk.set_free_bytes(0);
      later(fault.ms, [&disk] { disk.set_free_bytes(std::uint64_t{1} << 40); });
      break;
    case FaultKind::sync_error:
      disk.fail_next_sync();
      break;
    default:
      break;
  }
}

void World::carry_out_on_link(std::size_t index) {
  const PlannedFault& fault = plan_.faults.at(index);
  faults_.at(index).holds = true;
  if (fault.link == "interconnect" && fault.kind == FaultKind::hold) mark("interconnect only");
  later(fault.ms, [this, index] {
    faults_.at(index).holds = false;
    mark("late delivery");
    wire_.passage_changed();
  });
}

/// The machine of a node, or both with the medium, are without power. What is not synced is lost in
/// part; what the machine had in memory is lost.
void World::power_loss(const PlannedFault& fault, bool all) {
  mark(all ? "power loss of both nodes" : "power loss of one node");
  std::mt19937_64 choice(fault.seed);
  for (std::uint32_t index = 0; index < nodes_.size(); ++index) {
    if (!all && index != fault.node) continue;
    const std::uint32_t life = nodes_.at(index) ? nodes_.at(index)->life() : 0;
    for (std::uint32_t lun = 0; lun < disks_.size(); ++lun) {
      const bool its_own = life != 0 && ledger_.lun(lun).holder == life;
      if (!all && !its_own) continue;
      disks_.at(lun)->crash([&choice] { return choice() % 2 == 0; },
                            [&choice] { return std::size_t{choice() % 4}; });
    }
    dark_.at(index) = true;
    end_node(index);
    memories_.at(index).reset();
    emit({.what = What::memory_lost, .node = index, .life = life});
  }
}

std::string World::link_of(const Endpoint& endpoint) const {
  for (const NodeConfig& node : config_.nodes) {
    if (endpoint == node.interconnect) return "interconnect";
    if (endpoint == node.control) return "control";
    if (endpoint == node.address) return "clients";
  }
  return {};
}

Passage World::passage(const Route& route) const {
  Passage now;
  for (std::uint32_t node = 0; node < dark_.size(); ++node) {
    const std::string& name = config_.nodes.at(node).name;
    if (dark_.at(node) && (route.from == name || route.to == name)) now.held = true;
  }
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    const PlannedFault& fault = plan_.faults[i];
    if (!faults_[i].holds || !is_link_fault(fault.kind)) continue;
    if (link_of(route.endpoint) != fault.link) continue;
    if (fault.kind == FaultKind::delay) {
      now.delay += std::chrono::milliseconds(fault.amount);
    } else if (fault.kind == FaultKind::hold || route.from == config_.nodes.at(fault.node).name) {
      now.held = true;
    }
  }
  return now;
}

/// What a person at the command line would type; nobody reads the answer.
void World::command(std::uint32_t node, const std::string& verb) {
  scope_.spawn([](World& world, std::string endpoint, std::string what) -> Task<void> {
    const Result<std::shared_ptr<Stream>> stream = co_await world.hands_network_.connect(endpoint);
    if (!stream) co_return;
    LineStream lines(*world.hand_, *stream);
    static_cast<void>(co_await lines.write(boost::json::serialize(question(what))));
    static_cast<void>(co_await lines.read(bounds::kMaxControlLine));
  }(*this, "unix:" + config_.nodes.at(node).name, verb));
}

/// From now on nothing fails any more: whatever hangs goes on, whoever is dead is started.
void World::heal() {
  healed_ = true;
  fence_fails_ = false;
  for (FaultState& state : faults_) state.holds = false;
  for (const auto& disk : disks_) {
    disk->set_delay(Duration(0));
    disk->set_hung(false);
    disk->set_free_bytes(std::uint64_t{1} << 40);
  }
  for (std::uint32_t index = 0; index < nodes_.size(); ++index) {
    Node* const node = nodes_.at(index).get();
    if (node == nullptr) {
      restart_later(index);
      continue;
    }
    arm_points(*node);
    for (const Layer layer : Node::kAll) {
      node->host().executor(layer).set_delay(Duration(0));
      node->wake(layer);
    }
  }
  wire_.passage_changed();
}

}  // namespace understudy::sim
