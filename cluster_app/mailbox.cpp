// The mailboxes on the LUNs: this node's word by way of the medium, the partner's, and the proof
// that our own path to a LUN works. fs_cache does the I/O; whoever owns the LUN does not matter.
#include <algorithm>
#include <chrono>

#include "cluster_app/cluster_app.h"

namespace understudy {
namespace {

// An area that does not work is tried less often: each time leaves a line in the log.
constexpr Duration kRetryPause = std::chrono::seconds(1);

std::uint32_t in_ms(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 0, 0x7fffffff));
}

Health health_from(const MailboxSlot& slot) {
  return {std::chrono::milliseconds(slot.layer_silent_ms),
          std::chrono::milliseconds(slot.storage_oldest_ms), slot.storage_failing != 0};
}

}  // namespace

/// Two areas on the first two LUNs, or both on the only one.
ClusterApp::MailboxArea ClusterApp::mailbox_area(std::size_t area) const {
  const auto index = static_cast<std::uint32_t>(area);
  return luns_.size() > 1 ? MailboxArea{index, 0} : MailboxArea{0, index};
}

MailboxParameters ClusterApp::own_word() {
  const Health health = own_health();
  MailboxParameters word{};
  word.own = {settings_.self,
              in_ms(health.layer_silent),
              in_ms(health.storage_oldest),
              health.storage_failing ? 1U : 0U,
              incarnation_,
              ++words_};
  word.peer = partner_index();
  return word;
}

/// Completes when the medium has answered: while it hangs, never.
Task<Status> ClusterApp::exchange(MailboxArea area, MailboxParameters& word) {
  Irp irp = make_irp(Major::cluster, ClusterMinor::mailbox);
  irp.lun = area.lun;
  irp.mailbox = word;
  irp.mailbox.area = area.file;
  const Status status = co_await order(Layer::fs_cache, irp, config_.luns.at(area.lun).directory);
  word = irp.mailbox;
  co_return status;
}

/// One exchange after the other, so a medium that hangs has one request of ours in it and no more.
Task<void> ClusterApp::write_mailbox_always(std::size_t area) {
  while (true) {
    MailboxParameters word = own_word();
    const Status status = co_await exchange(mailbox_area(area), word);
    Duration pause = std::chrono::milliseconds(config_.mailbox_ms);
    if (ok(status)) {
      const bool found = word.found != 0 && word.partner.node == partner_index();
      mailbox_.exchanged(area, found ? std::optional(word.partner) : std::nullopt);
      if (found) membership_.heard_in_mailbox(word.partner.incarnation, health_from(word.partner));
    } else {
      mailbox_.failed(area);
      pause = std::max(pause, kRetryPause);
    }
    co_await sleep_for(executor(), pause);
  }
}

/// Whether this node can write to the LUN and read it back, from the device, in time.
Task<bool> ClusterApp::can_reach(std::uint32_t lun) {
  const std::shared_ptr<Proof> proof = co_await proof_of(lun);
  co_return proof != nullptr;
}

/// Nothing: it failed, or did not come in time. One at a time, and what an earlier one has seen
/// does not count; one that hangs is the answer.
Task<std::shared_ptr<ClusterApp::Proof>> ClusterApp::proof_of(std::uint32_t lun) {
  constexpr Duration kLimit = std::chrono::seconds(2);
  const Time limit = executor().now() + kLimit;
  OwnLun& own = luns_.at(lun);
  bool in_time = true;
  while (in_time && own.proof != nullptr) {
    const std::shared_ptr<Proof> earlier = own.proof;
    in_time = co_await earlier->over.wait_until(limit);
  }
  if (!in_time) co_return nullptr;
  const auto proof = own.proof = std::make_shared<Proof>(executor());
  spawn(prove(lun, proof));
  in_time = co_await proof->over.wait_until(limit);
  co_return in_time&& ok(proof->status) ? proof : nullptr;
}

Task<void> ClusterApp::prove(std::uint32_t lun, std::shared_ptr<Proof> proof) {
  MailboxParameters word = own_word();
  word.durable = 1;
  proof->status = co_await exchange(MailboxArea{lun, 0}, word);
  proof->mirror = word.mirror;
  luns_.at(lun).proof.reset();
  proof->over.set();
}

}  // namespace understudy
