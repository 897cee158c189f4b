#include "tools/stepper/ledger.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "iomgr/stepping.h"
#include "mirror_server/store_memory.h"

namespace understudy::stepper {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view none) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? std::string(none) : text;
}

/// The record that begins at `at`, if one does.
std::optional<Record> record_at(ConstBytes region, std::size_t at) {
  RecordHeader header;
  if (region.size() - at < sizeof header) return std::nullopt;
  std::memcpy(&header, region.data() + at, sizeof header);
  if (header.magic != RecordHeader::kMagic) return std::nullopt;
  const std::size_t size = record_size(header);
  if (size > region.size() - at) return std::nullopt;
  Result<Record> record = decode_record(region.subspan(at, size));
  if (!record) return std::nullopt;
  return std::move(*record);
}

}  // namespace

/// The cache's list of records is its process's own. But each begins at a block, and the books say
/// which LSNs there are: what lies anywhere else is a record that was, and is not looked at.
std::vector<StoredRecord> cached_records(const Arena& arena) {
  const Region region = arena.region(Layer::fs_cache);
  const ConstBytes bytes = arena.memory().subspan(region.offset, region.size);
  std::uint64_t missing = 0;  // of the present epochs: memory that was never used is not touched
  for (const LunBooks& books : arena.stepping().books) {
    if (books.epoch != 0)
      missing += books.last - std::min<std::uint64_t>(books.last, books.durable);
  }
  std::map<std::pair<std::uint32_t, std::uint64_t>, StoredRecord> found;
  for (std::size_t at = 0; missing > 0 && at + sizeof(RecordHeader) <= bytes.size();
       at += RegionAllocator::kBlock) {
    const std::optional<Record> record = record_at(bytes, at);
    if (!record || record->header.lun >= bounds::kMaxLuns) continue;
    const LunBooks& books = arena.stepping().books.at(record->header.lun);
    const RecordHeader& header = record->header;
    if (books.epoch == 0 || header.epoch > books.epoch || header.lsn <= books.durable ||
        header.lsn > books.last)
      continue;
    StoredRecord& kept = found[{header.lun, header.lsn}];
    if (!kept.what.empty() && header.epoch <= kept.header.epoch) continue;
    kept = {header, describe(*record)};
    if (header.epoch == books.epoch) --missing;
  }
  std::vector<StoredRecord> records;
  for (auto& [place, record] : found) records.push_back(std::move(record));
  return records;
}

std::vector<StoredRecord> mirrored_records(const Arena& arena) {
  std::vector<StoredRecord> records;
  Arena view = arena;
  const StoreMemory store(view, arena.region(Layer::mirror_server));
  for (const StoreMemory::Survivors& list : store.survivors()) {
    for (const BufferRef& ref : list.records) {
      const auto bytes = arena.bytes(ref);
      const Result<Record> record = bytes ? decode_record(*bytes) : Status::data_error;
      if (record) records.push_back({record->header, describe(*record)});
    }
  }
  return records;
}

