#include "tests/real/workload.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>

namespace understudy {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kSectorsOfAFile = 40;
constexpr std::size_t kSectorsOfAWrite = 12;

bool is_file(const std::string& path) {
  return path.back() != '\\';
}

bool is_directory(const std::string& path) {
  return path.back() == '\\';
}

std::set<std::string> lines(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> found;
  for (std::string line; std::getline(in, line);) found.insert(line);
  return found;
}

/// Names directly in `directory`, as a listing gives them.
std::set<std::string> listing(const Tree& tree, const std::string& directory) {
  std::set<std::string> names;
  for (const auto& [path, content] : below(tree, directory)) {
    const std::string name = path.substr(directory.size() + 1);
    const std::size_t end = name.find('\\');
    if (!name.empty() && (end == std::string::npos || end + 1 == name.size())) names.insert(name);
  }
  return names;
}

/// The call that asks for `operation`.
SmbCall call_for(const TreeOperation& operation) {
  using Kind = TreeOperation::Kind;
  switch (operation.kind) {
    case Kind::create:
      return {SmbCall::Kind::create, operation.path};
    case Kind::create_new:
      return {SmbCall::Kind::create_new, operation.path};
    case Kind::overwrite:
      return {SmbCall::Kind::overwrite, operation.path};
    case Kind::write:
      return {SmbCall::Kind::write, operation.path, {}, operation.offset, operation.data};
    case Kind::resize:
      return {SmbCall::Kind::resize, operation.path, {}, operation.size};
    case Kind::rename:
      return {operation.replace ? SmbCall::Kind::rename_over : SmbCall::Kind::rename,
              operation.path, operation.target};
    case Kind::remove:
      return {SmbCall::Kind::remove, operation.path};
    case Kind::make_directory:
      return {SmbCall::Kind::make_directory, operation.path};
    case Kind::remove_directory:
      return {SmbCall::Kind::remove_directory, operation.path};
  }
  return {};
}

}  // namespace

Tree below(const Tree& tree, const std::string& directory) {
  const std::string prefix = directory + "\\";
  Tree part;
  for (auto each = tree.lower_bound(prefix); each != tree.end() && each->first.starts_with(prefix);
       ++each)
    part.insert(*each);
  return part;
}

Workload::Workload(std::string directory, std::uint64_t seed)
    : directory_(std::move(directory)), random_(seed) {
  planned_.push_back({TreeOperation::Kind::make_directory, directory_});
}

void Workload::settle(Tree found) {
  tree_ = std::move(found);
  operation_.reset();
  look_.reset();
  planned_.clear();
  if (tree_.empty()) planned_.push_back({TreeOperation::Kind::make_directory, directory_});
}

SmbCall Workload::next() {
  ++asked_;
  operation_.reset();
  look_.reset();
  if (planned_.empty() && random_() % 8 == 0) return look();
  if (planned_.empty()) planned_.push_back(choose());
  operation_ = std::move(planned_.front());
  planned_.pop_front();
  return call_for(*operation_);
}

/// Reads a file or lists a directory: what was acknowledged is seen (rule 9).
SmbCall Workload::look() {
  const std::string file = any(is_file);
  if (file.empty() || random_() % 3 == 0) {
    std::string directory = any(is_directory);
    directory.pop_back();
    look_ = SmbCall{SmbCall::Kind::list, directory};
  } else {
    look_ = SmbCall{SmbCall::Kind::read, file};
  }
  return *look_;
}

bool Workload::answered(const SmbAnswer& answer) {
  using Outcome = SmbAnswer::Outcome;
  const bool by_server = answer.outcome == Outcome::done || answer.outcome == Outcome::refused;
  if (look_ && by_server) {
    const bool right =
        answer.outcome == Outcome::done &&
        (look_->kind == SmbCall::Kind::read ? answer.data == tree_.at(look_->path)
                                            : lines(answer.data) == listing(tree_, look_->path));
    if (!right)
      problem_ =
          (look_->kind == SmbCall::Kind::read ? "reading " : "listing ") + look_->path +
          " does not show what was acknowledged: " + answer.error + "\n" +
          (look_->kind == SmbCall::Kind::read
               ? differences({{look_->path, tree_.at(look_->path)}}, {{look_->path, answer.data}})
               : answer.data);
    look_.reset();
    return right;
  }
  if (answer.outcome == Outcome::not_sent) operation_.reset();
  if (!operation_ || !by_server) return true;
  const bool wanted = operation_->possible(tree_);
  const bool done = answer.outcome == Outcome::done;
  if (done != wanted) {
    problem_ = describe(*operation_) +
               (done ? " was done, but should have been refused" : " was refused: " + answer.error);
    return false;
  }
  if (done) operation_->apply(tree_);
  ++(done ? acknowledged_ : refused_);
  operation_.reset();
  return true;
}

