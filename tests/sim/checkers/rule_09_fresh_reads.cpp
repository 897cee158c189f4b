// Rule 9: read your writes, and no stale read across a takeover. A read or a listing shows one
// state of its object, and none older than what any client knew of when the read was sent.
#include "tests/sim/checkers/rules.h"

namespace understudy::sim {

void rule_09_fresh_reads(const Event& event, const Ledger& ledger, Findings& findings) {
  if (event.what != What::answered) return;
  const Request& request = ledger.request(event.request);
  const bool at_end = request.is_read && event.status == Status::end_of_file;
  if (!request.is_read && !request.is_listing) return;
  if (!at_end && (failed(event.status) || event.bytes == nullptr)) return;
  static const std::vector<std::uint8_t> nothing;
  const std::vector<std::uint8_t>& got = at_end ? nothing : *event.bytes;
  const std::vector<const Version*> matching = ledger.shown(request, got);
  if (matching.empty()) {
    findings.add(9, "it shows a state that never was, or is over", {request.id});
    return;
  }
  const Version* const version = matching.back();
  const Asked& asked = *ledger.asked(request.irp);
  const auto& versions = ledger.lun(request.lun).versions.at(asked.object);
  for (const Version& later : versions) {
    if (later.sequence <= version->sequence || later.place > request.known_before) continue;
    if (later.place == Place{}) continue;  // a change of owner, not an operation
    findings.add(9,
                 "it shows the state of " + to_string(version->place) + ", but " +
                     to_string(later.place) + " was known before it was sent",
                 {request.id});
    return;
  }
}

}  // namespace understudy::sim
