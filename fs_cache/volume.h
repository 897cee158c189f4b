// One mounted LUN: its names, opens, unwritten operations and its medium. What the handlers of
// fs_cache do is here, one file for each group of operations.
//
// An operation has two phases. First it finds and loads what it needs and reserves its place in the
// log; it may wait there, and after each wait it looks again, for everything may have changed.
// Then, without waiting, it decides, takes the next LSN, writes its record and changes the memory:
// so an operation is either in the log and in memory, or it has failed and is in neither (rule 3).
//
// Invariants: memory = medium + log. LSNs rise by one, across epochs. durable_ <= LSN of everything
// in the log.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "fs_cache/lazy_writer.h"
#include "fs_cache/namespace.h"
#include "fs_cache/pended.h"
#include "fs_cache/streams.h"
#include "fs_cache/unwritten_cache.h"
#include "fs_cache/watched_medium.h"
#include "iomgr/seams.h"

namespace understudy {

struct FlushPlan;
enum class CreateAction : std::uint32_t;
enum class MediumHolds;

struct VolumeOptions {
  std::uint32_t lun = 0;
  LazyWriterOptions lazy_writer = {};
  bool late_write_times = false;                        // see late_write_time.h
  std::size_t max_objects = bounds::kMaxCachedObjects;  // kept in memory if they need not be
};

/// The create GUID and the client GUID of a durable open.
using OpenGuids = std::array<std::uint8_t, 32>;

class Volume {
 public:
  using Operation = Task<Status> (Volume::*)(Irp&);

  Volume(const Seams& seams, std::shared_ptr<LogSpace> space, std::unique_ptr<Medium> medium,
         VolumeOptions options);
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  // cluster_app's and ff_driver's orders (volume.cpp). One at a time.
  /// STEP 310, 312. STATUS_DEVICE_NOT_READY: another node's memory may hold acknowledged operations
  /// that the medium lacks.
  Task<Status> mount(Irp& irp);
  Task<Status> dismount(Irp& irp);
  /// STEP 318: everything durable, and an `applied` slot that names no mirror.
  Task<Status> degrade(Irp& irp);
  Task<Status> new_epoch(Irp& irp);

  /// Takes in one mirrored record of a node that failed (STEP 314).
  Task<Status> replay(Irp& irp);

  /// Runs one operation of a client; `irp` completes with lsn, epoch, record and shows.
  Task<Status> serve(Irp& irp, Operation operation);
  Task<Status> create(Irp& irp);
  /// A client takes back the durable open that it had (durable.cpp).
  Task<Status> reclaim(Irp& irp);
  Task<Status> close(Irp& irp);
  Task<Status> read(Irp& irp);
  Task<Status> write(Irp& irp);
  Task<Status> query_information(Irp& irp);
  Task<Status> set_information(Irp& irp);
  Task<Status> query_directory(Irp& irp);
  Task<Status> query_volume(Irp& irp);
  Task<Status> fetch_changes(Irp& irp);
  Task<Status> lock(Irp& irp);
  Task<Status> unlock(Irp& irp);
  /// Of one open. `shows` is what ff_driver has to see on the medium before the client gets its
  /// answer.
  Task<Status> flush_buffers(Irp& irp);
  /// Of the whole LUN; also how a replay ends, so it is no client's operation.
  Status flush_all(Irp& irp) const;

  /// Runs what only concerns open handles: it may wait as long as it likes, and shows nothing.
  Task<Status> control(Irp& irp, Operation operation);
  Task<Status> wait_for_change(Irp& irp);
  Task<Status> wait_for_lock(Irp& irp);
  Task<Status> acknowledge_break(Irp& irp);
  Task<Status> next_break(Irp& irp);
  Task<Status> wait_until_settled(Irp& irp);
  /// STATUS_NOT_FOUND: it has completed already.
  Task<Status> cancel(Irp& irp);

  /// The second pass (flush.cpp, STEP 414): everything up to irp.lsn, or more, is durable when it
  /// completes; irp.lsn says how much. After a failure nothing is forgotten: the next pass writes
  /// all of it again from the log.
  Task<Status> lazy_write(Irp& irp);

  /// Ends the durable opens whose clients stay away, by closes that take the way of any operation.
  /// Runs until the volume is dismounted, which it must outlive.
  Task<void> run_keeper(std::function<Task<Status>(std::uint64_t open)> send_close);

  std::uint32_t lun() const { return options_.lun; }
  const UnwrittenCache& unwritten() const { return cache_; }
  std::size_t opens() const { return opens_.size(); }
  LazyWriter& lazy_writer() { return lazy_writer_; }

