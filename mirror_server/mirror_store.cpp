#include "mirror_server/mirror_store.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "iomgr/bounds.h"
#include "iomgr/interconnect.h"
#include "iomgr/mutant.h"
#include "iomgr/record.h"

namespace understudy {

using interconnect::stored_bytes;

// An eighth of the region is never promised: it keeps compact() rare.
MirrorStore::MirrorStore(Arena& arena, Region region)
    : arena_(arena),
      memory_(arena, region),
      allocator_(memory_.blocks()),
      capacity_(memory_.blocks().size / 8 * 7) {}

std::uint64_t MirrorStore::recover() {
  for (const StoreMemory::Survivors& list : memory_.survivors()) {
    if (luns_.contains(list.lun)) continue;
    Lun& lun = luns_[list.lun];
    lun.slot = list.slot;
    for (const BufferRef& record : list.records) {
      if (!take_back(lun, list.lun, record)) break;
    }
    if (lun.records.empty()) memory_.start_with(lun.slot, list.lun, std::nullopt);
  }
  for (auto& [id, lun] : luns_) bring_home(id, lun);
  return operations();
}

/// A record of a list is what it says, and the next one. The first that is not ends the list.
bool MirrorStore::take_back(Lun& lun, std::uint32_t id, const BufferRef& record) {
  const auto bytes = arena_.bytes(record);
  if (!bytes) return false;
  const Result<Record> decoded = decode_record(*bytes);
  if (!decoded || decoded->header.lun != id) return false;
  const RecordHeader& header = decoded->header;
  if (!lun.records.empty() && (header.epoch != lun.epoch || header.lsn != lun.last + 1))
    return false;
  const BufferRef block = StoreMemory::block_of(record);
  if (!memory_.in_scratch(block) && !allocator_.allocate_at(block.offset, block.length))
    return false;
  lun.epoch = header.epoch;
  lun.last = header.lsn;
  lun.records.push_back({header.lsn, record});
  bytes_ += stored_bytes(record.length);
  return true;
}

/// The node died while a block was on its way through the scratch room: it gets a place among the
/// others.
void MirrorStore::bring_home(std::uint32_t id, Lun& lun) {
  for (std::size_t i = 0; i < lun.records.size(); ++i) {
    BufferRef& record = lun.records[i].record;
    if (!memory_.in_scratch(StoreMemory::block_of(record))) continue;
    const auto home = allocator_.allocate(record.length + StoreMemory::kBlockHeader);
    UNDERSTUDY_CHECK(home.has_value());  // its old place is free
    const auto previous = i == 0 ? std::optional<BufferRef>() : lun.records[i - 1].record;
    memory_.move(lun.slot, id, previous, record, *home);
    record.offset = home->offset + StoreMemory::kBlockHeader;
  }
}

MirrorStore::Lun& MirrorStore::make_lun(std::uint32_t id) {
  const auto found = luns_.find(id);
  if (found != luns_.end()) return found->second;
  std::vector<bool> taken(bounds::kMaxLuns);
  for (const auto& [other, lun] : luns_) taken.at(lun.slot) = true;
  Lun& lun = luns_[id];
  lun.slot = static_cast<std::uint32_t>(std::ranges::find(taken, false) - taken.begin());
  return lun;
}

Status MirrorStore::begin(std::uint32_t id, std::uint64_t epoch, std::uint64_t lsn) {
  if (epoch == 0 || lsn == 0) return Status::invalid_parameter;
  if (!luns_.contains(id) && luns_.size() >= bounds::kMaxLuns)
    return Status::insufficient_resources;
  Lun& lun = make_lun(id);
  if (lun.state == State::replaying) return Status::device_not_ready;
  if (epoch <= lun.epoch) return Status::volume_dismounted;
  drop_all(id, lun);
  lun.state = State::open;
  lun.epoch = epoch;
  lun.last = lsn - 1;
  return Status::success;
}

std::optional<BufferRef> MirrorStore::reserve(std::uint32_t length) {
  if (stored_bytes(length) > room()) return std::nullopt;
  const std::uint64_t size = length + StoreMemory::kBlockHeader;
  auto block = allocator_.allocate(size);
  if (!block && compact()) block = allocator_.allocate(size);
  if (!block) return std::nullopt;
  return StoreMemory::record_of(*block, length);
}

void MirrorStore::release(const BufferRef& room) {
  allocator_.free(StoreMemory::block_of(room));
}

Status MirrorStore::append(std::uint32_t id, std::uint64_t epoch, std::uint64_t lsn,
                           const BufferRef& buffer) {
  Lun* lun = open_lun(id, epoch);
  const auto bytes = arena_.bytes(buffer);
  UNDERSTUDY_CHECK(bytes.has_value());
  Status status = Status::success;
  if (lun == nullptr) {
    status = Status::volume_dismounted;
  } else {
    const Result<Record> record = decode_record(*bytes);
    status = record.status();
    if (record && (record->header.lun != id || record->header.epoch != epoch ||
                   record->header.lsn != lsn || lsn != lun->last + 1)) {
      status = Status::data_error;
    }
  }
  if (failed(status)) {
    release(buffer);
    return status;
  }
  if (lsn % 100 == 0 && planted(Mutant::store_drops_a_record)) {
    release(buffer);
    lun->last = lsn;
    return Status::success;
  }
  const auto last = lun->records.empty() ? std::optional<BufferRef>() : lun->records.back().record;
  memory_.link(lun->slot, id, last, buffer);
  lun->records.push_back({lsn, buffer});
  lun->last = lsn;
  bytes_ += stored_bytes(buffer.length);
  return Status::success;
}

Status MirrorStore::purge(std::uint32_t id, std::uint64_t epoch, std::uint64_t lsn) {
  Lun* lun = open_lun(id, epoch);
  if (lun == nullptr) return Status::volume_dismounted;
  if (lsn > lun->last) return Status::data_error;
  if (planted(Mutant::purge_drops_everything)) lsn = lun->last;
  if (planted(Mutant::purge_drops_the_newest)) return purge_newest(id, *lun, lsn);
  while (!lun->records.empty() && lun->records.front().lsn <= lsn) drop_first(id, *lun);
  return Status::success;
}

/// A planted bug: as many records as should go, from the wrong end.
Status MirrorStore::purge_newest(std::uint32_t id, Lun& lun, std::uint64_t lsn) {
  const auto goes =
      std::ranges::count_if(lun.records, [lsn](const Stored& each) { return each.lsn <= lsn; });
  for (auto i = goes; i > 0; --i) {
    bytes_ -= stored_bytes(lun.records.back().record.length);
    release(lun.records.back().record);
    lun.records.pop_back();
  }
  memory_.start_with(lun.slot, id, std::nullopt);
  std::optional<BufferRef> previous;
  for (const Stored& each : lun.records) {
    memory_.link(lun.slot, id, previous, each.record);
    previous = each.record;
  }
  return Status::success;
}

std::optional<MirrorStore::Place> MirrorStore::stored(std::uint32_t id) const {
  const auto found = luns_.find(id);
  if (found == luns_.end() || found->second.state != State::open) return std::nullopt;
  return Place{found->second.epoch, found->second.last};
}

void MirrorStore::connection_lost() {
  for (auto& [id, lun] : luns_) {
    if (planted(Mutant::store_empties_itself)) drop_all(id, lun);
    if (lun.state == State::open) lun.state = State::closed;
  }
}

Status MirrorStore::begin_replay(std::uint32_t id, std::uint64_t applied_epoch,
                                 std::uint64_t applied_lsn) {
  if (!luns_.contains(id) && luns_.size() >= bounds::kMaxLuns)
    return Status::insufficient_resources;
  Lun& lun = make_lun(id);
  if (lun.state == State::replaying) return Status::device_not_ready;
  lun.state = State::closed;
  if (lun.epoch < applied_epoch) drop_all(id, lun);
  if (!lun.records.empty() && lun.records.front().lsn > applied_lsn + 1) return Status::data_error;
  const std::uint64_t before = bytes_;
  while (!lun.records.empty() && lun.records.front().lsn <= applied_lsn) drop_first(id, lun);
  freed_ += before - bytes_;
  lun.state = State::replaying;
  return Status::success;
}

const std::deque<MirrorStore::Stored>& MirrorStore::records(std::uint32_t lun) const {
  return luns_.at(lun).records;
}

std::uint64_t MirrorStore::epoch(std::uint32_t lun) const {
  return luns_.at(lun).epoch;
}

void MirrorStore::end_replay(std::uint32_t id, bool forget) {
  Lun& lun = luns_.at(id);
  UNDERSTUDY_CHECK(lun.state == State::replaying);
  lun.state = State::closed;
  if (forget) drop_all(id, lun);
}

Status MirrorStore::discard(std::uint32_t id) {
  const auto found = luns_.find(id);
  if (found == luns_.end()) return Status::success;
  if (found->second.state == State::replaying) return Status::device_not_ready;
  found->second.state = State::closed;
  drop_all(id, found->second);
  return Status::success;
}

std::uint64_t MirrorStore::take_freed() {
  return std::exchange(freed_, 0);
}

std::uint64_t MirrorStore::operations() const {
  std::uint64_t count = 0;
  for (const auto& [id, lun] : luns_) count += lun.records.size();
  return count;
}

MirrorStore::Lun* MirrorStore::open_lun(std::uint32_t id, std::uint64_t epoch) {
  const auto found = luns_.find(id);
  if (found == luns_.end() || found->second.state != State::open || found->second.epoch != epoch)
    return nullptr;
  return &found->second;
}

void MirrorStore::drop_first(std::uint32_t id, Lun& lun) {
  const Stored first = lun.records.front();
  lun.records.pop_front();
  const auto next = lun.records.empty() ? std::optional<BufferRef>() : lun.records.front().record;
  memory_.start_with(lun.slot, id, next);
  release(first.record);
  bytes_ -= stored_bytes(first.record.length);
}

void MirrorStore::drop_all(std::uint32_t id, Lun& lun) {
  const std::uint64_t before = bytes_;
  while (!lun.records.empty()) drop_first(id, lun);
  freed_ += before - bytes_;
}

/// Moves all records to the region's start, so that what was promised is there in one piece. Not
/// while a replay shows them to the layers below.
bool MirrorStore::compact() {
  struct Movable {
    std::uint32_t id;
    Lun* lun;
    std::size_t index;
    std::uint64_t offset;
  };
  std::vector<Movable> movables;
  for (auto& [id, lun] : luns_) {
    if (lun.state == State::replaying) return false;
    for (std::size_t i = 0; i < lun.records.size(); ++i)
      movables.push_back({id, &lun, i, lun.records[i].record.offset});
  }
  std::ranges::sort(movables, {}, &Movable::offset);
  RegionAllocator packed(memory_.blocks());
  for (const Movable& each : movables) {
    auto& records = each.lun->records;
    BufferRef& record = records[each.index].record;
    const BufferRef from = StoreMemory::block_of(record);
    const auto previous =
        each.index == 0 ? std::optional<BufferRef>() : records[each.index - 1].record;
    auto to = packed.allocate(from.length);
    UNDERSTUDY_CHECK(to && to->offset <= from.offset);
    if (memory_.move(each.lun->slot, each.id, previous, record, *to)) {
      record.offset = to->offset + StoreMemory::kBlockHeader;
    } else {
      packed.free(*to);
      to = packed.allocate_at(from.offset, from.length);
      UNDERSTUDY_CHECK(to.has_value());
    }
  }
  allocator_ = std::move(packed);
  return true;
}

}  // namespace understudy
