// Durable opens that were recorded by another node, or by this one before a restart: restored by
// who mounts the LUN, and kept for their clients.
#include "fs_cache/volume.h"

namespace understudy {
namespace {

/// How long nobody else gets what a restored open keeps from him: clients notice a dead server by
/// their own time-outs.
constexpr Duration kGrace = std::chrono::seconds(30);

/// An open that cannot be restored. Any other failure passes: the next operation tries again.
bool is_lost_with(Status status) {
  return status == Status::file_corrupt || status == Status::object_name_not_found ||
         status == Status::too_many_opened_files;
}

}  // namespace

/// At the end of a replay: all that the medium has are given up by whoever had the LUN before.
Task<Status> Volume::restore_opens() {
  const auto listed = co_await medium_->list_properties(PropertyKind::open);
  if (!listed) co_return listed.status();
  std::vector<PropertyCell> lost;
  for (const PropertyCell& cell : *listed) {
    if (opens_.contains(cell.id)) continue;
    const Status restored = co_await restore_open(cell);
    if (ok(restored)) continue;
    if (!is_lost_with(restored)) co_return restored;
    seams_.log.warning("a durable open is lost",
                       {{"lun", lun()}, {"open", cell.id}, {"status", restored}});
    lost.push_back({cell.kind, cell.id, {}});
  }
  if (lost.empty()) co_return Status::success;
  const Status removed = co_await medium_->write_properties(lost);
  co_return removed;
}

Task<Status> Volume::restore_open(const PropertyCell& cell) {
  const Result<OpenState> state = decode_open_state(cell.bytes, cell.id);
  if (!state) co_return state.status();
  const Result<Path> path = parse_path(state->path);
  if (!path) co_return Status::file_corrupt;
  if (opens_.size() >= bounds::kMaxOpensPerVolume) co_return Status::too_many_opened_files;
  for (;;) {
    const Walk walk = names_.walk(*path);
    if (walk.unloaded != nullptr) {
      const Status loaded = co_await names_.load(walk.unloaded->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    if (walk.node == nullptr || walk.node->id != state->object)
      co_return Status::object_name_not_found;
    restore(cell.id, *state, *walk.node, walk.link);
    co_return Status::success;
  }
}

void Volume::restore(std::uint64_t id, const OpenState& state, Node& node, Link* link) {
  auto made =
      std::make_unique<Open>(Open{id, &node, link, state.access, state.share, state.options});
  Open& open = *made;
  opens_.emplace(id, std::move(made));
  node.opens.push_back(&open);
  if (link != nullptr) {
    ++link->opens;
    link->delete_pending = link->delete_pending || state.delete_pending;
  }
  open.token = std::make_shared<const Token>(system_token());  // until its client is back
  open.keeps_write_time = state.keeps_write_time;
  open.keeps_change_time = state.keeps_change_time;
  open.durable = std::make_unique<DurableOpen>();
  open.durable->request = state.request;
  open.durable->create_action = state.create_action;
  open.durable->restored = true;
  open.durable->former = state.former;
  open.durable->deletes = state.delete_pending;
  open.durable->lock_sequences = state.lock_sequences;
  if (!state.locks.empty()) {
    if (node.locks == nullptr) node.locks = std::make_unique<RangeLocks>();
    node.locks->held.insert(node.locks->held.end(), state.locks.begin(), state.locks.end());
  }
  if (state.caching.kind != Caching::none) restore_oplock(open, state.caching);
  open_cells_.insert(id);
  disconnect(open, seams_.executor.now() + kGrace);
}

}  // namespace understudy
