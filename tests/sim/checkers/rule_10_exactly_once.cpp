// Rule 10: exactly once. A request makes at most one operation, a place is given once; what is
// replayed is, byte for byte, what was logged; and it can be replayed again until it is durable.
#include <algorithm>

#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_10_exactly_once(const Event& event, const Ledger& ledger, Findings& findings) {
  const Lun& lun = ledger.lun(event.lun);
  if (event.what == What::logged) {
    const std::size_t in_line = lun.line.size();
    if (in_line >= 2 && lun.line[in_line - 2]->place() >= event.effects->place()) {
      findings.add(10,
                   "the place " + to_string(event.effects->place()) + " follows " +
                       to_string(lun.line[in_line - 2]->place()),
                   {event.request});
    }
    if (event.request != 0 && ledger.request(event.request).operations > 1) {
      findings.add(10, "one request, a second operation: " + describe(*event.effects),
                   {event.request});
    }
  }
  if (event.what == What::flush_asked && lun.holder == event.life && !lun.serving) {
    for (const auto& each : lun.line) {
      const bool has_copy = each->copied_to == event.node && !each->copy_lost &&
                            each->place().lsn > lun.disk->applied().lsn;
      if (!has_copy || std::ranges::find(*event.copies, each->place()) != event.copies->end())
        continue;
      findings.add(10,
                   "forgotten before the replay is durable, so it could not be run again: " +
                       to_string(each->place()) + " " + describe(each->effects),
                   {each->request});
    }
  }
  if (event.what != What::replayed) return;
  const auto found = lun.by_place.find(event.effects->place());
  if (found == lun.by_place.end()) {
    findings.add(10, "replayed, but not in the line: " + to_string(event.effects->place()) + " " +
                         describe(*event.effects));
  } else if (!(found->second->effects == *event.effects)) {
    findings.add(10, "replayed is not what was logged: " + describe(*event.effects) + ", but " +
                         describe(found->second->effects));
  }
}

}  // namespace understudy::sim
