// For the tests of this folder: stands where ff_driver stands, and keeps files in memory. It knows
// no share modes, no wildcards and no order of operations: fs_cache's own tests are about those.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>

#include "iomgr/driver.h"
#include "iomgr/property.h"

namespace understudy::smb2 {

class TestFileSystem : public Driver {
 public:
  static constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 24;
  struct File {
    std::vector<std::uint8_t> data;
    bool directory = false;
    bool delete_pending = false;
    std::uint64_t object = 0;
  };
  struct Handle {
    std::string path;
    bool listed = false;
    // Of a durable open:
    DurableRequest durable{};
    CreateParameters created{};
    bool disconnected = false;
    std::uint8_t lock_sequences[64] = {};
  };

  explicit TestFileSystem(Seams seams) : Driver(Layer::ff_driver, seams), gate(executor()) {
    gate.set();
    files[""].directory = true;
    handle(Major::create, &TestFileSystem::create);
    handle(Major::close, &TestFileSystem::close);
    handle(Major::reclaim, &TestFileSystem::reclaim);
    handle(Major::read, &TestFileSystem::read);
    handle(Major::write, &TestFileSystem::write);
    handle(Major::query_information, &TestFileSystem::query);
    handle(Major::set_information, &TestFileSystem::set);
    handle(Major::flush_buffers, &TestFileSystem::flush);
    handle(Major::query_directory, &TestFileSystem::list);
    handle(Major::query_volume, &TestFileSystem::volume);
    on(Major::notify_change, [this](Irp& irp) {
      const bool waits = irp.minor == static_cast<std::uint8_t>(NotifyMinor::wait);
      return waits ? pend(irp) : fetch(irp);
    });
    on(Major::lock_control, [this](Irp& irp) -> Task<Status> {
      seen.push_back(irp);
      if (irp.minor == static_cast<std::uint8_t>(LockMinor::wait)) {
        const Status status = co_await pend(irp);
        co_return status;
      }
      if (!handles.contains(irp.open)) co_return Status::file_closed;
      const bool locks = irp.minor == static_cast<std::uint8_t>(LockMinor::lock);
      if (locks && !locked.insert(irp.lock.offset).second) co_return Status::lock_not_granted;
      if (!locks && locked.erase(irp.lock.offset) == 0) co_return Status::range_not_locked;
      if (irp.lock.sequence_index > 0) {
        handles.at(irp.open).lock_sequences[irp.lock.sequence_index - 1] =
            static_cast<std::uint8_t>(irp.lock.sequence_number + 1);
      }
      co_return Status::success;
    });
    on(Major::oplock, [this](Irp& irp) -> Task<Status> {
      seen.push_back(irp);
      if (irp.minor == static_cast<std::uint8_t>(OplockMinor::acknowledge))
        co_return Status::success;
      const Status status = co_await pend(irp);
      if (irp.minor == static_cast<std::uint8_t>(OplockMinor::next_break)) {
        irp.open = broken.open;
        irp.session = broken.session;
        irp.oplock = broken.oplock;
      }
      co_return status;
    });
    on(Major::cancel, [this](Irp& irp) -> Task<Status> {
      ++cancels;
      complete_pended([&irp](const Irp& kept) { return kept.id == irp.cancel.id; },
                      Status::cancelled);
      co_return Status::success;
    });
  }

  std::map<std::string, File> files;
  std::map<std::uint64_t, Handle> handles;
  /// While it is reset, everything but CLOSE waits.
  Event gate;
  int waiting = 0;
  int cancels = 0;  // heard
  int most_waiting = 0;
  std::vector<Irp> seen;

