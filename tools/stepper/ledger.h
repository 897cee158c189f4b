// The loss ledger: of every acknowledged operation that the medium does not have, where its copies
// are, and what would be lost if a node's machine died now. With both nodes there the answer is
// "nothing" for either (rule 1). It is read from the nodes' memories alone: the books of each
// fs_cache, its unwritten-data cache, the partner's mirror store.
#pragma once

#include <functional>
#include <vector>

#include "tools/stepper/point.h"

namespace understudy::stepper {

struct StoredRecord {
  RecordHeader header;
  std::string what;
};

/// What is in a node's memory. It takes a look at all of it: a tenth of a second.
struct NodeStores {
  NodeStores(std::string node_name, const Arena& memory, bool fs_cache_runs);

  std::string node;
  const Arena* arena;
  bool has_file_system;  // else its books and what lies in its cache mean nothing
  std::vector<StoredRecord> cache;
  std::vector<StoredRecord> mirror;
};

struct LedgerEntry {
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;
  std::string what;
  std::vector<std::string> cached_at;    // nodes
  std::vector<std::string> mirrored_at;  // nodes
  bool acknowledged = false;             // STEP 412 was seen
  bool lost_with(const std::string& node) const;
};

struct LedgerLun {
  std::uint32_t lun = 0;
  std::string owner;  // empty: nobody has it mounted
  std::uint64_t epoch = 0;
  std::uint64_t last = 0;
  std::uint64_t durable = 0;
  std::vector<LedgerEntry> entries;  // above `durable`, by LSN
};

struct Ledger {
  std::vector<LedgerLun> luns;
  /// Acknowledged operations that would be gone if the machine of that node died now, with its
  /// memory.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> lost_with(const std::string& node) const;
};

/// Of a pair whose nodes both run: how rule 1 is broken, because one failure would lose an
/// acknowledged operation; or nothing.
std::string broken_rule(const Ledger& ledger, const std::vector<std::string>& nodes);

Ledger read_ledger(
    const std::vector<NodeStores>& nodes,
    const std::function<bool(std::uint32_t lun, std::uint64_t lsn)>& is_acknowledged);
/// Whether the operation is acknowledged by this: STEP 412.
bool acknowledges(const TraceEntry& entry);
json::object to_json(const Ledger& ledger, const std::vector<std::string>& nodes);
/// What to_json() made; what is missing in it is empty.
Ledger ledger_of(const json::object& object);
std::string to_text(const Ledger& ledger, const std::vector<std::string>& nodes);

/// What lies in a node's unwritten-data cache and is not durable; by LUN and LSN.
std::vector<StoredRecord> cached_records(const Arena& arena);
/// What lies in a node's mirror store, in the order of its lists.
std::vector<StoredRecord> mirrored_records(const Arena& arena);
json::array to_json(const std::vector<StoredRecord>& records);
/// What to_json() made, but of each header only the place.
std::vector<StoredRecord> records_of(const json::array& records);

}  // namespace understudy::stepper