  struct CreateRequest;

 private:
  struct Logged {
    Lsn lsn;
    ConstBytes data;
  };

  // volume.cpp
  Task<Status> take_ownership(Irp& irp);
  Task<Status> claim_next_epoch(Ownership owner);
  void show_books();
  Task<Status> begin_serving();
  Task<void> close_everything();
  Task<Result<Reservation>> reserve_for_replay(std::size_t bytes);
  /// STATUS_FILE_CLOSED if it is not there, or not there any more.
  Result<Open*> find_open(const Irp& irp);
  Task<Result<Reservation>> reserve(std::size_t names, std::size_t data);
  /// Makes the operation happen: from here on it has an LSN, a record, and cannot fail.
  Logged commit(Irp& irp, Reservation reservation, RecordHeader effect, std::string_view name = {},
                std::string_view target_name = {}, ConstBytes data = {},
                const std::vector<Property>& properties = {});
  static RecordHeader effect_on(Effect effect, ObjectId object, const ObjectState& after);
  static void changed_entries(Node& directory, FileTime time);
  ObjectId new_object_id();
  static void show(Irp& irp, Lsn lsn) { irp.shows = std::max(irp.shows, lsn); }
  FileTime now() const { return seams_.executor.wall_time(); }

  // create.cpp
  Result<CreateRequest> parse_create(const Irp& irp) const;
  static Status parse_properties(ConstBytes bytes, CreateRequest& request);
  Status check_create(const CreateRequest& request, const Walk& walk) const;
  Status check_existing(const CreateRequest& request, const Walk& walk) const;
  void finish_create(Irp& irp, const CreateRequest& request, const Walk& walk,
                     const NodeProperties& properties, Reservation reservation);
  std::size_t room_for_create(const CreateRequest& request, const Walk& walk,
                              const NodeProperties& properties) const;
  RecordHeader make_object(const CreateRequest& request, Node& parent,
                           const NodeProperties& properties, Link*& link);
  RecordHeader overwrite(const CreateRequest& request, Node& node,
                         const NodeProperties& properties);
  Open& add_open(const CreateRequest& request, std::uint32_t access, Node& node, Link* link,
                 Link* file_link = nullptr);
  void answer_create(Irp& irp, Open& open, CreateAction action, std::uint32_t maximal);

  // create_stream.cpp
  Status check_stream(const CreateRequest& request, const Walk& walk) const;
  void finish_create_stream(Irp& irp, const CreateRequest& request, const Walk& walk,
                            const NodeProperties& properties, Reservation reservation);
  Link& make_stream(Irp& irp, const CreateRequest& request, Node& file, Link* file_link,
                    Reservation reservation);
  Link& make_file_with_stream(Irp& irp, const CreateRequest& request, Node& parent,
                              const NodeProperties& properties, Reservation reservation,
                              Link*& file_link);
  void overwrite_stream(Irp& irp, Node& stream, Reservation reservation);
  void streams_removed(Node& file, const Link* file_link, const std::vector<GoneStream>& gone,
                       Lsn lsn);

  // streams.cpp
  Task<Status> query_streams(Irp& irp);
  Task<Status> close_stream(Irp& irp);
  void remove_stream(Irp& irp, Link& stream, const Link* file_link, Reservation reservation);
  static bool touch_file(RecordHeader& effect, const Open& open);
  static void file_touched(Node& stream, const RecordHeader& effect, Lsn lsn);

  // rename_stream.cpp
  Task<Status> rename_stream(Irp& irp, const Path& path);
  Status check_stream_target(const Irp& irp, const Open& open, const Path& path,
                             const Link* target) const;
  void put_stream_name(Irp& irp, Open& open, Link* replaced, const std::string& name,
                       Reservation reservation);
  void become_default(Irp& irp, Open& open, Reservation reservation);

  // security.cpp
  Task<Status> load_properties(ObjectId object);
  Task<Status> query_security(Irp& irp);
  Task<Status> query_extended(Irp& irp);
  Task<Status> set_security(Irp& irp);
  Task<Status> set_extended(Irp& irp);
  void set_properties(Irp& irp, Open& open, std::uint32_t what, NodeProperties properties,
                      Reservation reservation);

