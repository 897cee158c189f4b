// Rule 3: an operation that was answered with an error is in no later state. So it has no place in
// the line at all.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_03_no_resurrection(const Event& event, const Ledger& ledger, Findings& findings) {
  if (event.what != What::answered || ok(event.status)) return;
  const Request& request = ledger.request(event.request);
  if (request.logged == nullptr) return;
  findings.add(3,
               "answered with " + std::string(to_string(event.status)) + ", but it has place " +
                   to_string(request.logged->place()) + ": " + describe(request.logged->effects),
               {request.id});
}

}  // namespace understudy::sim
