// CLOSE: IRP_MJ_CLEANUP and IRP_MJ_CLOSE in one. The last close of a name that is to be deleted
// deletes it (MS-FSA 2.1.5.4).
#include "fs_cache/file_constants.h"
#include "fs_cache/streams.h"
#include "fs_cache/volume.h"

namespace understudy {
namespace {

bool wants_deletion(const Open& open) {
  return open.link != nullptr &&
         (open.link->delete_pending || (open.options & option::kDeleteOnClose) != 0);
}

bool holds_names(const Node& node) {
  return node.is_directory() && !node.directory->links.empty();
}

}  // namespace

Task<Status> Volume::close(Irp& irp) {
  Reservation reservation;
  Status loaded = Status::success;
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    Node& node = *open.node;
    const Status allowed = check_asker(irp, open);
    if (failed(allowed)) co_return allowed;
    const bool in_vain = irp.close.client_gone == kKeptLongEnough && !open.is_disconnected();
    if (in_vain || (irp.close.client_gone == kClientGone && keep_open(open)))
      co_return Status::success;
    if (node.is_stream()) co_return co_await close_stream(irp);
    bool deletes = wants_deletion(open) && ok(loaded);
    if (deletes && node.is_directory() && node.directory == nullptr) {
      loaded = co_await names_.load(node.id);
      continue;
    }
    deletes = deletes && !holds_names(node);  // something came into the directory: it stays
    const bool removes = deletes && open.link->opens == 1;
    Open* const heir = deletes && !removes ? Volume::heir(*open.link, &open) : nullptr;
    const std::size_t room = (removes ? open.link->name.size() : 0) + kPropertyHeader +
                             (heir == nullptr ? 0 : room_for_state(*heir));
    const bool shows_write =
        node.late_write_time.hides(now()) && open.may(access::kWriteData | access::kAppendData);
    const bool changes = removes || open.durable != nullptr || heir != nullptr || shows_write;
    if (changes && !reservation.holds(sizeof(RecordHeader) + room)) {
      Result<Reservation> reserved = co_await reserve(room, 0);
      if (!reserved) co_return reserved.status();
      reservation = std::move(*reserved);
      continue;
    }
    show(irp, std::max(node.last_lsn, path_shows(open.link)));
    std::optional<RecordHeader> written;
    if (shows_write) written = show_write(node);
    if (irp.close.post_query != 0) irp.close.facts = facts_of(node, open.link, now());
    end_open(irp, open, deletes, heir, std::move(reservation), written);
    co_return Status::success;
  }
}

/// What no client has seen yet was written now (late_write_time.h); the record that says so.
RecordHeader Volume::show_write(Node& node) {
  node.late_write_time.show();
  node.state.write_time = now();
  node.last_lsn = last_lsn_ + 1;
  return effect_on(Effect::set, node.id, node.state);
}

void Volume::end_open(Irp& irp, Open& open, bool deletes, Open* heir, Reservation reservation,
                      const std::optional<RecordHeader>& written) {
  Node& node = *open.node;
  Link* const link = open.link;
  std::vector<Property> ended;
  if (open.durable != nullptr) ended.push_back({PropertyKind::open, open.id, {}});
  const std::shared_ptr<Oplock> own = open.oplock;
  leave(open);
  if (link != nullptr && deletes) {
    link->delete_pending = true;
    will_be_deleted(node);
    if (link->opens == 0) {
      remove_name(irp, *link, std::move(reservation), {}, ended);
      return;
    }
    break_handles(node, own.get());  // those that keep them for caching alone may let it go
  }
  if (heir != nullptr) heir->durable->deletes = true;
  const std::vector<const Open*> told =
      heir == nullptr ? std::vector<const Open*>() : std::vector<const Open*>{heir};
  note_opens(irp, told, std::move(ended), std::move(reservation), written);
}

/// The handle is gone, and counts for no name any more.
void Volume::leave(Open& open) {
  Node& node = *open.node;
  keep_no_more(open);
  end_watch(open);
  end_locks(open);
  end_oplock(open);
  std::erase(node.opens, &open);
  if (node.opens.empty()) {
    node.reserved_allocation = 0;
    node.late_write_time = {};
  }
  if (open.link != nullptr) --open.link->opens;
  if (open.file_link != nullptr) --open.file_link->opens;
  opens_.erase(open.id);
  wake_settled(node);
}

/// `streams`, of an object that has more names, go with it.
void Volume::remove_name(Irp& irp, Link& link, Reservation reservation,
                         const std::vector<GoneStream>& streams,
                         const std::vector<Property>& properties) {
  const Node& node = *link.node;
  Node& parent = *link.parent;
  ObjectState state = node.state;
  state.change_time = now();
  RecordHeader effect = effect_on(Effect::unlink, node.id, state);
  effect.parent = parent.id;
  if (node.links == 1) effect.flags |= kRemovesObject;
  if (!streams.empty()) effect.flags |= kRemovesStreams;
  const Logged logged = commit(irp, std::move(reservation), effect, link.name, {},
                               encode_gone_streams(streams), properties);
  streams_removed(*link.node, &link, streams, logged.lsn);
  changed_entries(parent, state.change_time);
  link.node->state = state;
  changed_name(link, ChangeAction::removed, logged.lsn);
  names_.remove_link(link, logged.lsn);
}

}  // namespace understudy
