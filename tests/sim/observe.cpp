// From trace points and the touches of the medium to events.
#include "iomgr/check.h"
#include "iomgr/interconnect.h"
#include "mirror_server/store_memory.h"
#include "tests/sim/coverage.h"
#include "tests/sim/world.h"

namespace understudy::sim {
namespace {

/// An IRP of netstack has its layer in the top bits of its id (iomgr/irp.h).
bool from_netstack(const TraceEntry& entry) {
  return entry.irp >> 48 == static_cast<std::uint64_t>(Layer::netstack);
}

bool is(const TraceEntry& entry, Hop hop, Layer neighbour) {
  return entry.hop == hop && entry.neighbour == neighbour;
}

bool is(const TraceEntry& entry, MirrorMinor minor) {
  return entry.major == Major::mirror && entry.minor == static_cast<std::uint8_t>(minor);
}

}  // namespace

void World::mix(std::uint64_t value) {
  outcome_.hash = (outcome_.hash ^ value) * 0x100000001B3;
  outcome_.hash ^= outcome_.hash >> 29;
}

void World::emit(Event event) {
  event.time = loop_.now();
  mix(static_cast<std::uint64_t>(event.what) << 32 | event.lun);
  mix(static_cast<std::uint64_t>(event.time.count()));
  mix(event.place.lsn << 16 ^ event.place.epoch ^ event.request << 40);
  mix(static_cast<std::uint64_t>(event.status));
  const bool serving = ledger_.take(event);
  if (serving) {
    Event first = event;
    first.what = What::serving;
    ledger_.begin_serving(first);
    judge(first);
    ledger_.take(event);
  }
  judge(event);
}

/// The "sometimes" points that are events.
void World::note_marks(const Event& event) {
  const Lun& lun = ledger_.lun(event.lun);
  if (event.what == What::replayed) mark("replay of operations");
  if (event.what == What::sync_failed) mark("sync failed");
  if (event.what == What::flush_failed) mark("flush failed");
  if (event.what == What::unanswered) mark("request unanswered");
  if (event.what != What::serving) return;
  if (lun.torn) mark("torn flush");
  for (const auto& lost : lun.lost) {
    if (lost->answered && lost->copy_lost) mark("lawful loss");
  }
}

void World::judge(const Event& event) {
  note_marks(event);
  if (on_event_) on_event_(event);
  for (const Rule& rule : rules()) rule.look(event, ledger_, findings_);
  tell_findings(event);
}

void World::tell_findings(const Event& event) {
  for (; told_findings_ < findings_.all().size(); ++told_findings_) {
    if (on_finding) on_finding(findings_.all()[told_findings_], event);
  }
}

void World::observe(Node& node, const TraceEntry& entry, const Irp& irp) {
  if (on_point) on_point(node, entry, irp);
  mix(entry.irp ^ entry.lsn << 32);
  mix(static_cast<std::uint64_t>(entry.step) << 48 | static_cast<std::uint64_t>(entry.hop) << 32 |
      static_cast<std::uint64_t>(entry.layer) << 16 | static_cast<std::uint64_t>(entry.major));
  Event base;
  base.node = node.index();
  base.life = node.life();
  base.lun = entry.lun < disks_.size() ? entry.lun : 0;
  base.place = {entry.epoch, entry.lsn};
  base.irp = std::uint64_t{node.life()} << 56 | (entry.irp & ((1ULL << 56) - 1));
  base.major = entry.major;
  base.status = entry.status;
  base.open = irp.open;
  switch (entry.layer) {
    case Layer::netstack:
      observe_netstack(base, entry, irp);
      break;
    case Layer::ff_driver:
      observe_ff_driver(base, entry, irp);
      break;
    case Layer::fs_cache:
      observe_fs_cache(node, base, entry, irp);
      break;
    case Layer::rd_driver:
      observe_rd_driver(base, entry, irp);
      break;
    case Layer::mirror_server:
      observe_mirror_server(node, base, entry);
      break;
    default:
      break;
  }
  if (entry.step != Step{}) step_taken(node, entry.step);
}

void World::observe_netstack(const Event& base, const TraceEntry& entry, const Irp&) {
  if (!is(entry, Hop::request_out, Layer::ff_driver)) return;
  Event event = base;
  event.what = What::issued;
  event.status = Status::success;
  // A session that ends closes what it had open, in nobody's name.
  LastRequest& last = last_of_session_[entry.session];
  if (last.is_close == (entry.major == Major::close)) event.request = std::exchange(last.id, 0);
  emit(event);
}

void World::observe_ff_driver(const Event& base, const TraceEntry& entry, const Irp& irp) {
  Event event = base;
  if (entry.step == Step::s412) {
    event.what = What::acknowledged;
    event.shows = irp.shows;
    event.request = ledger_.asked(event.irp) == nullptr ? 0 : ledger_.asked(event.irp)->request;
    emit(event);
  } else if (entry.step == Step::s334) {
    event.what = What::mirroring_on;
    emit(event);
  } else if (is(entry, Hop::request_out, Layer::rd_driver) && is(entry, MirrorMinor::failed)) {
    event.what = What::failure_told;
    emit(event);
  } else if (is(entry, Hop::request_in, Layer::rd_driver) && is(entry, MirrorMinor::partner_down)) {
    event.what = What::mirroring_off;
    for (std::uint32_t lun = 0; lun < ledger_.luns(); ++lun) {
      if (ledger_.lun(lun).holder != event.life) continue;
      event.lun = lun;
      emit(event);
    }
  }
}

void World::observe_fs_cache(Node& node, const Event& base, const TraceEntry& entry,
                             const Irp& irp) {
  Event event = base;
  if (is(entry, Hop::request_in, Layer::ff_driver) && from_netstack(entry)) {
    event.what = What::begun;
    emit(event);
  } else if (is(entry, Hop::completion_out, Layer::ff_driver) && from_netstack(entry)) {
    event.what = What::completed;
    if (entry.major == Major::create && ok(entry.status)) event.object = irp.create.facts.object;
    emit(event);
  } else if (is(entry, Hop::request_in, Layer::ff_driver) && entry.major == Major::lazy_write) {
    const std::vector<Place> copies = copies_of(node, event.lun);
    event.what = What::flush_asked;
    event.copies = &copies;
    emit(event);
  } else if (is(entry, Hop::completion_out, Layer::ff_driver) && entry.major == Major::lazy_write &&
             failed(entry.status)) {
    event.what = What::flush_failed;
    emit(event);
  } else if ((entry.step == Step::s406 && entry.lsn != 0) || entry.step == Step::s314) {
    const auto effects = effects_of(node, irp);
    if (!effects) return;
    event.what = entry.step == Step::s406 ? What::logged : What::replayed;
    event.effects = &*effects;
    event.status = Status::success;
    if (const Asked* asked = ledger_.asked(event.irp)) event.request = asked->request;
    emit(event);
  }
}

void World::observe_rd_driver(const Event& base, const TraceEntry& entry, const Irp&) {
  const bool refused = is(entry, Hop::completion_out, Layer::ff_driver) &&
                       is(entry, MirrorMinor::append) && failed(entry.status);
  if (!refused || ledger_.lun(base.lun).holder != base.life) return;
  Event event = base;
  event.what = What::mirroring_off;
  emit(event);
}

void World::observe_mirror_server(Node& node, const Event& base, const TraceEntry& entry) {
  const bool acks = is(entry, Hop::message_out, Layer::rd_driver) &&
                    entry.minor == static_cast<std::uint8_t>(interconnect::Message::ack);
  const bool purges = entry.step == Step::s418;
  const bool replay_over = is(entry, Hop::completion_out, Layer::cluster_app) &&
                           entry.major == Major::cluster && ok(entry.status) &&
                           entry.minor == static_cast<std::uint8_t>(ClusterMinor::replay);
  if (replay_over) {
    Event event = base;
    event.what = What::replay_over;
    emit(event);
  }
  if (!acks && !purges) return;
  const std::vector<Place> copies = copies_of(node, base.lun);
  if (copies_bytes_ > 2 * plan_.settings.mirror_kib * bounds::kKiB / 3)
    mark("mirror store nearly full");
  Event event = base;
  event.what = acks ? What::stored : What::purged;
  event.copies = &copies;
  emit(event);
}

void World::observe_disk(std::uint32_t lun, MemoryDisk::Touch touch, const MemoryMedium& medium) {
  static constexpr std::pair<MemoryDisk::Touch, What> kEvents[] = {
      {MemoryDisk::Touch::locked, What::locked},
      {MemoryDisk::Touch::unlocked, What::unlocked},
      {MemoryDisk::Touch::claimed, What::claimed},
      {MemoryDisk::Touch::written, What::written},
      {MemoryDisk::Touch::sync_failed, What::sync_failed},
      {MemoryDisk::Touch::applied, What::applied}};
  Node* const node = nodes_.at(medium.node()).get();
  if (node == nullptr) return;  // it is being taken apart
  for (const auto& [of_disk, what] : kEvents) {
    if (of_disk != touch) continue;
    Event event;
    event.what = what;
    event.node = medium.node();
    event.life = node->life();
    event.lun = lun;
    std::vector<Place> copies;
    if (what == What::locked) copies = copies_of(*node, lun);
    event.copies = &copies;
    if (what == What::claimed) event.place.epoch = disks_.at(lun)->owner().epoch;
    if (what == What::applied)
      event.place = {disks_.at(lun)->applied().epoch, disks_.at(lun)->applied().lsn};
    emit(event);
  }
}

std::optional<Effects> World::effects_of(Node& node, const Irp& irp) const {
  const auto bytes = node.host().arena().bytes(irp.record);
  if (!bytes) return std::nullopt;
  const Result<Record> record = decode_record(*bytes);
  if (!record) return std::nullopt;
  return copy_of(*record);
}

/// What lies in the node's mirror store, read from its memory as a later life of it would.
std::vector<Place> World::copies_of(Node& node, std::uint32_t lun) {
  std::vector<Place> copies;
  copies_bytes_ = 0;
  Arena& arena = node.host().arena();
  const StoreMemory memory(arena, arena.region(Layer::mirror_server));
  for (const StoreMemory::Survivors& each : memory.survivors()) {
    for (const BufferRef& ref : each.records) {
      copies_bytes_ += ref.capacity + StoreMemory::kBlockHeader;
      if (each.lun != lun) continue;
      const auto bytes = arena.bytes(ref);
      if (!bytes || bytes->size() < sizeof(RecordHeader)) continue;
      RecordHeader header;
      std::memcpy(&header, bytes->data(), sizeof header);
      copies.push_back({header.epoch, header.lsn});
    }
  }
  return copies;
}

}  // namespace understudy::sim
