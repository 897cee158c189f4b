// Rule 6: the partner purges only what is durable on the medium, and only as a prefix. Looked at
// when it has purged: the slot says so, durably; the medium really holds all of it; and what is
// left in the store is everything that was mirrored after it. The owner, too, removes from the
// medium only what the slot has left behind.
#include <algorithm>

#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_06_purge(const Event& event, const Ledger& ledger, Findings& findings) {
  const Lun& lun = ledger.lun(event.lun);
  if (event.what == What::written) {
    for (const auto& [place, object] : lun.settled.image().entries) {
      if (!lun.disk->current().objects.contains(object))
        findings.add(6, "removed from the medium while '" + place.second +
                            "' still leads to it, as far as the slot says");
    }
  }
  if (event.what == What::applied && !lun.failed_before_slot) {
    for (const std::string& each : lun.wrong)
      findings.add(
          6, "the medium lacks what its slot says, up to " + to_string(event.place) + ": " + each);
  }
  if (event.what != What::purged) return;
  if (event.place.lsn > lun.disk->applied().lsn) {
    findings.add(6, "purged up to " + to_string(event.place) + ", but durable is " +
                        std::to_string(lun.disk->applied().lsn));
  }
  for (const auto& each : lun.line) {
    const bool has_copy = each->copied_at != 0 && each->copied_to == event.node && !each->copy_lost;
    if (!has_copy || each->place().lsn <= event.place.lsn) continue;
    if (std::find(event.copies->begin(), event.copies->end(), each->place()) != event.copies->end())
      continue;
    findings.add(6,
                 "purged up to " + to_string(event.place) + ", and " + to_string(each->place()) +
                     " went with it",
                 {each->request});
  }
}

}  // namespace understudy::sim
