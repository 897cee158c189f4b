// A client that does random operations on a small tree, and what the tree must look like after
// them. For the tests that compare: memory with medium, before a crash with after, one flush with
// many.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fs_cache/fs_cache_fixture.h"

namespace understudy {

class RandomClient {
 public:
  explicit RandomClient(std::uint64_t seed) : random_(seed) { tree_[""] = nullptr; }

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  /// One operation, whatever comes of it: if the node says success, the model does it too.
  void step(TestNode& node) {
    switch (below(15)) {
      case 0:
      case 1:
        return make(node, below(3) == 0);
      case 2:
      case 3:
      case 4:
      case 5:
        return write(node);
      case 6:
        return resize(node);
      case 7:
      case 8:
        return take_name(node, true);
      case 9:
        return take_name(node, false);
      case 10:
        return set_attributes(node);
      case 11:
      case 12:
        return write_stream(node);
      case 13:
        return below(2) == 0 ? rename_stream(node) : remove_stream(node);
      default:
        return remove(node);
    }
  }

  /// The tree that a client of `node` sees is the model's.
  void expect_seen(TestNode& node) const {
    std::map<std::string, std::string> seen;
    look(node, "", seen);
    std::map<std::string, std::string> expected;
    for (const auto& [path, file] : tree_) {
      if (!path.empty()) expected[path] = file == nullptr ? "directory" : text_of(*file);
      if (file == nullptr) continue;
      for (const auto& [name, bytes] : file->streams) expected[path + ":" + name] = bytes;
    }
    EXPECT_EQ(seen, expected);
  }

  /// Everything about every object, as text: what no crash may change.
  static std::map<std::string, std::string> portrait(TestNode& node) {
    std::map<std::string, std::string> seen;
    paint(node, "", seen);
    return seen;
  }

 private:
  struct File {
    std::string bytes;
    std::uint32_t attributes = 0;
    std::map<std::string, std::string> streams = {};
  };
  using Tree = std::map<std::string, std::shared_ptr<File>>;  // null: a directory

  static std::string text_of(const File& file) {
    return std::to_string(file.attributes) + ":" + file.bytes;
  }
  static std::string below_path(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : directory + "\\" + name;
  }

  /// An existing directory and a name that may or may not be in it.
  std::string place() {
    std::vector<std::string> directories;
    for (const auto& [path, file] : tree_) {
      if (file == nullptr && std::count(path.begin(), path.end(), '\\') < 3)
        directories.push_back(path);
    }
    return below_path(directories[below(directories.size())],
                      std::string(1, static_cast<char>('a' + below(5))));
  }
  std::string existing() {
    auto at = tree_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(below(tree_.size())));
    return at->first;
  }
  std::uint64_t open(TestNode& node, const std::string& path, std::uint32_t access) {
    return ok(node.open(path, {.disposition = Disposition::open, .access = access}))
               ? node.last.open
               : 0;
  }
  static void close(TestNode& node, std::uint64_t handle) {
    EXPECT_EQ(node.close(handle), Status::success);
  }

  void make(TestNode& node, bool directory) {
    const std::string path = place();
    const Status status = node.open(path, {.disposition = Disposition::create,
                                           .options = directory ? option::kDirectoryFile : 0});
    EXPECT_EQ(ok(status), !tree_.contains(path)) << path;
    if (failed(status)) return;
    close(node, node.last.open);
    tree_[path] = directory ? nullptr : std::make_shared<File>(File{"", attribute::kArchive});
  }

  void write(TestNode& node) {
    const std::string path = existing();
    const std::shared_ptr<File> file = tree_[path];
    const std::uint64_t handle = file == nullptr ? 0 : open(node, path, access::kWriteData);
    if (handle == 0) return;
    const std::uint64_t offset = below(200);
    const std::string data(1 + below(80), static_cast<char>('A' + below(26)));
    if (data.size() % 8 == 0) return write_zeros(node, handle, offset, data.size(), *file);
    EXPECT_EQ(node.write(handle, offset, data), Status::success);
    close(node, handle);
    file->bytes.resize(std::max<std::size_t>(file->bytes.size(), offset + data.size()));
    file->bytes.replace(offset, data.size(), data);
    file->attributes |= attribute::kArchive;
  }

  static void write_zeros(TestNode& node, std::uint64_t handle, std::size_t offset,
                          std::size_t length, File& file) {
    EXPECT_EQ(node.write_zeros(handle, offset, length), Status::success);
    close(node, handle);
    if (offset >= file.bytes.size()) return;
    length = std::min(length, file.bytes.size() - offset);
    file.bytes.replace(offset, length, length, '\0');
    file.attributes |= attribute::kArchive;
  }

  std::string stream_name() { return std::string(1, static_cast<char>('s' + below(3))); }

  /// Of a file that is there, or that comes to be with its stream.
  void write_stream(TestNode& node) {
    const std::string path = below(4) == 0 ? place() : existing();
    const bool is_new = !tree_.contains(path);
    if (!is_new && tree_[path] == nullptr) return;
    const std::string name = stream_name();
    const bool empties = below(4) == 0;
    const std::uint64_t handle =
        node.must_open(path + ":" + name,
                       {.disposition = empties ? Disposition::overwrite_if : Disposition::open_if,
                        .access = access::kWriteData});
    if (is_new) tree_[path] = std::make_shared<File>(File{"", attribute::kArchive});
    std::string& bytes = tree_[path]->streams[name];
    if (empties) bytes.clear();
    const std::uint64_t offset = below(50);
    const std::string data(below(50), static_cast<char>('A' + below(26)));
    EXPECT_EQ(node.write(handle, offset, data), Status::success);
    close(node, handle);
    if (data.empty()) return;
    bytes.resize(std::max<std::size_t>(bytes.size(), offset + data.size()));
    bytes.replace(offset, data.size(), data);
  }

