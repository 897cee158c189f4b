// The names of one LUN in memory: directories are loaded whole from the medium when they are first
// touched, and unloaded again, the longest unused first, when there are too many objects and
// nothing in them is unwritten or open.
//
// Invariant: a loaded directory is the truth (the medium plus all unwritten effects); one that is
// not loaded has no unwritten effects, so the medium is the truth.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "fs_cache/node.h"
#include "fs_cache/path.h"
#include "iomgr/log.h"

namespace understudy {

/// Where a path leads.
struct Walk {
  Status status = Status::success;  // STATUS_OBJECT_PATH_NOT_FOUND: not even the directory of the
                                    // last name is there
  Node* unloaded = nullptr;         // the walk ended at this directory: load it and walk again
  Node* parent = nullptr;           // directory of the last name; null for the root
  Link* link = nullptr;             // null: the name is free, or the path is the root
  // Of a path to a stream; `link` and `node` are then the stream's, and there is no `parent`. Null:
  // the path leads to no stream, or not even its file is there.
  Node* file = nullptr;
  Link* file_link = nullptr;
  Node* node = nullptr;
  Lsn shows = 0;  // what the answer shows of names there and not there (rule 5)
};

class Namespace {
 public:
  Namespace(Executor& executor, Medium& medium, Log& log, std::size_t max_objects);

  /// Before anything else.
  Task<Status> load_root();
  Node& root() { return *root_; }

  Node* find(ObjectId object);
  Walk walk(const Path& path);
  /// Loads the entries of a directory. Whoever awaits this must walk again: everything may have
  /// changed.
  Task<Status> load(ObjectId directory);

  // Changes, as operation `lsn`. None of them asks whether it is allowed.
  Node& add_object(ObjectId object, const ObjectState& state, Lsn lsn);
  Link& add_link(Node& parent, const std::string& name, Node& node, Lsn lsn);
  /// The object goes with its last name.
  void remove_link(Link& link, Lsn lsn);
  void move_link(Link& link, Node& parent, const std::string& name, Lsn lsn);

  /// The streams directory of `file` if it has to be loaded before anybody can say which streams
  /// there are.
  Node* unloaded_streams(Node& file);
  /// The one to put a new stream into; that of `file` is loaded.
  Node& make_streams(Node& file);

  /// Everything up to `durable` is on the medium: clean objects may be unloaded.
  void settle(Lsn durable);
  std::size_t objects() const { return nodes_.size(); }

 private:
  Walk walk_file(const Path& path);
  void walk_stream(const std::string& name, Walk& walk);
  Node& add_streams(Node& file);
  void forget_streams(Node& file);
  void fill(Node& directory, std::vector<ListedEntry> entries);
  void add_listed(Node& directory, const ListedEntry& entry);
  bool clean(const Node& node) const;
  bool unloadable(const Node& directory) const;
  void unload(Node& directory);
  void unload_oldest();
  void touch(Node& directory);
  void set_loaded(Node& directory);
  void entry_changed(Node& directory, Lsn lsn);

  Executor& executor_;
  Medium& medium_;
  Log& log_;
  std::size_t max_objects_;
  std::unordered_map<ObjectId, std::unique_ptr<Node>> nodes_;
  Node* root_ = nullptr;
  std::list<Node*> loaded_;  // directories, the latest used first
  std::vector<ObjectId>
      unnamed_;  // objects none of whose names is loaded, but which were unwritten
  std::uint32_t loads_ =
      0;  // in flight; nothing is unloaded meanwhile, for their lists may be older
  Lsn durable_ = 0;
};

}  // namespace understudy
