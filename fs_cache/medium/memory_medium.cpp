#include "fs_cache/medium/memory_medium.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "fs_cache/file_constants.h"

namespace understudy {
namespace {

template <typename... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Match(Cases...) -> Match<Cases...>;

}  // namespace

MemoryDisk::MemoryDisk(std::uint64_t total_bytes, FileTime time)
    : space_{total_bytes, total_bytes} {
  Object root;
  root.directory = true;
  root.state = {0, attribute::kDirectory, time, time, time, time};
  current_.objects.emplace(kRootObject, root);
  durable_ = current_;
}

void MemoryDisk::apply(Image& image, const Cell& cell) {
  const auto with = [&image](ObjectId id, const auto& change) {
    // The cell that made the object may have been lost; then all others of it are.
    if (const auto found = image.objects.find(id); found != image.objects.end())
      change(found->second);
  };
  std::visit(
      Match{
          [&](const Make& make) {
            image.objects.try_emplace(make.object, Object{make.directory, {}, {}});
          },
          [&](const Cut& cut) {
            with(cut.object, [&](Object& object) {
              if (object.bytes.size() > cut.size) object.bytes.resize(cut.size);
            });
          },
          [&](const Put& put) {
            with(put.object, [&](Object& object) {
              object.bytes.resize(std::max(object.bytes.size(), put.offset + put.bytes.size()));
              std::copy(put.bytes.begin(), put.bytes.end(),
                        object.bytes.begin() + static_cast<std::ptrdiff_t>(put.offset));
            });
          },
          [&](const Zero& zero) {
            with(zero.object, [&](Object& object) {
              const std::size_t begin = std::min<std::uint64_t>(object.bytes.size(), zero.offset);
              const std::size_t length =
                  std::min<std::uint64_t>(object.bytes.size() - begin, zero.length);
              std::fill_n(object.bytes.begin() + static_cast<std::ptrdiff_t>(begin), length,
                          std::uint8_t{0});
            });
          },
          [&](const Set& set) {
            with(set.object, [&](Object& object) {
              object.state = set.state;
              if (object.bytes.size() > set.state.size) object.bytes.resize(set.state.size);
            });
          },
          [&](const Name& name) {
            if (name.object == 0) {
              image.entries.erase({name.directory, name.name});
            } else {
              image.entries[{name.directory, name.name}] = name.object;
            }
          },
          [&](const Drop& drop) {
            const ObjectId streams = streams_of(drop.object);
            image.objects.erase(drop.object);
            image.objects.erase(streams);
            std::erase_if(image.entries, [&](const auto& entry) {
              const ObjectId directory = entry.first.first;
              if (directory == streams) image.objects.erase(entry.second);
              return directory == drop.object || directory == streams;
            });
            image.properties.erase({PropertyKind::security_descriptor, drop.object});
            image.properties.erase({PropertyKind::extended_attributes, drop.object});
          },
          [&](const PropertyCell& property) {
            if (property.bytes.empty()) {
              image.properties.erase({property.kind, property.id});
            } else {
              image.properties[{property.kind, property.id}] = property.bytes;
            }
          },
      },
      cell);
}

void MemoryDisk::change(Cell cell) {
  apply(current_, cell);
  unsynced_.push_back(std::move(cell));
}

void MemoryDisk::sync(const std::function<bool(const Cell&)>& which) {
  std::erase_if(unsynced_, [&](const Cell& cell) {
    if (!which(cell)) return false;
    apply(durable_, cell);
    return true;
  });
}

/// As after fsync: what it could not write counts as clean, and the next one does not try it.
Status MemoryDisk::sync_or_fail(const std::function<bool(const Cell&)>& which,
                                const MemoryMedium& medium) {
  const bool fails = std::exchange(fails_sync_, false);
  if (fails) {
    std::erase_if(unsynced_, which);
  } else {
    sync(which);
  }
  touched(fails ? Touch::sync_failed : Touch::synced, medium);
  return fails ? Status::io_device_error : Status::success;
}

void MemoryDisk::set_hung(bool hung) {
  hung_ = hung;
  if (hung_) return;
  for (MemoryMedium* const medium : mounted_) medium->disk_moves_.pulse();
}

void MemoryDisk::crash(const std::function<bool()>& keeps) {
  crash(keeps, [] { return std::size_t{0}; });
}

void MemoryDisk::crash(const std::function<bool()>& keeps,
                       const std::function<std::size_t()>& torn) {
  for (Cell& cell : unsynced_) {
    if (keeps()) {
      apply(durable_, cell);
    } else if (auto* const put = std::get_if<Put>(&cell)) {
      put->bytes.resize(std::min(put->bytes.size(), torn() * kSector));
      if (!put->bytes.empty()) apply(durable_, cell);
    }
  }
  unsynced_.clear();
  if (unsynced_applied_ && keeps()) applied_ = *unsynced_applied_;
  unsynced_applied_.reset();
  current_ = durable_;
}

MemoryMedium::MemoryMedium(const Seams& seams, std::shared_ptr<MemoryDisk> disk, std::uint32_t node)
    : executor_(seams.executor),
      faults_(seams.faults),
      disk_(std::move(disk)),
      node_(node),
      disk_moves_(seams.executor) {
  disk_->mounted_.push_back(this);
}

MemoryMedium::~MemoryMedium() {
  std::erase(disk_->mounted_, this);
  if (holds_lock_) disk_->locked_ = false;
}

Task<void> MemoryMedium::wait_for_disk() {
  if (disk_->delay_ > Duration(0)) co_await sleep_for(executor_, disk_->delay_);
  while (disk_->hung_) co_await disk_moves_.wait();
}

Task<Status> MemoryMedium::run(CallPoints points, std::size_t parts, Part part) {
  const Status before = faults_.pass(points.before);
  if (before == FaultPoints::kStalled) co_await never{};
  if (failed(before)) co_return before;
  if (disk_->delay_ > Duration(0) || disk_->hung_) co_await wait_for_disk();
  Status status = Status::success;
  for (std::size_t i = 0; i < parts && ok(status); ++i) {
    if (i > 0) status = faults_.pass(points.between);
    if (status == FaultPoints::kStalled) co_await never{};
    if (failed(status)) break;
    offload work{executor_, [&status, &part, i] { status = part(i); }};
    co_await work;
  }
  if (ok(status)) status = faults_.pass(points.done);
  if (status == FaultPoints::kStalled) co_await never{};
  co_return status;
}

Task<Status> MemoryMedium::lock() {
  return run(medium_points::kLock, 1, [this](std::size_t) {
    if (disk_->locked_ && disk_->lock_guards_) return Status::sharing_violation;
    holds_lock_ = disk_->locked_ = true;
    disk_->touched(MemoryDisk::Touch::locked, *this);
    return Status::success;
  });
}

Task<void> MemoryMedium::unlock() {
  disk_->locked_ = false;
  holds_lock_ = false;
  disk_->touched(MemoryDisk::Touch::unlocked, *this);
  co_return;
}

Task<Result<Ownership>> MemoryMedium::read_owner() {
  const Status status =
      co_await run(medium_points::kOwner, 1, [](std::size_t) { return Status::success; });
  if (failed(status)) co_return status;
  co_return disk_->owner_;
}

Task<Status> MemoryMedium::claim(Ownership ownership) {
  return run(medium_points::kClaim, 1, [this, ownership](std::size_t) {
    if (ownership.epoch <= disk_->owner_.epoch) return Status::object_name_collision;
    disk_->owner_ = ownership;
    disk_->touched(MemoryDisk::Touch::claimed, *this);
    return Status::success;
  });
}

Task<Result<Applied>> MemoryMedium::read_applied() {
  const Status status =
      co_await run(medium_points::kReadApplied, 1, [](std::size_t) { return Status::success; });
  if (failed(status)) co_return status;
  co_return disk_->applied_;
}

Task<Status> MemoryMedium::recover() {
  return run(medium_points::kRecover, 1, [this](std::size_t) {
    std::vector<MemoryDisk::Cut> cut_off;
    // Bytes that came without their size: no file system keeps them to show them when it grows.
    for (const auto& [id, object] : disk_->current_.objects) {
      if (object.bytes.size() > object.state.size) cut_off.push_back({id, object.state.size});
    }
    for (const MemoryDisk::Cut& each : cut_off) disk_->change(each);
    // A killed predecessor's changes become durable before anything builds on them.
    return disk_->sync_or_fail([](const MemoryDisk::Cell&) { return true; }, *this);
  });
}

Task<Result<Intent>> MemoryMedium::read_intent() {
  const Status status =
      co_await run(medium_points::kReadIntent, 1, [](std::size_t) { return Status::success; });
  if (failed(status)) co_return status;
  co_return disk_->intent_;
}

Task<Result<ObjectState>> MemoryMedium::read_state(ObjectId object) {
  ObjectState state;
  const Status status = co_await run(medium_points::kState, 1, [&](std::size_t) {
    const auto found = disk_->current_.objects.find(object);
    if (found == disk_->current_.objects.end()) return Status::object_name_not_found;
    state = found->second.state;
    return Status::success;
  });
  if (failed(status)) co_return status;
  co_return state;
}

Task<Result<std::vector<ListedEntry>>> MemoryMedium::list(ObjectId directory) {
  std::vector<ListedEntry> listed;
  const Status status = co_await run(medium_points::kList, 1, [&](std::size_t) {
    const MemoryDisk::Image& image = disk_->current_;
    if (!image.objects.contains(directory)) return Status::object_name_not_found;
    std::unordered_map<ObjectId, std::uint32_t> links;
    for (const auto& [place, named] : image.entries) ++links[named];
    for (auto at = image.entries.lower_bound({directory, ""});
         at != image.entries.end() && at->first.first == directory; ++at) {
      const auto object = image.objects.find(at->second);
      if (object == image.objects.end()) return Status::file_corrupt;
      listed.push_back({at->first.second, at->second, links.at(at->second),
                        object->second.bytes.size(), object->second.state});
    }
    return Status::success;
  });
  if (failed(status)) co_return status;
  co_return listed;
}

Task<Result<std::size_t>> MemoryMedium::read(ObjectId object, std::uint64_t offset, Bytes out) {
  std::size_t got = 0;
  const Status status = co_await run(medium_points::kRead, 1, [&](std::size_t) {
    const auto found = disk_->current_.objects.find(object);
    if (found == disk_->current_.objects.end()) return Status::object_name_not_found;
    const std::vector<std::uint8_t>& bytes = found->second.bytes;
    if (offset >= bytes.size()) return Status::success;
    got = std::min(out.size(), bytes.size() - offset);
    std::memcpy(out.data(), bytes.data() + offset, got);
    return Status::success;
  });
  if (failed(status)) co_return status;
  co_return got;
}

/// As if clusters of nothing but zeros took no room.
Task<Result<std::vector<AllocatedRange>>> MemoryMedium::allocated_ranges(ObjectId object,
                                                                         std::uint64_t from,
                                                                         std::uint64_t to,
                                                                         std::size_t most) {
  std::vector<AllocatedRange> ranges;
  const Status status = co_await run(medium_points::kAllocated, 1, [&](std::size_t) {
    const auto found = disk_->current_.objects.find(object);
    if (found == disk_->current_.objects.end()) return Status::object_name_not_found;
    const ConstBytes bytes = found->second.bytes;
    const std::uint64_t end = std::min<std::uint64_t>(to, bytes.size());
    for (std::uint64_t at = from; at < end && ranges.size() < most;) {
      const std::uint64_t next = std::min(end, (at / kCluster + 1) * kCluster);
      const ConstBytes cluster = bytes.subspan(at, next - at);
      const bool takes_room =
          std::any_of(cluster.begin(), cluster.end(), [](std::uint8_t byte) { return byte != 0; });
      if (takes_room) ranges.push_back({at, next - at});
      at = next;
    }
    return Status::success;
  });
  if (failed(status)) co_return status;
  co_return ranges;
}

Task<Result<Space>> MemoryMedium::space() {
  const Status status =
      co_await run(medium_points::kSpace, 1, [](std::size_t) { return Status::success; });
  if (failed(status)) co_return status;
  co_return disk_->space_;
}

Task<Result<std::vector<std::uint8_t>>> MemoryMedium::read_property(PropertyKind kind,
                                                                    std::uint64_t id) {
  std::vector<std::uint8_t> bytes;
  const Status status = co_await run(medium_points::kReadProperty, 1, [&](std::size_t) {
    const auto found = disk_->current_.properties.find({kind, id});
    if (found != disk_->current_.properties.end()) bytes = found->second;
    return Status::success;
  });
  if (failed(status)) co_return status;
  co_return bytes;
}

Task<Result<std::vector<PropertyCell>>> MemoryMedium::list_properties(PropertyKind kind) {
  std::vector<PropertyCell> listed;
  const Status status = co_await run(medium_points::kReadProperty, 1, [&](std::size_t) {
    const auto& all = disk_->current_.properties;
    for (auto at = all.lower_bound({kind, 0}); at != all.end() && at->first.first == kind; ++at)
      listed.push_back({kind, at->first.second, at->second});
    return Status::success;
  });
  if (failed(status)) co_return status;
  co_return listed;
}

Task<Status> MemoryMedium::write_objects(std::span<const ObjectCells> objects) {
  return run(medium_points::kObjects, objects.size(), [this, objects](std::size_t i) {
    const ObjectCells& cells = objects[i];
    if (cells.create) disk_->change(MemoryDisk::Make{cells.object, cells.directory});
    if (!disk_->current_.objects.contains(cells.object)) return Status::file_corrupt;
    disk_->change(MemoryDisk::Cut{cells.object, cells.cut_size});
    for (const DataCell& data : cells.data) {
      if (data.content.is_zeros()) {
        disk_->change(MemoryDisk::Zero{cells.object, data.offset, data.content.size()});
        continue;
      }
      const ConstBytes bytes = data.content.bytes();
      disk_->change(MemoryDisk::Put{cells.object, data.offset, {bytes.begin(), bytes.end()}});
    }
    if (cells.state) disk_->change(MemoryDisk::Set{cells.object, *cells.state});
    disk_->touched(MemoryDisk::Touch::written, *this);
    return Status::success;
  });
}

Task<Status> MemoryMedium::sync_objects(std::span<const ObjectId> objects) {
  return run(medium_points::kObjectsSync, objects.size(), [this, objects](std::size_t i) {
    const auto of_it = [id = objects[i]](const MemoryDisk::Cell& cell) {
      return std::visit(Match{[](const MemoryDisk::Name&) { return false; },
                              [](const MemoryDisk::Drop&) { return false; },
                              [](const PropertyCell&) { return false; },
                              [id](const auto& of_object) { return of_object.object == id; }},
                        cell);
    };
    return disk_->sync_or_fail(of_it, *this);
  });
}

Task<Status> MemoryMedium::write_properties(std::span<const PropertyCell> properties) {
  return run(medium_points::kProperties, properties.size(), [this, properties](std::size_t i) {
    const PropertyCell& written = properties[i];
    disk_->change(written);
    disk_->touched(MemoryDisk::Touch::written, *this);
    const auto of_it = [&written](const MemoryDisk::Cell& cell) {
      const auto* property = std::get_if<PropertyCell>(&cell);
      return property != nullptr && property->kind == written.kind && property->id == written.id;
    };
    return disk_->sync_or_fail(of_it, *this);
  });
}

Task<Status> MemoryMedium::write_intent(const Intent& intent) {
  return run(medium_points::kIntent, 1, [this, intent](std::size_t) {
    disk_->intent_ = intent;
    return Status::success;
  });
}

Task<Status> MemoryMedium::write_entries(std::span<const EntryCell> entries) {
  return run(medium_points::kEntries, entries.size(), [this, entries](std::size_t i) {
    const EntryCell& entry = entries[i];
    const auto& objects = disk_->current_.objects;
    const bool there = objects.contains(entry.directory) && objects.contains(entry.object);
    if (entry.object != 0 && !there) return Status::file_corrupt;
    disk_->change(MemoryDisk::Name{entry.directory, entry.name, entry.object});
    disk_->touched(MemoryDisk::Touch::written, *this);
    return Status::success;
  });
}

Task<Status> MemoryMedium::sync_directories(std::span<const ObjectId> directories) {
  return run(medium_points::kEntriesSync, directories.size(), [this, directories](std::size_t i) {
    const auto in_it = [id = directories[i]](const MemoryDisk::Cell& cell) {
      const auto* name = std::get_if<MemoryDisk::Name>(&cell);
      return name != nullptr && name->directory == id;
    };
    return disk_->sync_or_fail(in_it, *this);
  });
}

Task<Status> MemoryMedium::write_applied(const Applied& applied) {
  return run(medium_points::kApplied, 2, [this, applied](std::size_t i) {
    if (i == 0) {
      disk_->unsynced_applied_ = applied;
    } else {
      disk_->applied_ = applied;
      disk_->unsynced_applied_.reset();
      disk_->touched(MemoryDisk::Touch::applied, *this);
    }
    return Status::success;
  });
}

Task<Status> MemoryMedium::remove_objects(std::span<const ObjectId> objects) {
  return run(medium_points::kRemove, objects.size(), [this, objects](std::size_t i) {
    disk_->change(MemoryDisk::Drop{objects[i]});
    disk_->touched(MemoryDisk::Touch::written, *this);
    return Status::success;
  });
}

Task<Status> MemoryMedium::write_mailbox(std::uint32_t area, MailboxSlot slot, bool) {
  const Status status = co_await run(medium_points::kMailboxWrite, 1, [&](std::size_t) {
    disk_->mailbox_[{area, slot.node}] = slot;
    return Status::success;
  });
  co_return status;
}

Task<Result<MailboxSlot>> MemoryMedium::read_mailbox(std::uint32_t area, std::uint32_t node, bool) {
  MailboxSlot slot{};
  const Status status = co_await run(medium_points::kMailboxRead, 1, [&](std::size_t) {
    const auto found = disk_->mailbox_.find({area, node});
    if (found == disk_->mailbox_.end()) return Status::not_found;
    slot = found->second;
    return Status::success;
  });
  if (failed(status)) co_return status;
  co_return slot;
}

}  // namespace understudy
