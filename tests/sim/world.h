// The world of one history: two nodes, their media, their clients and everything between them, in
// one process on virtual time. It runs a plan from the start of the cluster to its orderly end,
// carries out the faults, and shows every event to the checkers. It is a function of the plan.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "iomgr/local/local_network.h"
#include "tests/sim/checkers/rules.h"
#include "tests/sim/client.h"
#include "tests/sim/node.h"
#include "tests/sim/plan.h"

namespace understudy::sim {

/// What became of a history.
struct Outcome {
  std::vector<Finding> findings;
  std::uint64_t hash = 0;  // of everything that happened
  std::size_t operations = 0;
  std::size_t faults = 0;  // that really happened
  bool took_over = false;
  std::map<std::string, std::uint64_t, std::less<>> marks;  // see coverage.h
  std::deque<Request> requests;
  Duration virtual_time{0};
};

class World {
 public:
  /// `on_event` hears of every event, for the trace file and for people.
  explicit World(Plan plan, std::function<void(const Event&)> on_event = nullptr);
  ~World();

  /// For recordings: every trace point; and every broken rule at once, with the event at which it
  /// was seen.
  std::function<void(Node& node, const TraceEntry& entry, const Irp& irp)> on_point;
  std::function<void(const Finding& finding, const Event& event)> on_finding;

  /// From the start of the cluster to its end, or to the first broken rule.
  Outcome run();

  // What nodes and clients need of it.
  VirtualLoop& loop() { return loop_; }
  Wire& wire() { return wire_; }
  const Plan& plan() const { return plan_; }
  const ClusterConfig& config() const { return config_; }
  Node* node(std::uint32_t index) { return nodes_.at(index).get(); }
  std::uint32_t index_of(const std::string& node) const { return *config_.node_index(node); }
  std::shared_ptr<MemoryDisk> disk_at(const std::string& path) const;
  /// What outlives the node's processes; null before its first start and after a loss of power.
  const LocalMemory* memory(std::uint32_t index) const { return memories_.at(index).get(); }
  bool memory_survives(std::uint32_t node) const { return memories_.at(node) != nullptr; }
  bool fence_fails() const { return fence_fails_; }
  std::string address_of_lun(std::uint32_t lun) const {
    return config_.nodes.at(config_.luns.at(lun).owner).address;
  }
  std::string share_of_lun(std::uint32_t lun) const { return config_.luns.at(lun).share; }

  // What nodes tell it, from within.
  void observe(Node& node, const TraceEntry& entry, const Irp& irp);
  void point_passed(Node& node, Layer layer);
  void node_ended(Node& node, int exit_code, const std::string& why);
  void will_kill(std::uint32_t node);
  void fence_refused() { mark("fence not confirmed"); }

  // What clients tell it.
  std::uint64_t next_request() const { return ledger_.requests().size() + 1; }
  void next_request_opens(std::string path) { next_.path = std::move(path); }
  void next_request_reads(std::uint64_t offset, std::uint64_t length) {
    next_.offset = offset;
    next_.length = length;
    next_.is_read = true;
  }
  void next_request_lists() { next_.is_listing = true; }
  std::uint64_t request_sent(std::uint32_t client, std::uint32_t lun, std::uint64_t session,
                             smb2::Command command, std::string text);
  void request_over(std::uint64_t request, const SmbAnswer& answer);

 private:
  // world.cpp
  void start_node(std::uint32_t index);
  void end_node(std::uint32_t index);
  void restart_later(std::uint32_t index);
  bool attend();
  bool run_until(const std::function<bool()>& done, Duration limit);
  bool settled() const;
  void heal();
  void stop_cluster();
  void read_everything();
  void no_progress(const std::string& what);

  // observe.cpp
  void emit(Event event);
  void judge(const Event& event);
  void tell_findings(const Event& event);
  void note_marks(const Event& event);
  void observe_netstack(const Event& base, const TraceEntry& entry, const Irp& irp);
  void observe_ff_driver(const Event& base, const TraceEntry& entry, const Irp& irp);
  void observe_fs_cache(Node& node, const Event& base, const TraceEntry& entry, const Irp& irp);
  void observe_rd_driver(const Event& base, const TraceEntry& entry, const Irp& irp);
  void observe_mirror_server(Node& node, const Event& base, const TraceEntry& entry);
  void observe_disk(std::uint32_t lun, MemoryDisk::Touch touch, const MemoryMedium& medium);
  std::optional<Effects> effects_of(Node& node, const Irp& irp) const;
  std::vector<Place> copies_of(Node& node, std::uint32_t lun);
  void mix(std::uint64_t value);

  // faults.cpp
  void schedule_faults();
  void activate(std::size_t fault);
  void arm_points(Node& node);
  void step_taken(Node& node, Step step);
  void carry_out(std::size_t fault);
  void carry_out_on_node(const PlannedFault& fault);
  void carry_out_on_disk(const PlannedFault& fault);
  void carry_out_on_link(std::size_t fault);
  void power_loss(const PlannedFault& fault, bool all);
  void later(std::uint32_t ms, std::function<void()> what);
  Passage passage(const Route& route) const;
  std::string link_of(const Endpoint& endpoint) const;
  void mark(const std::string& name) { ++outcome_.marks[name]; }
  void command(std::uint32_t node, const std::string& verb);

  const Plan plan_;
  const std::function<void(const Event&)> on_event_;
  VirtualLoop loop_;
  Wire wire_;
  ClusterConfig config_;
  std::vector<std::shared_ptr<MemoryDisk>> disks_;
  std::array<std::shared_ptr<LocalMemory>, ClusterConfig::kNodes> memories_;
  std::array<bool, ClusterConfig::kNodes> dark_{};  // no power: nothing passes to or from it
  Ledger ledger_;
  Findings findings_;
  std::size_t told_findings_ = 0;  // by on_finding
  Outcome outcome_;
  std::unique_ptr<VirtualExecutor> hand_;  // what the world itself does, in its turn
  LocalNetwork hands_network_;
  std::uint32_t lives_ = 0;
  std::array<std::unique_ptr<Node>, ClusterConfig::kNodes> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;

  std::array<std::optional<int>, ClusterConfig::kNodes> exit_codes_;
  std::set<std::uint32_t> to_kill_;
  std::vector<std::size_t> to_carry_out_;
  struct FaultState {
    bool active = false;
    bool fired = false;
    std::uint32_t seen = 0;
    bool holds = false;  // of a fault on a link: it is in force
  };
  std::vector<FaultState> faults_;
  std::uint64_t steps_ = 0;
  std::uint64_t copies_bytes_ = 0;  // set with copies_of: of all LUNs
  bool healed_ = false;
  bool stopping_ = false;
  bool fence_fails_ = false;
  bool taking_over_ = false;  // between STEPs 304 and 330
  Time rejoin_at_{0};
  Time giveback_at_{0};

  /// The last request that a client sent in a session, while no IRP of its own has been seen.
  struct LastRequest {
    std::uint64_t id = 0;
    bool is_close = false;
  };
  std::map<std::uint32_t, LastRequest> last_of_session_;
  Request next_;
  TaskScope scope_;
};

}  // namespace understudy::sim