  /// IRPs that are kept until a test, a cancel or the end of their handle completes them.
  struct Pended {
    Irp irp;
    Status status = Status::pending;
    std::shared_ptr<Event> done;
  };
  std::list<Pended> pended;
  void complete_pended(const std::function<bool(const Irp&)>& which, Status status) {
    for (Pended& each : pended) {
      if (each.status != Status::pending || !which(each.irp)) continue;
      each.status = status;
      each.done->set();
    }
  }
  /// Something changed below every directory.
  void change(std::string name) {
    changes.push_back(std::move(name));
    complete_pended([](const Irp& irp) { return irp.major == Major::notify_change; },
                    Status::success);
  }
  bool grants = false;                // oplocks and leases, as they are asked for
  bool breaks_first = false;          // the next CREATE has to wait
  bool breaks_before_rename = false;  // the next rename has to wait
  Irp broken;                         // what the next break is said to be
  void break_oplock() {
    complete_pended(
        [](const Irp& irp) {
          return irp.major == Major::oplock &&
                 irp.minor == static_cast<std::uint8_t>(OplockMinor::next_break);
        },
        Status::success);
  }
  std::set<std::uint64_t> locked;    // offsets
  std::vector<std::string> changes;  // names, all of them added
  std::vector<std::uint8_t> descriptor = std::vector<std::uint8_t>(20, 1);  // of every file
  std::vector<std::uint8_t> extended;                                       // of every file
  std::vector<AllocatedRange> allocated;                                    // of every file

 private:
  void handle(Major major, Status (TestFileSystem::*function)(Irp&)) {
    on(major, [this, function](Irp& irp) -> Task<Status> {
      seen.push_back(irp);
      most_waiting = std::max(most_waiting, ++waiting);
      if (irp.major != Major::close) co_await gate.wait();
      --waiting;
      co_return (this->*function)(irp);
    });
  }

  Task<Status> pend(Irp& irp) {
    const auto place =
        pended.insert(pended.end(), {irp, Status::pending, std::make_shared<Event>(executor())});
    co_await place->done->wait();
    const Status status = place->status;
    pended.erase(place);
    co_return status;
  }

  Task<Status> fetch(Irp& irp) {
    co_await gate.wait();
    if (changes.empty()) co_return Status::pending;
    const Bytes room = *arena().room(irp.payload);
    for (const std::string& name : std::exchange(changes, {})) {
      const ChangeEntry entry{1, static_cast<std::uint32_t>(name.size())};
      std::memcpy(room.data() + irp.information, &entry, sizeof entry);
      std::memcpy(room.data() + irp.information + sizeof entry, name.data(), name.size());
      irp.information += (sizeof entry + name.size() + 3) / 4 * 4;
    }
    co_return Status::success;
  }

  /// The path of a create or reclaim, and what it says of durability.
  std::string path_of(const Irp& irp, DurableRequest& durable) {
    const Bytes bytes = *arena().bytes(irp.payload);
    const std::size_t path = bytes.size() - irp.create.properties_length;
    const Result<std::vector<Property>> properties = decode_properties(bytes.subspan(path));
    const Property* found = find_property(*properties, PropertyKind::durable);
    if (found != nullptr) std::memcpy(&durable, found->bytes.data(), sizeof durable);
    return std::string(as_text(bytes.first(path)));
  }
  template <std::size_t kSize>
  static bool same(const std::uint8_t (&a)[kSize], const std::uint8_t (&b)[kSize]) {
    return std::equal(std::begin(a), std::end(a), std::begin(b));
  }

  /// Checks what a client shows as far as the tests need it.
  Status reclaim(Irp& irp) {
    DurableRequest shown{};
    const std::string path = path_of(irp, shown);
    for (auto& [id, open] : handles) {
      if (irp.open != 0 ? id != irp.open : !same(open.durable.create_guid, shown.create_guid))
        continue;
      if (!open.disconnected || !same(open.durable.create_guid, shown.create_guid)) continue;
      if (!same(open.durable.owner, shown.owner)) return Status::access_denied;
      if (open.path != path) return Status::invalid_parameter;
      ReclaimedOpen out{};
      out.request = open.durable;
      std::memcpy(out.lock_sequences, open.lock_sequences, sizeof out.lock_sequences);
      std::memcpy(arena().room(irp.payload)->data(), &out, sizeof out);
      open.disconnected = false;
      irp.open = id;
      irp.create = open.created;
      return Status::success;
    }
    return Status::object_name_not_found;
  }

  std::string text(const Irp& irp) {
    const std::optional<Bytes> bytes = arena().bytes(irp.payload);
    return bytes ? std::string(as_text(*bytes)) : "?";
  }
  FileFacts facts(const std::string& path) {
    FileFacts facts{};
    const File& file = files[path];
    facts.object = file.object;
    facts.creation_time = facts.access_time = facts.write_time = facts.change_time = 1;
    facts.size = file.data.size();
    facts.allocation_size = (file.data.size() + 4095) / 4096 * 4096;
    facts.links = 1;
    facts.directory = file.directory ? 1 : 0;
    facts.delete_pending = file.delete_pending ? 1 : 0;
    return facts;
  }

