// QUERY_DIRECTORY (MS-FSA 2.1.5.6.3): a listing in several steps, that stays right while names come
// and go.
#include <algorithm>
#include <cstring>

#include "fs_cache/file_constants.h"
#include "fs_cache/volume.h"
#include "iomgr/unicode.h"

namespace understudy {
namespace {

/// The answer as it grows: bounded by the payload, and by what the same entries take on the wire.
class Listing {
 public:
  Listing(Bytes room, const DirectoryParameters& ask) : room_(room), ask_(ask) {}

  /// False when the entry does not fit any more.
  bool add(std::string_view name, const FileFacts& facts) {
    const std::size_t size = (sizeof(DirectoryEntry) + name.size() + 7) / 8 * 8;
    const std::uint64_t wire_start = (wire_ + 7) / 8 * 8;
    const std::uint64_t wire_end =
        wire_start + ask_.entry_overhead + 2 * utf16_length(name).value_or(name.size());
    if (size > room_.size() - used_ || wire_end > ask_.wire_capacity) return false;
    const DirectoryEntry entry{static_cast<std::uint32_t>(size),
                               static_cast<std::uint32_t>(name.size()), facts};
    std::uint8_t* const at = room_.data() + used_;
    std::memset(at, 0, size);
    std::memcpy(at, &entry, sizeof entry);
    std::memcpy(at + sizeof entry, name.data(), name.size());
    used_ += size;
    wire_ = wire_end;
    ++entries_;
    return true;
  }
  bool enough() const { return ask_.single_entry != 0 && entries_ > 0; }
  bool empty() const { return entries_ == 0; }
  std::size_t bytes() const { return used_; }

 private:
  Bytes room_;
  const DirectoryParameters& ask_;
  std::size_t used_ = 0;
  std::uint64_t wire_ = 0;
  std::uint32_t entries_ = 0;
};

void restart(Enumeration& at, std::string_view pattern, bool takes_pattern) {
  if (takes_pattern) at.pattern = Pattern(pattern);
  at.begun = true;
  at.given_any = false;
  at.at = Enumeration::At::dot;
  at.after.clear();
}

/// `.` and `..`, before all other names. False when one does not fit.
bool list_dots(Enumeration& at, const Node& directory, FileTime now, Listing& listing) {
  const Link* const link = directory.names.empty() ? nullptr : directory.names.front();
  if (at.at == Enumeration::At::dot) {
    if (at.pattern.matches(".") && !listing.add(".", facts_of(directory, link, now))) return false;
    at.at = Enumeration::At::dot_dot;
    if (listing.enough()) return true;
  }
  if (at.at == Enumeration::At::dot_dot) {
    const Node& parent = link == nullptr ? directory : *link->parent;
    if (at.pattern.matches("..") && !listing.add("..", facts_of(parent, nullptr, now)))
      return false;
    at.at = Enumeration::At::names;
  }
  return true;
}

/// A node of the directory whose EaSize can only be told when its attributes have been read.
const Node* lacks_extended(const Node& directory) {
  for (const auto& [key, link] : directory.directory->links) {
    if (link->node->properties.lack(link->node->state.attributes & attribute::kHasExtended))
      return link->node;
  }
  return nullptr;
}

}  // namespace

Task<Status> Volume::query_directory(Irp& irp) {
  const std::optional<Bytes> room = seams_.arena.room(irp.payload);
  const std::optional<Bytes> text = seams_.arena.bytes(irp.payload);
  if (!room || !text || text->size() > bounds::kMaxPathBytes) co_return Status::invalid_parameter;
  const std::string pattern(as_text(*text));  // a copy: the answer is written over it
  for (;;) {
    const Result<Open*> found = find_open(irp);
    if (!found) co_return found.status();
    Open& open = **found;
    Node& node = *open.node;
    if (!node.is_directory()) co_return Status::invalid_parameter;
    if (!open.may(access::kReadData)) co_return Status::access_denied;
    if (node.directory == nullptr) {
      const Status loaded = co_await names_.load(node.id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    if (const Node* lacking = lacks_extended(node); lacking != nullptr) {
      const Status loaded = co_await load_properties(lacking->id);
      if (failed(loaded)) co_return loaded;
      continue;
    }
    Enumeration& at = open.enumeration;
    const DirectoryParameters& ask = irp.directory;
    if (!at.begun || ask.restart != 0 || ask.reopen != 0) {
      restart(at, pattern, !at.begun || ask.reopen != 0 || !pattern.empty());
    }
    co_return list_names(irp, open, *room);
  }
}

Status Volume::list_names(Irp& irp, Open& open, Bytes room) {
  const Node& node = *open.node;
  Enumeration& at = open.enumeration;
  Listing listing(room, irp.directory);
  show(irp, std::max(node.last_lsn, node.directory->last_lsn));
  bool fits = list_dots(at, node, now(), listing);
  const auto& links = node.directory->links;
  for (auto next = links.upper_bound(at.after); fits && next != links.end() && !listing.enough();
       ++next) {
    const Link& link = *next->second;
    if (at.pattern.matches(next->first)) {
      fits = listing.add(link.name, facts_of(*link.node, &link, now()));
      if (!fits) break;
      show(irp, link.node->last_lsn);
    }
    at.after = next->first;
  }
  irp.information = listing.bytes();
  irp.payload.length = static_cast<std::uint32_t>(listing.bytes());
  if (listing.empty()) {
    if (!fits) return Status::buffer_overflow;
    return at.given_any ? Status::no_more_files : Status::no_such_file;
  }
  at.given_any = true;
  return Status::success;
}

}  // namespace understudy
