// What waits for the partner on one connection, and what it has to answer: the order of records,
// the room in its store, the acknowledgements. No stream in here: partner_link takes batches out
// and puts messages in.
//
//     append ──► held until its LSN is next ──► ready ──► sent ──► acknowledged ──► purged
//                                               room_ goes down           room_ comes back
//
// Invariant: of each LUN the partner gets every LSN from begin's on, each once, in order; it never
// gets more bytes than it has said it has room for; an append is answered only when no write reads
// its record any more.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "iomgr/interconnect_stream.h"
#include "iomgr/trace.h"
#include "rd_driver/partner_answer.h"

namespace understudy {

/// One append between its arrival and its answer. It lives in its handler's frame.
struct PendingAppend {
  PendingAppend(Executor& executor, const Irp& request, ConstBytes bytes)
      : irp(request), record(bytes), answer(executor) {}
  const Irp& irp;
  ConstBytes record;  // in the arena
  PartnerAnswer answer;
};

class Outbox {
 public:
  /// `room`: bytes of records that the partner's store has room for.
  Outbox(Trace& trace, std::uint64_t room) : trace_(trace), room_(room) {}

  // From ff_driver. A failure says that nothing was taken.

  /// Has the partner empty its store of `irp.lun`. `answer` comes when it has, or refuses.
  Status begin(const Irp& irp, PartnerAnswer& answer);
  /// STATUS_CONNECTION_RESET if no begin of that epoch went before on this connection,
  /// STATUS_INVALID_PARAMETER for an LSN that is there already.
  Status append(PendingAppend& append);
  /// Overtakes what waits. STATUS_INVALID_PARAMETER above what is acknowledged (rule 6).
  Status purge(std::uint32_t lun, std::uint64_t lsn);
  Status failed(std::uint32_t lun, Status status);

  // To the partner.

  /// Adds what may be sent now: purges and the like first, then records while there is room, up to
  /// a batch's bound. written() must follow when the write has ended, and nothing else may be taken
  /// before.
  void take(interconnect::FrameBatch& batch);
  void written();

  // From the partner. A failure says that it broke the protocol.

  Status acknowledged(const interconnect::Header& ack);
  /// STATUS_SUCCESS if the refusal answers a begin; else its own status: the connection is over.
  Status refused(const interconnect::Header& refusal);
  Status room_freed(std::uint64_t bytes);

  /// The connection is over and no write is going on: answers everything with
  /// STATUS_CONNECTION_RESET.
  void connection_lost();

  std::uint64_t unanswered() const { return unanswered_; }
  std::uint64_t unanswered_bytes() const { return unanswered_bytes_; }
  std::uint64_t room() const { return room_; }
  /// The next record waits for room in the partner's store.
  bool full() const;

  /// A batch holds at most so many records, and is complete once it has so many bytes.
  static constexpr std::size_t kBatchMessages = 64;
  static constexpr std::size_t kBatchBytes = 1024 * 1024;

 private:
  struct Lun {
    std::uint64_t epoch = 0;
    PartnerAnswer* beginning = nullptr;  // until the partner has answered the begin
    bool begin_sent = false;
    std::uint64_t ready = 0;    // LSNs up to here are in ready_, or sent
    std::uint64_t sent = 0;     // ... handed to a write
    std::uint64_t written = 0;  // ... and that write has ended
    std::uint64_t acknowledged = 0;
    std::uint64_t purged = 0;
    std::uint64_t purge_due = 0;                      // above purged: to be told
    std::optional<Status> failure_due;                // to be told
    std::map<std::uint64_t, PendingAppend*> appends;  // unanswered, by LSN
    std::deque<std::uint64_t> unpurged;  // what each record in (purged, sent] takes there
  };
  struct Ready {
    std::uint32_t lun;
    PendingAppend* append;
  };

  Lun* find(std::uint32_t lun, std::uint64_t epoch);
  void take_signals(std::uint32_t id, Lun& lun, interconnect::FrameBatch& batch);
  void make_ready(std::uint32_t id, Lun& lun);
  void answer_stored(Lun& lun);
  void answer(PendingAppend& append, Status status);

  Trace& trace_;
  std::uint64_t room_;
  std::map<std::uint32_t, Lun> luns_;
  std::deque<Ready> ready_;  // of all LUNs: whose turn it is waits for room, nobody overtakes
  std::uint64_t unanswered_ = 0;
  std::uint64_t unanswered_bytes_ = 0;
};

}  // namespace understudy
