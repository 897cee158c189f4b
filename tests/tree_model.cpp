#include "tests/tree_model.h"

#include <algorithm>

namespace understudy {
namespace {

constexpr std::size_t kSector = 512;

std::string as_directory(const std::string& path) {
  return path + "\\";
}

bool is_file(const Tree& tree, const std::string& path) {
  return tree.contains(path);
}

bool is_directory(const Tree& tree, const std::string& path) {
  return tree.contains(as_directory(path));
}

bool is_there(const Tree& tree, const std::string& path) {
  return is_file(tree, path) || is_directory(tree, path);
}

bool is_empty_directory(const Tree& tree, const std::string& path) {
  const auto self = tree.find(as_directory(path));
  if (self == tree.end()) return false;
  const auto next = std::next(self);
  return next == tree.end() || !next->first.starts_with(self->first);
}

bool has_parent(const Tree& tree, const std::string& path) {
  const std::size_t last = path.rfind('\\');
  return last == std::string::npos || is_directory(tree, path.substr(0, last));
}

void rename_directory(Tree& tree, const std::string& from, const std::string& to) {
  Tree moved;
  for (auto each = tree.lower_bound(from); each != tree.end() && each->first.starts_with(from);) {
    moved[to + each->first.substr(from.size())] = std::move(each->second);
    each = tree.erase(each);
  }
  tree.merge(moved);
}

bool may_rename(const Tree& tree, const TreeOperation& operation) {
  const auto& [from, to] = std::pair(operation.path, operation.target);
  if (!is_there(tree, from) || !has_parent(tree, to)) return false;
  if (from == to) return true;
  if (is_directory(tree, from)) return !is_there(tree, to) && !to.starts_with(as_directory(from));
  return !is_directory(tree, to) && (operation.replace || !is_file(tree, to));
}

/// Each sector as in one of the two, and a length that one of them has.
bool is_mixture(const std::string& found, const std::string& one, const std::string& other) {
  if (found.size() != one.size() && found.size() != other.size()) return false;
  for (std::size_t at = 0; at < found.size(); at += kSector) {
    const std::string sector = found.substr(at, kSector);
    // A size and the bytes behind it are two cells: behind the old end there may be zeros yet.
    const bool known = [&] {
      for (const std::string* content : {&one, &other}) {
        std::string expected = at < content->size() ? content->substr(at, kSector) : "";
        expected.resize(sector.size());
        if (sector == expected) return true;
      }
      return false;
    }();
    if (!known) return false;
  }
  return true;
}

/// The beginning of a sector as text; whoever writes sectors puts there who he is.
std::string label(const std::string& content, std::size_t at) {
  if (at >= content.size()) return "(end)";
  std::string text = content.substr(at, std::min<std::size_t>(kSector, 60));
  text = text.substr(0, text.find('\n'));
  for (char& letter : text) letter = letter >= ' ' && letter <= '~' ? letter : '?';
  return text;
}

std::string file_differences(const std::string& expected, const std::string& found) {
  constexpr int kShown = 4;
  std::string text;
  int shown = 0;
  for (std::size_t at = 0; at < std::max(expected.size(), found.size()); at += kSector) {
    const std::string one = at < expected.size() ? expected.substr(at, kSector) : "";
    const std::string other = at < found.size() ? found.substr(at, kSector) : "";
    if (one == other || ++shown > kShown) continue;
    text += "    at " + std::to_string(at) + ": expected " + label(expected, at) + ", found " +
            label(found, at) + "\n";
  }
  return text;
}

}  // namespace

bool TreeOperation::possible(const Tree& tree) const {
  switch (kind) {
    case Kind::create:
    case Kind::overwrite:
      return has_parent(tree, path) && !is_directory(tree, path);
    case Kind::create_new:
    case Kind::make_directory:
      return has_parent(tree, path) && !is_there(tree, path);
    case Kind::write:
    case Kind::resize:
    case Kind::remove:
      return is_file(tree, path);
    case Kind::rename:
      return may_rename(tree, *this);
    case Kind::remove_directory:
      return is_empty_directory(tree, path);
  }
  return false;
}

void TreeOperation::apply(Tree& tree) const {
  switch (kind) {
    case Kind::create:
    case Kind::create_new:
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
      if (path == target) break;
      if (const auto file = tree.find(path); file != tree.end()) {
        tree[target] = std::move(file->second);
        tree.erase(path);
      } else {
        rename_directory(tree, as_directory(path), as_directory(target));
      }
      break;
    case Kind::remove:
      tree.erase(path);
      break;
    case Kind::make_directory:
      tree.try_emplace(as_directory(path));
      break;
    case Kind::remove_directory:
      tree.erase(as_directory(path));
      break;
  }
}

std::vector<Tree> all_or_nothing(const Tree& before, const TreeOperation& operation) {
  std::vector<Tree> trees = {before};
  if (operation.possible(before)) {
    trees.push_back(before);
    operation.apply(trees.back());
  }
  return trees;
}

bool may_be_in_part(const Tree& before, const TreeOperation& operation, const Tree& found) {
  const std::vector<Tree> whole = all_or_nothing(before, operation);
  if (std::ranges::find(whole, found) != whole.end()) return true;
  if (whole.size() == 1) return false;
  const Tree& after = whole.back();
  using Kind = TreeOperation::Kind;
  if (operation.kind != Kind::write && operation.kind != Kind::resize &&
      operation.kind != Kind::overwrite)
    return false;
  const auto file = found.find(operation.path);
  if (file == found.end()) return false;
  Tree expected = before;
  expected[operation.path] = file->second;
  const auto old = before.find(operation.path);
  return found == expected &&
         is_mixture(file->second, old == before.end() ? "" : old->second, after.at(operation.path));
}

std::string differences(const Tree& expected, const Tree& found) {
  std::string text;
  for (const auto& [path, content] : expected) {
    const auto other = found.find(path);
    if (other == found.end()) {
      text += "  missing: " + path + " (" + std::to_string(content.size()) + " bytes)\n";
    } else if (content != other->second) {
      text += "  different: " + path + " (" + std::to_string(content.size()) + " bytes, found " +
              std::to_string(other->second.size()) + ")\n" +
              file_differences(content, other->second);
    }
  }
  for (const auto& [path, content] : found) {
    if (!expected.contains(path))
      text += "  too much: " + path + " (" + std::to_string(content.size()) + " bytes)\n";
  }
  return text;
}

std::string describe(const TreeOperation& operation) {
  using Kind = TreeOperation::Kind;
  switch (operation.kind) {
    case Kind::create:
      return "open or create " + operation.path;
    case Kind::create_new:
      return "create " + operation.path;
    case Kind::overwrite:
      return "overwrite " + operation.path;
    case Kind::write:
      return "write " + std::to_string(operation.data.size()) + " at " +
             std::to_string(operation.offset) + " of " + operation.path;
    case Kind::resize:
      return "resize " + operation.path + " to " + std::to_string(operation.size);
    case Kind::rename:
      return "rename " + operation.path + (operation.replace ? " over " : " to ") +
             operation.target;
    case Kind::remove:
      return "delete " + operation.path;
    case Kind::make_directory:
      return "make directory " + operation.path;
    case Kind::remove_directory:
      return "remove directory " + operation.path;
  }
  return "?";
}

}  // namespace understudy
