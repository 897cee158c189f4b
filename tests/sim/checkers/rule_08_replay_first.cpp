// Rule 8: the replay is durable before the first new operation is accepted or read answered. So
// everything that the new owner's mirror store held of the LUN is on the medium when the replay
// says that it is over, and when the new owner begins to serve.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_08_replay_first(const Event& event, const Ledger& ledger, Findings& findings) {
  if (event.what != What::serving && event.what != What::replay_over) return;
  const Lun& lun = ledger.lun(event.lun);
  if (lun.holder != event.life || lun.disk->applied().lsn >= lun.copies_at_lock) return;
  findings.add(8, std::string(event.what == What::serving ? "serves" : "the replay is over") +
                      " at " + std::to_string(lun.disk->applied().lsn) +
                      ", but its mirror store held operations up to " +
                      std::to_string(lun.copies_at_lock));
}

}  // namespace understudy::sim
