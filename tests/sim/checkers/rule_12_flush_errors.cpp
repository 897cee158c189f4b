// Rule 12: a flush error is never forgotten. Nothing is purged after it; what a failed sync dropped
// is written again before the slot moves on; and a flush that failed is told to the partner before
// the next one is tried.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_12_flush_errors(const Event& event, const Ledger& ledger, Findings& findings) {
  const Lun& lun = ledger.lun(event.lun);
  if (event.what == What::purged && lun.failed && event.place.lsn > lun.disk->applied().lsn)
    findings.add(12, "a flush failed, and " + to_string(event.place) + " is purged all the same");
  if (event.what == What::applied && lun.failed_before_slot) {
    for (const std::string& each : lun.wrong)
      findings.add(12, "a flush failed, and the slot has moved on to " + to_string(event.place) +
                           " all the same: " + each);
  }
  if (event.what == What::flush_asked && lun.mirroring && lun.failures_untold > 1)
    findings.add(12, "flushes failed twice, and the partner was not told");
}

}  // namespace understudy::sim
