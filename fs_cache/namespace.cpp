#include "fs_cache/namespace.h"

#include <algorithm>

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
  UNDERSTUDY_CHECK(node != nullptr && node->loading != nullptr);
  node->loading->set();
  node->loading.reset();
  if (!listed) co_return listed.status();
  fill(*node, std::move(*listed));
  unload_oldest();
  co_return Status::success;
}

void Namespace::fill(Node& directory, std::vector<ListedEntry> entries) {
  set_loaded(directory);
  for (const ListedEntry& entry : entries) add_listed(directory, entry);
}

/// What comes from the medium may have been made by another program: what SMB could not have made
/// is left out.
void Namespace::add_listed(Node& directory, const ListedEntry& entry) {
  const Result<Path> name = parse_path(entry.name);
  std::string key = fold(entry.name);
  Node* node = find(entry.object);
  const bool second_name_of_directory =
      node != nullptr && (node == root_ || (node->is_directory() && !node->names.empty()));
  if (!name || name->components.size() != 1 || name->directory_only || entry.object == 0 ||
      second_name_of_directory || directory.directory->links.contains(key)) {
    log_.warning("entry left out",
                 {{"directory", directory.id}, {"name", entry.name}, {"object", entry.object}});
    return;
  }
  if (node == nullptr) {
    auto made = std::make_unique<Node>(Node{entry.object, entry.state, std::max(entry.links, 1U)});
    node = made.get();
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
  if (node.is_directory()) set_loaded(node);
  return node;
}

Link& Namespace::add_link(Node& parent, const std::string& name, Node& node, Lsn lsn) {
  auto made = std::make_unique<Link>(Link{&parent, name, fold(name), &node, lsn});
  Link& link = *made;
  UNDERSTUDY_CHECK(parent.directory->links.emplace(link.key, std::move(made)).second);
  node.names.push_back(&link);
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
                              node.loading == nullptr;
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
}

void Namespace::unload_oldest() {
  if (loads_ > 0) return;
  std::erase_if(unnamed_, [this](ObjectId object) {
    Node* node = find(object);
    if (node == nullptr || !node->names.empty()) return true;
    if (!clean(*node) || !node->opens.empty()) return false;
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