  // close.cpp
  void leave(Open& open);
  RecordHeader show_write(Node& node);
  void end_open(Irp& irp, Open& open, bool deletes, Open* heir, Reservation reservation,
                const std::optional<RecordHeader>& written);
  void remove_name(Irp& irp, Link& link, Reservation reservation,
                   const std::vector<GoneStream>& streams = {},
                   const std::vector<Property>& properties = {});

  // durable.cpp
  void grant_durable(Irp& irp, const CreateRequest& request, Open& open);
  OpenState state_of(const Open& open) const;
  /// Bytes that its property takes in a record, and one lock more; 0 if it is not durable.
  static std::size_t room_for_state(const Open& open);
  void note_open(Irp& irp, const Open& open, Reservation reservation);
  /// In one record, with what happens `beside` it.
  void note_opens(Irp& irp, const std::vector<const Open*>& opens, std::vector<Property> properties,
                  Reservation reservation, const std::optional<RecordHeader>& beside = {});
  static Open* heir(const Link& link, const Open* but);
  Status check_reclaim(const Open& open, const DurableRequest& request, const Caching& lease,
                       std::string_view path) const;
  bool goes_by(const Open& open, std::string_view path) const;
  void give_back(Irp& irp, Open& open);
  Status give_back_replayed(Irp& irp, Open& open, const DurableRequest& request);

  // kept_opens.cpp
  bool keep_open(Open& open);
  void disconnect(Open& open, Time guarded);
  void keep_no_more(const Open& open);
  void want_back(Open& open);
  static bool is_own(const Open& open, const DurableRequest& who);
  Status check_asker(const Irp& irp, const Open& open) const;
  void want_back_soon(Open& open);
  bool break_own_orphan(Oplock& oplock, const DurableRequest& who);
  bool wait_for_own_client(const CreateRequest& request, const Node& node);
  bool is_orphaned(const Oplock& oplock) const;
  void give_up_break(Oplock& oplock);
  void stop_timer(Oplock& oplock);
  void break_orphan(const std::shared_ptr<Oplock>& oplock, std::uint8_t to);
  void end_orphan(Oplock& oplock);
  static bool is_wanted(const Node& node);
  Open* find_kept(const DurableRequest& request);
  const Node* end_app_instance(const DurableRequest& request);

  // restore_opens.cpp
  Task<Status> restore_opens();
  Task<Status> restore_open(const PropertyCell& cell);
  void restore(std::uint64_t id, const OpenState& state, Node& node, Link* link);

  // read_write.cpp
  Task<Status> read_bytes(const Node& node, std::uint64_t offset, Bytes out);
  Result<std::uint64_t> check_write(const Irp& irp, const Open& open, std::size_t length) const;
  Task<Status> write_zeros(Irp& irp);
  void put(Irp& irp, const Open& open, std::uint64_t offset, const Content& content,
           Reservation reservation);

  // allocated_ranges.cpp
  Task<Status> query_allocated_ranges(Irp& irp);

  // oplock_grant.cpp
  bool break_for_open(const CreateRequest& request, Node& node, bool violation);
  bool is_kept_from(const CreateRequest& request, const Node& node) const;
  void restore_oplock(Open& open, const Caching& recorded);
  Status check_lease(const CreateRequest& request, const Node* node) const;
  std::uint8_t grantable(const Open& open, const Caching& asked) const;
  void grant_oplock(Irp& irp, Open& open);

  // oplock.cpp
  void break_oplock(const std::shared_ptr<Oplock>& oplock, std::uint8_t to);
  const Open& told_of_break(const Oplock& oplock) const;
  void ask_to_break(const std::shared_ptr<Oplock>& oplock, std::uint8_t to);
  void tell_break(const std::shared_ptr<Oplock>& oplock, std::uint8_t from, std::uint8_t to,
                  bool answers);
  void settle_break(const std::shared_ptr<Oplock>& oplock, std::uint8_t state);
  void wake_settled(const Node& node);
  void break_readers(const Open& open);
  bool break_handles(const Node& node, const Oplock* own);
  void end_oplock(Open& open);

  // lock.cpp
  Task<Result<Reservation>> reserve_for_state(const Irp& irp);
  static void remember_sequence(const Irp& irp, Open& open);
  void wake_blocked(Node& node);
  void end_locks(const Open& open);
  static bool locked_against(const Open& open, std::uint64_t offset, std::uint64_t length,
                             bool writes);

  // change_notify.cpp
  Result<Watch*> find_watch(const Irp& irp);
  void changed(const Link* link, ChangeAction action, std::uint32_t what, Lsn lsn,
               const std::string& stream = {});
  void changed_data(const Open& open, std::uint32_t what, Lsn lsn);
  void changed_name(const Link& link, ChangeAction action, Lsn lsn);
  bool wake_one(Watch& watch, Status status);
  void end_watch(Open& open);
  void will_be_deleted(const Node& directory);

