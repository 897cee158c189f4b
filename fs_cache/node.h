// What the namespace of a LUN is made of: nodes (objects), links (names of them) and opens.
//
//     Directory of D ── Link "a.txt" ──► Node 17 ◄── Open 1, Open 2
//                    └─ Link "sub"   ──► Node 18 ── Directory of it, when it is loaded
//         its streams directory ── Link "stream" ──► Node 19, a stream
//
// A node stands for an object with all its unwritten effects; a link for one name of it. Every one
// of them knows the LSN of the last operation that touched it: that is what a reply shows of it
// (rule 5).
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fs_cache/durable.h"
#include "fs_cache/extents.h"
#include "fs_cache/late_write_time.h"
#include "fs_cache/medium/medium.h"
#include "fs_cache/oplock.h"
#include "fs_cache/range_locks.h"
#include "fs_cache/security/object_properties.h"
#include "fs_cache/watch.h"
#include "fs_cache/wildcard.h"
#include "iomgr/irp.h"
#include "iomgr/sync.h"

namespace understudy {

struct Node;

struct Link {
  Node* parent;
  std::string name;  // as the client wrote it
  std::string key;   // fold(name), its place in the directory
  Node* node;
  Lsn last_lsn = 0;
  std::uint32_t opens = 0;
  bool delete_pending = false;
};

struct Directory {
  std::map<std::string, std::unique_ptr<Link>> links;  // by folded name
  Lsn last_lsn = 0;                                    // of its entries
  std::list<Node*>::iterator recency;  // in the namespace's list of loaded directories
};

/// Bytes and sizes of a file that the medium does not have yet.
struct UnwrittenData {
  Extents extents;
  /// Bytes of the medium from here on are not the file's: the smallest size since the last flush.
  std::uint64_t medium_size;
  std::map<Lsn, std::uint64_t> cuts;  // every truncation since then
};

struct Open;

struct Node {
  ObjectId id;
  ObjectState state;
  std::uint32_t links = 1;                // names on the whole LUN
  Lsn last_lsn = 0;                       // of data, size, attributes, times, links
  Lsn content_lsn = 0;                    // of data and size alone
  std::uint64_t reserved_allocation = 0;  // what a client asked for, until the last close
  std::vector<Link*> names = {};          // the names that are loaded
  std::vector<Open*> opens = {};
  std::unique_ptr<RangeLocks> locks = nullptr;
  std::vector<std::shared_ptr<Oplock>> oplocks = {};
  std::unique_ptr<UnwrittenData> unwritten = nullptr;
  std::unique_ptr<Directory> directory = nullptr;  // its entries, while they are loaded
  std::unique_ptr<Event> loading = nullptr;
  NodeProperties properties = {};
  LateWriteTime late_write_time = {};  // until the last close
  Node* owner = nullptr;    // of a stream, and of a streams directory: the file that it belongs to
  Node* streams = nullptr;  // its streams directory, while that is in memory
  bool has_no_streams = false;  // known without a streams directory in memory

  bool is_directory() const;
  bool is_stream() const { return owner != nullptr && !is_streams_directory(id); }
  /// What has the attributes, times and security: of a stream its file.
  Node& file() { return owner == nullptr ? *this : *owner; }
  const Node& file() const { return owner == nullptr ? *this : *owner; }
  /// It has a descriptor or extended attributes that are not loaded.
  bool lacks_properties() const { return properties.lack(state.attributes); }
  UnwrittenData& unwritten_data();
  /// Changes the size in memory, as operation `lsn`.
  void resize(std::uint64_t size, Lsn lsn);
  /// The medium has everything up to `durable`, and gave the file `size` there.
  void settle(Lsn durable, std::uint64_t size);
};

/// Where a listing stands. Names are given in the order of their folded form, so a listing survives
/// changes.
struct Enumeration {
  enum class At { start, dot, dot_dot, names };
  bool begun = false;
  Pattern pattern{"*"};
  At at = At::start;
  std::string after;  // the folded name given last
  bool given_any = false;
};

struct Open {
  std::uint64_t id;
  Node* node;
  Link* link;  // the name it was opened by; null for the root
  std::uint32_t access;
  std::uint32_t share;
  std::uint32_t options;
  std::shared_ptr<const Token> token = nullptr;  // in whose name
  std::uint32_t session = 0;                     // of netstack, that it is in now
  // Times that this open has set by hand, or frozen with -1, are no longer changed by its
  // operations (MS-FSA 2.1.5.14.2).
  bool keeps_write_time = false;
  bool keeps_change_time = false;
  Enumeration enumeration = {};
  std::unique_ptr<Watch> watch = nullptr;  // of a directory
  std::shared_ptr<Oplock> oplock = nullptr;
  std::unique_ptr<DurableOpen> durable = nullptr;  // of an open that outlives its connection

  bool is_disconnected() const { return durable != nullptr && !durable->connected; }
  Link* file_link = nullptr;  // of a stream: the name its file was opened by; null for the root

  /// The name of the file, also where a stream of it is open.
  Link* name_of_file() const { return node->is_stream() ? file_link : link; }
  bool may(std::uint32_t any_of) const { return (access & any_of) != 0; }
};

bool same_state(const ObjectState& one, const ObjectState& other);

/// What a client sees of a node by one of its names.
FileFacts facts_of(const Node& node, const Link* link, FileTime now);

/// Of a stream it is its size, and else what its file is (MS-FSA 2.1.5.12).
FileFacts facts_of(const Open& open, FileTime now);

/// "dir\sub\name"; empty for the root.
std::string path_of(const Link* link);
/// The same, with ":stream" behind it.
std::string path_of(const Open& open);

/// The highest LSN that a path shows.
Lsn path_shows(const Link* link);
Lsn path_shows(const Open& open);

}  // namespace understudy
