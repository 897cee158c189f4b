#include "cluster_app/mailbox_watch.h"

#include <utility>

namespace understudy {

void MailboxWatch::exchanged(std::size_t area, const std::optional<MailboxSlot>& partner) {
  Area& of = areas_.at(area);
  of.worked = of.ever_worked = true;
  of.age = Duration{0};
  if (!partner) return;
  const std::optional<MailboxSlot> before = std::exchange(of.partner, partner);
  const bool is_new = before && (before->sequence != partner->sequence ||
                                 before->incarnation != partner->incarnation);
  if (is_new) silence_ = Duration{0};
}

void MailboxWatch::tick(Duration elapsed) {
  for (Area& area : areas_) area.age += elapsed;
  if (works(0) || works(1)) silence_ += elapsed;
}

std::optional<Duration> MailboxWatch::partner_silence() const {
  if (!works(0) && !works(1)) return std::nullopt;
  return silence_;
}

}  // namespace understudy
