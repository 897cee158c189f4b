#include "tests/sim/ledger.h"

#include <algorithm>
#include <array>

#include "iomgr/check.h"

namespace understudy::sim {
namespace {

/// Answers of the medium, or of a LUN that is not there: a file system that serves gives others.
bool from_medium(Status status) {
  return status == Status::io_device_error || status == Status::disk_full ||
         status == Status::file_corrupt || status == Status::crc_error ||
         status == Status::device_not_ready || status == Status::volume_dismounted;
}

std::vector<const Effects*> effects_of(const auto& line) {
  std::vector<const Effects*> effects;
  for (const auto& each : line) effects.push_back(&each->effects);
  return effects;
}

}  // namespace

std::string_view to_string(What what) {
  static constexpr std::array kNames = {
#define UNDERSTUDY_SIM_NAME(name) std::string_view(#name),
      UNDERSTUDY_SIM_EVENTS(UNDERSTUDY_SIM_NAME)
#undef UNDERSTUDY_SIM_NAME
  };
  return kNames.at(static_cast<std::size_t>(what));
}

std::string describe(const Event& event) {
  std::string text =
      std::to_string(event.time.count() / 1000) + " us  " + std::string(to_string(event.what));
  if (event.life != 0) text += std::string("  node ") + (event.node == 0 ? "a" : "b");
  text += "  lun " + std::to_string(event.lun);
  if (event.place != Place{}) text += "  place " + to_string(event.place);
  if (event.request != 0) text += "  request " + std::to_string(event.request);
  if (event.irp != 0) text += "  " + std::string(to_string(event.major));
  if (failed(event.status)) text += "  " + std::string(to_string(event.status));
  if (event.effects != nullptr) text += "  " + describe(*event.effects);
  return text;
}

bool shows(const Request& request, const Version& version, const std::vector<std::uint8_t>& bytes) {
  const std::vector<std::uint8_t>& content = version.content;
  if (request.is_listing) return content == bytes;
  const std::size_t from = std::min<std::size_t>(request.offset, content.size());
  const std::size_t length = std::min<std::size_t>(request.length, content.size() - from);
  return std::equal(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(from),
                    content.begin() + static_cast<std::ptrdiff_t>(from + length));
}

std::vector<std::string> Lun::differences_from(const MemoryDisk::Image& expected,
                                               const MemoryDisk::Image& found,
                                               std::vector<const Effects*> also) const {
  for (const Effects& each : in_doubt) also.push_back(&each);
  return differences(found, expected, also);
}

Ledger::Ledger(std::vector<std::shared_ptr<MemoryDisk>> disks) {
  for (auto& disk : disks) {
    Lun& lun = luns_.emplace_back();
    lun.live = lun.settled = Model(disk->current());
    lun.disk = std::move(disk);
    remember(lun, kRootObject, {});
  }
}

bool Ledger::take(Event& event) {
  ++events_;
  Lun& lun = luns_.at(event.lun);
  const bool of_client =
      event.what == What::logged || (event.what == What::completed && !from_medium(event.status));
  const bool begins = of_client && lun.holder == event.life && !lun.serving;
  switch (event.what) {
    case What::answered:
      answered(event);
      break;
    case What::unanswered:
      requests_.at(event.request - 1).status.reset();
      break;
    case What::issued:
      asked_[event.irp].request = event.request;
      if (event.request != 0) requests_.at(event.request - 1).irp = event.irp;
      break;
    case What::begun:
      asked_[event.irp].from = lun.sequence;
      asked_[event.irp].open = event.open;
      break;
    case What::logged:
      if (!begins) logged(event, lun);
      break;
    case What::completed:
      if (!begins) completed(event, lun);
      break;
    case What::acknowledged:
      asked_[event.irp].acknowledged_at = events_;
      break;
    case What::mirroring_on:
      lun.mirroring = true;
      break;
    case What::mirroring_off:
      lun.mirroring = false;
      for (const auto& each : lun.line) each->may_be_in_part = true;
      break;
    case What::flush_failed:
      lun.failed = true;
      if (lun.mirroring) ++lun.failures_untold;
      break;
    case What::failure_told:
      lun.failures_untold = 0;
      break;
    case What::stored:
      stored(event, lun);
      break;
    case What::locked: {
      lun.taken_while_held = lun.holder && *lun.holder != event.life;
      lun.holder = event.life;
      lun.holder_node = event.node;
      lun.serving = false;
      lun.claimed = false;
      lun.mirroring = false;
      lun.failed = false;
      lun.failures_untold = 0;
      lun.copies_at_lock = 0;
      for (const Place copy : *event.copies)
        lun.copies_at_lock = std::max(lun.copies_at_lock, copy.lsn);
      break;
    }
    case What::unlocked:
      lun.holder.reset();
      break;
    case What::claimed:
      lun.claimed = true;
      break;
    case What::sync_failed:
      lun.failed = true;
      lun.sync_failed = true;
      break;
    case What::applied:
      applied(event, lun);
      break;
    case What::node_died:
      for (Lun& each : luns_) {
        if (each.holder == event.life) each.holder.reset();
      }
      break;
    case What::memory_lost:
      for (Lun& each : luns_) {
        for (const auto& one : each.line)
          one->copy_lost = one->copy_lost || one->copied_to == event.node;
      }
      break;
    default:
      break;
  }
  return begins;
}

/// The first sign of a new owner's service: whatever it has not got of the line is not in the order
/// any more. The event that told of it is taken again afterwards.
void Ledger::begin_serving(const Event& event) {
  Lun& lun = luns_.at(event.lun);
  lun.serving = true;
  const std::uint64_t end = lun.disk->applied().lsn;
  settle(lun, end);
  lun.lost.assign(lun.line.begin(), lun.line.end());
  std::vector<const Effects*> torn;
  for (const auto& each : lun.lost) {
    lun.by_place.erase(each->place());
    if (each->may_be_in_part || each->copied_at != 0) torn.push_back(&each->effects);
  }
  lun.line.clear();
  lun.before = lun.settled.image();
  const MemoryDisk::Image& now = lun.disk->current();
  lun.torn = !torn.empty() && !differences(now, lun.settled.image(), {}).empty();
  lun.wrong = lun.differences_from(lun.settled.image(), now, torn);
  for (const std::string& each :
       lun.differences_from(lun.settled.image(), lun.disk->durable(), torn)) {
    if (std::find(lun.wrong.begin(), lun.wrong.end(), each) == lun.wrong.end())
      lun.wrong.push_back(each + " (durable)");
  }
  // From here on what is there counts, in part or not.
  if (!torn.empty() || !lun.wrong.empty()) lun.settled = Model(now);
  if (std::exchange(lun.sync_failed, false) && !torn.empty()) {
    for (Effects& each : assignments(lun.disk->durable(), now))
      lun.in_doubt.push_back(std::move(each));
  }
  lun.live = lun.settled;
  ++lun.sequence;
  for (const auto& [object, unused] : lun.live.image().objects) remember(lun, object, {});
}

void Ledger::logged(Event& event, Lun& lun) {
  auto fresh = std::make_shared<Logged>();
  fresh->effects = *event.effects;
  fresh->node = event.node;
  fresh->life = event.life;
  fresh->may_be_in_part = !lun.mirroring;
  if (const auto found = asked_.find(event.irp); found != asked_.end())
    fresh->request = event.request = found->second.request;
  if (fresh->request != 0) {
    requests_.at(fresh->request - 1).logged = fresh;
    ++requests_.at(fresh->request - 1).operations;
  }
  lun.line.push_back(fresh);
  lun.by_place[fresh->place()] = fresh;
  lun.live.apply(fresh->effects);
  ++lun.sequence;
  remember_changes(lun, fresh->effects);
}

void Ledger::remember(Lun& lun, ObjectId object, Place place) {
  const auto found = lun.live.image().objects.find(object);
  if (found == lun.live.image().objects.end()) return;
  Version version{lun.sequence, place, {}};
  if (found->second.directory) {
    for (const std::string& name : lun.live.names(object)) {
      version.content.insert(version.content.end(), name.begin(), name.end());
      version.content.push_back('\n');
    }
  } else {
    version.content = found->second.bytes;
    version.content.resize(found->second.state.size);
  }
  lun.versions[object].push_back(std::move(version));
}

void Ledger::remember_changes(Lun& lun, const Effects& effects) {
  const RecordHeader& header = effects.header;
  const Place place = effects.place();
  const bool content = header.effect == Effect::create || header.effect == Effect::write ||
                       header.effect == Effect::set;
  lun.object_changed[header.object] = place;
  if (content) remember(lun, header.object, place);
  if (header.effect == Effect::write || header.effect == Effect::set) return;
  for (const ObjectId directory : {header.parent, header.target_parent}) {
    if (directory != 0) remember(lun, directory, place);
  }
  if (header.parent != 0) lun.entry_changed[{header.parent, effects.name}] = place;
  if (header.target_parent != 0)
    lun.entry_changed[{header.target_parent, effects.target_name}] = place;
}

void Ledger::completed(const Event& event, Lun& lun) {
  Asked& asked = asked_[event.irp];
  asked.to = lun.sequence;
  if (event.major == Major::create) {
    if (ok(event.status)) opens_[{event.life, event.lun, event.open}] = event.object;
    asked.object = event.object;
    // A name that was there already is shown, whether it is opened or in the way.
    const bool met = ok(event.status) || event.status == Status::object_name_collision;
    if (met && asked.request != 0) {
      const auto object = lun.live.find(requests_.at(asked.request - 1).path);
      if (object) {
        const auto changed = lun.object_changed.find(*object);
        if (changed != lun.object_changed.end()) asked.shows = changed->second;
      }
    }
  } else if (const auto open = opens_.find({event.life, event.lun, asked.open});
             open != opens_.end()) {
    asked.object = open->second;
  }
}

void Ledger::answered(const Event& event) {
  Request& request = requests_.at(event.request - 1);
  request.status = event.status;
  if (request.logged == nullptr || failed(event.status)) return;
  request.logged->answered = true;
  Lun& lun = luns_.at(request.lun);
  lun.known = std::max(lun.known, request.logged->place());
}

/// Believed is what lies in the store, not what is said of it.
void Ledger::stored(const Event& event, Lun& lun) {
  for (const auto& each : lun.line) {
    if (each->copied_at != 0 || each->place().lsn > event.place.lsn) continue;
    if (std::find(event.copies->begin(), event.copies->end(), each->place()) == event.copies->end())
      continue;
    each->copied_at = events_;
    each->copied_to = event.node;
  }
}

void Ledger::settle(Lun& lun, std::uint64_t lsn) {
  while (!lun.line.empty() && lun.line.front()->place().lsn <= lsn) {
    lun.line.front()->durable_at = events_;
    lun.settled.apply(lun.line.front()->effects);
    lun.line.pop_front();
  }
  lun.settled_lsn = std::max(lun.settled_lsn, lsn);
}

void Ledger::applied(const Event& event, Lun& lun) {
  lun.wrong.clear();
  lun.failed_before_slot = std::exchange(lun.failed, false);
  if (lun.serving) lun.sync_failed = false;
  lun.wrong_without_power_loss = false;
  if (event.place.lsn < lun.settled_lsn) {
    lun.wrong.push_back("the applied slot goes back from LSN " + std::to_string(lun.settled_lsn) +
                        " to " + std::to_string(event.place.lsn));
  }
  if (event.place.lsn > lun.settled_lsn) {
    settle(lun, event.place.lsn);
    lun.wrong =
        lun.differences_from(lun.settled.image(), lun.disk->durable(), effects_of(lun.line));
  }
  lun.wrong_without_power_loss =
      !lun.wrong.empty() &&
      !lun.differences_from(lun.settled.image(), lun.disk->current(), effects_of(lun.line)).empty();
}

std::vector<std::shared_ptr<Logged>> Ledger::shown_by(
    const Request& request, const std::vector<std::uint8_t>* bytes) const {
  std::vector<std::shared_ptr<Logged>> operations;
  const Asked* const of = asked(request.irp);
  if (of == nullptr) return operations;
  const auto& by_place = luns_.at(request.lun).by_place;
  const auto add = [&](Place place) {
    if (const auto found = by_place.find(place); found != by_place.end())
      operations.push_back(found->second);
  };
  add(of->shows);
  if (bytes == nullptr) return operations;
  // The oldest one: what came later may not show in these bytes.
  const std::vector<const Version*> versions = shown(request, *bytes);
  if (!versions.empty()) add(versions.front()->place);
  return operations;
}

std::vector<const Version*> Ledger::shown(const Request& request,
                                          const std::vector<std::uint8_t>& bytes) const {
  std::vector<const Version*> matching;
  const Asked* const of = asked(request.irp);
  if (of == nullptr) return matching;
  const auto found = luns_.at(request.lun).versions.find(of->object);
  if (found == luns_.at(request.lun).versions.end()) return matching;
  const std::vector<Version>& all = found->second;
  for (std::size_t i = 0; i < all.size() && all[i].sequence <= of->to; ++i) {
    const bool over = i + 1 < all.size() && all[i + 1].sequence <= of->from;
    if (!over && shows(request, all[i], bytes)) matching.push_back(&all[i]);
  }
  return matching;
}

}  // namespace understudy::sim
