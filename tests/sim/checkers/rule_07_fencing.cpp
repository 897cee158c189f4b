// Rule 7: once epoch e+1 has touched a LUN, nothing of epoch e can change it; no owner takes it
// from one that still runs, or without a new epoch; and who is not the owner any more acknowledges
// nothing.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_07_fencing(const Event& event, const Ledger& ledger, Findings& findings) {
  const Lun& lun = ledger.lun(event.lun);
  const bool others = lun.holder && *lun.holder != event.life;
  switch (event.what) {
    case What::locked:
      if (lun.taken_while_held) findings.add(7, "taken while another node holds it");
      break;
    case What::serving:
      if (!lun.claimed) findings.add(7, "serves in the epoch of the owner before", {event.request});
      break;
    case What::written:
    case What::applied:
      if (others || !lun.holder) findings.add(7, "written by a node that does not own it");
      break;
    case What::logged:
      if (others || !lun.holder)
        findings.add(7, "an operation is accepted by a node that does not own it", {event.request});
      break;
    case What::acknowledged:
      if (others && ok(event.status))
        findings.add(7, "acknowledged by a node that does not own it any more", {event.request});
      break;
    default:
      break;
  }
}

}  // namespace understudy::sim
