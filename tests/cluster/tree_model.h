// What a share must hold according to what its clients were told: files by path, and the one
// operation that may or may not have happened because its answer never came.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace understudy {

/// Path ('\' between components, as clients know it) to content. Directories are not kept.
using Tree = std::map<std::string, std::string>;

/// An operation on a Tree.
struct TreeOperation {
  enum class Kind { create, overwrite, write, resize, rename, remove };
  Kind kind;
  std::string path;
  std::string target = {};   // rename
  std::uint64_t offset = 0;  // write
  std::string data = {};     // write
  std::uint64_t size = 0;    // resize

  /// The tree after it. Only for operations that were answered with success or not at all.
  void apply(Tree& tree) const {
    switch (kind) {
      case Kind::create:
        tree.try_emplace(path);
        break;
      case Kind::overwrite:
        tree[path].clear();
        break;
      case Kind::write: {
        const auto file = tree.find(path);
        if (file == tree.end()) break;
        std::string& content = file->second;
        if (content.size() < offset + data.size()) content.resize(offset + data.size());
        content.replace(offset, data.size(), data);
        break;
      }
      case Kind::resize:
        if (const auto file = tree.find(path); file != tree.end()) file->second.resize(size);
        break;
      case Kind::rename:
        if (const auto file = tree.find(path); file != tree.end() && path != target) {
          tree[target] = std::move(file->second);
          tree.erase(path);
        }
        break;
      case Kind::remove:
        tree.erase(path);
        break;
    }
  }
};

}  // namespace understudy
