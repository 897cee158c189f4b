// The SMB2/3 server driver: the top of a node's stack. What clients say over TCP becomes IRPs to
// ff_driver, and the completions become what they are told. It knows no mirroring: an IRP that
// completes is one that may be acknowledged (docs/contracts.md).
//
// Orders of cluster_app (Major::cluster): ping, serve, unserve.
// Invariant: at most kMaxOutstandingNetstack IRPs are in flight; payload lies in netstack's region
// of the arena and stays where it is until its IRP has completed.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "iomgr/driver.h"
#include "netstack/buffer_pool.h"
#include "netstack/server.h"
#include "netstack/smb2/session.h"

namespace understudy {

std::unique_ptr<Driver> make_netstack(Seams seams);

class Netstack : public Driver {
 public:
  using SessionTable = std::map<std::uint64_t, std::shared_ptr<smb2::Session>>;

  explicit Netstack(Seams seams);

  // For the parts of netstack.
  using Driver::executor;
  using Driver::log;
  Random& random() { return seams().random; }
  /// Arena memory, always taken in this order (buffer_pool.h).
  BufferPool& requests() { return requests_; }
  BufferPool& replies() { return replies_; }
  BufferPool& scratch() { return scratch_; }

  /// A new IRP for the LUN behind the tree, in the name of its session.
  Irp irp(Major major, const smb2::Tree& tree);
  Irp irp(SetMinor minor, const smb2::Tree& tree);
  /// Sends the IRP to ff_driver and waits for its completion.
  Task<Status> ask(Irp& irp);

  /// The same for an IRP that fs_cache keeps until something happens; such IRPs have places of
  /// their own. STATUS_INSUFFICIENT_RESOURCES: there are too many. STATUS_CANCELLED: see cancel().
  Task<Status> pend(Irp& irp);
  /// Completes a pended IRP; if it has completed already, nothing happens.
  void cancel(std::uint32_t lun, std::uint64_t irp_id);

  /// From now on clients are told of breaks of oplocks and leases on the LUN, until it is
  /// dismounted.
  void hear_breaks(std::uint32_t lun);

  /// All sessions of all connections, by id.
  SessionTable& sessions() { return sessions_; }
  std::uint64_t new_session_id();
  /// What is known of opens beyond their sessions.
  smb2::OpenTable& opens() { return opens_; }

  /// Runs a coroutine that nobody awaits. It may hold buffers and use all of netstack.
  void run(Task<void> task) { tasks_.spawn(std::move(task)); }

  void exchange_began() { ++exchanges_; }
  void exchange_ended() { --exchanges_; }
  /// Taken by each connection, so that there are at most kMaxConnections.
  Credits& connection_slots() { return connection_slots_; }
  /// Taken by each named pipe that is open.
  Credits& pipe_slots() { return pipe_slots_; }
  /// Whether anybody waits for memory that others hold.
  bool short_of_memory() const { return requests_.waited_for() || replies_.waited_for(); }

 private:
  Task<void> tell_breaks(std::uint32_t lun);
  Task<Status> order(Irp& irp);
  void report(Irp& irp) const;
  Status serve(const Irp& irp);
  Status stand_by(const Endpoint& address);
  Task<Status> unserve(const Irp& irp);

  BufferPool requests_;
  BufferPool replies_;
  BufferPool scratch_;
  Credits irp_slots_;
  std::uint32_t pended_ = 0;
  std::set<std::uint32_t> heard_;  // LUNs
  Credits connection_slots_;
  Credits pipe_slots_;
  std::uint64_t exchanges_ = 0;
  std::map<Endpoint, std::shared_ptr<Server>> servers_;
  std::map<Endpoint, std::shared_ptr<Listener>> standbys_;  // that nobody is accepted from yet
  smb2::OpenTable opens_;                                   // before what has places in it
  SessionTable sessions_;
  TaskScope tasks_;  // last: its coroutines go before what they use
};

}  // namespace understudy
