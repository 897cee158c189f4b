// Rule 1: the final state is the fold, in the order of places, of a set U of operations with
// acknowledged ⊆ U ⊆ acknowledged ∪ unanswered.
//
// U is the line that each owner serves: those of the owner before, up to where the medium and the
// replay brought it, and its own. So these are looked at. An operation's record holds all of it. It
// is in two memories or on the medium when it is acknowledged. A flush leaves the fold on the
// medium. A new owner misses no acknowledged operation and serves exactly the fold of the others.
// The medium at the end is exactly the fold of the line.
//
// Allowed: an operation whose owner died and whose copy was in a machine that lost its memory is
// lost, and no other. An unanswered operation that a flush may have touched when its owner died is
// there or not, cell by cell: SMB promises nothing of a request that got no answer. If a sync has
// failed since, its content may even go with the power after it was seen. But a rename is never
// there by half.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {
namespace {

void acknowledged(const Event& event, const Lun& lun, Findings& findings) {
  if (event.place.lsn == 0 || failed(event.status)) return;
  const auto found = lun.by_place.find(event.place);
  if (found == lun.by_place.end() || found->second->safe()) return;
  findings.add(1,
               "acknowledged while only its owner knew of it: " + to_string(event.place) + " " +
                   describe(found->second->effects),
               {found->second->request});
}

void logged(const Event& event, Findings& findings) {
  const RecordHeader& header = event.effects->header;
  if (header.effect != Effect::write || header.offset + header.data_length <= header.size) return;
  findings.add(1, "its record leaves out its end: " + describe(*event.effects), {event.request});
}

/// Both names of a rename that was interrupted.
void half_renames(const Lun& lun, Findings& findings) {
  const auto leads_to = [](const MemoryDisk::Image& image, ObjectId directory,
                           const std::string& name, ObjectId object) {
    const auto entry = image.entries.find({directory, name});
    return entry != image.entries.end() && entry->second == object;
  };
  const MemoryDisk::Image& now = lun.disk->current();
  for (const auto& lost : lun.lost) {
    const RecordHeader& header = lost->effects.header;
    if (header.effect != Effect::rename) continue;
    const bool both =
        leads_to(now, header.parent, lost->effects.name, header.object) &&
        leads_to(now, header.target_parent, lost->effects.target_name, header.object) &&
        !leads_to(lun.before, header.target_parent, lost->effects.target_name, header.object);
    if (both) findings.add(1, "there by half: " + describe(lost->effects), {lost->request});
  }
}

void taken_over(const Lun& lun, Findings& findings) {
  half_renames(lun, findings);
  for (const auto& lost : lun.lost) {
    if (!lost->answered || lost->copy_lost) continue;
    findings.add(1,
                 "acknowledged, and the new owner does not have it: " + to_string(lost->place()) +
                     " " + describe(lost->effects),
                 {lost->request});
  }
  for (const std::string& each : lun.wrong)
    findings.add(1, "the new owner serves another state: " + each);
}

void final_state(const Lun& lun, Findings& findings) {
  for (const std::string& each : lun.differences_from(lun.live.image(), lun.disk->durable()))
    findings.add(1, "at the end, " + each);
}

}  // namespace

void rule_01_durable(const Event& event, const Ledger& ledger, Findings& findings) {
  const Lun& lun = ledger.lun(event.lun);
  if (event.what == What::logged) logged(event, findings);
  if (event.what == What::applied && lun.wrong_without_power_loss) {
    for (const std::string& each : lun.wrong)
      findings.add(1, "the flush up to " + to_string(event.place) + " left another state: " + each);
  }
  if (event.what == What::acknowledged) acknowledged(event, lun, findings);
  if (event.what == What::serving) taken_over(lun, findings);
  if (event.what == What::ended) final_state(lun, findings);
}

}  // namespace understudy::sim
