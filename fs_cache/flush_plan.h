// From the log to the medium: folds a prefix of records into the cells that a flush writes (design:
// section 5, step 1). A pure function. For every cell the last operation wins; what came to be and
// went within the prefix is not written at all.
//
// Why the order between cells does not matter: all of the prefix stays in the log until all of it
// is durable, so after a crash the same records, or more of them, are folded and written again.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "fs_cache/medium/medium.h"
#include "iomgr/record.h"

namespace understudy {

struct FlushPlan {
  std::vector<ObjectCells> objects;  // by object id
  std::vector<EntryCell> entries;    // new names before old ones go
  std::vector<PropertyCell> properties;
  std::vector<ObjectId> removed;  // objects without a name, once the entries are durable
  /// Directories of which the prefix says nothing but that an entry changed, and files of which it
  /// says nothing but that a stream did, at this time: the caller adds their state to `objects`.
  std::map<ObjectId, std::uint64_t> entry_times;
};

/// What the medium may hold beside the effects of everything before the prefix.
enum class MediumHolds {
  nothing_of_the_prefix,
  perhaps_some_of_it,  // an earlier attempt failed or a node died in it: also undo what came and
                       // went
};

FlushPlan fold(std::span<const Record> records, MediumHolds medium);

}  // namespace understudy
