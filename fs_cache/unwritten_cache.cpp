#include "fs_cache/unwritten_cache.h"

#include <cstring>

#include "iomgr/check.h"

namespace understudy {

UnwrittenCache::~UnwrittenCache() {
  forget(~Lsn{0});
}

BufferRef UnwrittenCache::add(Reservation reservation, const RecordHeader& header,
                              std::string_view name, std::string_view target_name, ConstBytes data,
                              const std::vector<Property>& properties) {
  BufferRef record = reservation.take();
  record.length = static_cast<std::uint32_t>(sizeof header + name.size() + target_name.size() +
                                             properties_size(properties) + data.size());
  UNDERSTUDY_CHECK(record.length <= record.capacity);
  encode_record(header, name, target_name, data, space_->bytes(record), properties);
  push(header.lsn, record);
  return record;
}

Status UnwrittenCache::add_copy(Reservation reservation, ConstBytes record,
                                const std::function<Status(const RecordHeader&)>& admit) {
  BufferRef copy = reservation.take();
  copy.length = static_cast<std::uint32_t>(record.size());
  UNDERSTUDY_CHECK(copy.length <= copy.capacity);
  const Bytes bytes = space_->bytes(copy);
  std::memcpy(bytes.data(), record.data(), record.size());
  const Result<Record> decoded = decode_record(bytes);
  const Status status = decoded ? admit(decoded->header) : decoded.status();
  if (ok(status)) {
    push(decoded->header.lsn, copy);
  } else {
    space_->free(copy);
  }
  return status;
}

Result<std::vector<Record>> UnwrittenCache::records(Lsn lsn) const {
  std::vector<Record> records;
  for (const Entry& entry : log_) {
    if (entry.lsn > lsn) break;
    const Result<Record> record = decode_record(space_->bytes(entry.record));
    if (!record) return record.status();
    records.push_back(*record);
  }
  return records;
}

void UnwrittenCache::forget(Lsn lsn) {
  while (!log_.empty() && log_.front().lsn <= lsn) {
    const BufferRef record = log_.front().record;
    log_.pop_front();
    bytes_ -= record.length;
    space_->free(record);
  }
}

ConstBytes UnwrittenCache::data_of(const BufferRef& record, std::size_t length) const {
  return space_->bytes(record).last(length);
}

void UnwrittenCache::push(Lsn lsn, const BufferRef& record) {
  UNDERSTUDY_CHECK(lsn > last());
  log_.push_back({lsn, record});
  bytes_ += record.length;
}

}  // namespace understudy