  Status create(Irp& irp) {
    if (std::exchange(breaks_first, false)) return Status::pending;
    if (!grants) irp.create.caching = {};
    DurableRequest durable{};
    const std::string path = path_of(irp, durable);
    if ((irp.create.desired_access & 0x2000000) != 0) irp.create.desired_access = 0x1F01FF;
    const bool exists = files.contains(path);
    const std::uint32_t disposition = irp.create.create_disposition;
    if (!exists && (disposition == 1 || disposition == 4)) return Status::object_name_not_found;
    if (exists && disposition == 2) return Status::object_name_collision;
    File& file = files[path];
    if (!exists) {
      file.object = ++objects_;
      file.directory = (irp.create.create_options & 1) != 0;
    }
    irp.create.create_action = exists ? 1 : 2;
    irp.create.facts = facts(path);
    irp.open = ++opened_;
    const bool kept = (irp.create.caching.state & caching::kHandle) != 0;
    if (kept || durable.kind == DurableKind::persistent) irp.create.durable = durable.kind;
    irp.create.timeout_ms = 60000;
    Handle& open = handles[irp.open];
    open.path = path;
    open.durable = durable;
    open.created = irp.create;
    return Status::success;
  }

  Status close(Irp& irp) {
    const auto found = handles.find(irp.open);
    if (found == handles.end()) return Status::file_closed;
    if (const Status allowed = check_asker(irp, found->second); failed(allowed)) return allowed;
    irp.close.facts = facts(found->second.path);
    if (irp.close.client_gone != 0 && found->second.created.durable != DurableKind::none) {
      found->second.disconnected = true;
      return Status::success;
    }
    if (files[found->second.path].delete_pending) files.erase(found->second.path);
    handles.erase(found);
    complete_pended([&irp](const Irp& kept) { return kept.open == irp.open; },
                    Status::notify_cleanup);
    return Status::success;
  }

  Status read(Irp& irp) {
    const auto& data = files[handles.at(irp.open).path].data;
    if (irp.read.offset >= data.size()) return Status::end_of_file;
    const std::size_t count = std::min<std::size_t>(irp.read.length, data.size() - irp.read.offset);
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(irp.read.offset), count,
                arena().room(irp.payload)->begin());
    irp.information = count;
    return Status::success;
  }

