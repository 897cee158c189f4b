// Rule 11: when the partner goes, what was only in two memories is flushed first, and only then is
// a new operation acknowledged without a copy. So with it, everything before it is on the medium.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {
namespace {

/// What rule 5 says of replies, where there is no partner any more.
void shown(const Event& event, const Ledger& ledger, Findings& findings) {
  const Request& request = ledger.request(event.request);
  const Asked* const asked = ledger.asked(request.irp);
  if (asked == nullptr || asked->acknowledged_at == 0 || ledger.lun(request.lun).mirroring) return;
  for (const auto& operation : ledger.shown_by(request, ok(event.status) ? event.bytes : nullptr)) {
    if (operation->safe_at(asked->acknowledged_at)) continue;
    findings.add(11,
                 "the partner is gone, and the reply shows " + to_string(operation->place()) +
                     " before it is flushed",
                 {request.id, operation->request});
  }
}

}  // namespace

void rule_11_degrade(const Event& event, const Ledger& ledger, Findings& findings) {
  if (event.what == What::answered) shown(event, ledger, findings);
  if (event.what != What::acknowledged || event.place.lsn == 0 || failed(event.status)) return;
  const Lun& lun = ledger.lun(event.lun);
  const auto found = lun.by_place.find(event.place);
  if (found == lun.by_place.end() || found->second->copied_at != 0) return;
  if (!lun.line.empty() && lun.line.front()->place().lsn <= event.place.lsn) {
    findings.add(11,
                 "acknowledged without a copy, but " + to_string(lun.line.front()->place()) +
                     " is not on the medium",
                 {found->second->request});
  }
  for (const std::string& each : lun.wrong)
    findings.add(11, "acknowledged without a copy, but the medium lacks it: " + each,
                 {found->second->request});
}

}  // namespace understudy::sim