bool LedgerEntry::lost_with(const std::string& node) const {
  const auto is_it = [&node](const std::string& each) { return each == node; };
  return acknowledged && std::ranges::all_of(cached_at, is_it) &&
         std::ranges::all_of(mirrored_at, is_it);
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> Ledger::lost_with(
    const std::string& node) const {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> lost;
  for (const LedgerLun& lun : luns) {
    for (const LedgerEntry& entry : lun.entries) {
      if (entry.lost_with(node)) lost.push_back({lun.lun, entry.lsn});
    }
  }
  return lost;
}

std::string broken_rule(const Ledger& ledger, const std::vector<std::string>& nodes) {
  std::string text;
  for (const std::string& node : nodes) {
    const auto lost = ledger.lost_with(node);
    if (lost.empty()) continue;
    const auto& [lun, lsn] = lost.front();
    text += (text.empty() ? "rule 1: " : "; ") + std::string("lun ") + std::to_string(lun) +
            " lsn " + std::to_string(lsn) +
            (lost.size() == 1
                 ? " is acknowledged and"
                 : " and " + std::to_string(lost.size() - 1) + " more are acknowledged and") +
            " would be lost with the machine of " + node;
  }
  return text;
}

NodeStores::NodeStores(std::string node_name, const Arena& memory, bool fs_cache_runs)
    : node(std::move(node_name)),
      arena(&memory),
      has_file_system(fs_cache_runs),
      cache(cached_records(memory)),
      mirror(mirrored_records(memory)) {}

bool acknowledges(const TraceEntry& entry) {
  return entry.step == Step::s412 && entry.lsn != 0 && ok(entry.status);
}

Ledger read_ledger(
    const std::vector<NodeStores>& nodes,
    const std::function<bool(std::uint32_t lun, std::uint64_t lsn)>& is_acknowledged) {
  std::map<std::uint32_t, LedgerLun> luns;
  std::map<std::pair<std::uint32_t, std::uint64_t>, LedgerEntry> entries;
  for (const NodeStores& each : nodes) {
    if (!each.has_file_system) continue;
    for (const StoredRecord& record : each.cache) {
      LedgerEntry& entry = entries[{record.header.lun, record.header.lsn}];
      entry.epoch = record.header.epoch;
      entry.what = record.what;
      entry.cached_at.push_back(each.node);
    }
  }
  for (const NodeStores& each : nodes) {
    for (const StoredRecord& record : each.mirror) {
      LedgerEntry& entry = entries[{record.header.lun, record.header.lsn}];
      if (entry.epoch == 0) entry.epoch = record.header.epoch;
      if (entry.epoch != record.header.epoch) continue;
      if (entry.what.empty()) entry.what = record.what;
      entry.mirrored_at.push_back(each.node);
    }
  }
  // The books last: while the nodes run, a copy that was purged meanwhile is durable by now.
  for (const NodeStores& each : nodes) {
    for (std::uint32_t id = 0; each.has_file_system && id < bounds::kMaxLuns; ++id) {
      const LunBooks& books = each.arena->stepping().books.at(id);
      LedgerLun& lun = luns[id];
      if (books.epoch != 0 && books.epoch > lun.epoch)
        lun = {id, each.node, books.epoch, books.last, books.durable, {}};
    }
  }
  for (auto& [place, entry] : entries) {
    LedgerLun& lun = luns[place.first];
    lun.lun = place.first;
    if (lun.epoch != 0 && place.second <= lun.durable) continue;
    entry.lsn = place.second;
    entry.acknowledged = is_acknowledged(place.first, place.second);
    lun.entries.push_back(std::move(entry));
  }
  Ledger ledger;
  for (auto& [id, lun] : luns) {
    if (lun.epoch != 0 || !lun.entries.empty()) ledger.luns.push_back(std::move(lun));
  }
  return ledger;
}

json::object to_json(const Ledger& ledger, const std::vector<std::string>& nodes) {
  json::array luns;
  for (const LedgerLun& lun : ledger.luns) {
    json::array entries;
    for (const LedgerEntry& entry : lun.entries) {
      entries.push_back({{"lsn", entry.lsn},
                         {"epoch", entry.epoch},
                         {"what", entry.what},
                         {"cache", json::value_from(entry.cached_at)},
                         {"mirror", json::value_from(entry.mirrored_at)},
                         {"medium", false},
                         {"acknowledged", entry.acknowledged}});
    }
    luns.push_back({{"lun", lun.lun},
                    {"owner", lun.owner},
                    {"epoch", lun.epoch},
                    {"last", lun.last},
                    {"durable", lun.durable},
                    {"operations", entries}});
  }
  json::object lost;
  for (const std::string& node : nodes) {
    json::array all;
    for (const auto& [lun, lsn] : ledger.lost_with(node))
      all.push_back({{"lun", lun}, {"lsn", lsn}});
    lost[node] = all;
  }
  return {{"luns", luns}, {"lost_with", lost}};
}

Ledger ledger_of(const json::object& object) {
  const auto words = [](const json::array& array) {
    std::vector<std::string> all;
    for (const json::value& each : array) {
      if (each.is_string()) all.emplace_back(each.as_string());
    }
    return all;
  };
  Ledger ledger;
  for (const json::value& each : array_of(object, "luns")) {
    if (!each.is_object()) continue;
    const json::object& from = each.as_object();
    LedgerLun lun{static_cast<std::uint32_t>(number_of(from, "lun")),
                  text_of(from, "owner"),
                  number_of(from, "epoch"),
                  number_of(from, "last"),
                  number_of(from, "durable"),
                  {}};
    for (const json::value& one : array_of(from, "operations")) {
      if (!one.is_object()) continue;
      const json::object& entry = one.as_object();
      lun.entries.push_back({number_of(entry, "epoch"), number_of(entry, "lsn"),
                             text_of(entry, "what"), words(array_of(entry, "cache")),
                             words(array_of(entry, "mirror")), flag_of(entry, "acknowledged")});
    }
    ledger.luns.push_back(std::move(lun));
  }
  return ledger;
}

json::array to_json(const std::vector<StoredRecord>& records) {
  json::array all;
  for (const StoredRecord& each : records) {
    all.push_back({{"lun", each.header.lun},
                   {"epoch", each.header.epoch},
                   {"lsn", each.header.lsn},
                   {"what", each.what}});
  }
  return all;
}

std::vector<StoredRecord> records_of(const json::array& records) {
  std::vector<StoredRecord> all;
  for (const json::value& each : records) {
    if (!each.is_object()) continue;
    StoredRecord record;
    record.header.lun = static_cast<std::uint32_t>(number_of(each.as_object(), "lun"));
    record.header.epoch = number_of(each.as_object(), "epoch");
    record.header.lsn = number_of(each.as_object(), "lsn");
    record.what = text_of(each.as_object(), "what");
    all.push_back(std::move(record));
  }
  return all;
}

std::string to_text(const Ledger& ledger, const std::vector<std::string>& nodes) {
  std::string text;
  for (const LedgerLun& lun : ledger.luns) {
    text += "LUN " + std::to_string(lun.lun) + ": ";
    text += lun.owner.empty() ? "nobody has it"
                              : "owner " + lun.owner + ", epoch " + std::to_string(lun.epoch) +
                                    ", operations up to " + std::to_string(lun.last) +
                                    ", on the medium up to " + std::to_string(lun.durable);
    text += "\n";
    for (const LedgerEntry& entry : lun.entries) {
      text += "  lsn " + std::to_string(entry.lsn) + "  cache: " + joined(entry.cached_at, "-") +
              "  mirror: " + joined(entry.mirrored_at, "-") + "  medium: -  " +
              (entry.acknowledged ? "acknowledged" : "not acknowledged") + "  " + entry.what + "\n";
    }
  }
  for (const std::string& node : nodes) {
    const auto lost = ledger.lost_with(node);
    text += "Lost if the machine of " + node + " died now: ";
    text += lost.empty() ? "nothing" : std::to_string(lost.size()) + " acknowledged operations:";
    for (const auto& [lun, lsn] : lost)
      text += " " + std::to_string(lun) + "/" + std::to_string(lsn);
    text += "\n";
  }
  return text;
}

}  // namespace understudy::stepper
