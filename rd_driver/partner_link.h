// One connection to the partner's mirror server: proves the key, then runs until it breaks. Its
// reader, its writer and its watch are three coroutines; the outbox is what they share.
#pragma once

#include <memory>

#include "iomgr/interconnect_connection.h"
#include "iomgr/partner_order.h"
#include "iomgr/seams.h"
#include "iomgr/sync.h"
#include "rd_driver/outbox.h"

namespace understudy {

class PartnerLink {
 public:
  PartnerLink(Seams& seams, std::shared_ptr<Stream> stream);

  /// Both sides prove that they know the key (docs/interconnect.md). STATUS_LOGON_FAILURE when the
  /// partner does not, STATUS_REVISION_MISMATCH when it speaks another version, what it says when
  /// it refuses.
  Task<Status> authenticate(const PartnerOrder& order);
  /// Sends and receives until the connection is over. When it completes, everything in the outbox
  /// is answered, and nothing reads a record any more.
  Task<void> serve();

  /// Any number of times, at any time.
  void close();
  bool open() const { return connection_.open(); }

  /// Only while serving. After a change, wake().
  Outbox& outbox() { return *outbox_; }
  void wake() { connection_.work().set(); }
  /// Waits until a record waits for room in the partner's store. False: the link is over.
  Task<bool> until_full();

 private:
  Task<Status> exchange_proofs(const PartnerOrder& order);
  Task<Status> send(interconnect::Message type, ConstBytes body);
  Task<void> write_messages();
  Task<void> watch_silence();
  Task<void> read_messages();
  Status receive(const interconnect::Frame& frame);

  Seams& seams_;
  interconnect::Connection connection_;
  std::unique_ptr<Outbox> outbox_;
  Time echo_asked_{};  // when the last echo went out
  Event full_;         // the writer has no room for what it has
  Credits running_;    // writer and watch hold one each
  TaskScope scope_;    // last: its coroutines use the rest
};

}  // namespace understudy
