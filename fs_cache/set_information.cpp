// SET_INFORMATION but for names: times and attributes, deletion, sizes (MS-FSA 2.1.5.14).
#include <limits>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

// MS-FSCC 2.4.7: 0 leaves a time as it is, -1 also keeps this open's operations from changing it,
// -2 allows them to again.
constexpr std::uint64_t kKeep = ~std::uint64_t{0};
constexpr std::uint64_t kKeepNoLonger = kKeep - 1;
constexpr std::uint64_t kLatestTime = std::numeric_limits<std::int64_t>::max();

bool valid_time(std::uint64_t time) {
  return time <= kLatestTime || time >= kKeepNoLonger;
}

void set_time(std::uint64_t wanted, std::uint64_t& time, bool& keeps) {
  if (wanted == 0) return;
  keeps = wanted != kKeepNoLonger;
  if (wanted <= kLatestTime) time = wanted;
}

/// Of attributes and times, for those who watch.
std::uint32_t what_changes(const ObjectState& before, const ObjectState& after) {
  std::uint32_t what = 0;
  if (before.attributes != after.attributes) what |= change::kAttributes;
  if (before.creation_time != after.creation_time) what |= change::kCreation;
  if (before.access_time != after.access_time) what |= change::kLastAccess;
  if (before.write_time != after.write_time) what |= change::kLastWrite;
  return what;
}

Status check_basic(const SetParameters& set, const Node& node) {
  if (!valid_time(set.creation_time) || !valid_time(set.access_time) ||
      !valid_time(set.write_time) || !valid_time(set.change_time)) {
    return Status::invalid_parameter;
  }
  const std::uint32_t wrong = node.is_directory() ? attribute::kTemporary : attribute::kDirectory;
  return (set.attributes & wrong) != 0 ? Status::invalid_parameter : Status::success;
}

}  // namespace

Task<Status> Volume::set_information(Irp& irp) {
  switch (static_cast<SetMinor>(irp.minor)) {
    case SetMinor::basic:
      return set_basic(irp);
    case SetMinor::rename:
      return rename(irp);
    case SetMinor::link:
      return link(irp);
    case SetMinor::disposition:
      return set_disposition(irp);
    case SetMinor::end_of_file:
      return set_end_of_file(irp);
    case SetMinor::allocation:
      return set_allocation(irp);
    case SetMinor::security:
      return set_security(irp);
    case SetMinor::extended_attributes:
      return set_extended(irp);
    case SetMinor::sparse:
      return set_sparse(irp);
  }
  return refuse(Status::invalid_info_class);
}

Task<Status> Volume::refuse(Status status) {
  co_return status;
}

Task<Status> Volume::set_basic(Irp& irp) {
  Result<Reservation> reservation = co_await reserve(0, 0);
  if (!reservation) co_return reservation.status();
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  Open& open = **found;
  Node& node = open.node->file();
  show(irp, node.last_lsn);
  if (!open.may(access::kWriteAttributes)) co_return Status::access_denied;
  const SetParameters& set = irp.set;
  const Status valid = check_basic(set, node);
  if (failed(valid)) co_return valid;
  node.late_write_time.show();

  ObjectState state = node.state;
  bool kept_anyway = false;  // nothing but a client changes these two
  set_time(set.creation_time, state.creation_time, kept_anyway);
  set_time(set.access_time, state.access_time, kept_anyway);
  set_time(set.write_time, state.write_time, open.keeps_write_time);
  if (set.attributes != 0) {
    state.attributes =
        (set.attributes & attribute::kSettable) | (state.attributes & ~attribute::kSettable);
  }
  const bool changes = !same_state(state, node.state);
  set_time(set.change_time, state.change_time, open.keeps_change_time);
  if (changes && !open.keeps_change_time) state.change_time = now();
  if (!same_state(state, node.state))
    set_state(irp, open, what_changes(node.state, state), state, std::move(*reservation));
  co_return Status::success;
}

/// MS-FSA 2.1.5.9.36. What was a hole stays one; a file that is not sparse only says so of none.
Task<Status> Volume::set_sparse(Irp& irp) {
  Result<Reservation> reservation = co_await reserve(0, 0);
  if (!reservation) co_return reservation.status();
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  const Open& open = **found;
  const Node& node = open.node->file();
  show(irp, node.last_lsn);
  if (open.node->is_directory()) co_return Status::invalid_parameter;
  if (!open.may(access::kWriteData | access::kAppendData | access::kWriteAttributes))
    co_return Status::access_denied;
  ObjectState state = node.state;
  const std::uint32_t sparse = irp.set.attributes & attribute::kSparse;
  state.attributes = (state.attributes & ~attribute::kSparse) | sparse;
  if (state.attributes == node.state.attributes) co_return Status::success;
  if (!open.keeps_change_time) state.change_time = now();
  set_state(irp, open, change::kAttributes, state, std::move(*reservation));
  co_return Status::success;
}

