// One connection of the partner's rd_driver: first it proves that it knows the key, then its
// records are stored and acknowledged until it breaks. Its reader, its writer and its watch are
// three coroutines.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "iomgr/interconnect_connection.h"
#include "iomgr/partner_order.h"
#include "iomgr/seams.h"
#include "iomgr/sync.h"
#include "mirror_server/mirror_store.h"

namespace understudy {

class PartnerSession {
 public:
  /// `on_failed`: the partner says that its medium refused a flush of a LUN.
  using OnFailed = std::function<void(std::uint32_t lun, Status status)>;

  PartnerSession(Seams& seams, MirrorStore& store, std::shared_ptr<Stream> stream,
                 OnFailed on_failed);

  /// Hello, challenge, and the partner's proof. Who fails is told why, as far as it may know, and
  /// shown out.
  Task<Status> authenticate(std::shared_ptr<const PartnerOrder> order);
  /// Gives the own proof with the store's room, then stores and acknowledges until the connection
  /// is over. The store must be this session's alone meanwhile.
  Task<void> serve();

  /// Any number of times, at any time.
  void close() { connection_.close(); }
  /// Something has changed in the store that the partner must be told.
  void wake() { connection_.work().set(); }

 private:
  Task<Status> check_proof();
  Task<void> write_messages();
  Task<void> watch_silence();
  Task<void> read_messages();
  Task<Status> receive(const interconnect::Frame& frame);
  Task<Status> store_record(const interconnect::Header& header);
  Status begin(const interconnect::Header& header);
  Status purge(const interconnect::Header& header);
  void refuse(const interconnect::Header& header, Status status);
  void take_messages();

  Seams& seams_;
  MirrorStore& store_;
  interconnect::Connection connection_;
  OnFailed on_failed_;
  std::shared_ptr<const PartnerOrder> order_;
  interconnect::Hello hello_;
  interconnect::Hello challenge_;

  bool leaving_ = false;  // the last refusal is still to be written
  // What the writer owes the partner. Acknowledgements are cumulative, so a set of LUNs is enough.
  std::set<std::uint32_t> acks_due_;
  std::vector<interconnect::Header> refusals_;
  bool echo_due_ = false;
  Credits running_;  // writer and watch hold one each
  TaskScope scope_;  // last: its coroutines use the rest
};

}  // namespace understudy
