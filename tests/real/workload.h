// What one client of the load does: random operations on few names below a directory of its own,
// so that they meet, one after the other; and what it knows from the answers.
//
// Every sector of 512 bytes that it writes names the operation that wrote it, so that a byte that
// is wrong says where it comes from.
#pragma once

#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/real/smb_call.h"
#include "tests/tree_model.h"

namespace understudy {

class Workload {
 public:
  /// `directory`: its own, below the share's root; made by its first operation.
  Workload(std::string directory, std::uint64_t seed);

  const std::string& directory() const { return directory_; }
  /// The next thing to ask for: an operation, or a read or listing whose answer is known.
  SmbCall next();
  /// The answer to it. False: the server said something that cannot be; problem() says what.
  bool answered(const SmbAnswer& answer);
  const std::string& problem() const { return problem_; }

  /// What was asked last, and never answered or not yet.
  const std::optional<TreeOperation>& unanswered() const { return operation_; }
  /// What is there according to the answers.
  const Tree& tree() const { return tree_; }
  /// A look at the share has shown which of the allowed it is; that holds from now on.
  void settle(Tree found);

  std::size_t acknowledged() const { return acknowledged_; }
  std::size_t refused() const { return refused_; }

 private:
  std::string name();
  std::string any(bool (*wanted)(const std::string& path));
  TreeOperation choose();
  TreeOperation write_somewhere();
  void plan_swap();
  void plan_chain();
  void plan_reborn();
  std::string sectors(std::size_t count, std::uint64_t offset) const;
  SmbCall look();

  std::string directory_;
  std::mt19937_64 random_;
  Tree tree_;
  std::deque<TreeOperation> planned_;
  std::optional<TreeOperation> operation_;
  std::optional<SmbCall> look_;
  std::size_t asked_ = 0;
  std::size_t acknowledged_ = 0;
  std::size_t refused_ = 0;
  std::string problem_;
};

/// The part of `tree` below `directory`, it itself included.
Tree below(const Tree& tree, const std::string& directory);

}  // namespace understudy
