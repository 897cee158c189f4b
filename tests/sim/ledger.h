// The ledger: what has happened so far, kept in the form that the rules speak of. It takes in every
// event before the checkers see it, so a checker compares the event with the books and keeps none
// of its own.
//
// Of each LUN there is one line of operations in the order of their places: those up to `settled`
// are surely on the medium, the rest follow. When a new owner begins to serve, the line ends where
// the medium says, and goes on from there.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "tests/sim/event.h"

namespace understudy::sim {

/// An operation that has a place.
struct Logged {
  Effects effects;
  std::uint32_t node = 0;
  std::uint32_t life = 0;
  std::uint64_t request = 0;
  bool answered = false;                   // its client knows
  bool copy_lost = false;                  // the machine that had the copy lost its memory
  std::optional<std::uint32_t> copied_to;  // node
  std::uint64_t copied_at = 0;             // number of the event; 0: never
  std::uint64_t durable_at = 0;
  bool may_be_in_part = false;  // a flush may have touched it

  Place place() const { return effects.place(); }
  bool safe() const { return copied_at != 0 || durable_at != 0; }
  /// Whether it was safe when that event happened.
  bool safe_at(std::uint64_t event) const {
    return (copied_at != 0 && copied_at <= event) || (durable_at != 0 && durable_at <= event);
  }
};

/// A client's request: one SMB message, sent once. A client that tries again sends another.
struct Request {
  std::uint64_t id = 0;
  std::uint32_t client = 0;
  std::uint32_t lun = 0;
  std::string text;          // for people
  std::string path;          // of a CREATE
  std::uint64_t offset = 0;  // of a READ
  std::uint64_t length = 0;
  bool is_read = false;
  bool is_listing = false;
  std::optional<Status> status;
  Place known_before{};  // highest place that any client knew of when it was sent
  std::shared_ptr<Logged> logged;
  std::uint32_t operations = 0;  // that it made
  std::uint64_t irp = 0;         // the last one issued for it
};

/// An IRP of a client, on its way.
struct Asked {
  std::uint64_t request = 0;
  std::uint64_t open = 0;
  std::uint64_t object = 0;
  std::uint64_t from = 0;             // the LUN's sequence when fs_cache began ...
  std::uint64_t to = 0;               // ... and completed it
  Place shows{};                      // what it shows beside content, at least
  std::uint64_t acknowledged_at = 0;  // number of the event
};

/// What an object held from `sequence` on.
struct Version {
  std::uint64_t sequence = 0;
  Place place{};
  std::vector<std::uint8_t> content;  // bytes, or the names of a directory, each with a newline
};

struct Lun {
  std::shared_ptr<MemoryDisk> disk;
  Model settled;
  std::uint64_t settled_lsn = 0;
  std::deque<std::shared_ptr<Logged>> line;  // after settled_lsn
  Model live;                                // settled and all of the line
  std::uint64_t sequence = 1;                // of states of `live`
  std::map<Place, std::shared_ptr<Logged>> by_place;
  std::map<ObjectId, std::vector<Version>> versions;
  std::map<MemoryDisk::EntryPlace, Place> entry_changed;
  std::map<ObjectId, Place> object_changed;
  Place known{};  // highest that a client has an answer to

  std::optional<std::uint32_t> holder;  // the life that has the lock
  std::uint32_t holder_node = 0;
  bool serving = false;
  std::uint64_t copies_at_lock = 0;  // highest LSN in the new owner's mirror store
  bool mirroring = false;
  bool taken_while_held = false;    // set with `locked`
  bool claimed = false;             // an epoch, since it was locked
  bool failed = false;              // a sync or a flush, since the slot was written last ...
  bool failed_before_slot = false;  // ... and, set with `applied`, before it was
  bool sync_failed = false;         // since an owner that serves wrote the slot
  /// Values that cells may have beside what the line gives them. What an owner left unacknowledged
  /// when it died is seen, but may go with the power if a sync has failed since: nobody has a log
  /// to write it again.
  std::vector<Effects> in_doubt;
  std::uint64_t failures_untold = 0;  // flushes that failed while mirroring, and no signal yet
  /// Set with each `applied` and `serving`: how the medium differs from what it says it holds.
  std::vector<std::string> wrong;
  bool wrong_without_power_loss = false;  // set with `applied`: even what readers see does
  bool torn = false;  // set with `serving`: unanswered operations are there in part
  /// Set with `serving`: what the new owner does not have of the line.
  std::vector<std::shared_ptr<Logged>> lost;
  MemoryDisk::Image before;  // the fold without them

  /// differences() but for what is in doubt, and what any of `also` assigns.
  std::vector<std::string> differences_from(const MemoryDisk::Image& expected,
                                            const MemoryDisk::Image& found,
                                            std::vector<const Effects*> also = {}) const;
};

/// Whether a READ or a listing that got `bytes` may have seen this version of its object.
bool shows(const Request& request, const Version& version, const std::vector<std::uint8_t>& bytes);

class Ledger {
 public:
  explicit Ledger(std::vector<std::shared_ptr<MemoryDisk>> disks);

  /// Takes the event in and completes it; true if an event `serving` must follow it.
  bool take(Event& event);
  /// The books for `serving`.
  void begin_serving(const Event& event);

  std::uint64_t events() const { return events_; }
  const Lun& lun(std::uint32_t number) const { return luns_.at(number); }
  std::size_t luns() const { return luns_.size(); }
  Request& new_request() {
    requests_.push_back({});
    requests_.back().id = requests_.size();
    return requests_.back();
  }
  const Request& request(std::uint64_t id) const { return requests_.at(id - 1); }
  const std::deque<Request>& requests() const { return requests_; }
  const Asked* asked(std::uint64_t irp) const {
    const auto found = asked_.find(irp);
    return found == asked_.end() ? nullptr : &found->second;
  }

  /// The operations that the answer to a request shows: what a CREATE met, what a read or a listing
  /// that got `bytes` saw.
  std::vector<std::shared_ptr<Logged>> shown_by(const Request& request,
                                                const std::vector<std::uint8_t>* bytes) const;
  /// The states that the answer to a read or a listing may show, oldest first: versions of its
  /// object that were there while fs_cache worked on it and that look like that.
  std::vector<const Version*> shown(const Request& request,
                                    const std::vector<std::uint8_t>& bytes) const;

 private:
  void logged(Event& event, Lun& lun);
  void completed(const Event& event, Lun& lun);
  void applied(const Event& event, Lun& lun);
  void settle(Lun& lun, std::uint64_t lsn);
  void remember(Lun& lun, ObjectId object, Place place);
  void remember_changes(Lun& lun, const Effects& effects);
  void answered(const Event& event);
  void stored(const Event& event, Lun& lun);

  std::vector<Lun> luns_;
  std::deque<Request> requests_;
  std::unordered_map<std::uint64_t, Asked> asked_;
  /// By life, LUN and handle.
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>, ObjectId> opens_;
  std::uint64_t events_ = 0;
};

}  // namespace understudy::sim
