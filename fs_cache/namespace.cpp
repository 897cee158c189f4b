#include "fs_cache/namespace.h"

#include <algorithm>
#include <utility>

#include "fs_cache/file_constants.h"
#include "iomgr/check.h"
#include "iomgr/unicode.h"

namespace understudy {

Namespace::Namespace(Executor& executor, Medium& medium, Log& log, std::size_t max_objects)
    : executor_(executor), medium_(medium), log_(log), max_objects_(max_objects) {}

Task<Status> Namespace::load_root() {
  if (root_ != nullptr) co_return Status::success;
  const Result<ObjectState> state = co_await medium_.read_state(kRootObject);
  if (!state) co_return state.status();
  auto node = std::make_unique<Node>(Node{kRootObject, *state});
  node->state.attributes |= attribute::kDirectory;
  root_ = node.get();
  nodes_.emplace(kRootObject, std::move(node));
  co_return Status::success;
}

Node* Namespace::find(ObjectId object) {
  const auto found = nodes_.find(object);
  return found == nodes_.end() ? nullptr : found->second.get();
}

Walk Namespace::walk(const Path& path) {
  Walk walk = walk_file(path);
  const bool there = ok(walk.status) && walk.unloaded == nullptr && walk.node != nullptr;
  if (there && path.has_stream()) walk_stream(path.stream, walk);
  return walk;
}

void Namespace::walk_stream(const std::string& name, Walk& walk) {
  Node& file = *std::exchange(walk.node, nullptr);
  walk.file = &file;
  walk.file_link = std::exchange(walk.link, nullptr);
  walk.parent = nullptr;
  walk.shows = std::max(walk.shows, file.last_lsn);
  walk.unloaded = unloaded_streams(file);
  if (walk.unloaded != nullptr || file.streams == nullptr) return;
  touch(*file.streams);
  const Directory& streams = *file.streams->directory;
  const auto found = streams.links.find(fold(name));
  if (found == streams.links.end()) {
    walk.shows = std::max(walk.shows, streams.last_lsn);
    return;
  }
  walk.link = found->second.get();
  walk.node = walk.link->node;
  walk.shows = std::max(walk.shows, walk.link->last_lsn);
}

Walk Namespace::walk_file(const Path& path) {
  Walk walk;
  walk.node = root_;
  for (std::size_t i = 0; i < path.components.size(); ++i) {
    const bool last = i + 1 == path.components.size();
    Node& directory = *walk.node;
    if (!directory.is_directory()) {
      walk.status = Status::object_path_not_found;
      return walk;
    }
    if (directory.directory == nullptr) {
      walk.unloaded = &directory;
      return walk;
    }
    touch(directory);
    const auto found = directory.directory->links.find(fold(path.components[i]));
    if (last) walk.parent = &directory;
    if (found == directory.directory->links.end()) {
      walk.shows = std::max(walk.shows, directory.directory->last_lsn);
      if (!last) walk.status = Status::object_path_not_found;
      walk.node = nullptr;
      return walk;
    }
    walk.shows = std::max(walk.shows, found->second->last_lsn);
    walk.node = found->second->node;
    if (last) walk.link = found->second.get();
  }
  return walk;
}

Task<Status> Namespace::load(ObjectId object) {
  Node* node = find(object);
  if (node == nullptr || node->directory != nullptr) co_return Status::success;
  if (node->loading != nullptr) {
    co_await node->loading->wait();
    co_return Status::success;  // or not: whoever waited walks again and finds out
  }
  node->loading = std::make_unique<Event>(executor_);
  ++loads_;
  Result<std::vector<ListedEntry>> listed = co_await medium_.list(object);
  --loads_;
  node = find(object);
  if (node == nullptr && is_streams_directory(object)) co_return Status::success;  // with its file
  UNDERSTUDY_CHECK(node != nullptr && node->loading != nullptr);
  node->loading->set();
  node->loading.reset();
  if (is_streams_directory(object)) {
    const bool none = listed ? listed->empty() : listed.status() == Status::object_name_not_found;
    Node& file = *node->owner;
    file.has_no_streams = none;
    if (none || !listed) forget_streams(file);
    if (none) co_return Status::success;
  }
  if (!listed) co_return listed.status();
  fill(*node, std::move(*listed));
  unload_oldest();
  co_return Status::success;
}

Node* Namespace::unloaded_streams(Node& file) {
  if (file.has_no_streams) return nullptr;
  Node& streams = file.streams == nullptr ? add_streams(file) : *file.streams;
  return streams.directory == nullptr ? &streams : nullptr;
}

Node& Namespace::make_streams(Node& file) {
  UNDERSTUDY_CHECK(unloaded_streams(file) == nullptr);
  if (file.streams == nullptr) set_loaded(add_streams(file));
  file.has_no_streams = false;
  return *file.streams;
}

Node& Namespace::add_streams(Node& file) {
  UNDERSTUDY_CHECK(!is_streams_directory(file.id) && file.owner == nullptr);
  ObjectState state;
  state.attributes = attribute::kDirectory;
  auto made = std::make_unique<Node>(Node{streams_of(file.id), state});
  made->owner = &file;
  file.streams = made.get();
  nodes_.emplace(made->id, std::move(made));
  return *file.streams;
}

/// The streams go from memory with it; none of them is open.
void Namespace::forget_streams(Node& file) {
  Node* const streams = std::exchange(file.streams, nullptr);
  if (streams == nullptr) return;
  if (streams->loading != nullptr) streams->loading->set();  // who waits looks again
  if (streams->directory != nullptr) {
    for (const auto& [key, link] : streams->directory->links) {
      UNDERSTUDY_CHECK(link->node->opens.empty());
      nodes_.erase(link->node->id);
    }
    loaded_.erase(streams->directory->recency);
  }
  nodes_.erase(streams->id);
}

void Namespace::fill(Node& directory, std::vector<ListedEntry> entries) {
  set_loaded(directory);
  for (const ListedEntry& entry : entries) add_listed(directory, entry);
}

namespace {

bool can_be_listed(const Node& directory, const ListedEntry& entry) {
  if (entry.object == 0 || is_streams_directory(entry.object)) return false;
  const bool is_directory = (entry.state.attributes & attribute::kDirectory) != 0;
  if (is_streams_directory(directory.id)) return !is_directory && is_stream_name(entry.name);
  const Result<Path> name = parse_path(entry.name);
  return name && name->components.size() == 1 && !name->directory_only && !name->has_stream() &&
         !name->names_data;
}

}  // namespace

/// What comes from the medium may have been made by another program: what SMB could not have made
/// is left out.
void Namespace::add_listed(Node& directory, const ListedEntry& entry) {
  std::string key = fold(entry.name);
  Node* node = find(entry.object);
  const bool second_name_of_directory =
      node != nullptr && (node == root_ || (node->is_directory() && !node->names.empty()));
  // A stream has one name, and is of one file.
  const bool of_another =
      node != nullptr && (directory.owner != nullptr || node->owner != directory.owner);
  if (!can_be_listed(directory, entry) || second_name_of_directory || of_another ||
      directory.directory->links.contains(key)) {
    log_.warning("entry left out",
                 {{"directory", directory.id}, {"name", entry.name}, {"object", entry.object}});
    return;
  }
  if (node == nullptr) {
    auto made = std::make_unique<Node>(Node{entry.object, entry.state, std::max(entry.links, 1U)});
    node = made.get();
    node->owner = directory.owner;
    nodes_.emplace(entry.object, std::move(made));
  }
  auto link = std::make_unique<Link>(Link{&directory, entry.name, key, node});
  node->names.push_back(link.get());
  directory.directory->links.emplace(std::move(key), std::move(link));
}

Node& Namespace::add_object(ObjectId object, const ObjectState& state, Lsn lsn) {
  auto made = std::make_unique<Node>(Node{object, state, 0});
  Node& node = *made;
  UNDERSTUDY_CHECK(nodes_.emplace(object, std::move(made)).second);
  node.last_lsn = lsn;
  node.has_no_streams = true;
  if (node.is_directory()) set_loaded(node);
  return node;
}

Link& Namespace::add_link(Node& parent, const std::string& name, Node& node, Lsn lsn) {
  auto made = std::make_unique<Link>(Link{&parent, name, fold(name), &node, lsn});
  Link& link = *made;
  UNDERSTUDY_CHECK(parent.directory->links.emplace(link.key, std::move(made)).second);
  node.names.push_back(&link);
  node.owner = parent.owner;
  ++node.links;
  node.last_lsn = lsn;
  entry_changed(parent, lsn);
  return link;
}

void Namespace::remove_link(Link& link, Lsn lsn) {
  Node& node = *link.node;
  UNDERSTUDY_CHECK(link.opens == 0);
  std::erase(node.names, &link);
  --node.links;
  node.last_lsn = lsn;
  entry_changed(*link.parent, lsn);
  link.parent->directory->links.erase(std::string(link.key));  // a copy: the key dies with the link
  if (node.links == 0) {
    forget_streams(node);
    if (node.directory != nullptr) loaded_.erase(node.directory->recency);
    nodes_.erase(node.id);
  } else if (node.names.empty()) {
    unnamed_.push_back(node.id);
  }
}

void Namespace::move_link(Link& link, Node& parent, const std::string& name, Lsn lsn) {
  entry_changed(*link.parent, lsn);
  auto taken = link.parent->directory->links.extract(link.key);
  link.parent = &parent;
  link.name = name;
  link.key = fold(name);
  link.last_lsn = lsn;
  link.node->last_lsn = lsn;
  taken.key() = link.key;
  UNDERSTUDY_CHECK(parent.directory->links.insert(std::move(taken)).inserted);
  entry_changed(parent, lsn);
}

void Namespace::entry_changed(Node& directory, Lsn lsn) {
  directory.directory->last_lsn = lsn;
  directory.last_lsn = lsn;
  directory.file().last_lsn = lsn;
}

void Namespace::settle(Lsn durable) {
  durable_ = durable;
  unload_oldest();
}

bool Namespace::clean(const Node& node) const {
  return node.last_lsn <= durable_ && node.unwritten == nullptr;
}

bool Namespace::unloadable(const Node& directory) const {
  if (!clean(directory) || !directory.opens.empty() || directory.directory->last_lsn > durable_)
    return false;
  return std::all_of(directory.directory->links.begin(), directory.directory->links.end(),
                     [this](const auto& entry) {
                       const Link& link = *entry.second;
                       const Node& node = *link.node;
                       return link.opens == 0 && clean(node) && node.directory == nullptr &&
                              node.loading == nullptr && node.streams == nullptr;
                     });
}

void Namespace::unload(Node& directory) {
  for (const auto& [key, link] : directory.directory->links) {
    Node& node = *link->node;
    std::erase(node.names, link.get());
    if (node.names.empty() && node.opens.empty()) nodes_.erase(node.id);
  }
  loaded_.erase(directory.directory->recency);
  directory.directory.reset();
  if (directory.owner == nullptr) return;
  directory.owner->streams = nullptr;
  nodes_.erase(directory.id);
}

void Namespace::unload_oldest() {
  if (loads_ > 0) return;
  std::erase_if(unnamed_, [this](ObjectId object) {
    Node* node = find(object);
    if (node == nullptr || !node->names.empty()) return true;
    if (!clean(*node) || !node->opens.empty() || node->streams != nullptr) return false;
    nodes_.erase(object);
    return true;
  });
  // Never the latest: somebody has just asked for it.
  for (auto at = loaded_.end(); nodes_.size() > max_objects_ && at != loaded_.begin();) {
    Node& directory = **--at;
    if (at == loaded_.begin()) break;
    if (!unloadable(directory)) continue;
    ++at;
    unload(directory);
  }
}

void Namespace::touch(Node& directory) {
  loaded_.splice(loaded_.begin(), loaded_, directory.directory->recency);
}

void Namespace::set_loaded(Node& directory) {
  directory.directory = std::make_unique<Directory>();
  loaded_.push_front(&directory);
  directory.directory->recency = loaded_.begin();
}

}  // namespace understudy
