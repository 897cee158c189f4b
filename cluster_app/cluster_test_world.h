// Two nodes of a cluster in one process, for the tests of membership: the real cluster_app of each
// over virtual time, layers that only answer orders and write down what they were told, and a
// medium that is a few variables.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "cluster_app/answer.h"
#include "cluster_app/cluster_app.h"
#include "cluster_app/line_stream.h"
#include "iomgr/local/local_host.h"

namespace understudy::testing_world {

/// What outlives the nodes.
struct FakeMedium {
  struct Lun {
    std::uint64_t epoch = 0;
    std::uint32_t mirror = 0;             // as in the `applied` slot: index + 1
    std::optional<std::uint32_t> holder;  // who holds the lock
  };
  std::map<std::uint32_t, Lun> luns;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, MailboxSlot>
      mailbox;  // by LUN, area, node
};

struct World;

/// What the tests turn to make layers behave.
struct LayerState {
  bool interconnect = true;   // rd_driver: connected
  std::uint64_t records = 0;  // mirror_server: operations of the partner
  bool answers_pings = true;
  std::uint64_t storage_oldest_ms = 0;
  std::uint32_t storage_failing = 0;
  std::set<std::uint32_t> lost_mailboxes;  // LUNs to whose medium there is no way ...
  bool medium_hangs = false;               // ... or none of them ever answers
  bool degrades = true;         // ff_driver: writes what it had mirrored when the mirror hangs up
  bool detaches = true;         // ff_driver: not while the medium refuses what is to be flushed
  bool lets_copies_in = false;  // mirror_server: listens
  Status replay_status = Status::success;
  Status mount_status = Status::success;
  Status serve_status = Status::success;
  std::set<std::string> stands_by;  // netstack: addresses
};

class FakeLayer : public Driver {
 public:
  FakeLayer(Layer layer, Seams seams, World& world, std::uint32_t node);
  ~FakeLayer() override { cancel_all(); }
  void tell_storage_error(std::uint32_t lun, Status status);

 private:
  Task<Status> cluster(Irp& irp);
  Status fs_cache(Irp& irp);
  Task<Status> mailbox(Irp& irp);
  Task<Status> ff_driver(Irp& irp);
  Status mirror_server(Irp& irp);
  void take_partner(const Irp& irp);
  Status netstack(const Irp& irp);
  void report(Irp& irp) const;
  LayerState& state() const;
  void note(const std::string& what) const;

  World& world_;
  const std::uint32_t node_;
};

class FakeFence : public Fence {
 public:
  FakeFence(World& world, std::uint32_t node) : world_(world), node_(node) {}
  std::string machine() const override { return "here"; }
  bool proven_dead(const std::string& node) override;
  bool memory_survives(const std::string& node) override;
  void watch(const NodeIncarnation& node, std::function<void()> died) override;
  void unwatch() override { died_ = nullptr; }
  Task<FenceResult> fence(NodeIncarnation node) override;
  void tell_death() {
    if (const auto tell = std::exchange(died_, nullptr)) tell();
  }

 private:
  World& world_;
  const std::uint32_t node_;
  std::function<void()> died_;
};

struct Node {
  Node(World& world, std::uint32_t index);
  LocalHost host;
  std::map<Layer, std::unique_ptr<FakeLayer>> layers;
  FakeFence fence;
  std::unique_ptr<ClusterApp> app;
};

struct World {
  explicit World(std::uint64_t seed = 0);

  void start(std::uint32_t node) { nodes.at(node) = std::make_unique<Node>(*this, node); }
  void start_both();
  /// kill -9 of all processes of the node.
  void kill(std::uint32_t node);
  /// The control link, for both directions.
  void cut_network();
  void restore_network() { wire.refuse = false; }
  /// On every path: all that a node does that is cut off, stopped, or dead unseen.
  void silence(std::uint32_t node);
  void cut_interconnect() { state[0].interconnect = state[1].interconnect = false; }
  /// What mirror_server tells when the partner's medium has refused a write.
  void tell_storage_error(std::uint32_t node, std::uint32_t lun, Status status);
  /// `node` says who it is to `other`, and nothing more.
  void connect_as_mute(std::uint32_t node, std::uint32_t other, std::uint64_t incarnation);
  /// Looks every 20 ms of virtual time, for a minute.
  bool eventually(const std::function<bool()>& done);
  void run_for_ms(int ms) { loop.run_for(std::chrono::milliseconds(ms)); }

  /// What the command line would ask; the answer, or an empty object.
  json::object ask(std::uint32_t node, json::object command);
  json::object status(std::uint32_t node);
  bool serves(std::uint32_t node, std::uint32_t lun);
  bool up(std::uint32_t node) { return text_of(status(node), "state") == "up"; }
  std::uint64_t incarnation(std::uint32_t node) { return nodes.at(node)->app->incarnation(); }
  /// What the node's layers were told since the last call, and fences.
  std::vector<std::string> take_journal(std::uint32_t node) {
    return std::exchange(journal.at(node), {});
  }

  VirtualLoop loop;
  Wire wire;
  ClusterConfig config;
  std::array<std::string, 2> keys = {std::string(64, 'k'), std::string(64, 'k')};
  FakeMedium medium;
  std::array<LayerState, 2> state;
  std::array<std::vector<std::string>, 2> journal;
  std::array<std::optional<int>, 2> exit_code;
  std::array<std::string, 2> exit_reason;
  bool fence_works = true;
  bool memory_survives = false;
  bool deaths_are_provable = true;
  bool death_is_seen = true;
  int starts = 0;
  std::array<std::unique_ptr<Node>, 2> nodes;
  std::unique_ptr<Executor> person;
  LocalNetwork persons_network;
  TaskScope mutes;
};

}  // namespace understudy::testing_world