/// Of the file, also where a stream of it is open.
void Volume::set_state(Irp& irp, const Open& open, std::uint32_t what, const ObjectState& state,
                       Reservation reservation) {
  Node& node = open.node->file();
  const Logged logged = commit(irp, std::move(reservation), effect_on(Effect::set, node.id, state));
  node.state = state;
  node.last_lsn = logged.lsn;
  changed(open.name_of_file(), ChangeAction::modified, what, logged.lsn);
}

void Volume::set_size(Irp& irp, const Open& open, const ObjectState& state,
                      Reservation reservation) {
  Node& node = *open.node;
  RecordHeader effect = effect_on(Effect::set, node.id, state);
  const bool touches_file = touch_file(effect, open);
  const Logged logged = commit(irp, std::move(reservation), effect);
  node.resize(state.size, logged.lsn);
  node.state = state;
  node.last_lsn = logged.lsn;
  if (touches_file) file_touched(node, effect, logged.lsn);
  changed_data(open, change::kSize | change::kLastWrite, logged.lsn);
}

/// The durable opens whose records change when the name of `open` is marked for deletion, or no
/// longer is.
std::vector<const Open*> Volume::who_tells(const Open& open, bool deletes) {
  std::vector<const Open*> telling;
  for (const Open* each : open.node->opens) {
    if (each->link == open.link && each->durable != nullptr && each->durable->deletes)
      telling.push_back(each);
  }
  if (!deletes) return telling;
  if (!telling.empty()) return {};
  const Open* const teller = open.durable != nullptr ? &open : heir(*open.link, nullptr);
  return teller == nullptr ? telling : std::vector<const Open*>{teller};
}

/// Only marks the name: whoever closes it last deletes it.
Task<Status> Volume::set_disposition(Irp& irp) {
  Reservation reservation;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    Node& node = *open.node;
    show(irp, node.last_lsn);
    if (!open.may(access::kDelete)) co_return Status::access_denied;
    if (open.link == nullptr) co_return Status::cannot_delete;
    if (irp.set.delete_file != 0) {
      if ((node.file().state.attributes & attribute::kReadOnly) != 0)
        co_return Status::cannot_delete;
      if (node.is_directory() && node.directory == nullptr) {
        const Status loaded = co_await names_.load(node.id);
        if (failed(loaded)) co_return loaded;
        continue;
      }
      if (node.is_directory()) show(irp, node.directory->last_lsn);
      if (node.is_directory() && !node.directory->links.empty())
        co_return Status::directory_not_empty;
      if (break_handles(node, open.oplock.get())) {
        irp.information = node.id;
        co_return Status::pending;
      }
    }
    const bool deletes = irp.set.delete_file != 0;
    const std::vector<const Open*> telling = who_tells(open, deletes);
    std::size_t room = 0;
    for (const Open* each : telling) room += room_for_state(*each);
    if (room > bounds::kMaxPropertyBytes) co_return Status::sharing_violation;
    if (room > 0 && !reservation.holds(sizeof(RecordHeader) + room)) {
      Result<Reservation> reserved = co_await reserve(room, 0);
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    open.link->delete_pending = deletes;
    if (deletes) will_be_deleted(node);
    for (const Open* each : telling) each->durable->deletes = deletes;
    note_opens(irp, telling, {}, std::move(reservation));
    co_return Status::success;
  }
}

Task<Status> Volume::set_end_of_file(Irp& irp) {
  return resize(irp, false);
}

/// A smaller allocation cuts the file; a larger one is only remembered, for room is taken when data
/// comes.
Task<Status> Volume::set_allocation(Irp& irp) {
  return resize(irp, true);
}

Task<Status> Volume::resize(Irp& irp, bool allocation) {
  Result<Reservation> reservation = co_await reserve(0, 0);
  if (!reservation) co_return reservation.status();
  const Result<Open*> found = find_open(irp);
  if (!found) co_return found.status();
  const Open& open = **found;
  Node& node = *open.node;
  const std::uint64_t size = irp.set.size;
  show(irp, node.last_lsn);
  if (node.is_directory() || size > static_cast<std::uint64_t>(kLatestTime))
    co_return Status::invalid_parameter;
  if (!open.may(access::kWriteData)) co_return Status::access_denied;
  if (size > bounds::kMaxFileSize) co_return Status::disk_full;
  if (allocation) node.reserved_allocation = size;
  node.late_write_time.show();
  break_readers(open);  // whether it changes or not (MS-FSA 2.1.4.12)
  ObjectState state = node.state;
  const bool sets_size = !allocation || size < node.state.size;
  if (sets_size && size != node.state.size) {
    state.size = size;
    state.attributes |= attribute::kArchive;
  }
  // As Windows: to set a size is to write, if it stays as it was, too; to reserve room is not.
  if (sets_size && !open.keeps_write_time) state.write_time = now();
  if (!open.keeps_change_time) state.change_time = now();
  set_size(irp, open, state, std::move(*reservation));
  co_return Status::success;
}

}  // namespace understudy