  void rename_stream(TestNode& node) {
    const std::string path = existing();
    const std::string from = stream_name();
    const std::string to = stream_name();
    const std::shared_ptr<File> file = tree_[path];
    if (file == nullptr || !file->streams.contains(from)) return;
    const std::uint64_t handle = open(node, path + ":" + from, access::kDelete);
    const Status status = node.rename(handle, ":" + to, true);
    close(node, handle);
    const bool in_the_way = file->streams.contains(to) && !file->streams[to].empty();
    EXPECT_EQ(ok(status), from == to || !in_the_way) << from << to;
    if (failed(status) || from == to) return;
    file->streams[to] = file->streams[from];
    file->streams.erase(from);
  }

  void remove_stream(TestNode& node) {
    const std::string path = existing();
    const std::string name = stream_name();
    const std::shared_ptr<File> file = tree_[path];
    if (file == nullptr) return;
    const Status expected =
        file->streams.contains(name) ? Status::success : Status::object_name_not_found;
    EXPECT_EQ(node.remove(path + ":" + name), expected);
    file->streams.erase(name);
  }

  /// Now and then by overwriting it, which takes its streams.
  void empty_file(TestNode& node, const std::string& path, File& file) {
    close(node, node.must_open(path, {.disposition = Disposition::supersede,
                                      .access = access::kReadData,
                                      .attributes = file.attributes & attribute::kHidden}));
    file = {"", (file.attributes & attribute::kHidden) | attribute::kArchive};
  }

  void resize(TestNode& node) {
    const std::string path = existing();
    const std::shared_ptr<File> file = tree_[path];
    if (file != nullptr && below(4) == 0) return empty_file(node, path, *file);
    const std::uint64_t handle = file == nullptr ? 0 : open(node, path, access::kWriteData);
    if (handle == 0) return;
    const std::uint64_t size = below(200);
    EXPECT_EQ(node.set_size(handle, size), Status::success);
    close(node, handle);
    if (size != file->bytes.size()) file->attributes |= attribute::kArchive;
    file->bytes.resize(size);
  }

  void set_attributes(TestNode& node) {
    const std::string path = existing();
    const std::uint64_t handle = open(node, path, access::kWriteAttributes);
    if (handle == 0) return;
    const std::uint32_t attributes =
        below(2) == 0 ? attribute::kHidden : attribute::kNotContentIndexed;
    EXPECT_EQ(node.set_attributes(handle, attributes), Status::success);
    close(node, handle);
    if (tree_[path] != nullptr) tree_[path]->attributes = attributes;
  }

  void take_name(TestNode& node, bool moves) {
    const std::string from = existing();
    const std::string to = place();
    const std::uint64_t handle = from.empty() ? 0 : open(node, from, access::kDelete);
    if (handle == 0) return;
    const bool replace = below(2) == 0;
    const Status status = moves ? node.rename(handle, to, replace) : node.link(handle, to, replace);
    close(node, handle);
    if (failed(status) || from == to) return;
    EXPECT_TRUE(!tree_.contains(to) || replace) << to;
    tree_[to] = tree_.at(from);
    if (!moves) return;
    Tree moved;
    for (auto at = tree_.begin(); at != tree_.end();) {
      const std::string path = at->first;
      const bool inside = path.starts_with(from + "\\");
      if (!inside && path != from) {
        ++at;
        continue;
      }
      if (inside) moved[to + path.substr(from.size())] = at->second;
      at = tree_.erase(at);
    }
    tree_.merge(moved);
  }

  void remove(TestNode& node) {
    const std::string path = existing();
    if (path.empty()) return;
    const Status status = node.remove(path);
    const auto inside = tree_.upper_bound(path + "\\");
    const bool holds = inside != tree_.end() && inside->first.starts_with(path + "\\");
    EXPECT_EQ(status, holds ? Status::directory_not_empty : Status::success) << path;
    if (ok(status)) tree_.erase(path);
  }

  void look(TestNode& node, const std::string& path,
            std::map<std::string, std::string>& seen) const {
    for (const Listed& entry : node.list(path)) {
      const std::string inner = below_path(path, entry.name);
      seen[inner] = entry.facts.directory != 0
                        ? "directory"
                        : text_of({node.content(inner), entry.facts.attributes});
      if (entry.facts.directory == 0) {
        for (const auto& [name, size] : node.streams(inner))
          seen[inner + ":" + name] = node.content(inner + ":" + name);
      }
      if (entry.facts.directory != 0) look(node, inner, seen);
    }
  }

  static void paint(TestNode& node, const std::string& path,
                    std::map<std::string, std::string>& seen) {
    const FileFacts facts = node.facts(path);
    seen[path] = "id " + std::to_string(facts.object) + " size " + std::to_string(facts.size) +
                 " links " + std::to_string(facts.links) + " attributes " +
                 std::to_string(facts.attributes) + " times " +
                 std::to_string(facts.creation_time) + ' ' + std::to_string(facts.access_time) +
                 ' ' + std::to_string(facts.write_time) + ' ' + std::to_string(facts.change_time);
    if (facts.directory == 0) {
      seen[path] += " content " + node.content(path);
      for (const auto& [name, size] : node.streams(path))
        seen[path + ":" + name] = node.content(path + ":" + name);
      return;
    }
    for (const Listed& entry : node.list(path)) paint(node, below_path(path, entry.name), seen);
  }

  std::mt19937_64 random_;
  Tree tree_;
};

}  // namespace understudy
