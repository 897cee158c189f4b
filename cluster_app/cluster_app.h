// The cluster server application (110 in FIG. 2) as a driver: it watches its node's five layers and
// the partner, and decides who owns which LUN (FIG. 3). Everything it knows of the world comes
// through Seams and Fence, so a whole cluster can run in one process.
//
// Files: watch.cpp (layers, partner: STEP 302), mailbox.cpp (the third path), suspicion.cpp (before
// the partner is blamed), orders.cpp (what it tells the layers), ownership.cpp (take and give up
// LUNs), takeover.cpp (FIG. 3 from STEP 304 on), leaving.cpp (the end in order), answers.cpp (what
// the partner and the command line ask), node_status.cpp.
//
// Invariant: a LUN is taken only while its phase here is `none` and the partner is known not to
// have it: by its own heartbeat, by its giving it up, or by its confirmed death.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster_app/command_server.h"
#include "cluster_app/config.h"
#include "cluster_app/fence.h"
#include "cluster_app/mailbox_watch.h"
#include "cluster_app/membership.h"
#include "cluster_app/peer_link.h"
#include "iomgr/driver.h"

namespace understudy {

struct NodeSettings {
  ClusterConfig config;
  std::uint32_t self = 0;     // index of this node
  std::string cluster_key;    // hexadecimal
  std::string accounts;       // text of the accounts file
  Endpoint command_endpoint;  // where the command line asks
  std::vector<NodeProcess> processes;
  bool memory_is_kept = true;  // for the next start, after an end that is not in order
};

class ClusterApp : public Driver {
 public:
  ClusterApp(Seams seams, NodeSettings settings, Fence& fence);
  ~ClusterApp() override { cancel_all(); }

  void start() override;
  std::uint64_t incarnation() const { return incarnation_; }
  /// The accounts file has changed.
  void set_accounts(std::string text);
  /// Ends the node in order: LUNs flushed and given up. The partner takes them over, unless the
  /// whole cluster stops.
  void stop(bool whole_cluster);
  /// The node is lost: a layer died.
  void fail(const std::string& why) { end(1, why); }

  /// The node has ended: 0 in order, 1 failed and why. Called once; nothing of this object may be
  /// used by the caller's stack afterwards, but it must not be destroyed before the call returns.
  std::function<void(int exit_code, const std::string& why)> on_end;

 private:
  /// A write and read of a LUN's medium that proves our path to it.
  struct Proof {
    explicit Proof(Executor& executor) : over(executor) {}
    Event over;
    Status status = Status::pending;
    std::uint32_t mirror = 0;  // as in MailboxParameters
  };
  struct MailboxArea {
    std::uint32_t lun;
    std::uint32_t file;
  };
  struct OwnLun {
    LunPhase phase = LunPhase::none;
    std::uint64_t epoch = 0;
    bool seen_at_partner = false;  // in this incarnation: our mirror store has what it lacks
    Time promised_until{0};        // given to the partner: not ours to settle before
    Time retry_at{0};              // after a failure to take it
    std::string problem;           // why we could not take it
    std::shared_ptr<Proof> proof;  // under way
  };
  struct LayerWatch {
    LayerReport report{};
    bool asked = false;
    std::uint32_t missed = 0;  // rounds of the watchdog without an answer
    std::uint64_t answers = 0;
  };
  enum class Planned { takeover, giveback };
  struct Takeover {
    std::string from;
    std::string by;
    std::uint64_t operations_replayed = 0;
    std::int64_t milliseconds = 0;
    std::size_t luns = 0;
    FileTime time = 0;
  };

  // watch.cpp
  Task<void> join_cluster();
  Task<Status> introduce_partner();
  std::string partner_order(std::string_view member, const Endpoint& endpoint) const;
  Task<void> await_partner();
  Task<void> monitor();
  void look_at_ownership();
  void look_at_standing_by();
  Task<void> ping_always(Layer layer);
  Task<void> watchdog();
  Health own_health() const;
  void take_event(const Irp& irp);
  bool peer_connected(const PeerIdentity& peer);
  void peer_disconnected();
  bool peer_heard(const json::object& message);
  Heartbeat own_heartbeat() const;

  // mailbox.cpp
  MailboxArea mailbox_area(std::size_t area) const;
  MailboxParameters own_word();
  Task<Status> exchange(MailboxArea area, MailboxParameters& word);
  Task<void> write_mailbox_always(std::size_t area);
  Task<bool> can_reach(std::uint32_t lun);
  Task<std::shared_ptr<Proof>> proof_of(std::uint32_t lun);
  Task<void> prove(std::uint32_t lun, std::shared_ptr<Proof> proof);

  // suspicion.cpp
  std::string hold_reason(const Failure& failure);
  Task<std::optional<std::uint32_t>> unreachable_lun();
  Task<void> weigh_suspicion();
  Task<bool> await_permission();

  // orders.cpp
  Task<Status> order(Layer layer, Irp& irp, std::string payload);
  Task<Status> order_lun(Layer layer, ClusterMinor minor, std::uint32_t lun);
  Task<Status> mount(std::uint32_t lun, bool accept_loss, Irp& mounted);
  std::string offer_at(std::uint32_t home) const;
  bool should_stand_by(std::uint32_t home) const;
  Task<Status> offer();
  Task<void> stand_by();
  void offer_later();
  Task<void> offer_again();

