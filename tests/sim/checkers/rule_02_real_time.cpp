// Rule 2: if x was acknowledged before y was sent, x has the lower place.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_02_real_time(const Event& event, const Ledger& ledger, Findings& findings) {
  if (event.what != What::logged || event.request == 0) return;
  const Place known = ledger.request(event.request).known_before;
  if (event.effects->place() > known) return;
  findings.add(2,
               "its place is " + to_string(event.effects->place()) + ", but " + to_string(known) +
                   " had been acknowledged before it was sent: " + describe(*event.effects),
               {event.request});
}

}  // namespace understudy::sim
