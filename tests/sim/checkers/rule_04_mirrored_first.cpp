// Rule 4: nothing reaches the medium that is not mirrored, unless there is no mirroring. Looked at
// when the cache is told to write, and when the slot says that something is written.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_04_mirrored_first(const Event& event, const Ledger& ledger, Findings& findings) {
  const Lun& lun = ledger.lun(event.lun);
  if (event.what == What::flush_asked && lun.mirroring && lun.holder == event.life) {
    for (const auto& each : lun.line) {
      if (each->place().lsn > event.place.lsn || each->copied_at != 0) continue;
      findings.add(4,
                   "to be written, but not mirrored: " + to_string(each->place()) + " " +
                       describe(each->effects),
                   {each->request});
      return;
    }
  }
  if (event.what == What::applied && lun.mirroring) {
    const auto last = lun.by_place.find(event.place);
    if (last == lun.by_place.end()) return;
    const Logged& written = *last->second;
    if (written.copied_at != 0 || written.may_be_in_part) return;
    findings.add(4,
                 "written, but not mirrored: " + to_string(written.place()) + " " +
                     describe(written.effects),
                 {written.request});
  }
}

}  // namespace understudy::sim