  // ownership.cpp
  Task<Status> take(std::uint32_t lun, std::uint64_t& operations_replayed);
  Task<bool> partner_has_no_copies();
  void warn_of_loss(std::uint32_t lun, const NodeConfig& mirror);
  Task<Status> mount_patiently(std::uint32_t lun, Irp& mounted);
  Task<Status> replay_patiently(std::uint32_t lun, const Irp& mounted,
                                std::uint64_t& operations_replayed);
  Task<void> settle(std::uint32_t lun);
  Task<Status> give_up(std::uint32_t lun);
  void set_phase(std::uint32_t lun, LunPhase phase);

  // takeover.cpp
  Task<void> fail_over();
  Task<bool> fence_partner();
  Task<void> run_fence(NodeIncarnation victim);
  bool is_fenced(const NodeIncarnation& victim);
  void say_what_fence_awaits();
  Task<void> take_over(std::vector<std::uint32_t> luns, Time since);
  Task<json::object> take_from_partner(std::vector<std::uint32_t> luns, Planned planned);
  Task<Takeover> take_all(std::vector<std::uint32_t> luns, Time since);
  Task<void> give_back_at_rejoin();

  // leaving.cpp
  Task<void> stop_in_order(bool whole_cluster);
  bool holds_any() const;
  bool partner_holds_any() const;
  Task<void> give_up_all();
  Task<void> lose_patience();
  Task<void> say_goodbye();
  Task<bool> turn_away_partner();
  Task<bool> is_needed();
  Task<void> take_orphans();

  // answers.cpp
  Task<json::object> answer_partner(json::object asked);
  Task<json::object> answer_command(json::object command);
  Task<json::object> command_takeover(json::object command);
  Task<json::object> order_takeover();
  Task<json::object> command_giveback();
  Task<json::object> release(const json::object& asked);
  Task<json::object> take_for_partner(const json::object& asked);
  Task<json::object> count_copies();
  std::vector<std::uint32_t> luns_from(const json::object& asked) const;
  std::string lun_names(const std::vector<std::uint32_t>& luns) const;

  // node_status.cpp
  Task<void> refresh_reports();
  json::object status() const;
  std::string awaited() const;
  std::string warning() const;

  bool interconnect_up() const { return watch(Layer::rd_driver).report.mirroring != 0; }
  bool mirroring() const {
    return interconnect_up() && watch(Layer::ff_driver).report.mirroring != 0;
  }
  bool partner_gone() const;
  const NodeConfig& self() const { return config_.nodes.at(settings_.self); }
  const NodeConfig& partner() const { return config_.partner_of(settings_.self); }
  std::uint32_t partner_index() const { return ClusterConfig::kNodes - 1 - settings_.self; }
  LayerWatch& watch(Layer layer) { return watches_.at(static_cast<std::size_t>(layer)); }
  const LayerWatch& watch(Layer layer) const {
    return watches_.at(static_cast<std::size_t>(layer));
  }
  void end(int exit_code, const std::string& why);

  const NodeSettings settings_;
  const ClusterConfig& config_ = settings_.config;
  Fence& fence_;
  const std::uint64_t incarnation_;
  std::string accounts_;
  NodeState state_ = NodeState::starting;
  bool ended_ = false;
  std::uint64_t told_goodbye_ = 0;  // the partner's incarnation that has answered
  bool cluster_stops_ = false;      // the partner said that all stop: no takeover ...
  Time cluster_stops_until_{0};     // ... but we were not told to by then
  bool failing_over_ = false;
  bool weighing_ = false;                 // weigh_suspicion() runs ...
  Time weigh_again_at_{0};                // ... and not again before
  std::string held_back_;                 // why a failed partner is not taken over from
  bool ordered_ = false;                  // the operator has ordered the takeover that is held back
  bool partner_off_ = false;              // the operator's word, before the partner was ever heard
  bool fencing_ = false;                  // run_fence() runs
  std::uint64_t fenced_incarnation_ = 0;  // what it has confirmed
  std::string fence_problem_;             // why the last attempt confirmed nothing
  Time fence_again_at_{0};
  bool operator_says_off_ = false;      // while a fence is awaited
  std::vector<Time> takeovers_;         // within the last hour, those that nobody ordered
  int taking_over_ = 0;                 // take_over() runs, so many times
  bool giveback_due_ = false;           // auto_giveback, once after a start
  std::optional<Time> offer_again_at_;  // netstack could not serve all that is taken
  Time absent_until_{0};  // a partner that was not there at our start has until then to come
  std::vector<OwnLun> luns_;
  std::array<LayerWatch, kLayers> watches_;
  std::array<std::string, ClusterConfig::kNodes>
      offered_;  // the `serve` in force for each node's address
  std::array<bool, ClusterConfig::kNodes> standing_by_{};  // where nothing is offered
  std::string awaiting_;
  std::string offer_problem_;  // why netstack does not serve an address
  std::optional<Takeover> last_takeover_;
  Membership membership_;
  MailboxWatch mailbox_;
  std::uint64_t words_ = 0;  // written into mailboxes
  RegionAllocator payload_;
  Event ping_now_;
  Event ping_answered_;
  Event joined_;          // we know whether the partner is there
  Event wake_;            // something that the monitor should look at
  Event operator_spoke_;  // a takeover was ordered
  Event fence_news_;      // an attempt has ended, or the operator confirms that the partner is off
  Event failover_over_;
  Event phase_changed_;
  Credits offer_turn_;
  PeerLink link_;
  CommandServer commands_;
};

std::unique_ptr<ClusterApp> make_cluster_app(Seams seams, NodeSettings settings, Fence& fence);

}  // namespace understudy