std::string Workload::name() {
  std::string directory = directory_ + "\\";
  if (random_() % 3 == 0) directory = any(is_directory);
  return directory + "f" + std::to_string(random_() % 5);
}

std::string Workload::any(bool (*wanted)(const std::string&)) {
  std::vector<std::string> paths;
  for (const auto& [path, content] : tree_) {
    if (wanted(path)) paths.push_back(path);
  }
  return paths.empty() ? "" : paths[random_() % paths.size()];
}

TreeOperation Workload::choose() {
  using Kind = TreeOperation::Kind;
  const std::string file = any(is_file);
  const std::uint64_t kind = random_() % 100;
  if (file.empty() || kind < 8) return {Kind::create, name()};
  if (kind < 12) return {Kind::create_new, name()};
  if (kind < 16) return {Kind::overwrite, name()};
  if (kind < 48) return write_somewhere();
  if (kind < 58) {
    TreeOperation resize{Kind::resize, file};
    resize.size = random_() % (kSectorsOfAFile * kSector);
    return resize;
  }
  if (kind < 72) {
    TreeOperation rename{Kind::rename, file, name()};
    rename.replace = random_() % 3 != 0;
    return rename;
  }
  if (kind < 76) plan_swap();
  if (kind >= 76 && kind < 80) plan_chain();
  if (kind >= 80 && kind < 84) plan_reborn();
  if (!planned_.empty()) {
    TreeOperation first = std::move(planned_.front());
    planned_.pop_front();
    return first;
  }
  if (kind < 90) return {Kind::remove, file};
  const std::string folder = directory_ + "\\d" + std::to_string(random_() % 3);
  if (kind < 95) return {Kind::make_directory, folder};
  if (kind < 98) return {Kind::remove_directory, folder};
  return {Kind::rename, folder, directory_ + "\\d" + std::to_string(random_() % 3)};
}

TreeOperation Workload::write_somewhere() {
  TreeOperation write{TreeOperation::Kind::write, any(is_file)};
  write.offset = random_() % kSectorsOfAFile * kSector;
  write.data = sectors(1 + random_() % kSectorsOfAWrite, write.offset);
  return write;
}

/// Two files change names by way of a third.
void Workload::plan_swap() {
  const std::string one = any(is_file);
  const std::string other = any(is_file);
  const std::string between = directory_ + "\\swap";
  if (one == other) return;
  planned_ = {{TreeOperation::Kind::rename, one, between},
              {TreeOperation::Kind::rename, other, one},
              {TreeOperation::Kind::rename, between, other}};
}

/// Each name goes on to the next one: the last replaces, or is made.
void Workload::plan_chain() {
  for (int i = 3; i >= 0; --i) {
    const std::string from = directory_ + "\\f" + std::to_string(i);
    if (!tree_.contains(from)) continue;
    planned_.push_back(
        {TreeOperation::Kind::rename, from, directory_ + "\\f" + std::to_string(i + 1)});
  }
}

/// The same name, another file.
void Workload::plan_reborn() {
  const std::string path = any(is_file);
  TreeOperation write{TreeOperation::Kind::write, path};
  write.data = sectors(1 + random_() % 4, 0);
  planned_ = {{TreeOperation::Kind::remove, path},
              {TreeOperation::Kind::create_new, path},
              std::move(write)};
}

std::string Workload::sectors(std::size_t count, std::uint64_t offset) const {
  std::string data;
  for (std::size_t i = 0; i < count; ++i) {
    std::string sector = directory_ + " operation " + std::to_string(asked_) + " offset " +
                         std::to_string(offset + i * kSector) + "\n";
    sector.resize(kSector, '.');
    data += sector;
  }
  return data;
}

}  // namespace understudy
