#include "fs_cache/mailboxes.h"

#include <cstring>

#include "iomgr/bounds.h"

namespace understudy {
namespace {
constexpr std::uint32_t kAreas = 2;
}

std::shared_ptr<Mailboxes::Box> Mailboxes::box(const std::string& path) {
  const auto found = boxes_.find(path);
  if (found != boxes_.end()) return found->second;
  if (boxes_.size() >= bounds::kMaxLuns) return nullptr;
  const auto made = std::make_shared<Box>(seams_.executor, make_medium_(seams_, path));
  boxes_.emplace(path, made);
  return made;
}

Task<Status> Mailboxes::exchange(std::string path, MailboxParameters& parameters) {
  parameters.found = 0;
  const bool possible = parameters.area < kAreas &&
                        parameters.own.node < bounds::kMaxMailboxNodes &&
                        parameters.peer < bounds::kMaxMailboxNodes;
  if (!possible) co_return Status::invalid_parameter;
  const std::shared_ptr<Box> used = box(path);
  if (used == nullptr) co_return Status::insufficient_resources;
  co_await used->turn.acquire();
  const CreditGuard turn(used->turn);
  Status status = co_await write_and_read_back(*used, parameters);
  if (ok(status)) status = co_await read_partner(*used, path, parameters);
  if (ok(status) && parameters.durable != 0) {
    const Result<Applied> applied = co_await used->medium->read_applied();
    status = applied.status();
    if (applied) parameters.mirror = applied->mirror;
  }
  // The next one opens the directory anew: it may have been mounted again or repaired.
  const auto kept = boxes_.find(path);
  if (failed(status) && kept != boxes_.end() && kept->second == used) boxes_.erase(kept);
  co_return status;
}

Task<Status> Mailboxes::write_and_read_back(Box& box, const MailboxParameters& parameters) {
  const bool durable = parameters.durable != 0;
  const Status written =
      co_await box.medium->write_mailbox(parameters.area, parameters.own, durable);
  if (failed(written)) co_return written;
  const Result<MailboxSlot> back =
      co_await box.medium->read_mailbox(parameters.area, parameters.own.node, durable);
  if (!back) co_return back.status();
  const bool same = std::memcmp(&*back, &parameters.own, sizeof(MailboxSlot)) == 0;
  co_return same ? Status::success : Status::data_error;
}

/// What the partner's slot holds is no matter of the path: damaged, it is as if nothing was there.
Task<Status> Mailboxes::read_partner(Box& box, const std::string& path,
                                     MailboxParameters& parameters) {
  const Result<MailboxSlot> slot =
      co_await box.medium->read_mailbox(parameters.area, parameters.peer, parameters.durable != 0);
  const bool damaged = slot.status() == Status::crc_error;
  if (damaged && !std::exchange(box.damaged, true)) {
    seams_.log.warning("the partner's slot in the mailbox is damaged and is ignored",
                       {{"lun", path}, {"area", parameters.area}, {"node", parameters.peer}});
  }
  if (damaged || slot.status() == Status::not_found) co_return Status::success;
  if (!slot) co_return slot.status();
  box.damaged = false;
  parameters.partner = *slot;
  parameters.found = 1;
  co_return Status::success;
}

}  // namespace understudy
