#include "fs_cache/node.h"

#include <algorithm>
#include <tuple>

#include "fs_cache/file_constants.h"

namespace understudy {
namespace {

std::uint64_t whole_clusters(std::uint64_t bytes) {
  return (bytes + kCluster - 1) / kCluster * kCluster;
}

}  // namespace

bool Node::is_directory() const {
  return (state.attributes & attribute::kDirectory) != 0;
}

UnwrittenData& Node::unwritten_data() {
  if (unwritten == nullptr)
    unwritten = std::make_unique<UnwrittenData>(UnwrittenData{{}, state.size, {}});
  return *unwritten;
}

void Node::resize(std::uint64_t size, Lsn lsn) {
  if (size == state.size) return;
  UnwrittenData& data = unwritten_data();
  if (size < state.size) {
    data.extents.cut(size);
    data.medium_size = std::min(data.medium_size, size);
    data.cuts[lsn] = size;
  }
  state.size = size;
  content_lsn = lsn;
}

void Node::settle(Lsn durable, std::uint64_t size) {
  if (unwritten == nullptr) return;
  unwritten->extents.drop(durable);
  auto& cuts = unwritten->cuts;
  cuts.erase(cuts.begin(), cuts.upper_bound(durable));
  unwritten->medium_size = size;
  for (const auto& [lsn, cut] : cuts)
    unwritten->medium_size = std::min(unwritten->medium_size, cut);
  if (content_lsn <= durable) unwritten.reset();
}

bool same_state(const ObjectState& one, const ObjectState& other) {
  const auto all = [](const ObjectState& state) {
    return std::tie(state.size, state.attributes, state.creation_time, state.access_time,
                    state.write_time, state.change_time);
  };
  return all(one) == all(other);
}

FileFacts facts_of(const Node& node, const Link* link, FileTime now) {
  FileFacts facts{};
  facts.object = node.id;
  facts.creation_time = node.state.creation_time;
  facts.access_time = node.state.access_time;
  facts.write_time = node.late_write_time.seen(node.state.write_time, now);
  facts.change_time = node.state.change_time;
  const std::uint32_t attributes = node.state.attributes & ~attribute::kInternal;
  facts.attributes = attributes == 0 ? attribute::kNormal : attributes;
  facts.ea_size = node.properties.ea_size();
  facts.directory = node.is_directory() ? 1 : 0;
  if (facts.directory == 0) {
    facts.size = node.state.size;
    facts.allocation_size = whole_clusters(std::max(node.state.size, node.reserved_allocation));
  }
  facts.delete_pending = link != nullptr && link->delete_pending ? 1 : 0;
  facts.links = node.links - (facts.delete_pending != 0 ? 1 : 0);
  return facts;
}

FileFacts facts_of(const Open& open, FileTime now) {
  if (!open.node->is_stream()) return facts_of(*open.node, open.link, now);
  FileFacts facts = facts_of(open.node->file(), open.file_link, now);
  const FileFacts stream = facts_of(*open.node, open.link, now);
  facts.size = stream.size;
  facts.allocation_size = stream.allocation_size;
  facts.delete_pending |= stream.delete_pending;
  facts.directory = 0;
  facts.attributes &= ~attribute::kDirectory;
  if (facts.attributes == 0) facts.attributes = attribute::kNormal;
  return facts;
}

std::string path_of(const Link* link) {
  std::vector<const Link*> chain;
  while (link != nullptr) {
    chain.push_back(link);
    link = link->parent->names.empty() ? nullptr : link->parent->names.front();
  }
  std::string path;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    if (!path.empty()) path += '\\';
    path += (*at)->name;
  }
  return path;
}

std::string path_of(const Open& open) {
  std::string path = path_of(open.name_of_file());
  if (open.node->is_stream()) path += ':' + open.link->name;
  return path;
}

Lsn path_shows(const Open& open) {
  const Lsn own = path_shows(open.link);
  if (!open.node->is_stream()) return own;
  return std::max({own, open.node->file().last_lsn, path_shows(open.file_link)});
}

Lsn path_shows(const Link* link) {
  Lsn shows = 0;
  while (link != nullptr) {
    shows = std::max(shows, link->last_lsn);
    link = link->parent->names.empty() ? nullptr : link->parent->names.front();
  }
  return shows;
}

}  // namespace understudy
