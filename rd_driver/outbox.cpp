#include "rd_driver/outbox.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/mutant.h"

namespace understudy {

using interconnect::FrameBatch;
using interconnect::Header;
using interconnect::Message;

Outbox::Lun* Outbox::find(std::uint32_t lun, std::uint64_t epoch) {
  const auto found = luns_.find(lun);
  return found == luns_.end() || found->second.epoch != epoch ? nullptr : &found->second;
}

Status Outbox::begin(const Irp& irp, PartnerAnswer& answer) {
  if (irp.epoch == 0 || irp.lsn == 0) return Status::invalid_parameter;
  if (!luns_.contains(irp.lun) && luns_.size() >= bounds::kMaxLuns)
    return Status::insufficient_resources;
  Lun& lun = luns_[irp.lun];
  if (lun.beginning != nullptr || !lun.appends.empty()) return Status::request_not_accepted;
  // What the partner frees for it comes back as a room message, so what was sent before is just
  // forgotten.
  lun = Lun{};
  lun.epoch = irp.epoch;
  lun.beginning = &answer;
  lun.ready = lun.sent = lun.written = lun.acknowledged = lun.purged = irp.lsn - 1;
  return Status::success;
}

Status Outbox::append(PendingAppend& append) {
  Lun* lun = find(append.irp.lun, append.irp.epoch);
  if (lun == nullptr) return Status::connection_reset;
  if (append.irp.lsn <= lun->ready || lun->appends.contains(append.irp.lsn))
    return Status::invalid_parameter;
  lun->appends.emplace(append.irp.lsn, &append);
  ++unanswered_;
  unanswered_bytes_ += append.record.size();
  if (lun->beginning == nullptr) make_ready(append.irp.lun, *lun);
  return Status::success;
}

void Outbox::make_ready(std::uint32_t id, Lun& lun) {
  for (auto next = lun.appends.find(lun.ready + 1);
       next != lun.appends.end() && next->first == lun.ready + 1; ++next) {
    ready_.push_back({id, next->second});
    ++lun.ready;
  }
}

Status Outbox::purge(std::uint32_t id, std::uint64_t lsn) {
  const auto found = luns_.find(id);
  if (found == luns_.end()) return Status::connection_reset;
  Lun& lun = found->second;
  if (lsn > lun.acknowledged) return Status::invalid_parameter;
  lun.purge_due = std::max(lun.purge_due, lsn);
  return Status::success;
}

Status Outbox::failed(std::uint32_t id, Status status) {
  if (ok(status)) return Status::invalid_parameter;
  const auto found = luns_.find(id);
  if (found == luns_.end()) return Status::connection_reset;
  found->second.failure_due = status;
  return Status::success;
}

void Outbox::take(FrameBatch& batch) {
  for (auto& [id, lun] : luns_) take_signals(id, lun, batch);
  while (!ready_.empty() && batch.messages() < kBatchMessages && batch.bytes() < kBatchBytes) {
    const PendingAppend& next = *ready_.front().append;
    const std::uint64_t cost = interconnect::stored_bytes(next.record.size());
    if (cost > room_) break;
    room_ -= cost;
    Lun& lun = luns_.at(ready_.front().lun);
    lun.sent = next.irp.lsn;
    lun.unpurged.push_back(cost);
    const Header header{
        .type = Message::append, .lun = next.irp.lun, .epoch = lun.epoch, .lsn = next.irp.lsn};
    Irp message = interconnect::to_trace(header);
    message.id = next.irp.id;
    trace_.step(Step::s408, next.irp);
    trace_.hop(Hop::message_out, Layer::mirror_server, message);
    batch.add_record(header, next.record);
    ready_.pop_front();
  }
}

bool Outbox::full() const {
  return !ready_.empty() &&
         interconnect::stored_bytes(ready_.front().append->record.size()) > room_;
}

void Outbox::take_signals(std::uint32_t id, Lun& lun, FrameBatch& batch) {
  const auto say = [&](Message type, std::uint64_t lsn, Status status) {
    const Header header{.type = type, .lun = id, .epoch = lun.epoch, .lsn = lsn, .status = status};
    trace_.hop(Hop::message_out, Layer::mirror_server, interconnect::to_trace(header));
    batch.add(header);
  };
  if (lun.beginning != nullptr && !lun.begin_sent) {
    lun.begin_sent = true;
    say(Message::begin, lun.sent + 1, Status::success);
  }
  if (lun.purge_due > lun.purged) {
    // The partner does one message after the other: what is sent behind the purge finds the room.
    for (; lun.purged < lun.purge_due; ++lun.purged) {
      room_ += lun.unpurged.front();
      lun.unpurged.pop_front();
    }
    say(Message::purge, lun.purged, Status::success);
  }
  if (lun.failure_due) {
    say(Message::failed, lun.acknowledged, *lun.failure_due);
    lun.failure_due.reset();
  }
}

void Outbox::written() {
  for (auto& [id, lun] : luns_) {
    lun.written = lun.sent;
    answer_stored(lun);
  }
}

Status Outbox::acknowledged(const Header& ack) {
  Lun* lun = find(ack.lun, ack.epoch);
  if (lun == nullptr || ack.lsn < lun->acknowledged || ack.lsn > lun->sent)
    return Status::data_error;
  if (lun->beginning != nullptr) {
    if (!lun->begin_sent) return Status::data_error;
    std::exchange(lun->beginning, nullptr)->give(Status::success);
    make_ready(ack.lun, *lun);
    return Status::success;
  }
  lun->acknowledged = ack.lsn;
  answer_stored(*lun);
  return Status::success;
}

/// A record may be acknowledged while the write of its batch still goes on; its bytes are let go
/// only afterwards.
void Outbox::answer_stored(Lun& lun) {
  const std::uint64_t stored = planted(Mutant::append_done_when_sent)
                                   ? lun.written
                                   : std::min(lun.acknowledged, lun.written);
  while (!lun.appends.empty() && lun.appends.begin()->first <= stored) {
    PendingAppend& append = *lun.appends.begin()->second;
    lun.appends.erase(lun.appends.begin());
    answer(append, Status::success);
  }
}

Status Outbox::refused(const Header& refusal) {
  Lun* lun = find(refusal.lun, refusal.epoch);
  if (lun == nullptr || lun->beginning == nullptr || !lun->begin_sent) return refusal.status;
  lun->beginning->give(refusal.status);
  for (const auto& [lsn, append] : lun->appends) answer(*append, Status::connection_reset);
  luns_.erase(refusal.lun);
  return Status::success;
}

Status Outbox::room_freed(std::uint64_t bytes) {
  if (bytes > UINT64_MAX / 2 - std::min(room_, UINT64_MAX / 2)) return Status::data_error;
  room_ += bytes;
  return Status::success;
}

void Outbox::connection_lost() {
  ready_.clear();
  for (auto& [id, lun] : luns_) {
    if (lun.beginning != nullptr) lun.beginning->give(Status::connection_reset);
    const Status lost =
        planted(Mutant::lost_copies_succeed) ? Status::success : Status::connection_reset;
    for (const auto& [lsn, append] : lun.appends) answer(*append, lost);
  }
  luns_.clear();
}

void Outbox::answer(PendingAppend& append, Status status) {
  --unanswered_;
  unanswered_bytes_ -= append.record.size();
  append.answer.give(status);
}

}  // namespace understudy
