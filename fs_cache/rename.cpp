// Names that are given to what exists: rename and hard link (MS-FSA 2.1.5.14.6, 2.1.5.14.11).
#include <algorithm>

#include "fs_cache/create_request.h"
#include "fs_cache/durable.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/share_mode.h"
#include "fs_cache/streams.h"
#include "fs_cache/volume.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {

bool is_inside(const Node* node, const Node& directory) {
  while (node != nullptr && node != &directory) {
    node = node->names.empty() ? nullptr : node->names.front()->parent;
  }
  return node != nullptr;
}

std::vector<Property> properties_of(
    const std::vector<std::pair<std::uint64_t, std::vector<std::uint8_t>>>& states) {
  std::vector<Property> properties;
  for (const auto& [id, state] : states) properties.push_back({PropertyKind::open, id, state});
  return properties;
}

}  // namespace

Task<Status> Volume::take_name(Irp& irp, bool moves) {
  const std::optional<Bytes> text = seams_.arena.bytes(irp.payload);
  if (!text) co_return Status::invalid_parameter;
  const Result<Path> path = parse_path(as_text(*text));
  if (!path) co_return path.status();
  const Result<Open*> from = find_open(irp);
  if (!from) co_return from.status();
  if ((*from)->node->is_stream() || path->has_stream() || path->names_data) {
    if (!moves) co_return Status::invalid_parameter;
    const Status renamed = co_await rename_stream(irp, *path);
    co_return renamed;
  }
  if (path->components.empty() || path->directory_only) co_return Status::object_name_invalid;
  const std::string& name = path->components.back();
  Reservation reservation;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    show(irp, std::max(open.node->last_lsn, path_shows(open.link)));
    const Status source = check_source(open, moves);
    if (failed(source)) co_return source;
    const Walk walk = names_.walk(*path);
    if (walk.unloaded != nullptr) {
      const Status loaded = co_await names_.load(walk.unloaded->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    if (const Node* lacking = lacks_properties(walk); lacking != nullptr) {
      const Status loaded = co_await load_properties(lacking->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    show(irp, walk.shows);
    const Status target = check_target(irp, open, walk, moves);
    const bool happens_anyway = target == Status::object_name_collision && walk.link != open.link &&
                                walk.node != nullptr && walk.node->opens.empty() &&
                                !walk.node->is_directory() && !open.node->is_directory() &&
                                planted(Mutant::refused_rename_happens);
    if (failed(target) && !happens_anyway) co_return target;
    if (moves && break_handles(*open.node, open.oplock.get())) {
      irp.information = open.node->id;
      co_return Status::pending;
    }
    if (walk.link == open.link && (!moves || open.link->name == name)) co_return Status::success;
    const std::size_t states = moves ? room_for_renamed(open, walk, name) : 0;
    if (states > bounds::kMaxPropertyBytes) co_return Status::sharing_violation;
    const std::size_t names = 3 * bounds::kMaxNameBytes;  // the source's, the target's, its old one
    if (!reservation.holds(sizeof(RecordHeader) + names + states)) {
      Result<Reservation> reserved = co_await reserve(names + states, 0);
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    put_name(irp, open, walk, name, moves, std::move(reservation));
    if (happens_anyway) co_return target;
    co_return Status::success;
  }
}

Status Volume::check_source(const Open& open, bool moves) const {
  if (open.link == nullptr) return Status::invalid_parameter;  // the root
  if (moves && !open.may(access::kDelete)) return Status::access_denied;
  if (open.link->delete_pending) return Status::delete_pending;
  if (moves && has_open_streams(*open.node)) return Status::access_denied;
  if (!open.node->is_directory()) return Status::success;
  if (!moves) return Status::file_is_a_directory;
  return holds_opens(*open.node) ? Status::access_denied : Status::success;
}

Status Volume::check_target(const Irp& irp, const Open& open, const Walk& walk, bool moves) const {
  if (failed(walk.status)) return walk.status;
  if (!walk.parent->names.empty() && walk.parent->names.front()->delete_pending)
    return Status::delete_pending;
  if (moves && is_inside(walk.parent, *open.node)) return Status::invalid_parameter;
  if (!moves && open.node->links >= bounds::kMaxLinks) return Status::too_many_links;
  // Windows opens the target's directory for this, sharing reading and writing, not deleting.
  const std::uint32_t add = open.node->is_directory() ? access::kAppendData : access::kWriteData;
  if ((maximal_access(*walk.parent, nullptr, *open.token) & add) == 0) return Status::access_denied;
  const Status shared = check_sharing(walk.parent->opens, add, share::kRead | share::kWrite);
  if (failed(shared)) return shared;
  if (walk.link == nullptr || (moves && walk.link == open.link)) return Status::success;
  if (irp.set.replace == 0) return Status::object_name_collision;
  if (walk.link == open.link) return Status::success;
  if (walk.link->delete_pending) return Status::delete_pending;
  const Node& replaced = *walk.node;
  const bool read_only = (replaced.state.attributes & attribute::kReadOnly) != 0;
  const bool in_use =
      walk.link->opens > 0 ||
      (&replaced != open.node && (!replaced.opens.empty() || has_open_streams(replaced)));
  if ((maximal_access(replaced, walk.parent, *open.token) & access::kDelete) == 0)
    return Status::access_denied;
  if (replaced.is_directory() || open.node->is_directory() || read_only || in_use)
    return Status::access_denied;
  return Status::success;
}

/// The durable opens of a name know it: they are recorded anew with the one that it becomes.
Volume::RenamedOpens Volume::renamed_opens(const Open& by, const Node& parent,
                                           const std::string& name) const {
  const Link& link = *by.link;
  const Link* const above = parent.names.empty() ? nullptr : parent.names.front();
  const std::string path = above == nullptr ? name : path_of(above) + "\\" + name;
  RenamedOpens renamed;
  for (const Open* const open : link.node->opens) {
    if (open->link != &link || open->durable == nullptr) continue;
    OpenState state = state_of(*open);
    state.path = path;
    if (open == &by) state.former = name_check(path_of(&link));
    renamed.emplace_back(open->id, encode_open_state(state));
  }
  return renamed;
}

std::size_t Volume::room_for_renamed(const Open& open, const Walk& walk,
                                     const std::string& name) const {
  return properties_size(properties_of(renamed_opens(open, *walk.parent, name)));
}

/// Whether anything below the directory is open.
bool Volume::holds_opens(const Node& directory) const {
  return std::any_of(opens_.begin(), opens_.end(), [&directory](const auto& entry) {
    const Open& open = *entry.second;
    const Link* const link = open.name_of_file();
    return link != nullptr && is_inside(link->parent, directory);
  });
}

void Volume::put_name(Irp& irp, Open& open, const Walk& walk, const std::string& name, bool moves,
                      Reservation reservation) {
  Node& node = *open.node;
  Link* const replaced = walk.link == open.link ? nullptr : walk.link;
  ObjectState state = node.state;
  state.change_time = now();
  RecordHeader effect = effect_on(moves ? Effect::rename : Effect::link, node.id, state);
  effect.parent = moves ? open.link->parent->id : 0;
  effect.target_parent = walk.parent->id;
  std::string
      old_spelling;  // of the name that is taken over, if it is another: its entry has to go
  if (replaced != nullptr) {
    effect.replaced = replaced->node->id;
    if (replaced->node->links == 1) effect.flags |= kRemovesReplaced;
    if (replaced->name != name) old_spelling = replaced->name;
  }
  const RenamedOpens renamed = moves ? renamed_opens(open, *walk.parent, name) : RenamedOpens{};
  const std::string_view source = moves ? std::string_view(open.link->name) : std::string_view();
  const Logged logged = commit(irp, std::move(reservation), effect, source, name,
                               as_bytes(old_spelling), properties_of(renamed));
  if (moves && open.durable != nullptr) open.durable->former = name_check(path_of(open.link));
  node.state = state;
  changed_entries(*walk.parent, state.change_time);
  if (replaced != nullptr) {
    changed_name(*replaced, ChangeAction::removed, logged.lsn);
    names_.remove_link(*replaced, logged.lsn);
  }
  if (moves) {
    const bool stays = open.link->parent == walk.parent;
    changed_entries(*open.link->parent, state.change_time);
    changed_name(*open.link, stays ? ChangeAction::renamed_old_name : ChangeAction::removed,
                 logged.lsn);
    names_.move_link(*open.link, *walk.parent, name, logged.lsn);
    changed_name(*open.link, stays ? ChangeAction::renamed_new_name : ChangeAction::added,
                 logged.lsn);
    // As NTFS tells it: a file with another name counts as changed.
    if (!node.is_directory())
      changed(open.link, ChangeAction::modified, change::kAttributes, logged.lsn);
  } else {
    const Link& link = names_.add_link(*walk.parent, name, node, logged.lsn);
    changed_name(link, ChangeAction::added, logged.lsn);
  }
}

}  // namespace understudy