  Status write(Irp& irp) {
    auto& data = files[handles.at(irp.open).path].data;
    const std::uint64_t offset = irp.write.offset == kAppend ? data.size() : irp.write.offset;
    if (irp.write.zeros > 0) {
      const std::uint64_t begin = std::min<std::uint64_t>(data.size(), offset);
      std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(begin),
                  std::min(irp.write.zeros, data.size() - begin), std::uint8_t{0});
      return Status::success;
    }
    const Bytes bytes = *arena().bytes(irp.payload);
    if (offset > kMaxFile - bytes.size()) return Status::disk_full;
    data.resize(std::max<std::size_t>(data.size(), offset + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), data.begin() + static_cast<std::ptrdiff_t>(offset));
    irp.information = bytes.size();
    return Status::success;
  }

  Status query(Irp& irp) {
    const std::string& path = handles.at(irp.open).path;
    if (irp.minor == static_cast<std::uint8_t>(QueryMinor::streams)) return list_streams(irp, path);
    if (irp.minor == static_cast<std::uint8_t>(QueryMinor::allocated_ranges)) {
      const std::size_t fit =
          std::min(allocated.size(), arena().room(irp.payload)->size() / sizeof(AllocatedRange));
      irp.information = fit * sizeof(AllocatedRange);
      const auto* const bytes = reinterpret_cast<const std::uint8_t*>(allocated.data());
      std::copy(bytes, bytes + irp.information, arena().room(irp.payload)->begin());
      return fit < allocated.size() ? Status::buffer_overflow : Status::success;
    }
    irp.query.facts = facts(path);
    const auto minor = static_cast<QueryMinor>(irp.minor);
    if (minor == QueryMinor::security || minor == QueryMinor::extended_attributes) {
      const auto& value = minor == QueryMinor::security ? descriptor : extended;
      if (value.empty()) return Status::no_eas_on_file;
      std::copy(value.begin(), value.end(), arena().room(irp.payload)->begin());
      irp.information = value.size();
      return Status::success;
    }
    const Bytes room = *arena().room(irp.payload);
    std::copy(path.begin(), path.end(), room.begin());
    irp.payload.length = static_cast<std::uint32_t>(path.size());
    return Status::success;
  }

  /// A file "a:s" is the stream "s" of "a".
  Status list_streams(Irp& irp, const std::string& path) {
    const std::string file = path.substr(0, path.find(':'));
    const Bytes room = *arena().room(irp.payload);
    for (const auto& [name, each] : files) {
      if (name != file && !name.starts_with(file + ":")) continue;
      const std::string stream = (name == file ? ":" : "") + name.substr(file.size()) + ":$DATA";
      StreamEntry entry{};
      entry.name_length = static_cast<std::uint32_t>(stream.size());
      entry.size = static_cast<std::uint32_t>((sizeof entry + stream.size() + 7) / 8 * 8);
      entry.bytes = each.data.size();
      entry.allocation = (each.data.size() + 4095) / 4096 * 4096;
      std::memcpy(room.data() + irp.information, &entry, sizeof entry);
      std::memcpy(room.data() + irp.information + sizeof entry, stream.data(), stream.size());
      irp.information += entry.size;
    }
    return Status::success;
  }

  Status set(Irp& irp) {
    Handle& open = handles.at(irp.open);
    switch (static_cast<SetMinor>(irp.minor)) {
      case SetMinor::rename: {
        const std::string target = text(irp);
        if (std::exchange(breaks_before_rename, false)) return Status::pending;
        if (files.contains(target) && irp.set.replace == 0) return Status::object_name_collision;
        files[target] = files[open.path];
        files.erase(open.path);
        open.path = target;
        return Status::success;
      }
      case SetMinor::disposition:
        files[open.path].delete_pending = irp.set.delete_file != 0;
        return Status::success;
      case SetMinor::end_of_file:
        if (irp.set.size > kMaxFile) return Status::disk_full;
        files[open.path].data.resize(irp.set.size);
        return Status::success;
      case SetMinor::security:
      case SetMinor::extended_attributes: {
        const Bytes value = *arena().bytes(irp.payload);
        auto& kept = static_cast<SetMinor>(irp.minor) == SetMinor::security ? descriptor : extended;
        kept.assign(value.begin(), value.end());
        return Status::success;
      }
      default:
        return Status::success;
    }
  }

  Status flush(Irp& irp) {
    const auto found = handles.find(irp.open);
    return found == handles.end() ? Status::file_closed : check_asker(irp, found->second);
  }
  Status check_asker(const Irp& irp, const Handle& open) {
    const Bytes payload = *arena().bytes(irp.payload);
    if (payload.empty()) return Status::success;
    if (payload.size() != sizeof(DurableRequest)) return Status::invalid_parameter;
    DurableRequest who{};
    std::copy(payload.begin(), payload.end(), reinterpret_cast<std::uint8_t*>(&who));
    const bool own = std::ranges::equal(who.client_guid, open.durable.client_guid);
    return own && open.disconnected ? Status::success : Status::file_closed;
  }

  Status list(Irp& irp) {
    Handle& open = handles.at(irp.open);
    if (irp.directory.restart != 0) open.listed = false;
    if (std::exchange(open.listed, true)) return Status::no_more_files;
    const Bytes room = *arena().room(irp.payload);
    std::size_t used = 0;
    for (const auto& [path, file] : files) {
      if (path.empty()) continue;
      DirectoryEntry entry{};
      entry.name_length = static_cast<std::uint32_t>(path.size());
      entry.size = static_cast<std::uint32_t>((sizeof entry + path.size() + 7) / 8 * 8);
      entry.facts = facts(path);
      std::memcpy(room.data() + used, &entry, sizeof entry);
      std::memcpy(room.data() + used + sizeof entry, path.data(), path.size());
      used += entry.size;
    }
    irp.information = used;
    return used == 0 ? Status::no_such_file : Status::success;
  }

  Status volume(Irp& irp) {
    irp.volume = {1ULL << 30, 1ULL << 29, 42, 1};
    return Status::success;
  }

  std::uint64_t objects_ = 0;
  std::uint64_t opened_ = 0;
};

}  // namespace understudy::smb2
