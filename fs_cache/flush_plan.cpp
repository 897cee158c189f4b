#include "fs_cache/flush_plan.h"

#include <algorithm>
#include <string>

#include "fs_cache/extents.h"
#include "fs_cache/file_constants.h"
#include "fs_cache/streams.h"
#include "iomgr/mutant.h"

namespace understudy {
namespace {

class Fold {
 public:
  explicit Fold(MediumHolds medium) : thorough_(medium == MediumHolds::perhaps_some_of_it) {}

  void add(const Record& record);
  FlushPlan plan() const;

 private:
  struct Object {
    bool created = false;
    bool removed = false;
    bool directory = false;
    ObjectId file = 0;  // of a stream, if the prefix says so: what it goes with
    std::uint64_t cut_size = ~std::uint64_t{0};
    Extents extents;
    std::optional<ObjectState> state;
    std::optional<std::uint64_t>
        entry_time;  // of a directory, or a file with streams, without a state
  };
  struct Entry {
    ObjectId object;
    bool object_is_directory;
    bool was_absent;  // before the first record that touched it
  };

  void assign(const Record& record);
  void point(ObjectId directory, std::string_view name, ObjectId object, bool is_directory,
             bool was_absent);
  void entry_changed(ObjectId directory, std::uint64_t time);
  void take_over_name(const Record& record);
  void touch_file(const RecordHeader& stream);
  void make_stream(const RecordHeader& header, ObjectId stream, ObjectId directory);
  void remove_listed_streams(const Record& record);
  bool goes(const Object& object) const;
  bool file_goes(ObjectId streams) const;
  bool never_there(const Object& object) const {
    return object.created && object.removed && !thorough_;
  }
  void plan_objects(FlushPlan& plan) const;
  void plan_entries(FlushPlan& plan) const;
  void plan_properties(FlushPlan& plan) const;