  // query_directory.cpp
  Status list_names(Irp& irp, Open& open, Bytes room);

  // rename.cpp
  using RenamedOpens = std::vector<std::pair<std::uint64_t, std::vector<std::uint8_t>>>;
  RenamedOpens renamed_opens(const Open& by, const Node& parent, const std::string& name) const;
  std::size_t room_for_renamed(const Open& open, const Walk& walk, const std::string& name) const;

  // set_information.cpp, rename.cpp
  Task<Status> set_basic(Irp& irp);
  Task<Status> set_sparse(Irp& irp);
  static std::vector<const Open*> who_tells(const Open& open, bool deletes);
  Task<Status> set_disposition(Irp& irp);
  Task<Status> set_end_of_file(Irp& irp);
  Task<Status> set_allocation(Irp& irp);
  Task<Status> resize(Irp& irp, bool allocation);
  static Task<Status> refuse(Status status);
  void set_state(Irp& irp, const Open& open, std::uint32_t what, const ObjectState& state,
                 Reservation reservation);
  void set_size(Irp& irp, const Open& open, const ObjectState& state, Reservation reservation);
  Task<Status> rename(Irp& irp) { return take_name(irp, true); }
  Task<Status> link(Irp& irp) { return take_name(irp, false); }
  Task<Status> take_name(Irp& irp, bool moves);
  Status check_source(const Open& open, bool moves) const;
  Status check_target(const Irp& irp, const Open& open, const Walk& walk, bool moves) const;
  bool holds_opens(const Node& directory) const;
  void put_name(Irp& irp, Open& open, const Walk& walk, const std::string& name, bool moves,
                Reservation reservation);

  // flush.cpp
  Task<Status> flush(Lsn upto);
  Task<Status> attempt(Lsn upto);
  Task<Status> write_prefix(Lsn upto, MediumHolds holds);
  void leave_out_brief_opens(FlushPlan& plan) const;
  Task<Status> write_plan(FlushPlan& plan, const Applied& applied);
  Task<Status> write_names(std::span<const EntryCell> entries);
  Task<Status> finish_intent();
  Task<Status> complete_plan(FlushPlan& plan);
  Task<Status> mark_applied(Applied applied);
  Task<Status> set_mirror(std::uint32_t mirror);
  Task<void> remove_orphans();
  void settle(Lsn upto, const FlushPlan& plan);

  Seams seams_;
  VolumeOptions options_;
  std::shared_ptr<LogSpace> space_;
  std::unique_ptr<Medium> medium_;
  UnwrittenCache cache_;
  Namespace names_;
  LazyWriter lazy_writer_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Open>> opens_;

  std::set<std::uint64_t> kept_;  // durable opens whose clients are away
  std::set<std::pair<OpenGuids, std::uint64_t>> kept_by_guids_;  // of these, who have a GUID
  Event kept_changed_;                                           // for the keeper
  std::set<std::uint64_t> open_cells_;  // opens of which the medium has a property
  bool gone_ = false;                   // dismounted

  std::uint64_t epoch_ = 0;
  std::uint32_t node_ = 0;  // the owner: this node
  Lsn last_lsn_ = 0;
  Lsn durable_ = 0;
  std::uint64_t objects_made_ = 0;  // in this epoch
  std::uint64_t opens_made_ = 0;
  Applied applied_;  // the slot as it was written last

  Credits flush_turn_;
  Lsn attempted_ = 0;    // a flush that failed has tried to write so much
  Lsn intended_ = 0;     // of a flush whose objects are durable, and perhaps its intent
  Lsn failed_sync_ = 0;  // of the mutant that trusts a second sync
  std::uint64_t flushes_begun_ = 0;
  bool replayed_ = false;          // the log holds records of another node
  std::vector<ObjectId> orphans_;  // objects without a name that are still to be removed
  std::uint64_t free_bytes_ = 0;   // of the medium, at the last flush

  PendedIrps pended_;
  Oplocks oplocks_;
  std::size_t watches_ = 0;  // opens that have one

  Credits order_turn_;
  Credits replay_turn_;
  bool serving_ = false;  // replay is over: clients may see the names
  bool leaving_ = false;
  std::uint32_t active_ = 0;  // operations of clients
  Event idle_;
};

}  // namespace understudy
