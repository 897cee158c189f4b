// One connection to the partner's mirror server: proves the key, then runs until it breaks. Its
// reader, its writer and its watch are three coroutines; the outbox is what they share.
#pragma once

#include <memory>

#include "iomgr/interconnect_stream.h"
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
  bool open() const { return open_; }

  /// Only while serving. After a change, wake().
  Outbox& outbox() { return *outbox_; }
  void wake() { work_.set(); }

 private:
  Task<Status> exchange_proofs(const PartnerOrder& order);
  Task<Result<interconnect::Frame>> expect(interconnect::Message type);
  Task<Status> send(interconnect::Message type, ConstBytes body);
  Task<void> write_messages();
  Task<void> read_messages();
  Task<void> watch_silence();
  Status receive(const interconnect::Frame& frame);
  void explain(Status status);

  Seams& seams_;
  std::shared_ptr<Stream> stream_;
  interconnect::FrameReader reader_;
  interconnect::FrameBatch batch_;
  std::unique_ptr<Outbox> outbox_;
  bool open_ = true;
  Time heard_{};       // when the last whole message came
  Time echo_asked_{};  // when the last echo went out
  Event work_;         // the writer has something to do
  Event closed_;
  Credits running_;  // writer and watch hold one each
  TaskScope scope_;  // last: its coroutines use the rest
};

}  // namespace understudy
