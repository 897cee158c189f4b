// Rule 5: a reply waits until everything it shows is mirrored or on the medium: the bytes of a
// read, the names of a listing, the file that a CREATE met.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_05_shown_is_safe(const Event& event, const Ledger& ledger, Findings& findings) {
  if (event.what != What::answered) return;
  const Request& request = ledger.request(event.request);
  const Asked* const asked = ledger.asked(request.irp);
  if (asked == nullptr || asked->acknowledged_at == 0) return;
  for (const auto& operation : ledger.shown_by(request, ok(event.status) ? event.bytes : nullptr)) {
    if (operation->safe_at(asked->acknowledged_at)) continue;
    findings.add(5,
                 "the reply shows " + to_string(operation->place()) +
                     " before it is safe: " + describe(operation->effects),
                 {request.id, operation->request});
  }
}

}  // namespace understudy::sim
