// What a share must hold according to what its clients were told: files and directories by path,
// and for the one operation of each client whose answer never came, what it may have left behind.
// Used with IRPs inside one process (tests/cluster) and with real SMB clients (tests/real).
#pragma once

#include <map>
#include <string>
#include <vector>

namespace understudy {

/// Path ('\' between components, as clients know it) to content. A directory's path ends with '\'
/// and its content is empty; the share's root is not in it.
using Tree = std::map<std::string, std::string>;

/// An operation on a Tree.
struct TreeOperation {
  enum class Kind {
    create,      // opens the file, or makes it: nothing changes if it is there
    create_new,  // makes the file; refused if something has that name
    overwrite,   // empties the file, or makes it
    write,
    resize,
    rename,
    remove,
    make_directory,
    remove_directory
  };
  Kind kind;
  std::string path;          // without the '\' at the end, also of a directory
  std::string target = {};   // rename
  bool replace = true;       // rename: over an existing file
  std::uint64_t offset = 0;  // write
  std::string data = {};     // write
  std::uint64_t size = 0;    // resize

  /// Whether a server that holds `tree` does it; otherwise it refuses.
  bool possible(const Tree& tree) const;
  /// The tree after it. Only for operations that were answered with success or not at all.
  void apply(Tree& tree) const;
};

/// What a share may hold after `operation`, which was never answered, was asked of `before`: all of
/// it or nothing.
std::vector<Tree> all_or_nothing(const Tree& before, const TreeOperation& operation);

/// Whether `found` may be what is left of `before` when a node that did not mirror died in the
/// middle of `operation`: there is no log of data then, so a write or a change of size may be there
/// in part. Sectors of 512 bytes are whole; names change as a whole or not at all.
bool may_be_in_part(const Tree& before, const TreeOperation& operation, const Tree& found);

/// For messages: where two trees differ, path by path; in files the first sectors that do, with
/// what stands at their beginning.
std::string differences(const Tree& expected, const Tree& found);
/// For messages: "rename a to b", "write 1024 at 512 of a" and the like.
std::string describe(const TreeOperation& operation);

}  // namespace understudy