  const bool thorough_;
  std::map<ObjectId, Object> objects_;
  std::map<std::pair<ObjectId, std::string>, Entry> entries_;
  std::map<std::pair<PropertyKind, std::uint64_t>, ConstBytes> properties_;
};

bool is_directory(const Record& record) {
  return (record.header.attributes & attribute::kDirectory) != 0;
}

void Fold::add(const Record& record) {
  const RecordHeader& header = record.header;
  switch (header.effect) {
    case Effect::create:
      objects_[header.object].created = true;
      assign(record);
      if (is_streams_directory(header.parent)) make_stream(header, header.object, header.parent);
      point(header.parent, record.name, header.object, is_directory(record), true);
      entry_changed(header.parent, header.change_time);
      if (record.target_name.empty()) break;
      make_stream(header, header.replaced, header.target_parent);
      point(header.target_parent, record.target_name, header.replaced, false, true);
      break;
    case Effect::write:
      objects_[header.object].extents.write(header.offset, record.data, header.lsn);
      assign(record);
      touch_file(header);
      break;
    case Effect::zero:
      objects_[header.object].extents.write(header.offset, Content::zeros(zeros_of(record)),
                                            header.lsn);
      assign(record);
      touch_file(header);
      break;
    case Effect::set:
      assign(record);
      touch_file(header);
      remove_listed_streams(record);
      break;
    case Effect::unlink:
      point(header.parent, record.name, 0, false, false);
      entry_changed(header.parent, header.change_time);
      assign(record);
      if ((header.flags & kRemovesObject) != 0) objects_[header.object].removed = true;
      remove_listed_streams(record);
      break;
    case Effect::rename:
      if (!planted(Mutant::fold_keeps_old_name)) point(header.parent, record.name, 0, false, false);
      entry_changed(header.parent, header.change_time);
      take_over_name(record);
      break;
    case Effect::link:
      take_over_name(record);
      break;
    case Effect::note:
      break;
  }
  for (const Property& property : record.properties)
    properties_[{property.kind, property.id}] = property.bytes;
}

/// The object's state after the operation; every record has all of it.
void Fold::assign(const Record& record) {
  const RecordHeader& header = record.header;
  Object& object = objects_[header.object];
  object.directory = is_directory(record);
  if (!planted(Mutant::fold_ignores_cuts)) object.cut_size = std::min(object.cut_size, header.size);
  object.extents.cut(header.size);
  object.state = ObjectState{header.size,        header.attributes, header.creation_time,
                             header.access_time, header.write_time, header.change_time};
  object.entry_time.reset();
}

/// What a stream's record also says of its file.
void Fold::touch_file(const RecordHeader& stream) {
  if (!is_streams_directory(stream.parent)) return;
  objects_[stream.object].file = file_of(stream.parent);
  entry_changed(stream.parent, stream.change_time);
}

/// The streams directory comes to be with any stream, for it may be the first.
void Fold::make_stream(const RecordHeader& header, ObjectId stream, ObjectId directory) {
  const ObjectState times{
      0, 0, header.creation_time, header.access_time, header.write_time, header.change_time};
  Object& made = objects_[stream];
  made.created = true;
  made.file = file_of(directory);
  if (!made.state) made.state = times;
  Object& streams = objects_[directory];
  streams.created = streams.directory = true;
  streams.state = times;
  streams.state->attributes = attribute::kDirectory;
}

void Fold::remove_listed_streams(const Record& record) {
  const RecordHeader& header = record.header;
  if ((header.flags & kRemovesStreams) == 0) return;
  const ObjectId directory = streams_of(header.object);
  static_cast<void>(objects_[directory]);
  for (const GoneStream& gone : decode_gone_streams(record.data)) {
    point(directory, gone.name, 0, false, false);
    Object& stream = objects_[gone.object];
    stream.removed = true;
    stream.file = header.object;
  }
}

bool Fold::file_goes(ObjectId streams) const {
  if (!is_streams_directory(streams)) return false;
  const auto file = objects_.find(file_of(streams));
  return file != objects_.end() && file->second.removed;
}

bool Fold::goes(const Object& object) const {
  return object.removed || (object.file != 0 && file_goes(streams_of(object.file)));
}

/// The target's name of a rename or link leads to the object; what it led to before has one name
/// less.
void Fold::take_over_name(const Record& record) {
  const RecordHeader& header = record.header;
  const std::string_view old_spelling = as_text(record.data);
  const bool other_spelling = !old_spelling.empty() && old_spelling != record.target_name;
  if (other_spelling) point(header.target_parent, old_spelling, 0, false, false);
  point(header.target_parent, record.target_name, header.object, is_directory(record),
        header.replaced == 0 || other_spelling);
  entry_changed(header.target_parent, header.change_time);
  assign(record);
  if ((header.flags & kRemovesReplaced) != 0) objects_[header.replaced].removed = true;
}

void Fold::point(ObjectId directory, std::string_view name, ObjectId object, bool is_directory,
                 bool was_absent) {
  const auto [at, first] =
      entries_.try_emplace({directory, std::string(name)}, Entry{object, is_directory, was_absent});
  if (first || planted(Mutant::fold_first_name_wins)) return;
  at->second.object = object;
  at->second.object_is_directory = is_directory;
}

void Fold::entry_changed(ObjectId directory, std::uint64_t time) {
  if (is_streams_directory(directory)) {
    static_cast<void>(objects_[directory]);
    directory = file_of(directory);
  }
  Object& object = objects_[directory];
  if (object.state) {
    object.state->write_time = time;
    object.state->change_time = time;
  } else {
    object.entry_time = time;
  }
}

void Fold::plan_objects(FlushPlan& plan) const {
  for (const auto& [id, object] : objects_) {
    if (file_goes(id)) continue;  // the medium removes it with the file
    if (goes(object)) {
      const bool created_and_gone = object.created && !thorough_;
      if (!created_and_gone) plan.removed.push_back(id);
      continue;
    }
    if (!object.state) {
      if (object.entry_time) plan.entry_times.emplace(id, *object.entry_time);
      continue;
    }
    ObjectCells cells;
    cells.object = id;
    cells.create = object.created;
    cells.directory = object.directory;
    if (!object.directory) cells.cut_size = object.cut_size;
    for (const auto& [offset, extent] : object.extents.all())
      cells.data.push_back({offset, extent.content});
    cells.state = object.state;
    plan.objects.push_back(std::move(cells));
  }
}

void Fold::plan_entries(FlushPlan& plan) const {
  for (const auto& [place, entry] : entries_) {
    const auto& [directory, name] = place;
    const Object& parent = objects_.at(directory);
    if (file_goes(directory) || never_there(parent)) continue;
    if (entry.object == 0 && entry.was_absent && !thorough_) continue;
    // Of a directory that goes, too: what stays of it after a crash must hold no name of anything.
    plan.entries.push_back({directory, name, entry.object, entry.object_is_directory});
  }
  // New names before old ones go: whatever moment the flush is interrupted at, an object that moves
  // has a name.
  std::ranges::stable_partition(plan.entries,
                                [](const EntryCell& entry) { return entry.object != 0; });
}

/// Those of an object that goes, go with it. An open that came and went within the prefix leaves an
/// assignment of nothing, which costs an unlink of nothing.
void Fold::plan_properties(FlushPlan& plan) const {
  for (const auto& [place, bytes] : properties_) {
    const auto& [kind, id] = place;
    const auto object = kind == PropertyKind::open ? objects_.end() : objects_.find(id);
    if (object != objects_.end() && object->second.removed) continue;
    plan.properties.push_back({kind, id, {bytes.begin(), bytes.end()}});
  }
}

FlushPlan Fold::plan() const {
  FlushPlan plan;
  plan_objects(plan);
  plan_entries(plan);
  plan_properties(plan);
  return plan;
}

}  // namespace

FlushPlan fold(std::span<const Record> records, MediumHolds medium) {
  Fold fold(medium);
  if (planted(Mutant::fold_out_of_order)) {
    for (std::size_t i = records.size(); i-- > 0;) fold.add(records[i]);
    return fold.plan();
  }
  if (planted(Mutant::fold_leaves_out_the_last) && records.size() > 1)
    records = records.first(records.size() - 1);
  for (const Record& record : records) fold.add(record);
  return fold.plan();
}

}  // namespace understudy
